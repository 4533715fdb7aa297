package contract

import "time"

// Correction carries out a correction case (PIPL 46, GDPR 16); EvidenceWipe, a child of it, wipes the
// proofs that came with it once their time is over.
var (
	Correction   = Workflow[CaseInput, CaseResult]{"Correction"}
	EvidenceWipe = Workflow[WipeInput, Nothing]{"EvidenceWipe"}
)

// ChannelConfirmed says that a code to a new address was typed rightly; the casefile knows whether that
// is true.
var ChannelConfirmed = Signal[ChannelConfirmedInput]{"channel-confirmed"}

// The activities of a correction case. Where one runs stands beside it.
var (
	CheckWishes       = Activity[RefInput, WishFacts]{"CheckWishes"}           // core
	StartCorrection   = Activity[PlanInput, CorrectionWalk]{"StartCorrection"} // core
	ReadOriginals     = Activity[EraseInput, Nothing]{"ReadOriginals"}         // the directory's system
	FindCopies        = Activity[MarkInput, Nothing]{"FindCopies"}             // the system
	DraftCorrection   = Activity[EraseInput, DraftResult]{"DraftCorrection"}   // the system
	SealCorrection    = Activity[PlanInput, CorrectionFacts]{"SealCorrection"} // core
	CheckRealName     = Activity[EraseInput, RealNameResult]{"CheckRealName"}  // the identity service's system
	AgreeCorrection   = Activity[AgreeInput, Nothing]{"AgreeCorrection"}       // core
	BeginCorrecting   = Activity[PlanInput, Nothing]{"BeginCorrecting"}        // core
	Correct           = Activity[EraseInput, CorrectResult]{"Correct"}         // the system
	CheckCorrected    = Activity[EraseInput, ReadBackResult]{"CheckCorrected"} // the system
	CorrectionOutcome = Activity[RefInput, CaseResult]{"CorrectionOutcome"}    // core
	WipeEvidence      = Activity[RefInput, WipeResult]{"WipeEvidence"}         // core
)

// ChannelConfirmedInput is empty: the casefile knows.
type ChannelConfirmedInput struct{}

// WishFacts is what a workflow must know of what is asked for.
type WishFacts struct {
	Confirm  []string // purposes of the codes to new addresses that are not confirmed yet
	Evidence bool     // a proof is asked for
	// EvidenceFor is how long a proof is kept once the case is decided.
	EvidenceFor time.Duration
}

// CorrectionWalk is what must be visited before a plan can be drafted, and the systems that draft it.
// Anew is the walk of a fresh discovery, where an earlier plan was begun.
type CorrectionWalk struct {
	Home    string // the system of the person's directory row
	Anew    []SearchStep
	Systems []string
}

// CorrectionFacts is what a workflow must know of a plan that is whole and sealed.
type CorrectionFacts struct {
	Rows   int64
	Strict bool         // a second person and a fresh check of the real name are needed
	Order  []string     // the systems, in the order in which they are corrected
	Fresh  []SearchStep // the walk of the read-back
	// NameSystem is the system that is asked for the real name; empty: people are.
	NameSystem string
	ByHand     []string
	Processors []string
	// Changes says that a field changes at all.
	Changes bool
}

// RealNameResult says whether the identity service of the map bears the name out. Known is false where
// it has no fresh answer.
type RealNameResult struct{ Known bool }

// CorrectResult counts what was done in a system.
type CorrectResult struct{ Changed, Differs, Gone int64 }

// WipeInput says when the proofs of a case are wiped.
type WipeInput struct {
	Ref Ref
	At  time.Time
}

// WipeResult says when the proofs are to be looked at again; zero: they are gone.
type WipeResult struct{ Again time.Time }

// About is the case whose proofs are wiped.
func (w WipeInput) About() Ref { return w.Ref }

// EvidenceID is the workflow that wipes the proofs of a case.
func EvidenceID(ref Ref) string { return string(ref) + "/evidence" }
