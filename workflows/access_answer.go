package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// answer has the package reviewed, put together, released by a second person and fetched.
func (c *access) answer(ctx workflow.Context) (dsr.Outcome, error) {
	for ; ; c.round++ {
		parts := c.law.parts
		reviewed, err := c.review(ctx, parts)
		if err != nil {
			return "", err
		}
		if reviewed.verdict == "" {
			continue // a part was refused meanwhile: the reviewer looks again
		}
		if reviewed.verdict != dsr.Approve {
			c.doubted = reviewed.task // should the casefile not bear it out
			return dsr.Refused, nil
		}
		released, until, err := c.release(ctx, reviewed.task, parts)
		if err != nil {
			return "", err
		}
		if released {
			if err := c.handOver(ctx, until); err != nil {
				return "", err
			}
			break
		}
		// Whoever releases said no: back to the reviewer, who decides anew.
	}
	if len(c.partial) > 0 || c.withheld {
		return dsr.PartlyDone, nil
	}
	return dsr.Fulfilled, nil
}

func (c *access) review(ctx workflow.Context, parts int) (answer, error) {
	if err := c.enter(ctx, dsr.StateReview, "task:"+string(dsr.TaskReview)); err != nil {
		return answer{}, err
	}
	for ; ; c.round++ {
		got, err := c.humans.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskReview), Occasion: fmt.Sprint(c.round)}, func() bool { return c.law.parts != parts })
		// An answer from before that did not hold is asked for anew.
		if err != nil || !got.known || got.task != c.doubted {
			return got, err
		}
	}
}

// release packs, asks an approver who sees the manifest's hash, and lets the package go. The
// activities check the signatures themselves: what this workflow believes lets nothing out.
func (c *access) release(ctx workflow.Context, review string, parts int) (released bool, until time.Time, err error) {
	c.doubted = review
	packed, err := step(c.request, ctx, "put the package together", contract.Assemble, contract.TaskInput{Ref: c.ref, Task: review}, coreLong)
	if err != nil {
		return false, until, err
	}
	c.doubted, c.withheld = "", packed.Withheld > 0
	if err := c.enter(ctx, dsr.StateRelease, "task:"+string(dsr.TaskRelease)); err != nil {
		return false, until, err
	}
	for {
		got, err := c.humans.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskRelease), Occasion: fmt.Sprint(c.round)},
			func() bool { return c.law.parts != parts })
		if err != nil || got.verdict != dsr.Approve {
			return false, until, err
		}
		const summary = "check the signatures and release the package"
		out, err := contract.Release.Run(core(ctx, summary), contract.TaskInput{Ref: c.ref, Task: got.task})
		if err != nil && !stops(err) && typeOf(err) != contract.ErrNotApproved {
			out, err = step(c.request, ctx, summary, contract.Release, contract.TaskInput{Ref: c.ref, Task: got.task}, core)
		}
		switch {
		case err == nil:
			return true, out.ExpiresAt, nil
		case typeOf(err) != contract.ErrNotApproved:
			return false, until, err
		case got.known:
			return false, until, nil // signed, but not rightly or for another package: everything anew
		}
		// Nobody has signed, whatever we were told: the task still waits.
		workflow.GetMetricsHandler(ctx).Counter("habeas_releases_refused_total").Inc(1)
	}
}

// handOver tells the person and waits until the package was fetched whole or its time is over.
// The legal clock stops here: the answer is out.
func (c *access) handOver(ctx workflow.Context, until time.Time) error {
	c.ready = true
	if err := c.enter(ctx, dsr.StateReady, "person:download"); err != nil {
		return err
	}
	if err := c.tell(ctx, "access_ready", "ready", ""); err != nil {
		return err
	}
	if err := c.show(ctx, "person:download"); err != nil {
		return err
	}
	// The casefile says until when, and not what was configured when the case began. A word from
	// elsewhere cannot make us wait for ever.
	wait := min(until.Sub(workflow.Now(ctx)), 2*c.facts.PackageTTL)
	if until.IsZero() {
		wait = c.facts.PackageTTL
	}
	_, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
		Timeout:      max(wait, time.Millisecond),
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
