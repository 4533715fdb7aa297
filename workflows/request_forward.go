package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// forward sends the request on to the customers for whom alone some of what was found is held, and tells
// the person whom it went to. Neither package nor plan touches those rows: the customer decides.
func (c *request) forward(ctx workflow.Context) error {
	if c.forwarded || c.facts.Vouched || c.facts.AtOnce || workflow.GetVersion(ctx, "forward", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return nil
	}
	found, err := step(c, ctx, "see what is only held for customers", contract.FindCustomers, contract.RefInput{Ref: c.ref}, core)
	if err != nil {
		return err
	}
	for _, key := range found.Keys {
		if err := c.tell(ctx, "forwarded", contract.ForwardOccasion(key), ""); err != nil {
			return err
		}
	}
	if len(found.Keys) > 0 {
		if err := c.tell(ctx, "redirected", "customers", ""); err != nil {
			return err
		}
	}
	c.forwarded = true
	return nil
}
