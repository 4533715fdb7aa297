// Package activities says how each step touches the world: thin, idempotent, one file a
// capability. An activity loads what it needs from the casefile by reference, and returns counts
// and hashes. Every irreversible one checks the signatures behind it itself, before its first
// effect. What does not belong here: order and waiting (workflows), and the work itself, which is
// in the internal package that the activity calls.
package activities
