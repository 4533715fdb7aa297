package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// access is the state of one access case (PIPL 45, GDPR 15).
type access struct {
	*request
	withheld bool // a part is refused and is not in the package
	fetched  bool // the casefile confirmed that the package was fetched
}

var accessWords = words{ack: "ack", end: func(outcome dsr.Outcome, settled bool) string {
	switch {
	case !settled:
		return ""
	case outcome == dsr.Unverified:
		return "case_unverified"
	}
	return "case_closed"
}}

// Access carries out one access case: who is asking, what is held, a reviewer's look, a second
// person's release, one download, and nothing left.
func Access(ctx workflow.Context, in contract.CaseInput) (contract.CaseResult, error) {
	// A case is ended by the person, by staff or by time, and not by `temporal workflow cancel`.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	c := &access{request: newRequest(in.Ref, accessWords)}
	if err := c.listen(ctx); err != nil {
		return contract.CaseResult{}, err
	}
	workflow.GoNamed(ctx, "fetched", c.hearFetched)
	workflow.GoNamed(ctx, "withdrawal", c.hearWithdrawal)
	outcome, err := c.carryOut(ctx, c.pass, func() { c.fetched, c.withdrawn = false, false }, func() dsr.Outcome { return dsr.Refused })
	if err != nil {
		return contract.CaseResult{}, err
	}
	err = workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
	return contract.CaseResult{Outcome: string(outcome)}, err
}

// pass goes through the case from its beginning to its end. Every step may run again: the casefile
// knows what is done.
func (c *access) pass(ctx workflow.Context) (dsr.Outcome, error) {
	ended, err := c.begin(ctx)
	if err != nil {
		return "", err
	}
	if ended != "" {
		return ended, c.close(ctx, ended)
	}
	if err := c.gather(ctx); err != nil {
		return "", err
	}
	if ended, err = c.answer(ctx); err != nil {
		return "", err
	}
	return ended, c.close(ctx, ended)
}

// hearWithdrawal hears that the person took the request back, and believes the casefile. As long as
// the answer is not out, the case ends there.
func (c *request) hearWithdrawal(ctx workflow.Context) {
	ch := workflow.GetSignalChannel(ctx, contract.Withdraw.Name)
	for ch.Receive(ctx, nil) {
		if c.withdrawn || c.over() {
			continue
		}
		out, err := contract.ConfirmWithdrawn.Run(core(ctx, "ask the casefile whether the request was withdrawn"), contract.RefInput{Ref: c.ref})
		if err == nil && out.True && !c.over() {
			c.withdrawn = true
			c.interrupt()
		}
	}
}
