// Package survey looks at live systems with the eyes of the data map: it drafts a map from a
// schema, holds a map against schema and rows, shows what a search would do, and hunts for a
// value that a map misses. It is what stands behind `habeas datamap`.
//
// It promises that it only reads, in samples where rows are many and under time limits; and that
// what it returns are names, counts and keys: never a value of a person, nor the one hunted for.
//
// What does not belong here: SQL (the drivers, behind systems.Inspector), the format of the map
// (internal/datamap), and finding one person for a case (internal/subject).
package survey
