// Package seal holds the keys of an installation and everything that is done with them: data keys
// of references, sealed fields, one-time codes, blind indexes, signatures, the codec that seals
// Temporal payloads, and the key files of staff.
//
// Three Tink keysets lie in the key folder. aead.json wraps the data keys and seals payloads, and
// may be rotated: what an older key sealed still opens. prf.json makes blind indexes and keyed
// hashes and is never rotated, because what it made must be found again. sign.json is the Ed25519
// key of the installation.
//
// Every sealed thing is bound to its place: a field moved to another reference or another field
// does not open, a data key does not open under another reference, a signature made in one domain
// is worth nothing in another. Whatever does not open is contract.ErrTampered and never a value.
//
// All cryptography comes from Tink, age, crypto/ed25519 and crypto/hmac. What does not belong
// here: where sealed bytes are kept (internal/casefile, internal/blobs), and who may decide what
// (internal/dsr).
package seal
