// Package wire opens what the configuration names and puts it together: keys, casefile, data map,
// blob store, systems, mail and Temporal. Worker, command line and portal share it, so that they
// cannot differ in how they connect. What does not belong here: using any of it.
package wire
