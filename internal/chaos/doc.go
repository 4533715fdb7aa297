// Command chaos carries cases of every kind through faults. A driver opens them all at once on the real
// stack and acts as staff and as the persons; a saboteur kills and restarts what they run on; package audit
// then holds what lies there against what is promised. Who asks for what, who hesitates how long and what
// breaks in which order follow from one seed.
//
// `make chaos` runs it for three minutes; docs/chaos.md tells how it is set and what it promises. It exits 1
// when a promise is broken, and says how to run it again. `go run ./internal/chaos defects` holds it against
// five defects, each of which it must find.
//
// What does not belong here: judging what lies there, which is audit's.
package main
