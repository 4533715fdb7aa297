// Package desk is what staff, and through the portal the person, can do with cases: one set of
// operations under the command line, the portal and the tests. It writes the casefile and speaks
// to workflows by reference; it decides nothing that a workflow decides. What does not belong
// here: how things are printed (starter) or shown in a browser (portal).
package desk
