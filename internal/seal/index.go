package seal

// hashSize is the length of blind indexes and keyed hashes, in bytes.
const hashSize = 32

// BlindIndex is the 32 bytes under which an identity can be looked up without being readable: a
// PRF of its kind ("email", "mobile", …) and its normalised value. The key behind it is never
// rotated, so the same value always gives the same index.
func (k *Keys) BlindIndex(kind, normalised string) []byte {
	return k.compute(bind(domainBlindIndex, kind, normalised))
}

// KeyedHash is a PRF of value, 32 bytes, in a domain of the caller's: for remembering a guessable
// value (a suppression list, a replayed code) so that only this installation can compare it.
func (k *Keys) KeyedHash(domain string, value []byte) []byte {
	return k.compute(bind(domainHash, []byte(domain), value))
}

func (k *Keys) compute(input []byte) []byte {
	out, err := k.prf.ComputePrimaryPRF(input, hashSize)
	if err != nil {
		// Open has tried this length with this key; nothing else can go wrong in an HMAC.
		panic("seal: the PRF refused a length that it gave before: " + err.Error())
	}
	return out
}
