package evidence

import "crypto/sha256"

// hash is a node of a Merkle tree as RFC 6962 2.1 makes it: leaves and nodes have domains of their
// own, and a tree of n leaves splits at the largest power of two below n.
type hash = [sha256.Size]byte

func leafHash(line []byte) hash { return sha256.Sum256(append([]byte{0}, line...)) }

func nodeHash(l, r hash) hash {
	b := make([]byte, 0, 1+2*sha256.Size)
	b = append(append(append(b, 1), l[:]...), r[:]...)
	return sha256.Sum256(b)
}

// tree takes leaves one after the other and keeps as many hashes as the tree is high.
type tree struct {
	peaks []hash // of perfect trees, the largest first
	count uint64
}

func (t *tree) add(leaf hash) {
	t.peaks = append(t.peaks, leaf)
	for n := t.count; n&1 == 1; n >>= 1 {
		k := len(t.peaks)
		t.peaks = append(t.peaks[:k-2], nodeHash(t.peaks[k-2], t.peaks[k-1]))
	}
	t.count++
}

// root is the hash of the tree; that of none is SHA-256 of nothing.
func (t *tree) root() hash {
	if len(t.peaks) == 0 {
		return sha256.Sum256(nil)
	}
	at := t.peaks[len(t.peaks)-1]
	for i := len(t.peaks) - 2; i >= 0; i-- {
		at = nodeHash(t.peaks[i], at)
	}
	return at
}

// prove computes root and path of the leaf with that index; leaves must be all hashes of the tree.
func prove(leaves []hash, index int) []hash {
	if len(leaves) <= 1 {
		return nil
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	if index < k {
		return append(prove(leaves[:k], index), rootOf(leaves[k:]))
	}
	return append(prove(leaves[k:], index-k), rootOf(leaves[:k]))
}

func rootOf(leaves []hash) hash {
	var t tree
	for _, l := range leaves {
		t.add(l)
	}
	return t.root()
}

// follow computes the root from a leaf and its path (RFC 9162 2.1.3.2); false when the path does
// not fit the place.
func follow(leaf hash, index, size uint64, path []hash) (hash, bool) {
	if index >= size {
		return hash{}, false
	}
	at, fn, sn := leaf, index, size-1
	for _, p := range path {
		if sn == 0 {
			return hash{}, false
		}
		if fn&1 == 1 || fn == sn {
			at = nodeHash(p, at)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			at = nodeHash(at, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	return at, sn == 0
}
