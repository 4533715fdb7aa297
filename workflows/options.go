package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// Every activity is retried for ever while its error is a passing one; the worker marks the lasting
// ones, which come back at once. What waits for a system is bounded by a timer beside it (the
// map's patience), never by a schedule-to-close time-out, which would lose the answer.

const (
	quick     = 30 * time.Second // one transaction on the casefile
	long      = 48 * time.Hour   // streams; a heartbeat tells that they live
	heartbeat = 10 * time.Second
)

// core is a step that touches only the casefile.
func core(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: contract.QueueCore, StartToCloseTimeout: quick, Summary: summary,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, MaximumInterval: time.Minute},
	})
}

// coreLong is a step on the casefile and the blob store that may take as long as the data is large.
func coreLong(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: contract.QueueCore, StartToCloseTimeout: long, HeartbeatTimeout: heartbeat, Summary: summary,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
	})
}

// local is a short write to the casefile inside the workflow task.
func local(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 5 * time.Second, ScheduleToCloseTimeout: 8 * time.Second, Summary: summary,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, MaximumInterval: 5 * time.Second},
	})
}

// letters is a step that talks to the mail server or the SMS webhook.
func letters(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: contract.QueueLetters, StartToCloseTimeout: 15 * time.Minute, HeartbeatTimeout: heartbeat, Summary: summary,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 5 * time.Minute},
	})
}

// onSystem is a step on one of the company's systems.
func onSystem(ctx workflow.Context, system, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: contract.QueueSystem(system), StartToCloseTimeout: long, HeartbeatTimeout: heartbeat,
		Summary: summary, WaitForCancellation: false,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 5 * time.Minute},
	})
}

// callback is a word to another company, which may be away for long; in the end it asks us.
func callback(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: contract.QueueLetters, StartToCloseTimeout: 2 * time.Minute, Summary: summary,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Hour, MaximumAttempts: 40},
	})
}
