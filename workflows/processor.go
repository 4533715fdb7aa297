package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// How a processor's request ends, in the protocol's words.
const (
	processorDone   = "completed"
	processorGaveUp = "cancelled"
)

// How often a processor that is at work is asked how far it is: soon at first, then ever less. One that
// calls back is asked at once, and not more often than every few seconds.
const (
	firstLook   = time.Minute
	longestLook = 6 * time.Hour
	leastLook   = 5 * time.Second
)

// Processor asks one other company to delete, or to correct, and waits until it says, signed, that it is done, or gives
// the request back. It takes days where the other takes days. A no is an error of the activity's type.
func Processor(ctx workflow.Context, in contract.ProcessorInput) (contract.ProcessorResult, error) {
	spoke := workflow.GetSignalChannel(ctx, contract.ProcessorSpoke.Name)
	out, err := contract.AskProcessor.Run(onSystem(ctx, in.System, "ask "+in.System+" to act"), in)
	for look := firstLook; err == nil; look = min(2*look, longestLook) {
		if out.Status == processorDone || out.Status == processorGaveUp {
			return contract.ProcessorResult{Status: out.Status}, nil
		}
		since := workflow.Now(ctx)
		spoke.ReceiveWithTimeout(ctx, look, nil)
		if early := leastLook - workflow.Now(ctx).Sub(since); early > 0 {
			if err := workflow.Sleep(ctx, early); err != nil {
				return contract.ProcessorResult{}, err
			}
		}
		for spoke.ReceiveAsync(nil) { //nolint:revive // all that was said meanwhile is one word
		}
		if err := ctx.Err(); err != nil {
			return contract.ProcessorResult{}, err
		}
		out, err = contract.PollProcessor.Run(onSystem(ctx, in.System, "ask "+in.System+" how far it is"), in)
	}
	return contract.ProcessorResult{}, bare(err)
}

// processor has one processor act, as a process of its own, and asks a human when the map's time is
// over, when it says no, and when it gives the request back.
func (c *planned) processor(ctx workflow.Context, system string) error {
	for try := 1; ; try++ {
		cctx, cancel := workflow.WithCancel(ctx)
		done, failed, out := false, error(nil), contract.ProcessorResult{}
		child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(cctx, workflow.ChildWorkflowOptions{
			WorkflowID: contract.ProcessorID(c.ref, system), StaticSummary: c.facts.Kind + " by " + system,
			ParentClosePolicy: enums.PARENT_CLOSE_POLICY_REQUEST_CANCEL, WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
			TypedSearchAttributes: temporal.NewSearchAttributes(contract.AttrKind.ValueSet("processor"), contract.AttrWaitingOn.ValueSet("system:"+system)),
		}), contract.Processor.Name, contract.ProcessorInput{Ref: c.ref, Plan: c.plan, System: system, Try: try})
		workflow.GoNamed(ctx, "await "+system, func(ctx workflow.Context) {
			failed = child.Get(ctx, &out)
			done = true
		})
		left, err := c.outlast(ctx, system, c.facts.Patience[system], c.occasion(fmt.Sprintf("processor %s/%d", system, try)), true, func() bool { return done })
		cancel()
		switch {
		case err != nil || left:
			return err
		case failed == nil && out.Status == processorDone:
			c.answered(system)
			return c.show(ctx, c.humans.waiting())
		}
		if again, err := c.processorFailed(ctx, system, try, failed); err != nil || !again {
			return err
		}
	}
}

// processorFailed asks what becomes of a processor that did not do as it was asked. A child that somebody
// ended by hand is nobody's answer, and is started again.
func (c *planned) processorFailed(ctx workflow.Context, system string, try int, failed error) (again bool, err error) {
	kind, problem := dsr.TaskMapMismatch, contract.ErrRefused
	if failed != nil {
		switch problem = typeOf(failed); problem {
		case contract.ErrNotApproved:
			return false, errUnfounded
		case contract.ErrHeld:
			kind = dsr.TaskHeld
		case contract.ErrInternal:
			return true, workflow.Sleep(ctx, time.Minute)
		}
	}
	got, err := c.humans.ask(ctx, contract.OpenTaskInput{Kind: string(kind), System: system, Problem: problem,
		Occasion: c.occasion(fmt.Sprintf("processor %s/%s/%d", system, workflow.Now(ctx).UTC().Format(time.RFC3339), try))}, nil)
	if err == nil && got.verdict == dsr.Partial {
		return false, c.leaveOut(ctx, system)
	}
	return err == nil, err
}
