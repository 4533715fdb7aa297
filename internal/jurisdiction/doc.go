// Package jurisdiction is each law as data: what a person may ask for, by when a company must
// answer, why it may refuse, whom it must tell, how long it keeps the record, and how fast a leak
// must be reported. A Book holds the laws and calendars in force; a Law is one of them with its
// calendar, as it is pinned to a case. The package is pure: the time is an argument, and so is the
// file system that a company's own versions come from. What does not belong here: waiting for a
// deadline (workflows) and telling people about it (letters).
//
// Deadlines are civil days in the law's zone. A Clock carries the strict date, which alarms follow,
// and the legal date, which a court would take; the strict one is never the later.
package jurisdiction
