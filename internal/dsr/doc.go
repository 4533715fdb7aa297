// Package dsr holds what a data-subject request is: states, outcomes, tasks, decisions and the
// rules between them. It is pure: no clock, no database, no Temporal. Whoever needs the time
// passes it in. What does not belong here: how a rule is stored or who is told.
package dsr
