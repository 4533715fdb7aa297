package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// agree has a reviewer and a second person sign the plan, and gives the person time to withdraw.
// Without agreement it returns the outcome, or none when another plan is needed.
func (c *deletion) agree(ctx workflow.Context, facts contract.PlanFacts) (agreed bool, ended dsr.Outcome, err error) {
	if err := c.holds(ctx); err != nil {
		return false, "", err
	}
	review, err := c.decided(ctx, dsr.StatePlan, dsr.TaskPlan)
	if err != nil || review.verdict != dsr.Approve {
		return false, c.endedBy(review), err
	}
	kind := dsr.TaskErase
	if facts.Large {
		kind = dsr.TaskEraseLarge
	}
	for {
		approval, err := c.decided(ctx, dsr.StateApproval, kind)
		if err != nil || approval.verdict != dsr.Approve {
			return false, c.endedBy(approval), err
		}
		const summary = "check the signatures on the plan"
		in := contract.AgreeInput{Ref: c.ref, Plan: c.plan, Review: review.task, Approval: approval.task}
		out, err := contract.AgreePlan.Run(core(ctx, summary), in)
		if err != nil && !stops(err) && typeOf(err) != contract.ErrNotApproved {
			out, err = step(c.request, ctx, summary, contract.AgreePlan, in, core)
		}
		switch {
		case err == nil:
			ended, err := c.coolOff(ctx, out.Until)
			return err == nil && ended == "", ended, err
		case typeOf(err) != contract.ErrNotApproved:
			return false, "", err
		case approval.known || review.known:
			return false, "", nil // signed, but not rightly or for another plan: everything anew
		}
		// Nobody has signed, whatever we were told: the tasks still wait.
		workflow.GetMetricsHandler(ctx).Counter("habeas_releases_refused_total").Inc(1)
		if review, err = c.decided(ctx, dsr.StatePlan, dsr.TaskPlan); err != nil || review.verdict != dsr.Approve {
			return false, c.endedBy(review), err
		}
	}
}

// coolOff tells the person what will happen and when, and waits: until then they may withdraw. Then
// it looks for holds again, and begins. From there on there is no way back.
func (c *deletion) coolOff(ctx workflow.Context, until time.Time) (dsr.Outcome, error) {
	if !c.begun {
		if err := c.tell(ctx, "deletion_approved", "approved", ""); err != nil {
			return "", err
		}
		if err := c.enter(ctx, dsr.StateCooling, "person:withdraw"); err != nil {
			return "", err
		}
	}
	if left := until.Sub(workflow.Now(ctx)); left > 0 && !c.begun {
		_, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout: min(left, longestCoolOff), TimerOptions: workflow.TimerOptions{Summary: "delete if the person does not withdraw"},
		}, c.gone)
		if err != nil {
			return "", err
		}
	}
	for !c.gone() {
		if err := c.holds(ctx); err != nil || c.gone() {
			return c.unlessWithdrawn(""), err
		}
		_, err := contract.BeginErasing.Run(core(ctx, "begin the deletion"), contract.PlanInput{Ref: c.ref, Plan: c.plan})
		switch {
		case err == nil:
			c.begun = true
			return "", nil
		case stops(err):
			return "", err
		case typeOf(err) == contract.ErrHeld:
			continue // it landed just now
		case typeOf(err) == contract.ErrNotApproved:
			return c.refusedToBegin(ctx)
		}
		if _, err := step(c.request, ctx, "begin the deletion", contract.BeginErasing,
			contract.PlanInput{Ref: c.ref, Plan: c.plan}, core); err != nil {
			return "", err
		}
		c.begun = true
		return "", nil
	}
	return dsr.Withdrawn, nil
}

// longestCoolOff is the most that a word from elsewhere can make us wait.
const longestCoolOff = 92 * 24 * time.Hour

// refusedToBegin finds out why nothing may begin: the request was withdrawn and we have not heard, or
// what we were told is not so.
func (c *planned) refusedToBegin(ctx workflow.Context) (dsr.Outcome, error) {
	out, err := step(c.request, ctx, "ask the casefile whether the request was withdrawn", contract.ConfirmWithdrawn,
		contract.RefInput{Ref: c.ref}, core)
	if err != nil {
		return "", err
	}
	if out.True {
		c.withdrawn = true
		return dsr.Withdrawn, nil
	}
	return "", errUnfounded
}
