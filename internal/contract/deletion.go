package contract

import "time"

// Deletion carries out a deletion case (PIPL 47, GDPR 17); HoldRelease asks two people whether a
// legal hold may end.
var (
	Deletion    = Workflow[CaseInput, CaseResult]{"Deletion"}
	HoldRelease = Workflow[HoldInput, HoldResult]{"HoldRelease"}
)

// Withdraw says that the person took their request back; the casefile knows whether that is true.
var Withdraw = Signal[WithdrawInput]{"withdraw"}

// The activities of a deletion case. Where one runs stands beside it.
var (
	LinkCase         = Activity[RefInput, LinkResult]{"LinkCase"}            // core
	FreezePlan       = Activity[EraseInput, FreezeResult]{"FreezePlan"}      // the system
	SealPlan         = Activity[PlanInput, PlanFacts]{"SealPlan"}            // core
	Preflight        = Activity[EraseInput, PreflightResult]{"Preflight"}    // the system
	CheckHolds       = Activity[PlanInput, HoldsResult]{"CheckHolds"}        // core
	AgreePlan        = Activity[AgreeInput, AgreeResult]{"AgreePlan"}        // core
	ConfirmWithdrawn = Activity[RefInput, ConfirmResult]{"ConfirmWithdrawn"} // core
	BeginErasing     = Activity[PlanInput, Nothing]{"BeginErasing"}          // core
	Erase            = Activity[EraseInput, EraseResult]{"Erase"}            // the system
	ReadBack         = Activity[EraseInput, ReadBackResult]{"ReadBack"}      // the system
	Certify          = Activity[PlanInput, CertifyResult]{"Certify"}         // core
	ApplyHoldRelease = Activity[TaskInput, Nothing]{"ApplyHoldRelease"}      // core
	HoldFacts        = Activity[RefInput, HoldRound]{"HoldFacts"}            // core
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

// FreezeResult counts the rows that the plan names in a system.
type FreezeResult struct{ Rows int64 }

// PlanFacts is what a workflow must know of a plan that is whole and sealed.
type PlanFacts struct {
	Rows  int64
	Large bool // beyond the map's limit: one more approval
	// Waves are the systems in the order in which they are changed, those of one wave side by side:
	// what hangs on others first, the directory's last.
	Waves [][]string
}

// PreflightResult counts what speaks against the plan in a system.
type PreflightResult struct{ Stops int }

// HoldsResult lists the holds that cover a part of the plan, and the systems that they cover.
type HoldsResult struct {
	Holds   []string
	Systems []string
}

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

// ReadBackResult counts what is still there: rows of the plan, rows outside it that are the
// person's, and rows that point at keys now gone.
type ReadBackResult struct{ Left, Outside, Orphans int64 }

// CertifyResult is the hash of the certificate.
type CertifyResult struct{ Hash []byte }
