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
	// Withheld are the collections that are refused, by two signatures, and stay out of the package.
	Withheld []Withheld `json:"withheld,omitempty"`
	// Widened are the values that were found on the way and searched on, masked, and those that
	// were not used because they stand on somebody else's directory row too.
	Widened []string `json:"widened,omitempty"`

	ManifestSHA256 string `json:"manifest_sha256,omitempty"` // hex
	Files          int    `json:"files,omitempty"`
	Size           int64  `json:"size,omitempty"` // bytes

	// Scope is what the case is about where its kind does not say.
	Scope string `json:"scope,omitempty"`
	// Why a restriction is to end, in the words that the person will read.
	Because string `json:"why_end,omitempty"`

	// Motion is what somebody moves about the case.
	Motion *ShownMotion `json:"motion,omitempty"`

	*ShownStaff
	*ShownPlan
	*ShownHold
	ByHand     *ShownByHand     `json:"by_hand,omitempty"`
	Correction *ShownCorrection `json:"correction,omitempty"`
	Proof      *ShownProof      `json:"proof,omitempty"`
	Unsent     *ShownUnsent     `json:"unsent,omitempty"`

	Representative *ShownRepresentative `json:"representative,omitempty"`

	Notice    *ShownNotice    `json:"notice,omitempty"`
	Retention *ShownRetention `json:"retention,omitempty"`
	Extension *ShownExtension `json:"extension,omitempty"`
}

// ShownExtension is a wish to keep rows beyond their time.
type ShownExtension struct {
	Over      string `json:"covers"` // a rule as "system.rule", or a person, masked
	Until     string `json:"until"`
	Law       string `json:"law"` // what permits it
	Reason    string `json:"reason"`
	AskedBy   string `json:"asked_by"`
	Statement string `json:"statement_sha256"` // hex, over the whole of it
}

// ShownRetention is what a rule of retention would do at its nominal time. The sample is masked.
type ShownRetention struct {
	System   string     `json:"system"`
	Rule     string     `json:"rule"`
	Action   string     `json:"action"`
	Kept     string     `json:"kept"` // how long rows are kept: "6m since at"
	Floors   []string   `json:"floors,omitempty"`
	Purpose  string     `json:"purpose,omitempty"`
	Basis    string     `json:"basis"`
	Owner    string     `json:"owner"`          // of the system's data
	Version  string     `json:"version_sha256"` // hex
	Nominal  string     `json:"nominal"`
	Before   string     `json:"before"` // the first day that the rule keeps
	Due      int64      `json:"due"`
	Referred int64      `json:"referred"` // of them, those to which another row refers: they stay until it goes
	Total    int64      `json:"total"`    // rows of the collection
	Oldest   string     `json:"oldest,omitempty"`
	Newest   string     `json:"newest,omitempty"`
	Usual    int        `json:"usual_percent"`
	Why      string     `json:"why,omitempty"`      // it needs signatures: first, changed or share
	Extended string     `json:"extended,omitempty"` // by which decision, until when and by what law the rows are kept longer
	Columns  []string   `json:"columns,omitempty"`
	Sample   [][]string `json:"sample,omitempty"`
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

// ShownUnsent is a letter that did not reach its reader: to be printed, or told on the phone. Only the script
// is there for one with a code, which goes to a registered channel or nowhere.
type ShownUnsent struct {
	Template string `json:"template"`
	Lang     string `json:"lang"`
	Subject  string `json:"subject,omitempty"`
	Text     string `json:"text,omitempty"`
	Page     string `json:"page,omitempty"` // HTML, to be printed
	Script   string `json:"script"`         // for whoever calls
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

// Withheld is one collection that an answer leaves out, as "system.collection", on a ground of a law.
type Withheld struct {
	Collection string `json:"collection"`
	Law        string `json:"law"`
	Ground     string `json:"ground"` // the code
	Motion     int    `json:"motion"`
}

// ShownStaff is who is to be enrolled. Its fields stand among those of Shown.
type ShownStaff struct {
	Name      string `json:"name"`
	Roles     []Role `json:"roles"`
	PublicKey string `json:"public_key"`
}

// ShownPlan is what a deletion would do, or has left. Its fields stand among those of Shown.
type ShownPlan struct {
	Plan     int          `json:"plan"`
	PlanHash string       `json:"plan_hash,omitempty"` // hex: what a decision on it signs
	Ground   Ground       `json:"ground,omitempty"`
	Entries  []ShownEntry `json:"entries,omitempty"`
	Findings []string     `json:"findings,omitempty"` // what speaks against it, and what to know
	Over     []string     `json:"over,omitempty"`     // why it needs one more approval
	Held     []string     `json:"held,omitempty"`     // systems of which a legal hold covers a part
}

// ShownEntry is what happens, or happened, to some rows of one collection.
type ShownEntry struct {
	System     string   `json:"system"`
	Collection string   `json:"collection"`
	Class      string   `json:"class,omitempty"` // which of its rows
	Action     string   `json:"action"`
	Rows       int64    `json:"rows"`
	Reason     string   `json:"reason,omitempty"`
	Law        string   `json:"law,omitempty"`
	Until      string   `json:"until,omitempty"`
	Columns    []string `json:"columns,omitempty"`
	Table      int64    `json:"table,omitempty"`  // rows of the whole table, as its catalog estimates them
	Choice     string   `json:"choice,omitempty"` // on rows that somebody else may claim too
	Choose     bool     `json:"choose,omitempty"` // a reviewer may choose, and have the plan made anew
}

// ShownHold is a legal hold that is to end.
type ShownHold struct {
	Matter   string `json:"matter"`
	Scope    string `json:"scope"`
	Over     string `json:"covers"`
	Because  string `json:"because"`
	PlacedBy string `json:"placed_by"`
}

// Choices of a reviewer on rows that somebody else may claim too.
const (
	ShareLeave  = "leave"  // nothing happens to them
	ShareUnlink = "unlink" // the references to the person go, the rows stay
	ShareErase  = "erase"  // they are dealt with like the person's own
)

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
