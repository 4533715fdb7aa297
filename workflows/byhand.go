package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// byHand has people do in systems what no driver can, side by side, and waits for their signed
// answers. A system that a decision leaves out makes the case partial.
func (c *request) byHand(ctx workflow.Context, systems []string) error {
	systems = slices.DeleteFunc(slices.Clone(systems), func(s string) bool { return slices.Contains(c.partial, s) })
	if len(systems) == 0 {
		return nil
	}
	return c.askAll(ctx, systems, c.inOneByHand)
}

func (c *request) inOneByHand(ctx workflow.Context, system string) error {
	occasion := system
	if c.copying {
		occasion = contract.ForCopy + system // the deletion asks there again
	}
	got, err := c.humans.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskByHand), System: system, Occasion: occasion}, nil)
	if err != nil {
		return err
	}
	if got.verdict == dsr.Partial {
		return c.leaveOut(ctx, system)
	}
	c.answered(system)
	return c.show(ctx, c.humans.waiting())
}

// askAll asks in each of the systems, side by side.
func (c *request) askAll(ctx workflow.Context, systems []string, one func(workflow.Context, string) error) error {
	c.systems = slices.Clone(systems)
	if err := c.enter(ctx, dsr.StateAsking, ""); err != nil {
		return err
	}
	var visits []contract.SearchStep
	for _, system := range systems {
		visits = append(visits, contract.SearchStep{System: system})
	}
	return c.sideBySide(ctx, visits, func(ctx workflow.Context, s contract.SearchStep) error { return one(ctx, s.System) })
}

// ask has those act whom no query reaches, once everything that a query reaches is done and read back.
// A hold that landed meanwhile stops each of them.
func (c *planned) ask(ctx workflow.Context, processors, byHand []string) error {
	asked := slices.DeleteFunc(slices.Concat(processors, byHand), func(s string) bool { return slices.Contains(c.partial, s) })
	if len(asked) == 0 {
		return nil
	}
	if err := c.holds(ctx, asked...); err != nil {
		return err
	}
	asked = slices.DeleteFunc(asked, func(s string) bool { return slices.Contains(c.partial, s) })
	if len(asked) == 0 {
		return nil
	}
	return c.askAll(ctx, asked, func(ctx workflow.Context, system string) error {
		if slices.Contains(processors, system) {
			return c.processor(ctx, system)
		}
		return c.inOneByHand(ctx, system)
	})
}
