package desk

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/habeas-dsr/habeas/internal/blobs"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// Desk holds what the operations need. Temporal may be nil for those that only read.
type Desk struct {
	Store    *casefile.Store
	Keys     *seal.Keys
	Map      *datamap.Map
	Blobs    blobs.Store
	Pins     casefile.Pins
	Laws     *jurisdiction.Book
	Temporal client.Client
	Now      func() time.Time
	// CodesPerHour is how often a code may be asked for in an hour, for one case and purpose.
	CodesPerHour int
}

// start starts the workflow of a reference, once.
func (d *Desk) start(ctx context.Context, ref contract.Ref, kind dsr.CaseKind) error {
	options, workflow, input, err := contract.StartOf(ref, string(kind))
	if err != nil {
		return fault.New(contract.ErrInternal, "nothing carries this kind of case out", err)
	}
	_, err = d.Temporal.ExecuteWorkflow(ctx, options, workflow, input)
	var running *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &running) {
		return nil
	}
	return d.temporalError(err)
}

// update sends an update and waits for its answer. The id makes a repeat the same update.
func update[In, Out any](ctx context.Context, d *Desk, ref contract.Ref, u contract.Update[In, Out], id string, in In) (Out, error) {
	var out Out
	handle, err := d.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: string(ref), UpdateName: u.Name, UpdateID: id, Args: []any{in},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, &out)
	}
	return out, d.temporalError(err)
}

// temporalError classifies what came back from Temporal. An update that timed out may still be
// applied: that is said as "not confirmed", never as "failed".
func (d *Desk) temporalError(err error) error {
	if err == nil {
		return nil
	}
	var app *temporal.ApplicationError
	var timeout *client.WorkflowUpdateServiceTimeoutOrCanceledError
	var missing *serviceerror.NotFound
	switch {
	case errors.As(err, &app):
		return fault.New(app.Type(), app.Message(), err)
	case errors.As(err, &timeout), errors.Is(err, context.DeadlineExceeded):
		return fault.New(contract.ErrUnavailable, "not confirmed in time: no worker answered", err).
			WithHint("run the same command again; it will not be done twice. Is habeas-worker running?")
	case errors.As(err, &missing):
		return fault.New(contract.ErrNotOpen, "the case does not run any more, or not yet", err).
			WithHint("look at it with `habeas case show`; one just opened starts within a minute")
	}
	return fault.New(contract.ErrUnavailable, "Temporal did not answer", err).
		WithHint("check TEMPORAL_ADDRESS, or start it with `habeas stack up`")
}
