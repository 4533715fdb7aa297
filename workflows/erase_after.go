package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// EraseAfterAccess carries out a case of somebody who wants a copy of their data and then its deletion:
// the steps of Access until the package was fetched or its time is over, and then those of Deletion, with
// a plan and decisions of their own. The person may withdraw until the deletion begins. What they got no
// copy of, because a signed decision left a system out, is not deleted either.
func EraseAfterAccess(ctx workflow.Context, in contract.CaseInput) (contract.CaseResult, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx) // as Access
	r := newRequest(in.Ref, deletionWords)
	first, then := &access{request: r}, &deletion{planned: planned{request: r, plan: 1}}
	then.first = first.copyFirst
	r.law.finished = func() bool { return then.begun }
	if err := r.listen(ctx); err != nil {
		return contract.CaseResult{}, err
	}
	workflow.GoNamed(ctx, "fetched", first.hearFetched)
	workflow.GoNamed(ctx, "withdrawal", then.hearWithdrawal)
	forget := func() { first.fetched, r.withdrawn, then.begun = false, false, false } // the casefile knows
	outcome, err := r.carryOut(ctx, then.pass, forget, then.givenUp)
	if err != nil {
		return contract.CaseResult{}, err
	}
	err = workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
	return contract.CaseResult{Outcome: string(outcome)}, err
}

// copyFirst gives the person their copy. It returns an outcome when there is none to give: then nothing is
// deleted either.
func (c *access) copyFirst(ctx workflow.Context) (dsr.Outcome, error) {
	if c.withdrawn {
		return dsr.Withdrawn, nil
	}
	c.copying = true
	defer func() { c.copying, c.ready = false, false }()
	if !c.facts.Answered {
		if err := c.gather(ctx); err != nil {
			return "", err
		}
		ended, err := c.answer(ctx)
		if err != nil || ended == dsr.Refused {
			return ended, err
		}
		c.ready = false
	}
	_, err := step(c.request, ctx, "wipe the copy, which was fetched or has expired", contract.WipeCopy, contract.RefInput{Ref: c.ref}, coreLong)
	return "", err
}
