// Package conformance is the suite that every driver runs against the real thing. The answers
// are written down by hand, so that two drivers which agree with it agree with each other.
//
// The suite's own SQL is plain: integer and varchar columns, names in double quotes. What only
// one kind of database has comes from the driver's test as a Kind, with its answers beside it.
// What does not belong here: tests of how a driver does its work (plans, sessions, speed).
package conformance
