package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// inForce has the person prove who they are, has what would stop signed, stops it, and waits for the
// end of the restriction.
func (c *restriction) inForce(ctx workflow.Context) (dsr.Outcome, error) {
	ended, err := c.identify(ctx)
	if err != nil || ended != "" {
		return ended, err
	}
	c.plan, c.begun = max(c.plan, c.facts.Plan), c.begun || c.facts.Begun
	state, err := step(c.request, ctx, "see how far the restriction is", contract.RestrictionFacts, contract.RefInput{Ref: c.ref}, core)
	if err != nil {
		return "", err
	}
	if !state.InForce {
		if _, err := c.planSearch(ctx); err != nil {
			return "", err
		}
		for ended == "" {
			stopped := false
			if stopped, ended, err = c.stopTurn(ctx); err != nil || stopped {
				break
			}
			c.plan++
		}
		if err != nil || ended != "" {
			return ended, err
		}
		if _, err := step(c.request, ctx, "bring the restriction into force", contract.EnterForce, contract.RefInput{Ref: c.ref}, core); err != nil {
			return "", err
		}
	}
	if err := c.tell(ctx, "restricted", "in-force", c.outcome()); err != nil {
		return "", err
	}
	c.stands = true
	return c.untilEnded(ctx)
}

func (c *restriction) outcome() dsr.Outcome {
	if len(c.partial) > 0 {
		return dsr.PartlyDone
	}
	return dsr.Fulfilled
}

// stopTurn is one plan from its drafting to its proof; stopped is false when another plan is needed.
func (c *restriction) stopTurn(ctx workflow.Context) (stopped bool, ended dsr.Outcome, err error) {
	facts, whole, err := c.freeze(ctx)
	if err != nil || !whole || c.withdrawn {
		return false, c.unlessWithdrawn(""), err
	}
	review, err := c.decided(ctx, dsr.StatePlan, dsr.TaskPlan)
	if err != nil || review.verdict != dsr.Approve {
		return false, c.endedBy(review), err
	}
	kind := dsr.TaskErase
	if facts.Large {
		kind = dsr.TaskEraseLarge
	}
	approval, err := c.decided(ctx, dsr.StateApproval, kind)
	if err != nil || approval.verdict != dsr.Approve {
		return false, c.endedBy(approval), err
	}
	began, err := c.beginSigned(ctx, review.task, approval.task)
	if err != nil || !began {
		return false, c.unlessWithdrawn(""), err
	}
	if _, again, err := c.change(ctx, facts, dsr.StateStopping); err != nil || again {
		return false, "", err
	}
	if err := c.enter(ctx, dsr.StateTelling, ""); err != nil {
		return false, "", err
	}
	return true, "", c.tellRecipients(ctx, contract.CallStopped)
}

// beginSigned has the casefile check the signatures and begins at once: what stops can be lifted again,
// and whoever asked wants it now. False when what we were told does not hold, and a new plan is needed.
func (c *restriction) beginSigned(ctx workflow.Context, review, approval string) (bool, error) {
	in := contract.AgreeInput{Ref: c.ref, Plan: c.plan, Review: review, Approval: approval}
	if _, err := contract.AgreePlan.Run(core(ctx, "check the signatures on the plan"), in); err != nil {
		if stops(err) || typeOf(err) == contract.ErrNotApproved {
			return false, notStops(err)
		}
		if _, err = step(c.request, ctx, "check the signatures on the plan", contract.AgreePlan, in, core); err != nil {
			return false, err
		}
	}
	_, err := step(c.request, ctx, "begin to stop", contract.BeginErasing, contract.PlanInput{Ref: c.ref, Plan: c.plan}, core)
	c.begun = c.begun || err == nil
	return err == nil, err
}

// notStops is err where it ends the workflow, and nothing where it is an answer.
func notStops(err error) error {
	if stops(err) {
		return err
	}
	return nil
}

// untilEnded waits, for years where it must, until somebody wants the restriction to end and two people
// sign it; then it tells the person, waits, and sets back what can be set back.
func (c *restriction) untilEnded(ctx workflow.Context) (dsr.Outcome, error) {
	for heard := 0; ; {
		if err := c.enter(ctx, dsr.StateInForce, "staff:end"); err != nil {
			return "", err
		}
		state, err := step(c.request, ctx, "ask whether somebody wants the restriction to end", contract.RestrictionFacts, contract.RefInput{Ref: c.ref}, core)
		if err != nil {
			return "", err
		}
		if state.Asked > heard {
			heard = state.Asked
			c.plan = max(state.LiftFrom, c.facts.Plan)
			ended, err := c.lift(ctx)
			if err != nil || ended {
				return c.outcome(), err
			}
			continue
		}
		c.asked = false
		// The word may have been lost: it is looked for now and then.
		if _, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{Timeout: lookForEnd,
			TimerOptions: workflow.TimerOptions{Summary: "look whether somebody wants the restriction to end"}}, func() bool { return c.asked }); err != nil {
			return "", err
		}
	}
}

// lookForEnd is how often a restriction in force is looked at in the casefile.
const lookForEnd = 30 * 24 * time.Hour

// lift ends the restriction, if two people sign it. It returns false when they do not.
func (c *restriction) lift(ctx workflow.Context) (ended bool, err error) {
	for ; ; c.plan++ {
		facts, whole, err := c.freeze(ctx)
		if err != nil {
			return false, err
		}
		if !whole {
			continue
		}
		if err := c.enter(ctx, dsr.StateInForce, "task:"+string(dsr.TaskLift)); err != nil {
			return false, err
		}
		got, err := c.humans.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskLift), Occasion: fmt.Sprintf("plan-%d", c.plan)}, nil)
		if err != nil || got.verdict != dsr.Approve {
			return false, err
		}
		agreed, err := contract.AgreePlan.Run(core(ctx, "check the signatures on the end of the restriction"),
			contract.AgreeInput{Ref: c.ref, Plan: c.plan, Review: got.task, Approval: got.task})
		if err != nil && (stops(err) || !got.known) {
			return false, notStops(err) // a word that does not hold: two people are asked again when somebody asks again
		}
		if err != nil {
			continue
		}
		if err := c.tell(ctx, "restriction_ending", fmt.Sprintf("plan-%d", c.plan), ""); err != nil {
			return false, err
		}
		if err := c.untilTold(ctx, agreed.Until); err != nil {
			return false, err
		}
		if _, err := step(c.request, ctx, "begin to lift", contract.BeginErasing, contract.PlanInput{Ref: c.ref, Plan: c.plan}, core); err != nil {
			return false, err
		}
		if _, again, err := c.change(ctx, facts, dsr.StateLifting); err != nil {
			return false, err
		} else if again {
			continue
		}
		return true, c.tellRecipients(ctx, contract.CallLifted)
	}
}

// untilTold gives the person time to hear that the restriction ends, and to say something against it
// (GDPR Art. 18(3)).
func (c *restriction) untilTold(ctx workflow.Context, until time.Time) error {
	if err := c.enter(ctx, dsr.StateInForce, "person:told"); err != nil {
		return err
	}
	left := until.Sub(workflow.Now(ctx))
	if left <= 0 {
		return nil
	}
	_, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{Timeout: min(left, longestCoolOff),
		TimerOptions: workflow.TimerOptions{Summary: "lift the restriction: the person was told"}}, func() bool { return false })
	return err
}
