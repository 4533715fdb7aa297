package contract

import (
	"go.temporal.io/sdk/workflow"
)

// Activity is a typed reference: it lets a workflow call an activity whose code it may not
// import, with arguments checked by the compiler. The worker's registration test holds every
// reference against the function behind it.
type Activity[In, Out any] struct{ Name string }

// Run starts the activity and waits for its result.
func (a Activity[In, Out]) Run(ctx workflow.Context, in In) (Out, error) {
	var out Out
	err := workflow.ExecuteActivity(ctx, a.Name, in).Get(ctx, &out)
	return out, err
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
