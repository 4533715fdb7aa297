package contract

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Kind says what a reference points at.
type Kind string

// The kinds of thing that own tasks, decisions, a ledger chain and a data key.
const (
	KindCase      Kind = "case"
	KindNotice    Kind = "notice"
	KindRetention Kind = "retention"
	KindHold      Kind = "hold"
	KindRoster    Kind = "roster"
	// KindDisclosure is an entry of the register of disclosures to authorities.
	KindDisclosure Kind = "disclosure"
)

// Ref names one thing of ours, as "<kind>/<id>". It is also the workflow id, so it is random
// and never derived from a person.
type Ref string

// NewRef joins a kind and an id.
func NewRef(k Kind, id string) Ref { return Ref(string(k) + "/" + id) }

// Kind is the part before the slash.
func (r Ref) Kind() Kind { k, _, _ := strings.Cut(string(r), "/"); return Kind(k) }

// ID is the part after the slash.
func (r Ref) ID() string { _, id, _ := strings.Cut(string(r), "/"); return id }

// String returns the reference as written.
func (r Ref) String() string { return string(r) }

// alphabet is Crockford's base 32: no I, L, O or U, so that it survives a telephone.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const idRandom = 9 // 45 bits, plus one check character

// ErrBadID is what ParseID says of an id that cannot be one of ours.
var ErrBadID = errors.New("not a case number: it has 10 letters and digits, written like 7QK2M-9XH4T; one of them is wrong")

// NewID draws an id of nine random characters and a check character, written XXXXX-XXXXX.
func NewID(random io.Reader) (string, error) {
	raw := make([]byte, idRandom)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", fmt.Errorf("drawing an id: %w", err)
	}
	id := make([]byte, 0, idRandom+1)
	for _, b := range raw {
		id = append(id, alphabet[b&31])
	}
	id = append(id, check(id))
	return string(id[:5]) + "-" + string(id[5:]), nil
}

// ParseID reads an id as people write it: any case, spaces or hyphens anywhere, O for 0 and
// I or L for 1. It returns the id as NewID writes it, or ErrBadID.
func ParseID(s string) (string, error) {
	id := make([]byte, 0, idRandom+1)
	for _, r := range strings.ToUpper(strings.TrimSpace(s)) {
		switch r {
		case '-', ' ':
			continue
		case 'O':
			r = '0'
		case 'I', 'L':
			r = '1'
		}
		if r > 127 || !strings.ContainsRune(alphabet, r) || len(id) > idRandom {
			return "", ErrBadID
		}
		id = append(id, byte(r))
	}
	if len(id) != idRandom+1 || check(id[:idRandom]) != id[idRandom] {
		return "", ErrBadID
	}
	return string(id[:5]) + "-" + string(id[5:]), nil
}

// check is Luhn's sum over base 32 (ISO/IEC 7812-1 annex B, with N = 32): it notices every single
// wrong character and nearly every exchange of two neighbours.
func check(id []byte) byte {
	sum, factor := 0, 2
	for i := len(id) - 1; i >= 0; i-- {
		add := factor * strings.IndexByte(alphabet, id[i])
		sum += add/32 + add%32
		factor = 3 - factor
	}
	return alphabet[(32-sum%32)%32]
}
