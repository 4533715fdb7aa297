package seal

import "encoding/binary"

// Domains keep the uses of one key apart: the same bytes in another domain are other bytes. Each
// ends in a version, so that a change of meaning is a change of domain.
const (
	domainRefKey     = "habeas ref key v1"
	domainField      = "habeas field v1"
	domainPayload    = "habeas payload v1"
	domainBlindIndex = "habeas blind index v1"
	domainHash       = "habeas keyed hash v1"
	domainSignature  = "habeas signature v1"
	domainCode       = "habeas code v1"
	domainDerived    = "habeas derived key v1"
)

// bind writes every part behind its length (8 bytes, big endian), so that no two lists of parts
// give the same bytes.
func bind[T string | []byte](domain string, parts ...T) []byte {
	size := 8 + len(domain)
	for _, p := range parts {
		size += 8 + len(p)
	}
	out := make([]byte, 0, size)
	out = binary.BigEndian.AppendUint64(out, uint64(len(domain)))
	out = append(out, domain...)
	for _, p := range parts {
		out = binary.BigEndian.AppendUint64(out, uint64(len(p)))
		out = append(out, p...)
	}
	return out
}
