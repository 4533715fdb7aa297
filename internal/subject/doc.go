// Package subject finds a person in everything that the data map describes: which directory row
// is meant, in which order the systems are asked, which rows are the person's, and their way out
// of the databases.
//
// It promises that only the identifiers of one directory row start a search; that a value which
// stands on other people's rows too never does; that every collection that can be reached is
// visited; and that the work does not grow with the rows except where they are read.
//
// What does not belong here: SQL (internal/systems and its drivers), where keys and accounts are
// kept (internal/casefile), and who decides what to do with the rows.
package subject
