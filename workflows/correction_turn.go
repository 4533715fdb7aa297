package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// turn is one plan from its drafting to its proof. It returns no outcome when another plan is needed: what
// somebody changed meanwhile is shown again.
func (c *correction) turn(ctx workflow.Context) (dsr.Outcome, error) {
	facts, whole, err := c.draft(ctx)
	if err != nil || !whole || c.gone() {
		return c.unlessWithdrawn(""), err
	}
	agreed, ended, err := c.agree(ctx, facts)
	if err != nil || !agreed {
		return ended, err
	}
	if err := c.wipeLater(ctx); err != nil {
		return "", err
	}
	return c.execute(ctx, facts)
}

// draft finds every copy and freezes a plan. whole is false when it has to be made anew.
func (c *correction) draft(ctx workflow.Context) (facts contract.CorrectionFacts, whole bool, err error) {
	if !c.begun {
		if _, err := c.search(ctx); err != nil {
			return facts, false, err
		}
	}
	in := contract.PlanInput{Ref: c.ref, Plan: c.plan}
	walk, err := step(c.request, ctx, "begin a plan", contract.StartCorrection, in, core)
	if err != nil {
		return facts, false, err
	}
	without := len(c.partial)
	c.systems = slices.Clone(walk.Systems)
	if err := c.enter(ctx, dsr.StatePlanning, ""); err != nil {
		return facts, false, err
	}
	err = c.walk(ctx, fmt.Sprintf("find for plan %d", c.plan), walk.Anew, func(ctx workflow.Context, s contract.SearchStep) workflow.Future {
		return contract.FindCopies.Start(ctx, contract.MarkInput{Ref: c.ref, Plan: c.plan, Step: s})
	})
	if err != nil || len(c.partial) != without {
		return facts, false, err
	}
	// Without the directory's row nobody knows what is wrong: it cannot be left out.
	if _, err := c.patiently(ctx, walk.Home, fmt.Sprintf("read what plan %d is to correct", c.plan), func(ctx workflow.Context) workflow.Future {
		return contract.ReadOriginals.Start(ctx, contract.EraseInput{Ref: c.ref, Plan: c.plan, System: walk.Home})
	}, nil, false); err != nil {
		return facts, false, err
	}
	err = c.eachSystem(ctx, walk.Systems, func(ctx workflow.Context, system string) error {
		left, err := c.patiently(ctx, system, fmt.Sprintf("draft plan %d in %s", c.plan, system), func(ctx workflow.Context) workflow.Future {
			return contract.DraftCorrection.Start(ctx, contract.EraseInput{Ref: c.ref, Plan: c.plan, System: system})
		}, nil, true)
		if err != nil || left {
			return err
		}
		c.answered(system)
		return c.show(ctx, c.humans.waiting())
	})
	if err != nil || len(c.partial) != without {
		return facts, false, err
	}
	facts, err = step(c.request, ctx, "seal the plan", contract.SealCorrection, in, core)
	return facts, err == nil, err
}

// agree has a reviewer look at before and after, and, where a name, an ID number or an invoice changes,
// the name checked anew and a second person sign. Without agreement it returns the outcome, or none when
// another plan is needed.
func (c *correction) agree(ctx workflow.Context, facts contract.CorrectionFacts) (agreed bool, ended dsr.Outcome, err error) {
	if err := c.holds(ctx); err != nil || c.gone() {
		return false, c.unlessWithdrawn(""), err
	}
	review, err := c.decided(ctx, dsr.StatePlan, dsr.TaskCorrect)
	if err != nil || review.verdict != dsr.Approve {
		return false, c.endedBy(review), err
	}
	approval := answer{}
	if facts.Strict {
		denied, err := c.checkName(ctx, facts)
		if err != nil || denied || c.gone() {
			return false, c.unlessWithdrawn(""), err
		}
		if approval, err = c.decided(ctx, dsr.StateApproval, dsr.TaskCorrectStrict); err != nil || approval.verdict != dsr.Approve {
			return false, c.endedBy(approval), err
		}
	}
	agree := contract.AgreeInput{Ref: c.ref, Plan: c.plan, Review: review.task, Approval: approval.task}
	const summary = "check all that stands behind the plan"
	_, err = contract.AgreeCorrection.Run(core(ctx, summary), agree)
	if err != nil && !stops(err) && typeOf(err) != contract.ErrNotApproved {
		_, err = step(c.request, ctx, summary, contract.AgreeCorrection, agree, core)
	}
	switch {
	case err == nil:
		return c.beginNow(ctx)
	case typeOf(err) == contract.ErrNotApproved:
		// Signed, but not rightly or with something missing; or nobody has signed, whatever we were told.
		workflow.GetMetricsHandler(ctx).Counter("habeas_releases_refused_total").Inc(1)
		return false, "", nil
	}
	return false, "", err
}

// beginNow begins, unless a hold has landed or the person took the request back.
func (c *correction) beginNow(ctx workflow.Context) (bool, dsr.Outcome, error) {
	for !c.gone() {
		if err := c.holds(ctx); err != nil || c.gone() {
			return false, c.unlessWithdrawn(""), err
		}
		_, err := contract.BeginCorrecting.Run(core(ctx, "begin the correction"), contract.PlanInput{Ref: c.ref, Plan: c.plan})
		switch {
		case err == nil:
			c.begun = true
			return true, "", nil
		case stops(err):
			return false, "", err
		case typeOf(err) == contract.ErrHeld:
			continue // it landed just now
		case typeOf(err) == contract.ErrNotApproved:
			ended, err := c.refusedToBegin(ctx)
			return false, ended, err
		}
		if _, err := step(c.request, ctx, "begin the correction", contract.BeginCorrecting, contract.PlanInput{Ref: c.ref, Plan: c.plan}, core); err != nil {
			return false, "", err
		}
		c.begun = true
		return true, "", nil
	}
	return false, c.unlessWithdrawn(""), nil
}

// checkName has the real name checked anew: by the identity system of the map, and otherwise by people.
// denied says that somebody signed that it does not hold: the next plan leaves those fields as they are.
func (c *correction) checkName(ctx workflow.Context, facts contract.CorrectionFacts) (denied bool, err error) {
	if c.facts.Vouched {
		return false, nil // the controller has checked it
	}
	if facts.NameSystem != "" {
		var out contract.RealNameResult
		left, err := c.patiently(ctx, facts.NameSystem, fmt.Sprintf("check the real name for plan %d", c.plan), func(ctx workflow.Context) workflow.Future {
			return contract.CheckRealName.Start(ctx, contract.EraseInput{Ref: c.ref, Plan: c.plan, System: facts.NameSystem})
		}, &out, false)
		if err != nil || (!left && out.Known) {
			return false, err
		}
	}
	got, err := c.decided(ctx, dsr.StateApproval, dsr.TaskRealName)
	return got.verdict == dsr.Reject, err
}

// execute carries the plan out, looks whether it is so, and tells those who are to know.
func (c *correction) execute(ctx workflow.Context, facts contract.CorrectionFacts) (dsr.Outcome, error) {
	c.systems = slices.DeleteFunc(slices.Clone(facts.Order), func(s string) bool { return slices.Contains(c.partial, s) })
	if err := c.enter(ctx, dsr.StateCorrecting, ""); err != nil {
		return "", err
	}
	for _, system := range facts.Order {
		if slices.Contains(c.partial, system) {
			continue
		}
		again, err := c.correctIn(ctx, system)
		if err != nil || again {
			return "", err
		}
		c.answered(system)
		if err := c.show(ctx, c.humans.waiting()); err != nil {
			return "", err
		}
	}
	left, err := c.lookAgain(ctx, facts)
	if err != nil || left > 0 {
		return "", err // shown to the reviewer again, as a plan of its own
	}
	if err := c.ask(ctx, facts.Processors, facts.ByHand); err != nil {
		return "", err
	}
	return c.outcome(ctx)
}

// outcome asks the casefile how much of what was asked for is done.
func (c *correction) outcome(ctx workflow.Context) (dsr.Outcome, error) {
	out, err := step(c.request, ctx, "see how much was corrected", contract.CorrectionOutcome, contract.RefInput{Ref: c.ref}, core)
	return dsr.Outcome(out.Outcome), err
}

// correctIn corrects one system as the plan says. What cannot be done by trying again is asked of a human,
// who has it tried again, has a new plan made, or leaves this system, which makes the case partial.
func (c *correction) correctIn(ctx workflow.Context, system string) (again bool, err error) {
	for try := 1; ; try++ {
		actx, cancel := workflow.WithCancel(onSystem(ctx, system, fmt.Sprintf("correct in %s by plan %d", system, c.plan)))
		done, failed := false, error(nil)
		future := contract.Correct.Start(actx, contract.EraseInput{Ref: c.ref, Plan: c.plan, System: system})
		workflow.GoNamed(ctx, "await "+system, func(ctx workflow.Context) {
			failed = contract.Get(ctx, future, nil)
			done = true
		})
		left, err := c.outlast(ctx, system, c.facts.Patience[system], c.occasion(fmt.Sprintf("%s/%d", system, try)), true, func() bool { return done })
		cancel()
		switch {
		case err != nil || left || failed == nil:
			return false, err
		case contract.MadeUp(failed):
			continue
		case stops(failed):
			return false, failed
		case typeOf(failed) == contract.ErrNotApproved:
			return false, errUnfounded
		}
		kind := dsr.TaskCorrectFailed
		if typeOf(failed) == contract.ErrHeld {
			kind = dsr.TaskHeld
		}
		got, err := c.humans.ask(ctx, contract.OpenTaskInput{Kind: string(kind), System: system, Problem: typeOf(failed),
			Occasion: c.occasion(fmt.Sprintf("%s/%s/%d", system, workflow.Now(ctx).UTC().Format(time.RFC3339), try))}, nil)
		switch {
		case err != nil:
			return false, err
		case got.verdict == dsr.Replan:
			return true, nil
		case got.verdict == dsr.Partial:
			return false, c.leaveOut(ctx, system)
		}
	}
}

// lookAgain counts what the planned rows and a fresh discovery still hold of the old values.
func (c *correction) lookAgain(ctx workflow.Context, facts contract.CorrectionFacts) (left int, err error) {
	c.systems = slices.DeleteFunc(slices.Clone(facts.Order), func(s string) bool { return slices.Contains(c.partial, s) })
	if err := c.enter(ctx, dsr.StateChecking, ""); err != nil {
		return 0, err
	}
	err = c.walk(ctx, fmt.Sprintf("look again after plan %d", c.plan), facts.Fresh, func(ctx workflow.Context, s contract.SearchStep) workflow.Future {
		return contract.FindCopies.Start(ctx, contract.MarkInput{Ref: c.ref, Plan: c.plan, Step: s})
	})
	if err != nil {
		return 0, err
	}
	err = c.eachSystem(ctx, facts.Order, func(ctx workflow.Context, system string) error {
		var out contract.ReadBackResult
		skipped, err := c.patiently(ctx, system, fmt.Sprintf("read back plan %d in %s", c.plan, system), func(ctx workflow.Context) workflow.Future {
			return contract.CheckCorrected.Start(ctx, contract.EraseInput{Ref: c.ref, Plan: c.plan, System: system})
		}, &out, true)
		if err != nil || skipped {
			return err
		}
		left += out.Left
		c.answered(system)
		return c.show(ctx, c.humans.waiting())
	})
	return left, err
}
