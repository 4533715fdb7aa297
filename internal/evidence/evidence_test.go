package evidence

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

type signer struct{ key ed25519.PrivateKey }

func (s signer) Sign(domain string, m []byte) ([]byte, error) {
	return ed25519.Sign(s.key, append([]byte(domain+"\x00"), m...)), nil
}
func (s signer) PublicKey() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

func check(public ed25519.PublicKey, domain string, m, sig []byte) error {
	if !ed25519.Verify(public, append([]byte(domain+"\x00"), m...), sig) {
		return errors.New("no")
	}
	return nil
}

var me = signer{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32))}

func people(sizes ...int) Source {
	return func(_ context.Context, wave int, yield func(Line) error) error {
		for i := range sizes[wave-1] {
			at := time.Date(2026, 11, 24, 9, 0, i, 0, time.UTC)
			sum := sha256.Sum256(fmt.Appendf(nil, "%d %d", wave, i))
			if err := yield(Line{N: int64(i), Person: hex.EncodeToString(sum[:]), Wave: wave, Lang: "zh", Scopes: []int64{0}, State: "sent", Reply: "250 2.0.0", SentAt: &at}); err != nil {
				return err
			}
		}
		return nil
	}
}

func manifest(n int64) Manifest {
	return Manifest{Notice: "7QK2M-9XH4T", Kind: "breach", People: n, Ledger: json.RawMessage(`[1]`), Clocks: json.RawMessage(`[]`)}
}

func TestOneByteChangedFails(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := Write(t.Context(), &b, manifest(6), 2, people(1, 5), me); err != nil {
		t.Fatal(err)
	}
	pack := b.Bytes()
	got, err := Verify(bytes.NewReader(pack), me.PublicKey(), check)
	if err != nil || got.Lines != 6 || got.States["sent"] != 6 {
		t.Fatalf("%+v %v", got, err)
	}
	for i := range pack {
		changed := bytes.Clone(pack)
		changed[i] ^= 1 << (i % 8)
		if _, err := Verify(bytes.NewReader(changed), nil, check); !fault.Is(err, contract.ErrTampered) {
			t.Fatalf("byte %d (%q) changed: %v", i, pack[i], err)
		}
	}
	for name, other := range map[string][]byte{
		"cut": pack[:len(pack)-1], "longer": append(bytes.Clone(pack), '\n'), "a line less": pack[:bytes.LastIndexByte(pack[:len(pack)-1], '\n')+1], "empty": nil,
	} {
		if _, err := Verify(bytes.NewReader(other), nil, check); !fault.Is(err, contract.ErrTampered) {
			t.Errorf("%s: %v", name, err)
		}
	}
	stranger := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{4}, 32)).Public().(ed25519.PublicKey)
	if _, err := Verify(bytes.NewReader(pack), stranger, check); !fault.Is(err, contract.ErrTampered) {
		t.Errorf("another installation's: %v", err)
	}
}

// A pack about one person proves their line for every size of a wave and every place in it.
func TestOnePerson(t *testing.T) {
	t.Parallel()
	for size := 1; size <= 20; size++ {
		for n := range size {
			var b bytes.Buffer
			pick := func(l Line) bool { return l.Wave == 2 && l.N == int64(n) }
			line, err := WritePerson(t.Context(), &b, manifest(int64(3+size)), 2, people(3, size), pick, me)
			if err != nil || line.N != int64(n) {
				t.Fatal(err)
			}
			pack := b.Bytes()
			got, err := Verify(bytes.NewReader(pack), nil, check)
			if err != nil || got.One == nil || got.One.Person != line.Person {
				t.Fatalf("%d of %d: %v", n, size, err)
			}
			if size == 7 {
				for i := range pack {
					changed := bytes.Clone(pack)
					changed[i] ^= 1 << (i % 8)
					if _, err := Verify(bytes.NewReader(changed), nil, check); !fault.Is(err, contract.ErrTampered) {
						t.Fatalf("byte %d changed: %v", i, err)
					}
				}
			}
		}
	}
	if _, err := WritePerson(t.Context(), &bytes.Buffer{}, manifest(3), 1, people(3), func(Line) bool { return false }, me); !fault.Is(err, contract.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
}

// Two waves share their root with the tree of RFC 6962's own example shape: seven leaves.
func TestRootIsThatOfTheRFC(t *testing.T) {
	t.Parallel()
	var leaves []hash
	for i := range 7 {
		leaves = append(leaves, leafHash([]byte{byte(i)}))
	}
	l := func(i int) hash { return leaves[i] }
	want := nodeHash(nodeHash(nodeHash(l(0), l(1)), nodeHash(l(2), l(3))), nodeHash(nodeHash(l(4), l(5)), l(6)))
	if rootOf(leaves) != want {
		t.Error("the root of seven leaves is another one")
	}
}
