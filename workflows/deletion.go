package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// deletion is the state of one deletion case (PIPL 47, GDPR 17).
type deletion struct {
	request
	plan    int  // the number of the plan, from 1
	begun   bool // something may have been changed
	redraft int  // how often this very plan was drafted before: of a case that is done at once
}

var deletionWords = words{ack: "deletion_ack", end: func(outcome dsr.Outcome, settled bool) string {
	switch {
	case outcome == dsr.NoData:
		return "deletion_no_data" // goes to the address in the request where nobody was found
	case !settled:
		return ""
	case outcome == dsr.Unverified:
		return "case_unverified"
	case outcome == dsr.Fulfilled, outcome == dsr.PartlyDone:
		return "deletion_done"
	}
	return "deletion_ended"
}}

// Deletion carries out one deletion case: who is asking, a frozen plan, the word of two people, time
// to think better of it, the deletion itself system by system, a look whether it is so, and a
// certificate.
func Deletion(ctx workflow.Context, in contract.CaseInput) (contract.CaseResult, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx) // as Access
	c := &deletion{request: newRequest(in.Ref, deletionWords), plan: 1}
	c.law.finished = func() bool { return c.begun }
	if err := c.listen(ctx); err != nil {
		return contract.CaseResult{}, err
	}
	workflow.GoNamed(ctx, "withdrawal", c.hearWithdrawal)
	outcome, err := c.carryOut(ctx, c.pass, func() { c.withdrawn, c.begun = false, false }, c.givenUp) // the casefile knows whether it was
	if err != nil {
		return contract.CaseResult{}, err
	}
	err = workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
	return contract.CaseResult{Outcome: string(outcome)}, err
}

// givenUp is the outcome of a case that staff ended at a step that failed: once something was
// deleted it is a partial answer, and never a refusal.
func (c *deletion) givenUp() dsr.Outcome {
	if c.begun {
		return dsr.PartlyDone
	}
	return dsr.Refused
}

// pass goes through the case from its beginning to its end. Every step may run again: the casefile
// knows what is done.
func (c *deletion) pass(ctx workflow.Context) (dsr.Outcome, error) {
	ended, err := c.begin(ctx)
	if err != nil {
		return "", err
	}
	c.plan, c.begun = max(c.plan, c.facts.Plan), c.begun || c.facts.Begun
	if ended == "" {
		ended, err = c.link(ctx)
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

// link ends a case whose person has another open one: it goes on, and nothing is run twice.
func (c *deletion) link(ctx workflow.Context) (dsr.Outcome, error) {
	out, err := step(&c.request, ctx, "look for another open case of the same person", contract.LinkCase,
		contract.RefInput{Ref: c.ref}, core)
	if err != nil || out.To == "" {
		return "", err
	}
	return dsr.Linked, nil
}

// turn is one plan from its drafting to its proof. It returns no outcome when another plan is needed.
func (c *deletion) turn(ctx workflow.Context) (dsr.Outcome, error) {
	facts, whole, err := c.draft(ctx)
	if err != nil || !whole || c.withdrawn {
		return c.unlessWithdrawn(""), err
	}
	agreed, ended, err := c.agree(ctx, facts)
	if err != nil || !agreed {
		return ended, err
	}
	return c.execute(ctx, facts)
}

// unlessWithdrawn is the outcome given, or that of a request that was taken back in time.
func (c *deletion) unlessWithdrawn(otherwise dsr.Outcome) dsr.Outcome {
	if c.withdrawn && !c.begun {
		return dsr.Withdrawn
	}
	return otherwise
}

// hearWithdrawal hears that the person took the request back, and believes the casefile, which
// refuses to write it down once the deletion has begun.
func (c *deletion) hearWithdrawal(ctx workflow.Context) {
	ch := workflow.GetSignalChannel(ctx, contract.Withdraw.Name)
	for ch.Receive(ctx, nil) {
		if c.withdrawn || c.begun {
			continue
		}
		out, err := contract.ConfirmWithdrawn.Run(core(ctx, "ask the casefile whether the request was withdrawn"), contract.RefInput{Ref: c.ref})
		c.withdrawn = c.withdrawn || (err == nil && out.True)
	}
}
