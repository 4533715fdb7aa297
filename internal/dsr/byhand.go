package dsr

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ShownByHand is what somebody is to do in a system that no driver reaches. Person holds values in
// clear: whoever does it must know who is meant, and a decision covers it.
type ShownByHand struct {
	Right        string            `json:"right"`        // the kind of case
	Instructions map[string]string `json:"instructions"` // by language
	Evidence     map[string]string `json:"evidence,omitempty"`
	Person       []Identity        `json:"person"`
	// Changes are, of a correction, what each field is to be, by its name.
	Changes []Identity `json:"changes,omitempty"`
}

// What was done by hand, as the answer says it.
const (
	DoneDeleted    = "deleted"
	DoneAnonymised = "anonymised"
	DoneProvided   = "provided" // of an access case: the files are attached
	DoneCorrected  = "corrected"
	DoneNothing    = "nothing-held" // nothing is held of the person there
)

// The names of an answer's parts among a task's choices. Evidence stands under EvidenceChoice and its
// number from 1, as SHA-256 in hex.
const (
	OutcomeChoice  = "outcome"
	RowsChoice     = "rows"
	EvidenceChoice = "evidence."
)

// MaxEvidence is the largest file that may be attached, in bytes, and MaxEvidenceFiles how many.
const (
	MaxEvidence      = 25 << 20
	MaxEvidenceFiles = 20
	// MaxDocuments is how many files the person may add to a check of their identity, and
	// MaxDocumentBytes how large they may be together.
	MaxDocuments     = 5
	MaxDocumentBytes = 60 << 20
)

// Outcomes are what the answer to such a task may say.
func (s ShownByHand) Outcomes() []string {
	if s.Right == string(Access) {
		return []string{DoneProvided, DoneNothing}
	}
	if s.Right == string(Correction) {
		return []string{DoneCorrected, DoneNothing}
	}
	return []string{DoneDeleted, DoneAnonymised, DoneNothing}
}

// Answer is what somebody says was done by hand.
type Answer struct {
	Outcome  string
	Rows     int64
	Evidence []string // SHA-256, hex
}

// Answer reads the answer out of a task's choices. The text says what is missing; empty: nothing.
func (s ShownByHand) Answer(choices map[string]string) (Answer, string) {
	a := Answer{Outcome: choices[OutcomeChoice]}
	if !slices.Contains(s.Outcomes(), a.Outcome) {
		return a, "the answer says with --outcome what was done: " + strings.Join(s.Outcomes(), ", ")
	}
	rows, err := strconv.ParseInt(choices[RowsChoice], 10, 64)
	if err != nil || rows < 0 {
		return a, "the answer says with --rows how many records, folders or files it was"
	}
	a.Rows = rows
	a.Evidence = evidenceOf(choices)
	nothing := a.Outcome == DoneNothing
	switch {
	case nothing != (rows == 0):
		return a, fmt.Sprintf("%q does not go with %d records", a.Outcome, rows)
	case nothing:
	case a.Outcome == DoneProvided && len(a.Evidence) == 0:
		return a, "the person's data is attached with --evidence FILE"
	case len(s.Evidence) > 0 && len(a.Evidence) == 0:
		return a, "a proof is asked for: attach it with --evidence FILE"
	}
	return a, ""
}

// evidenceOf are the files that an answer names.
func evidenceOf(choices map[string]string) (files []string) {
	for n := 1; choices[EvidenceChoice+strconv.Itoa(n)] != ""; n++ {
		files = append(files, choices[EvidenceChoice+strconv.Itoa(n)])
	}
	return files
}
