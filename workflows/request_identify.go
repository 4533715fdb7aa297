package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// identify finds the directory row that the request means and has its owner prove control of a
// registered channel. It returns an outcome when the case ends here, and none when the person is
// verified.
func (c *request) identify(ctx workflow.Context) (dsr.Outcome, error) {
	if ended, err := c.represent(ctx); err != nil || ended != "" {
		return ended, err
	}
	if err := c.enter(ctx, dsr.StateVerifying, "system:"+c.facts.Directory); err != nil {
		return "", err
	}
	ended, err := c.settle(ctx)
	if err != nil || ended != "" {
		return ended, err
	}
	c.settled = true
	if err := c.tell(ctx, c.words.ack, "open", ""); err != nil {
		return "", err
	}
	if c.facts.Vouched {
		err := c.askCasefile(ctx)
		if err == nil && !c.met {
			err = errUnfounded
		}
		return "", err
	}
	if ended, err = c.firstCode(ctx); err != nil || ended != "" {
		return ended, err
	}
	if err := c.show(ctx, "person:code"); err != nil {
		return "", err
	}
	if c.again {
		if err := c.askCasefile(ctx); err != nil {
			return "", err
		}
	}
	if c.rung > int(dsr.RungCode) && !c.met {
		return c.climb(ctx)
	}
	met, err := c.awaitProof(ctx)
	if err == nil && c.withdrawn {
		return dsr.Withdrawn, nil
	}
	if err != nil || met {
		return "", err
	}
	// The word about a code may have been lost on its way.
	if err := c.askCasefile(ctx); err != nil || c.met {
		return "", err
	}
	return dsr.Unverified, nil
}

// askCasefile asks whether the person has proved who they are, whatever was or was not heard.
func (c *request) askCasefile(ctx workflow.Context) error {
	out, err := step(c, ctx, "ask the casefile whether a code was typed rightly", contract.ConfirmChallenge,
		contract.ConfirmInput{Ref: c.ref}, core)
	c.met = c.met || out.True
	return err
}

// settle decides whose case this is: one directory row, chosen by the request alone or by a
// reviewer, never by merging two.
func (c *request) settle(ctx workflow.Context) (dsr.Outcome, error) {
	for try := 1; ; try++ {
		var found contract.FoundAccount
		_, err := c.patiently(ctx, c.facts.Directory, "look the person up in the directory", func(ctx workflow.Context) workflow.Future {
			return contract.FindAccount.Start(ctx, contract.RefInput{Ref: c.ref})
		}, &found, false)
		if err != nil || found.Settled {
			return "", err
		}
		kind := dsr.TaskChooseAccount
		if found.Candidates == 0 {
			kind = dsr.TaskNoAccount
		}
		got, err := c.humans.ask(ctx, contract.OpenTaskInput{Kind: string(kind), Occasion: fmt.Sprint(try)}, nil)
		if err != nil {
			return "", err
		}
		if got.known && got.task == c.doubted {
			continue // an answer from before that did not hold is asked for anew
		}
		switch got.verdict {
		case dsr.Approve:
			c.doubted = got.task
			_, err := step(c, ctx, "take the row that the reviewer chose", contract.ChooseAccount,
				contract.TaskInput{Ref: c.ref, Task: got.task}, core)
			if err == nil {
				c.doubted = ""
			}
			return "", err
		case dsr.Retry:
			continue
		default:
			return dsr.NoData, nil
		}
	}
}

// firstCode sends the code that the person is to read back. Without a registered channel the
// first rung of the ladder is closed, and a human must find another way or end the case.
func (c *request) firstCode(ctx workflow.Context) (dsr.Outcome, error) {
	for try := 1; ; try++ {
		out, err := step(c, ctx, "send the verification code", contract.IssueCode,
			contract.IssueCodeInput{Ref: c.ref, Purpose: dsr.CodeVerify, Occasion: fmt.Sprintf("first-%d", try)}, letters)
		if err != nil {
			return "", err
		}
		c.rung = out.Rung
		if out.Met {
			c.met = true
			return "", nil
		}
		if out.Warn && out.State == contract.LetterSent {
			// Who cannot be warned holds nothing up: the letters of this account go elsewhere too.
			_, _ = contract.WarnOwner.Run(letters(ctx, "warn the owner of the account: a channel changed"),
				contract.WarnInput{Ref: c.ref, Why: contract.WarnChanged})
		}
		if out.State == contract.LetterExpired {
			continue // the mail server was away for longer than a code holds
		}
		if out.State == contract.LetterSent || out.State == contract.LetterLimited {
			c.codes = append(c.codes, workflow.Now(ctx))
			return "", nil
		}
		got, err := c.humans.ask(ctx, contract.OpenTaskInput{
			Kind: string(dsr.TaskUnreachable), Occasion: fmt.Sprintf("verify_code/%d", try), Problem: out.State},
			func() bool { return c.met })
		if err != nil {
			return "", err
		}
		if got.verdict == dsr.Complete {
			return dsr.Unverified, nil
		}
		if c.met {
			return "", nil
		}
	}
}

// challengeMet hears that a code was typed rightly. Anybody who reaches the server can say so;
// only the casefile knows.
func (c *request) challengeMet(ctx workflow.Context, in contract.ChallengeMetInput) (contract.ChallengeMetResult, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx) // as the workflow: see Access
	out, err := contract.ConfirmChallenge.Run(core(ctx, "ask the casefile whether the code was typed rightly"),
		contract.ConfirmInput{Ref: c.ref, Challenge: in.Challenge})
	if err != nil {
		return contract.ChallengeMetResult{}, bare(err)
	}
	if out.True {
		c.met = true
	}
	if c.climbing {
		_ = c.tellClimber(ctx)
	}
	return contract.ChallengeMetResult{Verified: c.met}, nil
}

// serveCodes sends one-time codes when somebody asks, as long as one makes sense. The casefile
// holds the limit; the count here only keeps a flood of signals out of the history.
func (c *request) serveCodes(ctx workflow.Context) {
	ch := workflow.GetSignalChannel(ctx, contract.SendCode.Name)
	for n := 1; ; n++ {
		var in contract.SendCodeInput
		if !ch.Receive(ctx, &in) {
			return
		}
		if !c.mayHaveCode(ctx, in.Purpose) {
			continue
		}
		c.codes = append(c.codes, workflow.Now(ctx))
		// A code that could not be sent is asked for again by the person; nobody is told why. One that
		// ran out while the mail server was away is followed by one more.
		for try := range 2 {
			out, err := contract.IssueCode.Run(letters(ctx, "send a code: "+in.Purpose),
				contract.IssueCodeInput{Ref: c.ref, Purpose: in.Purpose, Occasion: fmt.Sprintf("asked-%d-%d", n, try+1)})
			if err != nil || out.State != contract.LetterExpired {
				break
			}
		}
	}
}

func (c *request) mayHaveCode(ctx workflow.Context, purpose string) bool {
	hour := workflow.Now(ctx).Add(-time.Hour)
	c.codes = slices.DeleteFunc(c.codes, func(at time.Time) bool { return at.Before(hour) })
	if !c.settled || len(c.codes) >= 3*c.facts.CodesPerHour {
		return false
	}
	switch purpose {
	case dsr.CodeSecond:
		return c.state == dsr.StateVerifying && !c.met && c.climbing
	case dsr.CodeVerify:
		return c.state == dsr.StateVerifying && !c.met
	case dsr.CodeNewEmail, dsr.CodeNewMobile:
		return c.state == dsr.StateConfirming
	case dsr.CodeStatus:
		return c.met
	case dsr.CodeDownload:
		return c.ready
	}
	return false
}
