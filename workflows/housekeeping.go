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
