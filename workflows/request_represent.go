package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// represent has whoever asks for somebody else show that they may, before anybody is looked up: staff attach
// what came, and somebody else decides on it. It returns an outcome when the case ends here; what the
// requester is told then is the same whether we know the person or not.
func (c *request) represent(ctx workflow.Context) (dsr.Outcome, error) {
	if c.facts.Represented == "" || c.mayAct {
		return "", nil
	}
	for round := 1; ; round++ {
		got, err := c.documents(ctx, fmt.Sprintf("round-%d", round))
		if err != nil || c.withdrawn {
			return c.onlyWithdrawn(), err
		}
		if got.verdict == dsr.Retry {
			continue
		}
		c.mayAct = got.verdict == dsr.Approve
		letter, outcome := "representative_declined", dsr.Unverified
		if c.mayAct {
			letter, outcome = "representative_accepted", ""
		}
		return outcome, c.tell(ctx, letter, "representative", "")
	}
}

// documents waits for what the requester shows, and for the decision on it.
func (c *request) documents(ctx workflow.Context, round string) (answer, error) {
	kind := dsr.MayActTask(c.facts.Represented)
	if err := c.enter(ctx, dsr.StateVerifying, "task:"+string(dsr.TaskAuthority)); err != nil {
		return answer{}, err
	}
	gone := func() bool { return c.withdrawn }
	if got, err := c.humans.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskAuthority), Occasion: round}, gone); err != nil || gone() {
		return got, err
	}
	if err := c.enter(ctx, dsr.StateVerifying, "task:"+string(kind)); err != nil {
		return answer{}, err
	}
	got, err := c.humans.ask(ctx, contract.OpenTaskInput{Kind: string(kind), Occasion: round}, gone)
	if err != nil || got.verdict == dsr.Retry {
		return got, err
	}
	return got, c.wipeAfter(ctx, dsr.TaskAuthority, c.facts.EvidenceFor)
}

func (c *request) onlyWithdrawn() dsr.Outcome {
	if c.withdrawn {
		return dsr.Withdrawn
	}
	return ""
}
