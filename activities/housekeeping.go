package activities

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// StartUnstarted starts cases whose row was written but whose workflow never began: opening died
// between the two. A case that runs already is left alone.
func (a *Activities) StartUnstarted(ctx context.Context, in contract.ReconcileInput) (contract.ReconcileResult, error) {
	var out contract.ReconcileResult
	refs, err := a.Store.Unstarted(ctx, in.OlderThan, 100)
	if err != nil {
		return out, err
	}
	for _, ref := range refs {
		options, workflow, input := contract.StartOf(ref)
		_, err := a.Temporal.ExecuteWorkflow(ctx, options, workflow, input)
		var running *serviceerror.WorkflowExecutionAlreadyStarted
		switch {
		case errors.As(err, &running):
			continue
		case err != nil:
			return out, err
		}
		out.Started++
	}
	return out, nil
}

// SignCheckpoint signs the heads of all ledger chains.
func (a *Activities) SignCheckpoint(ctx context.Context, _ contract.CheckpointInput) (contract.CheckpointResult, error) {
	point, err := a.Store.Checkpoint(ctx)
	return contract.CheckpointResult{Chains: int(point.Chains)}, err
}

// ApplyRoster enrols whom two approvers let in; their signatures are checked here.
func (a *Activities) ApplyRoster(ctx context.Context, in contract.TaskInput) (contract.Nothing, error) {
	return contract.Nothing{}, a.Store.ApplyRoster(ctx, in.Ref, in.Task, a.Pins)
}
