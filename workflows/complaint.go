package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// complaint is the state of one complaint about another case.
type complaint struct{ *request }

var complaintWords = words{ack: "complaint_ack", end: func(dsr.Outcome, bool) string { return "complaint_answer" }}

// Complaint answers one complaint: the receipt is confirmed, somebody who had no part in the case complained
// about says whether it is right, and the person reads that, and where to go with it. Nobody has to prove
// who they are: nothing is handed out, and the answer goes where that case's own letters go.
func Complaint(ctx workflow.Context, in contract.CaseInput) (contract.CaseResult, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx) // as Access
	c := &complaint{request: newRequest(in.Ref, complaintWords)}
	if err := c.listen(ctx); err != nil {
		return contract.CaseResult{}, err
	}
	workflow.GoNamed(ctx, "withdrawal", c.hearWithdrawal)
	outcome, err := c.carryOut(ctx, c.pass, func() { c.withdrawn = false }, func() dsr.Outcome { return dsr.Refused })
	if err != nil {
		return contract.CaseResult{}, err
	}
	err = workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
	return contract.CaseResult{Outcome: string(outcome)}, err
}

// pass goes through the complaint from its beginning to its end. Every step may run again: the casefile
// knows what is done.
func (c *complaint) pass(ctx workflow.Context) (dsr.Outcome, error) {
	if err := c.look(ctx); err != nil {
		return "", err
	}
	_, err := step(c.request, ctx, "settle where the answer goes", contract.TakeComplainant, contract.RefInput{Ref: c.ref}, core)
	if err != nil {
		return "", err
	}
	c.settled = true
	if err := c.tell(ctx, c.words.ack, "open", ""); err != nil {
		return "", err
	}
	outcome, err := c.answered(ctx)
	if err != nil {
		return "", err
	}
	return outcome, c.close(ctx, outcome)
}

// answered waits for the answer.
func (c *complaint) answered(ctx workflow.Context) (dsr.Outcome, error) {
	for ; ; c.round++ {
		if err := c.enter(ctx, dsr.StateReview, "task:"+string(dsr.TaskComplaint)); err != nil {
			return "", err
		}
		got, err := c.humans.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskComplaint), Occasion: fmt.Sprint(c.round)}, nil)
		if err != nil {
			return "", err
		}
		if outcome := dsr.ComplaintVerdicts[got.verdict]; outcome != "" && !(got.known && got.task == c.doubted) {
			c.doubted = got.task // should the casefile not bear it out, it is asked for anew
			return outcome, nil
		}
	}
}
