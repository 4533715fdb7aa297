package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// correction is the state of one correction case (PIPL 46, GDPR 16).
type correction struct {
	planned
	wishes contract.WishFacts
}

var correctionWords = words{ack: "correction_ack", end: func(outcome dsr.Outcome, settled bool) string {
	switch {
	case !settled:
		return ""
	case outcome == dsr.Unverified:
		return "case_unverified"
	case outcome == dsr.Fulfilled, outcome == dsr.PartlyDone:
		return "correction_done"
	}
	return "correction_ended"
}}

// Correction carries out one correction case: who is asking, codes to new addresses, a proof where the
// map asks for one, every copy of the old value, the word of one person or two, the correction by compare
// and set, a look whether it is so, and those who are told.
func Correction(ctx workflow.Context, in contract.CaseInput) (contract.CaseResult, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx) // as Access
	c := &correction{planned: newPlanned(in.Ref, correctionWords)}
	c.law.finished = func() bool { return c.begun }
	if err := c.listen(ctx); err != nil {
		return contract.CaseResult{}, err
	}
	workflow.GoNamed(ctx, "withdrawal", c.hearWithdrawal)
	outcome, err := c.carryOut(ctx, c.pass, func() { c.withdrawn, c.begun = false, false }, c.givenUp)
	if err != nil {
		return contract.CaseResult{}, err
	}
	if err := c.wipeLater(ctx); err != nil {
		return contract.CaseResult{}, err
	}
	err = workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
	return contract.CaseResult{Outcome: string(outcome)}, err
}

// pass goes through the case from its beginning to its end. Every step may run again: the casefile
// knows what is done.
func (c *correction) pass(ctx workflow.Context) (dsr.Outcome, error) {
	ended, err := c.begin(ctx)
	if err != nil {
		return "", err
	}
	c.plan, c.begun = max(c.plan, c.facts.Plan), c.begun || c.facts.Begun
	if ended == "" {
		ended, err = c.check(ctx)
	}
	for err == nil && ended == "" {
		if ended, err = c.turn(ctx); ended == "" && err == nil {
			c.plan++
		}
	}
	if err != nil {
		return "", err
	}
	return ended, c.close(ctx, ended)
}

// check has new addresses confirmed by a code to each, and asks for the proof where the map wants one.
// What does not come is refused in the plan, with its reason.
func (c *correction) check(ctx workflow.Context) (dsr.Outcome, error) {
	var err error
	if c.wishes, err = step(c.request, ctx, "look at what is to be corrected", contract.CheckWishes, contract.RefInput{Ref: c.ref}, core); err != nil {
		return "", err
	}
	if c.begun {
		return "", nil
	}
	if len(c.wishes.Confirm) > 0 {
		if err := c.confirm(ctx); err != nil || c.gone() {
			return c.unlessWithdrawn(""), err
		}
	}
	if !c.wishes.Evidence {
		return "", nil
	}
	if err := c.enter(ctx, dsr.StateProving, "task:"+string(dsr.TaskEvidence)); err != nil {
		return "", err
	}
	_, err = c.humans.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskEvidence), Occasion: "proof"}, c.gone)
	return c.unlessWithdrawn(""), err
}

// confirm sends a code to each new address and waits until all are confirmed, or the time is over.
func (c *correction) confirm(ctx workflow.Context) error {
	if err := c.enter(ctx, dsr.StateConfirming, "person:code"); err != nil {
		return err
	}
	for _, purpose := range c.wishes.Confirm {
		if err := c.sendTo(ctx, purpose); err != nil || c.gone() {
			return err
		}
	}
	if err := c.enter(ctx, dsr.StateConfirming, "person:code"); err != nil {
		return err
	}
	spoke := workflow.GetSignalChannel(ctx, contract.ChannelConfirmed.Name)
	end := workflow.Now(ctx).Add(c.facts.VerifyWithin)
	for !c.gone() {
		out, err := step(c.request, ctx, "ask the casefile which new addresses are confirmed", contract.CheckWishes, contract.RefInput{Ref: c.ref}, core)
		left := end.Sub(workflow.Now(ctx))
		if err != nil || len(out.Confirm) == 0 || left <= 0 {
			return err
		}
		heard := false
		listening, stop := workflow.WithCancel(ctx)
		workflow.GoNamed(listening, "confirmed", func(ctx workflow.Context) {
			selector := workflow.NewSelector(ctx)
			selector.AddReceive(spoke, func(ch workflow.ReceiveChannel, _ bool) { ch.Receive(ctx, nil); heard = true })
			selector.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
			selector.Select(ctx)
		})
		_, err = workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout: min(left, lookAgain), TimerOptions: workflow.TimerOptions{Summary: "look again whether the new address is confirmed"},
		}, func() bool { return heard || c.gone() })
		stop()
		if err != nil {
			return err
		}
	}
	return nil
}

// sendTo sends the code to a new address. One that has no way to it, or is refused for good, is asked of a
// human: try again, or go on, and the field is refused as unconfirmed.
func (c *correction) sendTo(ctx workflow.Context, purpose string) error {
	for try := 1; ; try++ {
		out, err := step(c.request, ctx, "send a code to the new address", contract.IssueCode,
			contract.IssueCodeInput{Ref: c.ref, Purpose: purpose, Occasion: fmt.Sprintf("first-%d", try)}, letters)
		switch {
		case err != nil:
			return err
		case out.State == contract.LetterExpired:
			continue
		case out.State == contract.LetterSent || out.State == contract.LetterLimited:
			return nil
		}
		got, err := c.humans.ask(ctx, contract.OpenTaskInput{
			Kind: string(dsr.TaskUnreachable), Occasion: fmt.Sprintf("confirm_code/%s/%d", purpose, try), Problem: out.State}, c.gone)
		if err != nil || got.verdict == dsr.Complete || c.gone() {
			return err
		}
	}
}
