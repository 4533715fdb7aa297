package contract

import "time"

// Deletion carries out a deletion case (PIPL 47, GDPR 17), EraseAfterAccess one that gives a copy first;
// HoldRelease asks two people whether a legal hold may end.
var (
	Deletion         = Workflow[CaseInput, CaseResult]{"Deletion"}
	EraseAfterAccess = Workflow[CaseInput, CaseResult]{"EraseAfterAccess"}
	HoldRelease      = Workflow[HoldInput, HoldResult]{"HoldRelease"}
)

// ForCopy begins the occasion of a task by hand that is for the copy, where a deletion follows it.
const ForCopy = "copy/"

// Withdraw says that the person took their request back; the casefile knows whether that is true.
var Withdraw = Signal[WithdrawInput]{"withdraw"}

// The activities of a deletion case, and of a hold. Where one runs stands beside it.
var (
	LinkCase         = Activity[RefInput, LinkResult]{"LinkCase"}            // core
	WipeCopy         = Activity[RefInput, Nothing]{"WipeCopy"}               // core
	StartPlan        = Activity[PlanInput, PlanWalk]{"StartPlan"}            // core
	MarkRows         = Activity[MarkInput, Nothing]{"MarkRows"}              // the system
	DraftPlan        = Activity[EraseInput, DraftResult]{"DraftPlan"}        // the system
	SealPlan         = Activity[PlanInput, PlanFacts]{"SealPlan"}            // core
	CheckHolds       = Activity[PlanInput, HoldsResult]{"CheckHolds"}        // core
	AgreePlan        = Activity[AgreeInput, AgreeResult]{"AgreePlan"}        // core
	ConfirmWithdrawn = Activity[RefInput, ConfirmResult]{"ConfirmWithdrawn"} // core
	BeginErasing     = Activity[PlanInput, Nothing]{"BeginErasing"}          // core
	Erase            = Activity[EraseInput, EraseResult]{"Erase"}            // the system
	Rediscover       = Activity[MarkInput, Nothing]{"Rediscover"}            // the system
	ReadBack         = Activity[EraseInput, ReadBackResult]{"ReadBack"}      // the system
	Certify          = Activity[PlanInput, CertifyResult]{"Certify"}         // core
	HoldFacts        = Activity[RefInput, HoldRound]{"HoldFacts"}            // core
	ApplyHoldRelease = Activity[TaskInput, Nothing]{"ApplyHoldRelease"}      // core
)

// WithdrawInput is empty: the casefile knows.
type WithdrawInput struct{}

// HoldInput starts the release of a hold.
type HoldInput struct{ Ref Ref }

// HoldRound is which request to release the hold this is.
type HoldRound struct{ Round int }

// HoldResult says whether the hold was released.
type HoldResult struct{ Released bool }

// LinkResult is the open deletion case of the same person; empty when this is the only one.
type LinkResult struct{ To Ref }

// PlanInput names one plan of a case, counted from 1.
type PlanInput struct {
	Ref  Ref
	Plan int
}

// EraseInput names what happens in one system by one plan.
type EraseInput struct {
	Ref    Ref
	Plan   int
	System string
}

// MarkInput is one step of a walk for a plan.
type MarkInput struct {
	Ref  Ref
	Plan int
	Step SearchStep
}

// PlanWalk is what must be visited before a plan can be drafted, and the systems that draft it.
// Anew is the walk of a fresh discovery, where an earlier plan was begun: the directory's row may
// be gone.
type PlanWalk struct {
	Anew    []SearchStep
	Steps   []SearchStep
	Systems []string
}

// DraftResult counts the rows that go or change in a system, and what speaks against it.
type DraftResult struct {
	Rows  int64
	Stops int
}

// PlanFacts is what a workflow must know of a plan that is whole and sealed.
type PlanFacts struct {
	Rows  int64
	Large bool         // beyond the map's limit: one more approval
	Order []string     // the systems, in the order in which they are changed
	After [][]string   // for each of Order those that it waits for; nil: for all before it
	Fresh []SearchStep // the walk of the read-back
	// ByHand are the systems in which people delete by hand.
	ByHand []string
	// Processors are the systems that other companies' programs delete in.
	Processors []string
}

// HoldsResult lists the systems of which a legal hold covers a part.
type HoldsResult struct{ Systems []string }

// AgreeInput names the tasks whose signatures stand behind a plan.
type AgreeInput struct {
	Ref      Ref
	Plan     int
	Review   string
	Approval string
}

// AgreeResult says until when the person may withdraw.
type AgreeResult struct{ Until time.Time }

// EraseResult counts what was done in a system.
type EraseResult struct{ Deleted, Changed, Arrived int64 }

// ReadBackResult counts the places where something is left that should not be.
type ReadBackResult struct{ Left int }

// CertifyResult is the hash of the certificate.
type CertifyResult struct{ Hash []byte }
