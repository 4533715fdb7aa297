package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// restriction is the state of one case that stops a purpose (PIPL 15, 24, 44, GDPR 7(3), 18, 21). It
// plans, changes and reads back as a deletion does, over the map as the end of the purpose sees it.
type restriction struct {
	deletion
	asked bool // somebody may want it to end: the casefile says
}

var restrictionWords = words{ack: "restriction_ack", end: func(outcome dsr.Outcome, settled bool) string {
	switch {
	case !settled:
		return ""
	case outcome == dsr.Unverified:
		return "case_unverified"
	}
	return "restriction_closed"
}}

// Restriction carries out one case that stops a purpose. An objection to marketing or tracking is done
// at once. Anything else is proved, planned, signed, carried out, read back and told; then it stands
// until two people sign its end, of which the person hears before.
func Restriction(ctx workflow.Context, in contract.CaseInput) (contract.CaseResult, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx) // as Access
	c := &restriction{deletion: deletion{planned: newPlanned(in.Ref, restrictionWords)}}
	c.law.finished = func() bool { return c.begun }
	if err := c.listen(ctx); err != nil {
		return contract.CaseResult{}, err
	}
	workflow.GoNamed(ctx, "withdrawal", c.hearWithdrawal)
	workflow.GoNamed(ctx, "end", c.hearEnd)
	outcome, err := c.carryOut(ctx, c.pass, func() { c.withdrawn, c.begun, c.stands = false, false, false }, c.givenUp)
	if err != nil {
		return contract.CaseResult{}, err
	}
	err = workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
	return contract.CaseResult{Outcome: string(outcome)}, err
}

// hearEnd hears that somebody wants the restriction to end; the casefile is asked when it stands.
func (c *restriction) hearEnd(ctx workflow.Context) {
	ch := workflow.GetSignalChannel(ctx, contract.EndRestriction.Name)
	for ch.Receive(ctx, nil) {
		c.asked = true
	}
}

// pass goes through the case from its beginning to its end. Every step may run again: the casefile
// knows what is done.
func (c *restriction) pass(ctx workflow.Context) (dsr.Outcome, error) {
	if err := c.look(ctx); err != nil {
		return "", err
	}
	var ended dsr.Outcome
	var err error
	if c.facts.AtOnce {
		ended, err = c.atOnce(ctx)
	} else {
		ended, err = c.inForce(ctx)
	}
	if err != nil {
		return "", err
	}
	return ended, c.close(ctx, ended)
}

// atOnce does what needs no word of anybody: every directory row with the address, and every recipient.
// The suppression list stands since the case was opened.
func (c *restriction) atOnce(ctx workflow.Context) (dsr.Outcome, error) {
	told, failed := false, error(nil)
	workflow.GoNamed(ctx, "recipients", func(ctx workflow.Context) {
		failed = c.tellRecipients(ctx, contract.CallStopped)
		told = true
	})
	if err := c.enter(ctx, dsr.StateStopping, "system:"+c.facts.Directory); err != nil {
		return "", err
	}
	var found contract.FoundAccount
	_, err := c.patiently(ctx, c.facts.Directory, "look the address up in the directory", func(ctx workflow.Context) workflow.Future {
		return contract.FindAccount.Start(ctx, contract.RefInput{Ref: c.ref})
	}, &found, false)
	if err != nil {
		return "", err
	}
	for c.plan = 1; c.plan <= found.Candidates; c.plan++ {
		if err := c.stopOne(ctx); err != nil {
			return "", err
		}
	}
	if err := workflow.Await(ctx, func() bool { return told }); err != nil || failed != nil {
		if err == nil {
			err = failed
		}
		return "", err
	}
	outcome := dsr.Fulfilled
	if len(c.partial) > 0 {
		outcome = dsr.PartlyDone
	}
	if found.Candidates > 0 {
		// Whom it does not reach it would only have told what they asked for.
		if _, err := step(c.request, ctx, "send the letter opted_out", contract.SendLetter,
			contract.LetterInput{Ref: c.ref, Template: "opted_out", Occasion: "end", Outcome: string(outcome)}, letters); err != nil {
			return "", err
		}
	}
	return outcome, nil
}

// stopOne changes one directory row and what hangs on it. What is left after all is looked for again.
func (c *restriction) stopOne(ctx workflow.Context) error {
	for c.redraft = 0; ; c.redraft++ {
		facts, whole, err := c.freeze(ctx)
		if err != nil {
			return err
		}
		if !whole {
			continue
		}
		if _, err := step(c.request, ctx, fmt.Sprintf("begin plan %d", c.plan), contract.BeginStopping,
			contract.PlanInput{Ref: c.ref, Plan: c.plan}, core); err != nil {
			return err
		}
		c.begun = true
		if _, again, err := c.change(ctx, facts, dsr.StateStopping); err != nil || !again {
			return err
		}
	}
}

// tellRecipients tells every recipient, side by side. One that a decision leaves out makes the case
// partial.
func (c *restriction) tellRecipients(ctx workflow.Context, what string) error {
	var visits []contract.SearchStep
	for _, system := range c.facts.Recipients {
		visits = append(visits, contract.SearchStep{System: system})
	}
	return c.sideBySide(ctx, visits, func(ctx workflow.Context, s contract.SearchStep) error {
		_, err := c.patiently(ctx, s.System, "tell "+s.System+" that it "+map[string]string{contract.CallStopped: "stopped", contract.CallLifted: "was lifted"}[what],
			func(ctx workflow.Context) workflow.Future {
				return contract.CallRecipient.Start(ctx, contract.CallInput{Ref: c.ref, System: s.System, What: what})
			}, nil, true)
		return err
	})
}
