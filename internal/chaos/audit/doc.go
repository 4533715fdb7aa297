// Package audit looks at what a fault run left behind and holds it against an oracle: what the rows of each
// person must be is computed from the data map's files and the rows as they were before, with an
// interpreter of its own. It shares no code with what it judges: of ours it imports only the contract,
// and it reads databases, mail and logs as they lie there.
//
// What does not belong here: causing anything. It only reads.
package audit
