// Package mariadb knows how a private MariaDB server is made, started and recognised as ready: for
// `habeas stack`, which keeps one, and for tests, which throw theirs away.
//
// It promises that a server listens on 127.0.0.1 only, reads no option file of the machine, and
// never runs as root: where we are root, it runs as the user mysql. What does not belong here:
// who keeps the process, and what stands in the databases.
package mariadb
