package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// Reconcile starts the cases whose row was written but whose workflow never began. A Schedule
// runs it every minute.
func Reconcile(ctx workflow.Context, in contract.ReconcileInput) (contract.ReconcileResult, error) {
	return contract.StartUnstarted.Run(coreLong(ctx, "start what was left between row and workflow"), in)
}

// Checkpoint signs the heads of all ledger chains. A Schedule runs it every hour.
func Checkpoint(ctx workflow.Context, in contract.CheckpointInput) (contract.CheckpointResult, error) {
	return contract.SignCheckpoint.Run(coreLong(ctx, "sign the heads of all ledger chains"), in)
}

// Digest tells staff what is due and what waits for them. A Schedule runs it every hour.
func Digest(ctx workflow.Context, in contract.DigestInput) (contract.DigestResult, error) {
	return contract.SendDigests.Run(letters(ctx, "tell staff what is due"), in)
}

// Forget forgets cases whose record-keeping time is over. A Schedule runs it every day.
func Forget(ctx workflow.Context, in contract.ForgetInput) (contract.ForgetResult, error) {
	return contract.ForgetCases.Run(coreLong(ctx, "forget cases whose time is over"), in)
}
