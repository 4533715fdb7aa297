// Package jurisdiction is each law as data: what a person may ask for and by when a company must
// answer. It is pure: the time is an argument. What does not belong here: waiting for a deadline
// (workflows) and telling people about it (letters).
package jurisdiction
