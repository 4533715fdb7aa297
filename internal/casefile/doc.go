// Package casefile is the store of Habeas on PostgreSQL: who and what. It holds cases with their
// sealed requests, candidates, one-time codes, tasks, signed decisions, the roster of staff, the
// outbox of letters, discovered keys, parts and packages, and the ledger over all of it.
//
// Its promises: every method is one transaction that writes its ledger line along with what
// happened; a method that is called again with the same natural key gives the first answer; a value
// of a person stands in the database only sealed with the data key of its reference, with the name
// of the field as associated data; codes are never stored at all. What a decision permits is never
// read from a status word: it is computed from signatures each time it is asked for.
//
// What does not belong here: how far a case is (Temporal knows, this is only a projection), what
// people are told, and any access to the systems of the company.
package casefile
