package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// draft finds what is held and freezes a plan of what happens to it. whole is false when the plan
// has to be made anew: a system was left out, or something that spoke against it was repaired.
func (c *deletion) draft(ctx workflow.Context) (facts contract.PlanFacts, whole bool, err error) {
	if !c.begun {
		if _, err := c.search(ctx); err != nil {
			return facts, false, err
		}
	}
	return c.freeze(ctx)
}

// freeze makes a plan of what was found.
func (c *deletion) freeze(ctx workflow.Context) (facts contract.PlanFacts, whole bool, err error) {
	walk, err := step(c.request, ctx, "begin a plan", contract.StartPlan, contract.PlanInput{Ref: c.ref, Plan: c.plan}, core)
	if err != nil {
		return facts, false, err
	}
	without := len(c.partial)
	c.systems = slices.Clone(walk.Systems)
	if err := c.enter(ctx, dsr.StatePlanning, ""); err != nil {
		return facts, false, err
	}
	err = c.walk(ctx, fmt.Sprintf("find for plan %d", c.plan), walk.Anew, func(ctx workflow.Context, s contract.SearchStep) workflow.Future {
		return contract.Rediscover.Start(ctx, contract.MarkInput{Ref: c.ref, Plan: c.plan, Step: s})
	})
	if err != nil || len(c.partial) != without {
		return facts, false, err
	}
	err = c.walk(ctx, fmt.Sprintf("freeze plan %d", c.plan), walk.Steps, func(ctx workflow.Context, s contract.SearchStep) workflow.Future {
		return contract.MarkRows.Start(ctx, contract.MarkInput{Ref: c.ref, Plan: c.plan, Step: s})
	})
	if err != nil || len(c.partial) != without {
		return facts, false, err
	}
	stops, err := c.draftSystems(ctx, walk.Systems)
	if err != nil || stops || len(c.partial) != without {
		return facts, false, err
	}
	facts, err = step(c.request, ctx, "seal the plan", contract.SealPlan, contract.PlanInput{Ref: c.ref, Plan: c.plan}, core)
	return facts, err == nil, err
}

// draftSystems has every system say what happens there and what speaks against it. What does
// becomes a task; stops says that there was some.
func (c *deletion) draftSystems(ctx workflow.Context, systems []string) (stops bool, err error) {
	err = c.eachSystem(ctx, systems, func(ctx workflow.Context, system string) error {
		var out contract.DraftResult
		left, err := c.patiently(ctx, system, fmt.Sprintf("draft plan %d in %s", c.plan, system), func(ctx workflow.Context) workflow.Future {
			return contract.DraftPlan.Start(ctx, contract.EraseInput{Ref: c.ref, Plan: c.plan, System: system})
		}, &out, true)
		if err != nil || left {
			return err
		}
		c.answered(system)
		if out.Stops == 0 {
			return c.show(ctx, c.humans.waiting())
		}
		stops = true
		got, err := c.humans.ask(ctx, contract.OpenTaskInput{
			Kind: string(dsr.TaskPreflight), Occasion: c.occasion(system), System: system, Problem: contract.ErrRefused}, c.gone)
		if err == nil && got.verdict == dsr.Partial {
			err = c.leaveOut(ctx, system)
		}
		return err
	})
	return stops, err
}
