package dsr

import (
	"encoding/json"
	"fmt"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// Shown is what a task shows and what its decision therefore covers. It is sealed in the casefile;
// only its digest leaves it. Fields are filled by the kind of task.
type Shown struct {
	Ref      contract.Ref `json:"ref"`
	Kind     TaskKind     `json:"kind"`
	Occasion string       `json:"occasion"`
	System   string       `json:"system,omitempty"`
	Problem  string       `json:"problem,omitempty"` // an error type of ours, or what became of a letter

	// Requested are the identities that the request named, masked: for choosing and for review.
	Requested []string `json:"requested,omitempty"`
	// Candidates are the directory rows that the request may mean.
	Candidates []Candidate `json:"candidates,omitempty"`

	// Collections are what was found, in the map's order.
	Collections []ShownCollection `json:"collections,omitempty"`
	// Ambiguous are the kinds of identity that stand on several directory rows and were not used.
	Ambiguous []string `json:"ambiguous,omitempty"`
	// Partial are the systems left out by a signed decision.
	Partial []string `json:"partial,omitempty"`
	// LeftOut are the collections of other systems that hang on those, as "system.collection".
	LeftOut []string `json:"left_out,omitempty"`
	// Widened are the values that were found on the way and searched on, masked, and those that
	// were not used because they stand on somebody else's directory row too.
	Widened []string `json:"widened,omitempty"`

	ManifestSHA256 string `json:"manifest_sha256,omitempty"` // hex
	Files          int    `json:"files,omitempty"`
	Size           int64  `json:"size,omitempty"` // bytes

	*ShownStaff
	Notice *ShownNotice `json:"notice,omitempty"`
}

// ShownNotice is what a task of a mass notice shows. Texts are what everybody will read; samples are
// masked.
type ShownNotice struct {
	Kind     string            `json:"kind"`
	Exercise bool              `json:"exercise,omitempty"`
	Action   string            `json:"action,omitempty"` // of a control
	Rate     int               `json:"rate,omitempty"`
	Wave     int               `json:"wave,omitempty"`
	Waves    int               `json:"waves,omitempty"`
	FileHash string            `json:"file_sha256,omitempty"` // hex
	ListHash string            `json:"list_sha256,omitempty"` // hex
	TextHash map[string]string `json:"text_sha256,omitempty"` // by language
	Texts    map[string]string `json:"texts,omitempty"`       // by language: subject and text
	InWave   int64             `json:"in_wave,omitempty"`     // people with an address
	People   int64             `json:"people,omitempty"`      // on the list
	NoMail   int64             `json:"no_mail,omitempty"`     // of them without an address
	Loose    int64             `json:"loose,omitempty"`       // rows behind which nobody was found
	Samples  []string          `json:"samples,omitempty"`
	Canaries []string          `json:"canaries,omitempty"`
	Sender   []string          `json:"sender,omitempty"` // what DNS says of SPF, DKIM and DMARC
	Tally    map[string]int64  `json:"tally,omitempty"`  // what became of the letters so far
	Missing  []string          `json:"missing,omitempty"`
	Ground   string            `json:"ground,omitempty"` // of a decision not to notify
	Clock    string            `json:"authority,omitempty"`
	DueAt    string            `json:"due_at,omitempty"`
}

// Candidate is one directory row, masked.
type Candidate struct {
	N        int      `json:"n"` // what `--account` takes
	System   string   `json:"system"`
	Name     string   `json:"name"`
	Channels []string `json:"channels"`
}

// ShownCollection counts what was found in one collection.
type ShownCollection struct {
	System     string   `json:"system"`
	Collection string   `json:"collection"`
	Rows       int64    `json:"rows"`
	Shared     int64    `json:"shared,omitempty"`      // of the rows, those that somebody else may claim too
	SHA256     string   `json:"sha256,omitempty"`      // hex, of the part as JSON: the review is of this very content
	ThirdParty []string `json:"third_party,omitempty"` // columns that wait for keep, mask or drop
}

// ShownStaff is who is to be enrolled. Its fields stand among those of Shown.
type ShownStaff struct {
	Name      string `json:"name"`
	Roles     []Role `json:"roles"`
	PublicKey string `json:"public_key"`
}

// Bytes is the canonical form: struct order, no white space.
func (s Shown) Bytes() ([]byte, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("writing what a task shows: %w", err)
	}
	return raw, nil
}

// ReadShown reads what Bytes wrote.
func ReadShown(raw []byte) (Shown, error) {
	var s Shown
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("reading what a task shows: %w", err)
	}
	return s, nil
}

// Undecided lists the third-party columns with rows, as "system.collection.column", on which the
// reviewer has made no choice.
func (s Shown) Undecided(choices map[string]string) []string {
	var open []string
	for _, c := range s.Collections {
		for _, column := range c.ThirdParty {
			key := c.System + "." + c.Collection + "." + column
			if _, ok := choices[key]; !ok && c.Rows > 0 {
				open = append(open, key)
			}
		}
	}
	return open
}
