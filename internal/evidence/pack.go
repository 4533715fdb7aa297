package evidence

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Domain is what the installation's signature is bound to.
const Domain = "habeas notice evidence v1"

// Manifest is what is signed.
type Manifest struct {
	Format       string            `json:"format"` // "habeas.notice-evidence/v1"
	Installation string            `json:"installation"`
	Notice       string            `json:"notice"`
	Kind         string            `json:"kind"`
	Exercise     bool              `json:"exercise"`
	MadeAt       time.Time         `json:"made_at"`
	FileSHA256   string            `json:"file_sha256"`
	ListSHA256   string            `json:"list_sha256"`
	People       int64             `json:"people"`
	Texts        map[string]string `json:"texts"`       // by language: the letter with marks for account and check code
	TextSHA256   map[string]string `json:"text_sha256"` // what the approvals cover
	Waves        []Wave            `json:"waves"`
	Decisions    []Decision        `json:"decisions"`
	Clocks       json.RawMessage   `json:"clocks"`
	Ledger       json.RawMessage   `json:"ledger"`
	LedgerSHA256 string            `json:"ledger_sha256"`
	// Person is set in a pack about one person: where their line stands.
	Person *Place `json:"person,omitempty"`
}

// Wave is one wave of letters.
type Wave struct {
	Wave   int    `json:"wave"`
	People int64  `json:"people"`
	Root   string `json:"merkle_root"` // hex, over the lines of its people in their order
}

// Decision is one signed decision on the notice, without its reason.
type Decision struct {
	Task      string    `json:"task"`
	Kind      string    `json:"kind"`
	Occasion  string    `json:"occasion"`
	Staff     string    `json:"staff"`
	Verdict   string    `json:"verdict"`
	Digest    string    `json:"digest"`
	Signature string    `json:"signature"`
	At        time.Time `json:"at"`
}

// Place is where the line of one person stands, and the path to the root of the wave.
type Place struct {
	Wave  int      `json:"wave"`
	Index uint64   `json:"index"`
	Path  []string `json:"path"` // hex
}

// Line is what became of one person.
type Line struct {
	N         int64      `json:"n"`
	Person    string     `json:"person"` // keyed hash, hex
	Wave      int        `json:"wave"`
	Lang      string     `json:"lang"`
	Scopes    []int64    `json:"scopes"`
	MessageID string     `json:"message_id,omitempty"`
	State     string     `json:"state"`
	Reply     string     `json:"reply,omitempty"`
	Attempts  int        `json:"attempts"`
	Repeated  int        `json:"repeated,omitempty"`
	Unclear   int        `json:"unclear,omitempty"`
	SentAt    *time.Time `json:"sent_at,omitempty"`
	Bounce    string     `json:"bounce,omitempty"`
	BouncedAt *time.Time `json:"bounced_at,omitempty"`
	Step      string     `json:"step,omitempty"`
	ToldAt    *time.Time `json:"told_at,omitempty"`
}

// Signer signs for the installation.
type Signer interface {
	Sign(domain string, message []byte) ([]byte, error)
	PublicKey() ed25519.PublicKey
}

// Source yields the lines of a wave, in their order and always the same.
type Source func(ctx context.Context, wave int, yield func(Line) error) error

// head is the first line of a pack.
type head struct {
	Manifest  string `json:"manifest"` // base64
	PublicKey string `json:"public_key"`
	Signature string `json:"signature"`
}

// Write writes a pack about everybody: the signed manifest, and a line a person. The source is read
// twice, and must not change between.
func Write(ctx context.Context, w io.Writer, m Manifest, waves int, source Source, s Signer) error {
	for wave := 1; wave <= waves; wave++ {
		var t tree
		if err := source(ctx, wave, func(l Line) error {
			line, err := json.Marshal(l)
			t.add(leafHash(line))
			return err
		}); err != nil {
			return err
		}
		root := t.root()
		m.Waves = append(m.Waves, Wave{Wave: wave, People: int64(t.count), Root: hex.EncodeToString(root[:])})
	}
	out := bufio.NewWriter(w)
	if err := writeHead(out, m, s); err != nil {
		return err
	}
	for wave := 1; wave <= waves; wave++ {
		var t tree
		if err := source(ctx, wave, func(l Line) error {
			line, err := json.Marshal(l)
			if err != nil {
				return err
			}
			t.add(leafHash(line))
			_, err = out.Write(append(line, '\n'))
			return err
		}); err != nil {
			return err
		}
		if root := t.root(); hex.EncodeToString(root[:]) != m.Waves[wave-1].Root {
			return fault.New(contract.ErrBusy, "the notice changed while its evidence was written", nil).WithHint("run it again")
		}
	}
	return out.Flush()
}

// WritePerson writes a pack about the one person whose line pick chooses; contract.ErrNotFound when
// it chooses none.
func WritePerson(ctx context.Context, w io.Writer, m Manifest, waves int, source Source, pick func(Line) bool, s Signer) (Line, error) {
	var found Line
	var bytesOf []byte
	for wave := 1; wave <= waves; wave++ {
		var leaves []hash
		index := -1
		if err := source(ctx, wave, func(l Line) error {
			line, err := json.Marshal(l)
			if pick(l) {
				index, found, bytesOf = len(leaves), l, line
			}
			leaves = append(leaves, leafHash(line))
			return err
		}); err != nil {
			return found, err
		}
		root := rootOf(leaves)
		m.Waves = append(m.Waves, Wave{Wave: wave, People: int64(len(leaves)), Root: hex.EncodeToString(root[:])})
		if index >= 0 {
			m.Person = &Place{Wave: wave, Index: uint64(index), Path: []string{}}
			for _, p := range prove(leaves, index) {
				m.Person.Path = append(m.Person.Path, hex.EncodeToString(p[:]))
			}
		}
	}
	if m.Person == nil {
		return found, fault.New(contract.ErrNotFound, "that person is not on the list of this notice", nil)
	}
	out := bufio.NewWriter(w)
	if err := writeHead(out, m, s); err != nil {
		return found, err
	}
	if _, err := out.Write(append(bytesOf, '\n')); err != nil {
		return found, err
	}
	return found, out.Flush()
}

func writeHead(w io.Writer, m Manifest, s Signer) error {
	m.Format = Format
	sum := sha256.Sum256(m.Ledger)
	m.LedgerSHA256 = hex.EncodeToString(sum[:])
	raw, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("writing a manifest: %w", err)
	}
	signature, err := s.Sign(Domain, raw)
	if err != nil {
		return err
	}
	line, err := json.Marshal(head{
		Manifest:  base64.StdEncoding.EncodeToString(raw),
		PublicKey: hex.EncodeToString(s.PublicKey()), Signature: hex.EncodeToString(signature),
	})
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// Format is the version of a pack.
const Format = "habeas.notice-evidence/v1"

// same says whether a line is exactly what its value is written as, so that there is one way only.
func same(line []byte, v any) bool {
	again, err := json.Marshal(v)
	return err == nil && bytes.Equal(line, again)
}
