// Package mysql reaches MariaDB (10.6 and later; tested with 10.11) and MySQL (8.0.19 and later)
// through sqlx and go-sql-driver/mysql.
//
// Each call is one READ ONLY, REPEATABLE READ transaction that begins with a consistent snapshot,
// and a handful of statements, whatever the number of rows. Nothing but SELECT on the mapped
// columns is needed, so a read-only account and a replica serve.
//
// What a loose server would call equal is not equal here. A value is bound as text by a prepared
// statement into a variable of the session (never written into SQL, on either side:
// interpolateParams stays off), so that the `email = 0` which matches every text cannot happen;
// it is compared after the normaliser under a collation of bytes without padding, so that neither
// case nor trailing blanks match by accident; keys are checked here for their column's type,
// because the server would turn a wrong one into 0 without an error.
//
// The server masks; rows are formatted here, because JSON_OBJECT makes no JSON of BIT and
// BINARY, and CONCAT turns a row above max_allowed_packet into NULL. JSON and CSV are written
// from one reading, so tables of engines without snapshots (MyISAM, Aria) give the same rows to
// both. What does not belong here: what a person's rows are.
package mysql
