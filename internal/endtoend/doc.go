// Package endtoend holds the tests that drive Habeas from outside: the real binaries on a real
// PostgreSQL, Temporal and mail conversation, as staff and as the person. Each promise of the
// README is a test here before it is a sentence there.
package endtoend
