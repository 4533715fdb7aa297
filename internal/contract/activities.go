package contract

import "time"

// The activities. Where one runs stands beside it: core, letters, or the queue of a system.
var (
	BeginCase        = Activity[RefInput, CaseFacts]{"BeginCase"}                    // core
	Project          = Activity[Progress, Nothing]{"Project"}                        // core, local
	FindAccount      = Activity[RefInput, FoundAccount]{"FindAccount"}               // the directory's system
	ChooseAccount    = Activity[TaskInput, Nothing]{"ChooseAccount"}                 // core
	SendLetter       = Activity[LetterInput, LetterResult]{"SendLetter"}             // letters
	IssueCode        = Activity[IssueCodeInput, IssueCodeResult]{"IssueCode"}        // letters
	ConfirmChallenge = Activity[ConfirmInput, ConfirmResult]{"ConfirmChallenge"}     // core
	OpenTask         = Activity[OpenTaskInput, OpenTaskResult]{"OpenTask"}           // core
	VoidTask         = Activity[VoidTaskInput, VoidTaskResult]{"VoidTask"}           // core
	RecordDecision   = Activity[RecordDecisionInput, DecideResult]{"RecordDecision"} // core
	PlanSearch       = Activity[RefInput, SearchPlan]{"PlanSearch"}                  // core
	Discover         = Activity[DiscoverInput, DiscoverResult]{"Discover"}           // the system
	Collect          = Activity[CollectInput, CollectResult]{"Collect"}              // the system
	Assemble         = Activity[TaskInput, AssembleResult]{"Assemble"}               // core
	Release          = Activity[TaskInput, ReleaseResult]{"Release"}                 // core
	ConfirmFetched   = Activity[RefInput, ConfirmResult]{"ConfirmFetched"}           // core
	Wipe             = Activity[CloseInput, Nothing]{"Wipe"}                         // core
	CloseCase        = Activity[CloseInput, Nothing]{"CloseCase"}                    // core
	ApplyRoster      = Activity[TaskInput, Nothing]{"ApplyRoster"}                   // core
	StartUnstarted   = Activity[ReconcileInput, ReconcileResult]{"StartUnstarted"}   // core
	SignCheckpoint   = Activity[CheckpointInput, CheckpointResult]{"SignCheckpoint"} // core
)

// Nothing is the result of an activity that has none.
type Nothing struct{}

// RefInput is a reference alone.
type RefInput struct{ Ref Ref }

// TaskInput is a reference and the task whose signed answer stands behind the step.
type TaskInput struct {
	Ref  Ref
	Task string
}

// CaseFacts is what a workflow must know of a case; nothing in it is personal.
type CaseFacts struct {
	Kind         string
	Laws         []string
	DueAt        time.Time
	Directory    string                   // the system on whose queue people are looked up
	Patience     map[string]time.Duration // by system
	VerifyWithin time.Duration            // a case not verified by then is closed
	PackageTTL   time.Duration            // how long a package may be fetched
	CodesPerHour int
	// Of a deletion: the plan that the casefile has come to, and whether it was begun.
	Plan  int
	Begun bool
	// Answered: the copy that comes before a deletion was released, and then fetched or left to expire.
	Answered bool
	// Vouched: another company asks, whose processor we are. It knows the person, and gets the answer.
	Vouched bool
	// Represented is who asks for the person, one of dsr's requesters; empty: the person does. EvidenceFor is
	// how long what they show is kept after the decision on it.
	Represented string
	EvidenceFor time.Duration
	// AtOnce: of a restriction that needs no proof, no review and no approval.
	AtOnce bool
	// Recipients are, of a restriction, the systems that are told by webhook.
	Recipients []string
	// NoData: of an access that says what kinds of data there are, and hands none over.
	NoData bool
}

// Progress is the projection of a case for lists.
type Progress struct {
	Ref         Ref
	State       string
	WaitingOn   string
	OpenSystems []string
}

// FoundAccount counts the directory rows that the request may mean, and says whether it is
// settled which one it is.
type FoundAccount struct {
	Candidates int
	Settled    bool
}

// LetterInput names a letter: template and occasion make its key in the outbox.
type LetterInput struct {
	Ref      Ref
	Template string
	Occasion string
	Outcome  string // of the case, where the letter tells it
}

// What became of a letter or a code.
const (
	LetterSent      = "sent"
	LetterNoChannel = "no-channel" // no registered address
	LetterRefused   = "refused"    // the address was refused for good
	LetterLimited   = "limited"    // too many codes within the hour
	LetterExpired   = "expired"    // the code ran out before its letter could go
)

// LetterResult says what became of the letter.
type LetterResult struct{ State string }

// IssueCodeInput asks for a one-time code; Occasion makes a repeat the same code.
type IssueCodeInput struct {
	Ref      Ref
	Purpose  string
	Occasion string
}

// IssueCodeResult says what became of the code's letter. Met says that the casefile needs none any more:
// the person has proved who they are.
type IssueCodeResult struct {
	State string
	Met   bool
}

// ConfirmInput names a challenge; none means any verification code of the case.
type ConfirmInput struct {
	Ref       Ref
	Challenge string
}

// ConfirmResult says what the casefile knows.
type ConfirmResult struct{ True bool }

// OpenTaskInput asks for a task; what is shown is put together from the casefile. The same
// reference, kind and occasion give the same task.
type OpenTaskInput struct {
	Ref      Ref
	Kind     string
	Occasion string
	System   string // where the task is about one
	Problem  string // an error type of ours, where the task is about a failure
	Outcome  string // of the case, where the letter that could not be sent tells it
}

// OpenTaskResult is the task's id. A task that was asked before may be answered already: the
// casefile knows, whatever became of the word about it.
type OpenTaskResult struct {
	Task    string
	Verdict string // of a task that is done
	Void    bool   // closed without an answer: nobody can decide it any more
}

// VoidTaskInput closes a task that nobody needs to answer any more.
type VoidTaskInput struct {
	Ref  Ref
	Task string
	Why  string // a fixed phrase
}

// VoidTaskResult is the verdict of a task that was answered before it could be closed.
type VoidTaskResult struct{ Verdict string }

// RecordDecisionInput is a decision and the reference it must be about.
type RecordDecisionInput struct {
	Ref      Ref
	Decision DecideInput
}

// SearchPlan is the walk over the data map: levels in order, the steps of one level side by side.
type SearchPlan struct {
	Steps  []SearchStep
	ByHand []string // systems in which people look by hand; of an access case
}

// SearchStep is one visit to one system.
type SearchStep struct {
	Level       int
	System      string
	Collections []string
}

// DiscoverInput is one step of the walk.
type DiscoverInput struct {
	Ref  Ref
	Step SearchStep
}

// DiscoverResult counts rows by collection.
type DiscoverResult struct{ Rows map[string]int64 }

// CollectInput names one collection.
type CollectInput struct {
	Ref        Ref
	System     string
	Collection string
}

// CollectResult counts what was collected.
type CollectResult struct{ Rows, Bytes int64 }

// AssembleResult describes the package; ManifestHash is SHA-256 of its manifest.
type AssembleResult struct {
	ManifestHash []byte
	Files        int
	Size         int64
	Withheld     int // collections that are refused and left out
}

// ReleaseResult says until when the package may be fetched.
type ReleaseResult struct{ ExpiresAt time.Time }

// CloseInput ends a case.
type CloseInput struct {
	Ref     Ref
	Outcome string
}

// Heartbeat is what a long activity tells the operator: a progress bar, and nothing personal.
type Heartbeat struct{ Done, Of int64 }

// RefOf is the reference that an activity's input is about; inputs about everything have none.
func RefOf(in any) (Ref, bool) {
	switch in := in.(type) {
	case RefInput:
		return in.Ref, true
	case TaskInput:
		return in.Ref, true
	case Progress:
		return in.Ref, true
	case LetterInput:
		return in.Ref, true
	case IssueCodeInput:
		return in.Ref, true
	case ConfirmInput:
		return in.Ref, true
	case OpenTaskInput:
		return in.Ref, true
	case VoidTaskInput:
		return in.Ref, true
	case RecordDecisionInput:
		return in.Ref, true
	case DiscoverInput:
		return in.Ref, true
	case CollectInput:
		return in.Ref, true
	case CloseInput:
		return in.Ref, true
	case AlarmInput:
		return in.Ref, true
	case MotionRef:
		return in.Ref, true
	case ApplyInput:
		return in.Ref, true
	case PlanInput:
		return in.Ref, true
	case EraseInput:
		return in.Ref, true
	case MarkInput:
		return in.Ref, true
	case AgreeInput:
		return in.Ref, true
	case interface{ About() Ref }:
		return in.About(), true
	}
	return "", false
}
