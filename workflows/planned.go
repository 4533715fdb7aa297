package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// planned is what the kinds of case have in common that change something by a plan: people agree on it,
// and from its beginning on there is no way back.
type planned struct {
	*request
	plan  int  // the number of the plan, from 1
	begun bool // something may have been changed
	// redraft is how often this very plan was drafted before: of a case that is done at once.
	redraft int
}

func newPlanned(ref contract.Ref, w words) planned {
	return planned{request: newRequest(ref, w), plan: 1}
}

// givenUp is the outcome of a case that staff ended at a step that failed: once something was
// changed it is a partial answer, and never a refusal.
func (c *planned) givenUp() dsr.Outcome {
	if c.begun {
		return dsr.PartlyDone
	}
	return dsr.Refused
}

// unlessWithdrawn is the outcome given, or that of a request that was taken back in time.
func (c *planned) unlessWithdrawn(otherwise dsr.Outcome) dsr.Outcome {
	if c.withdrawn && !c.begun {
		return dsr.Withdrawn
	}
	return otherwise
}

// hearWithdrawal hears that the person took the request back, and believes the casefile, which
// refuses to write it down once the plan has begun.
func (c *planned) hearWithdrawal(ctx workflow.Context) {
	ch := workflow.GetSignalChannel(ctx, contract.Withdraw.Name)
	for ch.Receive(ctx, nil) {
		if c.withdrawn || c.begun {
			continue
		}
		out, err := contract.ConfirmWithdrawn.Run(core(ctx, "ask the casefile whether the request was withdrawn"), contract.RefInput{Ref: c.ref})
		c.withdrawn = c.withdrawn || (err == nil && out.True)
		if c.withdrawn && c.copying {
			c.interrupt()
		}
	}
}

// decided asks for the decision on this plan.
func (c *planned) decided(ctx workflow.Context, state dsr.State, kind dsr.TaskKind) (answer, error) {
	if err := c.enter(ctx, state, "task:"+string(kind)); err != nil {
		return answer{}, err
	}
	return c.humans.ask(ctx, contract.OpenTaskInput{Kind: string(kind), Occasion: fmt.Sprintf("plan-%d", c.plan)}, c.gone)
}

// endedBy is the outcome of a decision other than yes; none when another plan is to be made.
func (c *planned) endedBy(got answer) dsr.Outcome {
	if c.gone() {
		return dsr.Withdrawn
	}
	if got.verdict == dsr.Reject && !c.begun {
		return dsr.Refused
	}
	if got.verdict == dsr.Reject {
		return dsr.PartlyDone // an earlier plan was begun: what it did stays done
	}
	return ""
}

// holds looks for legal holds, and has a human say what becomes of each system that one covers: look
// again, or go on without it, which keeps everything there. With systems given only those matter.
func (c *planned) holds(ctx workflow.Context, among ...string) error {
	for try := 1; ; try++ {
		out, err := step(c.request, ctx, "look for legal holds", contract.CheckHolds, contract.PlanInput{Ref: c.ref, Plan: c.plan}, core)
		if err != nil {
			return err
		}
		held := slices.DeleteFunc(out.Systems, func(s string) bool {
			return slices.Contains(c.partial, s) || len(among) > 0 && !slices.Contains(among, s)
		})
		if len(held) == 0 || c.gone() {
			return nil
		}
		for _, system := range held {
			got, err := c.askHeld(ctx, system, try)
			if err != nil || c.gone() {
				return err
			}
			if got.verdict == dsr.Partial {
				if err := c.leaveOut(ctx, system); err != nil {
					return err
				}
			}
		}
	}
}

func (c *planned) askHeld(ctx workflow.Context, system string, try int) (answer, error) {
	return c.humans.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskHeld), System: system, Problem: contract.ErrHeld,
		Occasion: c.occasion(fmt.Sprintf("%s/%s/%d", system, workflow.Now(ctx).UTC().Format(time.RFC3339), try))}, c.gone)
}

// eachSystem does something for systems side by side.
func (c *planned) eachSystem(ctx workflow.Context, systems []string, do func(workflow.Context, string) error) error {
	var visits []contract.SearchStep
	for _, system := range systems {
		if !slices.Contains(c.partial, system) {
			visits = append(visits, contract.SearchStep{System: system})
		}
	}
	return c.sideBySide(ctx, visits, func(ctx workflow.Context, s contract.SearchStep) error { return do(ctx, s.System) })
}

// occasion names a task of this plan.
func (c *planned) occasion(what string) string {
	if c.redraft > 0 {
		what = fmt.Sprintf("again-%d/%s", c.redraft, what)
	}
	return fmt.Sprintf("plan-%d/%s", c.plan, what)
}

// gone says that nobody needs to answer any more, because the person took the request back.
func (c *planned) gone() bool { return c.withdrawn && !c.begun }
