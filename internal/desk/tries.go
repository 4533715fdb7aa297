package desk

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// Try is a step of a case that has failed and is tried again by itself, such as one in a system that is
// down. Nobody has to do anything about it before a task asks for it.
type Try struct {
	Step    string     `json:"step"`
	Tries   int        `json:"tries"`
	Problem string     `json:"problem"` // the type of the last error
	Why     string     `json:"why"`     // its text, which holds no values
	Since   time.Time  `json:"since"`
	Next    *time.Time `json:"next_at,omitempty"`
}

// Tries asks Temporal which steps of a case are being tried again, and why. A case that does not run has
// none.
func (d *Desk) Tries(ctx context.Context, ref contract.Ref) ([]Try, error) {
	running, err := d.Temporal.DescribeWorkflowExecution(ctx, string(ref), "")
	if err != nil {
		return nil, d.temporalError(err)
	}
	_, failures := d.Keys.DataConverter(false)
	var list []Try
	for _, a := range running.GetPendingActivities() {
		if a.GetLastFailure() == nil {
			continue
		}
		try := Try{Step: a.GetActivityType().GetName(), Tries: int(a.GetAttempt()), Problem: contract.ErrInternal, Since: a.GetScheduledTime().AsTime()}
		err := failures.FailureToError(a.GetLastFailure())
		var app *temporal.ApplicationError
		if errors.As(err, &app) {
			try.Problem, try.Why = app.Type(), app.Message()
		} else { // the worker died, or was not heard of
			try.Why = "no worker has finished it"
		}
		if next := a.GetNextAttemptScheduleTime(); next != nil {
			at := next.AsTime()
			try.Next = &at
		}
		list = append(list, try)
	}
	return list, nil
}
