// Package contract is the dictionary of Habeas: the names, inputs and outputs that its programs
// exchange through Temporal, and nothing else. Everyone may import it; it imports nothing of ours.
//
// What stands here crosses the Temporal server, so no field may carry personal data: references,
// counts, error types and hashes only. A field may be added; a field in use is never renamed,
// because running cases hold histories that were written with it.
package contract
