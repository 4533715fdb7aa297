package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// gather finds what is held and collects it, system by system side by side.
func (c *access) gather(ctx workflow.Context) error {
	plan, err := c.search(ctx)
	if err != nil {
		return err
	}
	if c.facts.NoData { // the kinds of data are counted, and none of the data is copied
		return nil
	}
	if err := c.collect(ctx, plan.Steps); err != nil {
		return err
	}
	return c.byHand(ctx, plan.ByHand)
}

// collect takes a copy of every collection of the plan. Within one system one after the other, so
// that the case is a polite guest there.
func (c *access) collect(ctx workflow.Context, steps []contract.SearchStep) error {
	c.systems = slices.DeleteFunc(systemsOf(steps), func(s string) bool { return slices.Contains(c.partial, s) })
	if err := c.enter(ctx, dsr.StateCollecting, ""); err != nil {
		return err
	}
	var visits []contract.SearchStep
	for _, system := range slices.Clone(c.systems) {
		visit := contract.SearchStep{System: system}
		for _, s := range steps {
			if s.System != system {
				continue
			}
			for _, collection := range s.Collections {
				// A circle through several systems stands in the plan once a round.
				if !slices.Contains(visit.Collections, collection) {
					visit.Collections = append(visit.Collections, collection)
				}
			}
		}
		visits = append(visits, visit)
	}
	return c.sideBySide(ctx, visits, func(ctx workflow.Context, s contract.SearchStep) error {
		for _, collection := range s.Collections {
			skipped, err := c.patiently(ctx, s.System, "collect "+s.System+"."+collection, func(ctx workflow.Context) workflow.Future {
				return contract.Collect.Start(ctx, contract.CollectInput{Ref: c.ref, System: s.System, Collection: collection})
			}, &contract.CollectResult{}, true)
			if err != nil {
				return err
			}
			if skipped {
				break
			}
		}
		c.answered(s.System)
		return c.show(ctx, c.humans.waiting())
	})
}
