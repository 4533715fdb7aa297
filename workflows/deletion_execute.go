package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// execute carries the plan out, system by system, and looks whether it is so. It returns no outcome
// when what is left needs another plan.
func (c *deletion) execute(ctx workflow.Context, facts contract.PlanFacts) (dsr.Outcome, error) {
	clean, again, err := c.change(ctx, facts, dsr.StateErasing)
	if err != nil || again {
		return "", err
	}
	if err := c.ask(ctx, facts.Processors, facts.ByHand); err != nil {
		return "", err
	}
	if _, err := step(c.request, ctx, "write and sign the certificate", contract.Certify,
		contract.PlanInput{Ref: c.ref, Plan: c.plan}, core); err != nil {
		return "", err
	}
	if !clean || len(c.partial) > 0 {
		return dsr.PartlyDone, nil
	}
	return dsr.Fulfilled, nil
}

// eraseAll changes the systems of a plan, each as soon as those that it waits for are done: one that is
// down delays the case, and no other system. What is begun is ended, or left by a signed decision, before
// another plan is made.
func (c *deletion) eraseAll(ctx workflow.Context, facts contract.PlanFacts) (again bool, err error) {
	ended, broken := slices.Clone(c.partial), false
	err = c.eachSystem(ctx, facts.Order, func(ctx workflow.Context, system string) error {
		before := waitsFor(facts, system)
		err := workflow.Await(ctx, func() bool {
			return again || broken || !slices.ContainsFunc(before, func(s string) bool { return !slices.Contains(ended, s) })
		})
		if err != nil || again || broken {
			return err
		}
		anew, err := c.erase(ctx, system)
		again, broken = again || anew, broken || err != nil
		if err != nil || anew {
			return err
		}
		c.answered(system)
		err = c.show(ctx, c.humans.waiting())
		ended, broken = append(ended, system), broken || err != nil
		return err
	})
	return again, err
}

// waitsFor lists the systems that are changed before one of a plan.
func waitsFor(facts contract.PlanFacts, system string) []string {
	i := slices.Index(facts.Order, system)
	if i < len(facts.After) {
		return facts.After[i]
	}
	return facts.Order[:i]
}

// change carries the plan out in every system and reads it back. clean says that nothing is left, and
// again that another plan is wanted.
func (c *deletion) change(ctx workflow.Context, facts contract.PlanFacts, state dsr.State) (clean, again bool, err error) {
	c.systems = slices.DeleteFunc(slices.Clone(facts.Order), func(s string) bool { return slices.Contains(c.partial, s) })
	if err := c.enter(ctx, state, ""); err != nil {
		return false, false, err
	}
	if again, err := c.eraseAll(ctx, facts); err != nil || again {
		return false, again, err
	}
	return c.check(ctx, facts)
}

// erase changes one system as the plan says. There is no way back across systems and no pretending:
// what cannot be done by trying again is asked of a human, who has it tried again, has a new plan
// made, or leaves the rest of this system, which makes the case partial.
func (c *deletion) erase(ctx workflow.Context, system string) (again bool, err error) {
	for try := 1; ; try++ {
		actx, cancel := workflow.WithCancel(onSystem(ctx, system, fmt.Sprintf("delete in %s by plan %d", system, c.plan)))
		done, failed := false, error(nil)
		future := contract.Erase.Start(actx, contract.EraseInput{Ref: c.ref, Plan: c.plan, System: system})
		workflow.GoNamed(ctx, "await "+system, func(ctx workflow.Context) {
			failed = contract.Get(ctx, future, nil)
			done = true
		})
		left, err := c.outlast(ctx, system, c.facts.Patience[system], c.occasion(fmt.Sprintf("%s/%d", system, try)), true, func() bool { return done })
		cancel()
		switch {
		case err != nil || left:
			return false, err
		case failed == nil:
			return false, nil
		case contract.MadeUp(failed):
			continue
		case stops(failed):
			return false, failed
		case typeOf(failed) == contract.ErrNotApproved:
			return false, errUnfounded
		}
		kind := dsr.TaskEraseFailed
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

// check looks with the plan's own locators and with a fresh discovery whether anything is left. What
// is becomes a human's question; clean says that nothing was, and again that another plan is wanted.
func (c *deletion) check(ctx workflow.Context, facts contract.PlanFacts) (clean, again bool, err error) {
	for try := 1; ; try++ {
		c.systems = slices.DeleteFunc(slices.Clone(facts.Order), func(s string) bool { return slices.Contains(c.partial, s) })
		if err := c.enter(ctx, dsr.StateChecking, ""); err != nil {
			return false, false, err
		}
		err := c.walk(ctx, fmt.Sprintf("look again after plan %d, look %d", c.plan, try), facts.Fresh, func(ctx workflow.Context, s contract.SearchStep) workflow.Future {
			return contract.Rediscover.Start(ctx, contract.MarkInput{Ref: c.ref, Plan: c.plan, Step: s})
		})
		if err != nil {
			return false, false, err
		}
		left := 0
		err = c.eachSystem(ctx, facts.Order, func(ctx workflow.Context, system string) error {
			var out contract.ReadBackResult
			skipped, err := c.patiently(ctx, system, fmt.Sprintf("read back plan %d in %s, look %d", c.plan, system, try), func(ctx workflow.Context) workflow.Future {
				return contract.ReadBack.Start(ctx, contract.EraseInput{Ref: c.ref, Plan: c.plan, System: system})
			}, &out, true)
			if err != nil || skipped {
				return err
			}
			left += out.Left
			c.answered(system)
			return c.show(ctx, c.humans.waiting())
		})
		if err != nil || left == 0 {
			return true, false, err
		}
		got, err := c.humans.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskLeft),
			Occasion: c.occasion(fmt.Sprint(try)), Problem: contract.ErrConflict}, nil)
		switch {
		case err != nil || got.verdict == dsr.Replan:
			return false, err == nil, err
		case got.verdict == dsr.Partial:
			return false, false, nil
		}
	}
}
