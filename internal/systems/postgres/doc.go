// Package postgres reaches PostgreSQL (12 and later) through sqlx and lib/pq.
//
// Each call is one READ ONLY, REPEATABLE READ transaction and a handful of statements, whatever
// the number of rows. The database does the work: it compares, masks and formats; Go moves
// bytes. Nothing but SELECT on the mapped columns is needed, so a read-only account and a hot
// standby serve. Names are quoted and values are parameters, without exception.
//
// Settings last as long as the transaction (set_config(…, true)), so a transaction-pooling proxy
// in between does no harm. What does not belong here: what a person's rows are.
package postgres
