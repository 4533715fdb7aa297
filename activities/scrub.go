package activities

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Scrub lets no unclassified error text through to Temporal: SQL and SMTP errors quote values and
// addresses. What is classified passes with its safe text; everything else becomes
// contract.ErrInternal, and its cause stands in the worker's log only by its type.
func Scrub(log *slog.Logger) interceptor.WorkerInterceptor { return &scrub{log: log} }

type scrub struct {
	interceptor.WorkerInterceptorBase
	log *slog.Logger
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (s *scrub) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &scrubbed{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, log: s.log}
}

type scrubbed struct {
	interceptor.ActivityInboundInterceptorBase
	log *slog.Logger
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (s *scrubbed) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (out any, err error) {
	defer func() {
		if p := recover(); p != nil {
			info := activity.GetInfo(ctx)
			s.log.Error("an activity panicked", "activity", info.ActivityType.Name, "workflow", info.WorkflowExecution.ID,
				"kind", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			out, err = nil, temporal.NewApplicationError("unexpected failure; the worker's log has the details", contract.ErrInternal)
		}
	}()
	ctx, stop := beat(ctx)
	defer stop()
	out, err = s.Next.ExecuteActivity(ctx, in)
	if err == nil {
		return out, nil
	}
	return nil, s.classify(ctx, err)
}

func (s *scrubbed) classify(ctx context.Context, err error) error {
	info := activity.GetInfo(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		select {
		case <-activity.GetWorkerStopChannel(ctx):
			return temporal.NewApplicationErrorWithOptions("the worker is stopping", contract.ErrStopping,
				temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign})
		default:
			return temporal.NewCanceledError()
		}
	}
	e := fault.As(err)
	s.log.Warn("an activity failed", "activity", info.ActivityType.Name, "workflow", info.WorkflowExecution.ID,
		"attempt", info.Attempt, "type", e.Type, "text", e.Text, "cause", kindOf(e.Cause()))
	return temporal.NewApplicationErrorWithOptions(e.Text, e.Type, temporal.ApplicationErrorOptions{
		NonRetryable: e.Permanent, NextRetryDelay: e.RetryAfter})
}

// kindOf names the types along a chain of errors; their texts may quote a person's values.
func kindOf(err error) string {
	kinds := ""
	for ; err != nil; err = errors.Unwrap(err) {
		if kinds != "" {
			kinds += " < "
		}
		kinds += fmt.Sprintf("%T", err)
		if code, ok := err.(interface{ SQLState() string }); ok {
			kinds += "(" + code.SQLState() + ")"
		}
	}
	return kinds
}
