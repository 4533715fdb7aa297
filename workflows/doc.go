// Package workflows says what happens in which order. Workflows are deterministic: they do no
// I/O, read no clock but Temporal's, and reach the world only through the typed references of
// internal/contract. They carry references and counts, never a value of a person.
//
// They trust nobody: whatever a workflow believes (an approval, a code typed rightly), the
// activity behind an irreversible step checks again in the casefile before its first effect.
package workflows
