package contract

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Activity is a typed reference: it lets a workflow call an activity whose code it may not
// import, with arguments checked by the compiler. The worker's registration test holds every
// reference against the function behind it.
type Activity[In, Out any] struct{ Name string }

// Run starts the activity and waits for its result. A result that this installation did not seal is
// not one: the activity runs again.
func (a Activity[In, Out]) Run(ctx workflow.Context, in In) (Out, error) {
	for {
		var out Out
		err := Get(ctx, a.Start(ctx, in), &out)
		if !MadeUp(err) {
			return out, err
		}
	}
}

// Get waits for the result of an activity that was started. Besides what the activity itself
// answered and a cancellation it returns errors for which MadeUp holds. Anything else, such as a
// result sealed with a key that has not reached this worker yet, blocks the workflow task until it
// can be read: a case never fails of it.
func Get(ctx workflow.Context, future workflow.Future, out any) error {
	err := future.Get(ctx, out)
	var answered *temporal.ActivityError
	if err == nil || errors.As(err, &answered) || temporal.IsCanceledError(err) || MadeUp(err) {
		return err
	}
	panic(err)
}

// MadeUp says whether err is the codec's word that a payload was never sealed by this installation,
// and never will have been: somebody who reaches the Temporal server completed the activity.
func MadeUp(err error) bool {
	var m interface{ MadeUp() bool }
	return errors.As(err, &m) && m.MadeUp()
}

// Start starts the activity; the future yields an Out.
func (a Activity[In, Out]) Start(ctx workflow.Context, in In) workflow.Future {
	return workflow.ExecuteActivity(ctx, a.Name, in)
}

// RunLocal runs the activity inside the workflow task: for short writes to the casefile only.
func (a Activity[In, Out]) RunLocal(ctx workflow.Context, in In) (Out, error) {
	var out Out
	err := workflow.ExecuteLocalActivity(ctx, a.Name, in).Get(ctx, &out)
	return out, err
}

// Workflow is a typed reference to a workflow.
type Workflow[In, Out any] struct{ Name string }

// Update is a typed reference to an update of a workflow.
type Update[In, Out any] struct{ Name string }

// Signal is a typed reference to a signal of a workflow.
type Signal[In any] struct{ Name string }

// Query is a typed reference to a query of a workflow.
type Query[Out any] struct{ Name string }
