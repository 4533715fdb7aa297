package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// answer has the package reviewed, put together, released by a second person and fetched.
func (c *access) answer(ctx workflow.Context) (dsr.Outcome, error) {
	for {
		c.round++
		approved, err := c.review(ctx)
		if err != nil {
			return "", err
		}
		if !approved {
			return dsr.Refused, nil
		}
		released, err := c.release(ctx)
		if err != nil {
			return "", err
		}
		if released {
			break
		}
		// Whoever releases said no: back to the reviewer, who decides anew.
	}
	if err := c.handOver(ctx); err != nil {
		return "", err
	}
	if len(c.partial) > 0 {
		return dsr.PartlyDone, nil
	}
	return dsr.Fulfilled, nil
}

func (c *access) review(ctx workflow.Context) (bool, error) {
	if err := c.enter(ctx, dsr.StateReview, "task:"+string(dsr.TaskReview)); err != nil {
		return false, err
	}
	verdict, _, err := c.humans.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskReview), Occasion: fmt.Sprint(c.round)}, nil)
	return verdict == dsr.Approve, err
}

// release packs, asks an approver who sees the manifest's hash, and lets the package go. The
// activity checks the signatures itself: what this workflow believes lets nothing out.
func (c *access) release(ctx workflow.Context) (bool, error) {
	_, err := step(c, ctx, "put the package together", contract.Assemble, contract.RefInput{Ref: c.ref}, coreLong)
	if err != nil {
		return false, err
	}
	if err := c.enter(ctx, dsr.StateRelease, "task:"+string(dsr.TaskRelease)); err != nil {
		return false, err
	}
	verdict, task, err := c.humans.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskRelease), Occasion: fmt.Sprint(c.round)}, nil)
	if err != nil || verdict != dsr.Approve {
		return false, err
	}
	_, err = contract.Release.Run(core(ctx, "check the signatures and release the package"), contract.TaskInput{Ref: c.ref, Task: task})
	if err != nil && typeOf(err) == contract.ErrNotApproved {
		workflow.GetMetricsHandler(ctx).Counter("habeas_releases_refused_total").Inc(1)
		return false, nil
	}
	if err != nil && !stops(err) {
		_, err = step(c, ctx, "check the signatures and release the package", contract.Release, contract.TaskInput{Ref: c.ref, Task: task}, core)
	}
	return err == nil, err
}

// handOver tells the person and waits until the package was fetched whole or its time is over.
// The legal clock stops here: the answer is out.
func (c *access) handOver(ctx workflow.Context) error {
	c.ready = true
	if err := c.enter(ctx, dsr.StateReady, "person:download"); err != nil {
		return err
	}
	if err := c.tell(ctx, "access_ready", "ready", ""); err != nil {
		return err
	}
	_, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
		Timeout:      c.facts.PackageTTL,
		TimerOptions: workflow.TimerOptions{Summary: "wipe the package if nobody fetched it"},
	}, func() bool { return c.fetched })
	return err
}

// hearFetched hears that the package was downloaded whole, and believes the casefile.
func (c *access) hearFetched(ctx workflow.Context) {
	ch := workflow.GetSignalChannel(ctx, contract.Fetched.Name)
	for ch.Receive(ctx, nil) {
		if !c.ready || c.fetched {
			continue
		}
		out, err := contract.ConfirmFetched.Run(core(ctx, "ask the casefile whether the package was fetched"), contract.RefInput{Ref: c.ref})
		c.fetched = c.fetched || (err == nil && out.True)
	}
}
