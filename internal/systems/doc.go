// Package systems says how a place that keeps data about people is asked: one interface that
// every driver fulfils, the selection of rows that it understands, and the table of drivers.
//
// It promises that a selection gives each row once, whatever matches it; that NULL never joins;
// that what is not there (a table, a column, a right) is an error that names it and never an
// empty answer; and that a driver's memory does not grow with the rows it moves. The suite in
// conformance holds every driver to that.
//
// What does not belong here: deciding which rows are a person's (internal/subject), and anything
// that only one kind of database has (the driver's own package).
package systems
