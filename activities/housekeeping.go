package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// StartUnstarted starts cases whose row was written but whose workflow never began: opening died
// between the two. A case that runs already is left alone. Then it says again what the casefile
// knows and a workflow did not hear, because the portal or Temporal died in between.
func (a *Activities) StartUnstarted(ctx context.Context, in contract.ReconcileInput) (contract.ReconcileResult, error) {
	var out contract.ReconcileResult
	list, err := a.Store.Unstarted(ctx, in.OlderThan, 100)
	if err != nil {
		return out, err
	}
	for _, u := range list {
		ref := u.Ref
		options, workflow, input, err := contract.StartOf(ref, u.Kind)
		if err != nil { // of a version to come: the others are not held up by it
			a.Log.Error("a case of a kind that this worker does not know waits to be started", "ref", ref, "kind", u.Kind)
			continue
		}
		_, err = a.Temporal.ExecuteWorkflow(ctx, options, workflow, input)
		var running *serviceerror.WorkflowExecutionAlreadyStarted
		switch {
		case errors.As(err, &running):
			// Seen to exist: without this a change of the roster would be asked for every minute, and
			// started once more when Temporal has forgotten the first run.
			if err := a.Store.MarkStarted(ctx, ref); err != nil {
				return out, err
			}
			continue
		case err != nil:
			return out, err
		}
		out.Started++
	}
	out.Told, err = a.tell(ctx, in.OlderThan)
	return out, err
}

// tell says again that the person did their part. The workflow asks the casefile before it
// believes, so saying it once too often does nothing.
func (a *Activities) tell(ctx context.Context, olderThan time.Duration) (told int, err error) {
	list, err := a.Store.Unheard(ctx, olderThan, 100)
	if err != nil {
		return 0, err
	}
	for _, u := range list {
		if u.Challenge == "" {
			err = a.Temporal.SignalWorkflow(ctx, string(u.Ref), "", contract.Fetched.Name, contract.FetchedInput{})
		} else {
			// Without an id of its own: an answer that somebody made up is not to be heard for ever.
			short, cancel := context.WithTimeout(ctx, 5*time.Second)
			_, err = a.Temporal.UpdateWorkflow(short, client.UpdateWorkflowOptions{
				WorkflowID: string(u.Ref), UpdateName: contract.ChallengeMet.Name, WaitForStage: client.WorkflowUpdateStageAccepted,
				Args: []any{contract.ChallengeMetInput{Challenge: u.Challenge}},
			})
			cancel()
		}
		if err == nil {
			told++
		} else {
			a.Log.Warn("a case could not be told what it did not hear", "ref", u.Ref, "type", fault.As(err).Type)
		}
	}
	return told, nil
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
