// Package cluster knows how a private PostgreSQL cluster is made, started and recognised as
// ready: for `habeas stack`, which keeps one, and for tests, which throw theirs away.
//
// It promises that a cluster listens on 127.0.0.1 only, has no Unix socket (whose path may be at
// most 107 bytes long), and never runs as root: where we are root, it runs as the user postgres.
// What does not belong here: who keeps the process, and what stands in the databases.
package cluster
