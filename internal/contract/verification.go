package contract

import "time"

// Verification climbs the ladder beyond the first code for one case, as a child of it: a second channel,
// facts that we hold, a document. What was proved it asks the casefile.
var Verification = Workflow[VerificationInput, VerificationResult]{"Verification"}

// Proved says that something was proved, or decided, that the ladder may rest on; the casefile is asked.
var Proved = Signal[ProvedInput]{"proved"}

// Locked says that a case was locked by wrong guesses; the casefile is asked.
var Locked = Signal[LockedInput]{"locked"}

// The activities of the ladder.
var (
	ReadStanding = Activity[RefInput, Standing]{"ReadStanding"} // core
	WarnOwner    = Activity[WarnInput, WarnResult]{"WarnOwner"} // letters
)

// VerificationID is the workflow that climbs for a case.
func VerificationID(ref Ref) string { return string(ref) + "/verification" }

// VerificationInput is what the child must know. Within and Remind count from its start.
type VerificationInput struct {
	Ref    Ref
	Rung   int
	Within time.Duration
	Remind []time.Duration
}

// VerificationResult says whether the person proved who they are. Refused: a reviewer signed that the
// document does not prove it.
type VerificationResult struct {
	Met     bool
	Refused bool
}

// ProvedInput is empty: the casefile knows.
type ProvedInput struct{}

// LockedInput is empty: the casefile knows.
type LockedInput struct{}

// Standing is how far a person is, without a word on who it is.
type Standing struct {
	Met      bool
	Refused  bool
	Document bool // a document is one of the ways
}

// What the owner of an account is warned of.
const (
	WarnLocked  = "locked"
	WarnChanged = "changed"
)

// WarnInput asks for letters to the channels to which no code went.
type WarnInput struct {
	Ref Ref
	Why string
}

// WarnResult counts them.
type WarnResult struct{ Sent int }

// About implements the typed inputs' reference.
func (v VerificationInput) About() Ref { return v.Ref }

// About implements the typed inputs' reference.
func (w WarnInput) About() Ref { return w.Ref }
