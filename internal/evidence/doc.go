// Package evidence writes down what a notice told whom and when, so that it can be checked without
// Habeas: decisions, texts with their hashes, the list's hash, and a line a person, under a Merkle
// root a wave, all of it signed by the installation.
//
// It promises that one byte changed, added or left out makes Verify fail; that a pack about one
// person proves that the line stands under the signed root without showing any other; and that
// nobody's address stands in a pack: a person is a keyed hash. What does not belong here: reading
// the casefile (the caller gives a Source).
package evidence
