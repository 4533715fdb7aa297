// Package certificate is what a deletion case ends with: a statement, signed by the installation, of
// what was deleted, changed and kept in which system, by which law and until when. It holds counts,
// public names and hashes, and nothing of the person. It verifies offline: Verify needs the file and,
// to know whose it is, the installation's public key. What does not belong here: where the facts
// come from (activities) and where certificates are kept (casefile).
package certificate
