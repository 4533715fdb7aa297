package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// repeats looks for other requests of the same person and kind, now that it is proved who asks and not
// before: an unproved request is nobody's duplicate. They are linked in the casefile. Where a law has it
// asked whether there are too many, a reviewer says that the case goes on; or two people refuse it, which
// ends the pass from outside. Nothing is refused by a number.
func (c *request) repeats(ctx workflow.Context) error {
	if c.facts.Vouched || workflow.GetVersion(ctx, "repeats", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return nil // a controller knows its own people
	}
	facts, err := ifProved(c, ctx, "look for other requests of the same person", contract.LookForRepeats)
	if err != nil || !facts.Asked {
		return err
	}
	_, err = c.humans.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskRepeated), Occasion: "1"}, func() bool { return c.withdrawn })
	return err
}
