package evidence

import (
	"bufio"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Verifier checks an installation's signature.
type Verifier func(public ed25519.PublicKey, domain string, message, signature []byte) error

// Verified is what a pack says once everything in it holds.
type Verified struct {
	Manifest
	PublicKey string           `json:"public_key"` // hex: compare it with what the company published
	Lines     int64            `json:"lines"`
	States    map[string]int64 `json:"states"`
	One       *Line            `json:"line,omitempty"` // of a pack about one person
}

// maxLine bounds one line of a pack, in bytes: the manifest holds ledger and texts.
const maxLine = 256 << 20

func bad(why string) error {
	return fault.Newf(contract.ErrTampered, "the evidence does not hold: %s", why)
}

// Verify checks a pack: signature, every line against the root of its wave, and that nothing was
// added or left out. want, where it is not empty, is the public key that must have signed.
func Verify(r io.Reader, want ed25519.PublicKey, check Verifier) (Verified, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	first, err := readLine(in)
	if err != nil {
		return Verified{}, bad("it has no head")
	}
	v, err := readHead(first, want, check)
	if err != nil {
		return v, err
	}
	v.States = map[string]int64{}
	if v.Person != nil {
		return v.one(in)
	}
	return v.all(in)
}

func readHead(line []byte, want ed25519.PublicKey, check Verifier) (Verified, error) {
	var v Verified
	var h head
	if json.Unmarshal(line, &h) != nil || !same(line, h) {
		return v, bad("its head is not as it was written")
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(h.Manifest)
	public, keyErr := hex.DecodeString(h.PublicKey)
	signature, sigErr := hex.DecodeString(h.Signature)
	switch {
	case err != nil || keyErr != nil || sigErr != nil || len(public) != ed25519.PublicKeySize || base64.StdEncoding.EncodeToString(raw) != h.Manifest ||
		hex.EncodeToString(public) != h.PublicKey || hex.EncodeToString(signature) != h.Signature:
		return v, bad("its head is not as it was written")
	case len(want) > 0 && !ed25519.PublicKey(public).Equal(want):
		return v, bad("another installation signed it")
	case check(public, Domain, raw, signature) != nil:
		return v, bad("the signature does not fit")
	case json.Unmarshal(raw, &v.Manifest) != nil || v.Format != Format:
		return v, bad("it has a form that this program does not know")
	}
	sum := sha256.Sum256(v.Ledger)
	if hex.EncodeToString(sum[:]) != v.LedgerSHA256 {
		return v, bad("the ledger in it is not the one that was signed")
	}
	v.PublicKey = h.PublicKey
	return v, nil
}

func (v Verified) one(in *bufio.Reader) (Verified, error) {
	raw, err := readLine(in)
	if err != nil {
		return v, bad("the person's line is missing")
	}
	var l Line
	if json.Unmarshal(raw, &l) != nil || !same(raw, l) {
		return v, bad("the person's line is not as it was written")
	}
	if v.Person.Wave < 1 || v.Person.Wave > len(v.Waves) {
		return v, bad("the person's place is none")
	}
	var path []hash
	for _, p := range v.Person.Path {
		b, err := hex.DecodeString(p)
		if err != nil || len(b) != sha256.Size {
			return v, bad("the person's place is none")
		}
		path = append(path, hash(b))
	}
	wave := v.Waves[v.Person.Wave-1]
	root, fits := follow(leafHash(raw), v.Person.Index, uint64(wave.People), path)
	if !fits || hex.EncodeToString(root[:]) != wave.Root {
		return v, bad("the person's line does not stand under the root of the wave")
	}
	v.Lines, v.One = 1, &l
	v.States[l.State]++
	return v, atEnd(in)
}

func (v Verified) all(in *bufio.Reader) (Verified, error) {
	for _, wave := range v.Waves {
		var t tree
		for range wave.People {
			raw, err := readLine(in)
			if err != nil {
				return v, bad("lines are missing")
			}
			var l Line
			if json.Unmarshal(raw, &l) != nil || !same(raw, l) {
				return v, bad("a line is not as it was written")
			}
			t.add(leafHash(raw))
			v.Lines++
			v.States[l.State]++
		}
		if root := t.root(); hex.EncodeToString(root[:]) != wave.Root {
			return v, bad("the lines of a wave do not fit its root")
		}
	}
	if v.Lines != v.People {
		return v, bad("it does not hold a line for everybody on the list")
	}
	return v, atEnd(in)
}

func atEnd(in *bufio.Reader) error {
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		return bad("something stands behind its end")
	}
	return nil
}

// readLine reads a line without its end, which must be there.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, errors.New("too long")
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return nil, err
		}
		return line[:len(line)-1], nil
	}
}
