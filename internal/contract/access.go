package contract

import "time"

// The workflows.
var (
	Access     = Workflow[CaseInput, CaseResult]{"Access"}
	Roster     = Workflow[RosterInput, RosterResult]{"Roster"}
	Reconcile  = Workflow[ReconcileInput, ReconcileResult]{"Reconcile"}
	Checkpoint = Workflow[CheckpointInput, CheckpointResult]{"Checkpoint"}
)

// What people and programs say to a running workflow.
var (
	// Decide carries one signed decision on one open task.
	Decide = Update[DecideInput, DecideResult]{"decide"}
	// ChallengeMet says that a code was typed rightly; the casefile knows whether that is true.
	ChallengeMet = Update[ChallengeMetInput, ChallengeMetResult]{"challenge-met"}
	// SendCode asks for a one-time code. It is a signal so that asking tells nothing.
	SendCode = Signal[SendCodeInput]{"send-code"}
	// Fetched says that the package was downloaded whole; the casefile knows whether that is true.
	Fetched = Signal[FetchedInput]{"fetched"}
	// Status shows where a case stands.
	Status = Query[StatusResult]{"status"}
)

// CaseInput starts a case.
type CaseInput struct{ Ref Ref }

// CaseResult is how a case ended: one of dsr's outcomes.
type CaseResult struct{ Outcome string }

// RosterInput starts a change of the roster.
type RosterInput struct{ Ref Ref }

// RosterResult says whether the change was approved.
type RosterResult struct{ Applied bool }

// ReconcileInput says how old a case without a workflow must be before it is started.
type ReconcileInput struct{ OlderThan time.Duration }

// ReconcileResult counts what was started, and what was said again to cases that had not heard it.
type ReconcileResult struct{ Started, Told int }

// CheckpointInput is empty: a checkpoint covers every chain.
type CheckpointInput struct{}

// CheckpointResult counts what a checkpoint covered.
type CheckpointResult struct{ Chains int }

// DecideInput is a decision on its way. The reason is sealed under the reference's data key,
// because people write names into reasons.
type DecideInput struct {
	Task         string
	Staff        string
	Verdict      string
	SealedReason []byte
	Digest       []byte
	Nonce        []byte
	Signature    []byte
}

// DecideResult is the answer to a decision.
type DecideResult struct {
	Verdict string // of the task, when Done
	Done    bool   // false while another signer is needed
}

// ChallengeMetInput names the challenge.
type ChallengeMetInput struct{ Challenge string }

// ChallengeMetResult says whether the casefile agrees.
type ChallengeMetResult struct{ Verified bool }

// SendCodeInput names the purpose of a code: one of dsr's.
type SendCodeInput struct{ Purpose string }

// FetchedInput is empty: the casefile knows.
type FetchedInput struct{}

// StatusResult is where a case stands.
type StatusResult struct {
	State       string
	WaitingOn   string
	OpenTasks   []string
	OpenSystems []string
	Verified    bool
	Partial     []string // systems left out by a signed decision
}
