package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// Verification has a person climb the ladder beyond the first code: by a second channel, by facts that we hold,
// or by a document that a reviewer looks at. It says what is needed, reminds twice, and ends when the casefile
// says that they have proved who they are, when a reviewer signed that they have not, or when the time is over.
func Verification(ctx workflow.Context, in contract.VerificationInput) (contract.VerificationResult, error) {
	v := &verification{in: in, began: workflow.Now(ctx)}
	workflow.GoNamed(ctx, "proved", v.hear)
	out, err := v.climb(ctx)
	return out, bare(err)
}

type verification struct {
	in       contract.VerificationInput
	began    time.Time
	reminded int
	heard    int // counts what was heard; the casefile is asked
}

func (v *verification) hear(ctx workflow.Context) {
	ch := workflow.GetSignalChannel(ctx, contract.Proved.Name)
	for ch.Receive(ctx, nil) {
		v.heard++
	}
}

func (v *verification) climb(ctx workflow.Context) (contract.VerificationResult, error) {
	v.write(ctx, "verify_more", "more")
	for {
		heard := v.heard
		now, err := contract.ReadStanding.Run(core(ctx, "ask the casefile what was proved"), contract.RefInput{Ref: v.in.Ref})
		if err != nil || now.Met || now.Refused {
			return contract.VerificationResult{Met: now.Met, Refused: now.Refused}, err
		}
		left := v.in.Within - workflow.Now(ctx).Sub(v.began)
		if left <= 0 {
			return contract.VerificationResult{}, nil
		}
		if now.Document {
			if err := v.openTask(ctx); err != nil {
				return contract.VerificationResult{}, err
			}
		}
		if err := v.wait(ctx, min(left, lookAgain), func() bool { return v.heard != heard }); err != nil {
			return contract.VerificationResult{}, err
		}
	}
}

// wait sleeps until something is heard, or a reminder or the next look is due; a reminder is sent.
func (v *verification) wait(ctx workflow.Context, longest time.Duration, heard func() bool) error {
	due := v.reminded < len(v.in.Remind)
	if due {
		longest = min(longest, v.in.Remind[v.reminded]-workflow.Now(ctx).Sub(v.began))
	}
	woken := longest <= 0
	if !woken {
		ok, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout: longest, TimerOptions: workflow.TimerOptions{Summary: "the next reminder, look or end of the ladder"},
		}, heard)
		if err != nil || ok {
			return err
		}
	}
	if due && workflow.Now(ctx).Sub(v.began) >= v.in.Remind[v.reminded] {
		v.reminded++
		v.write(ctx, "verify_remind", fmt.Sprintf("remind-%d", v.reminded))
	}
	return nil
}

// write sends a letter that helps. One that cannot be sent holds nothing up: the portal says the same.
func (v *verification) write(ctx workflow.Context, template, occasion string) {
	_, _ = contract.SendLetter.Run(letters(ctx, "send the letter "+template), contract.LetterInput{Ref: v.in.Ref, Template: template, Occasion: occasion})
}

// openTask opens the check of the document, so that files can be added to it. The case hears of its answer.
func (v *verification) openTask(ctx workflow.Context) error {
	for n := 1; ; n++ {
		opened, err := contract.OpenTask.Run(core(ctx, "open the check of a document"),
			contract.OpenTaskInput{Ref: v.in.Ref, Kind: string(dsr.TaskIdentity), Occasion: fmt.Sprintf("document-%d", n)})
		if err != nil || !opened.Void {
			return err
		}
	}
}

// climb has the child climb, as long as the case wants to know. What it says is asked of the casefile.
func (c *request) climb(ctx workflow.Context) (dsr.Outcome, error) {
	if err := c.show(ctx, "person:proof"); err != nil {
		return "", err
	}
	c.humans.others = func(ctx workflow.Context, _ string, _ contract.DecideResult) error { return c.tellClimber(ctx) }
	defer func() { c.climbing, c.humans.others = false, nil }()
	c.climbing = true
	cctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	var out contract.VerificationResult
	done, failed := false, error(nil)
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(cctx, workflow.ChildWorkflowOptions{
		WorkflowID: contract.VerificationID(c.ref), StaticSummary: "who is asking in " + c.ref.ID(),
		ParentClosePolicy: enums.PARENT_CLOSE_POLICY_REQUEST_CANCEL, WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		TypedSearchAttributes: temporal.NewSearchAttributes(contract.AttrKind.ValueSet("verification"), contract.AttrWaitingOn.ValueSet("person:proof")),
	}), contract.Verification.Name, contract.VerificationInput{Ref: c.ref, Rung: c.rung, Within: c.facts.VerifyWithin, Remind: c.facts.Remind})
	workflow.GoNamed(ctx, "await the ladder", func(ctx workflow.Context) {
		failed = child.Get(ctx, &out)
		done = true
	})
	if err := workflow.Await(ctx, func() bool { return done || c.met || c.withdrawn }); err != nil {
		return "", err
	}
	if c.withdrawn {
		return dsr.Withdrawn, nil
	}
	if failed != nil && stops(failed) && !c.met {
		return "", errUnfounded // somebody ended the child by hand: it proves nothing, and begins anew
	}
	if err := c.askCasefile(ctx); err != nil {
		return "", err
	}
	_ = c.wipeAfter(ctx, dsr.TaskIdentity, c.facts.EvidenceFor) // at the end of the case they go at once
	if c.met {
		return "", nil
	}
	if out.Met || failed != nil {
		return "", errUnfounded
	}
	return dsr.Unverified, nil
}

// tellClimber passes on that something was proved or decided. A child that has ended needs no word.
func (c *request) tellClimber(ctx workflow.Context) error {
	_ = workflow.SignalExternalWorkflow(ctx, contract.VerificationID(c.ref), "", contract.Proved.Name, contract.ProvedInput{}).Get(ctx, nil)
	return nil
}

// hearLocks hears that wrong guesses locked the case, and has the account's owner warned by the channels to which
// no code went. The casefile knows whether it is so.
func (c *request) hearLocks(ctx workflow.Context) {
	ch := workflow.GetSignalChannel(ctx, contract.Locked.Name)
	for heard := 0; ch.Receive(ctx, nil) && heard < maxLocksHeard; heard++ {
		if c.settled && !c.facts.Vouched && c.state != dsr.StateClosed {
			_, _ = contract.WarnOwner.Run(letters(ctx, "warn the owner of the account: locked"), contract.WarnInput{Ref: c.ref, Why: contract.WarnLocked})
		}
	}
}

// maxLocksHeard keeps a flood of signals out of the history.
const maxLocksHeard = 20

// awaitProof waits until the person has proved who they are, and reminds them twice.
func (c *request) awaitProof(ctx workflow.Context) (met bool, err error) {
	began := workflow.Now(ctx)
	for n := 0; ; n++ {
		until := c.facts.VerifyWithin
		if n < len(c.facts.Remind) {
			until = c.facts.Remind[n]
		}
		met, err = workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout:      until - workflow.Now(ctx).Sub(began),
			TimerOptions: workflow.TimerOptions{Summary: "close the case if nobody proves who they are"},
		}, func() bool { return c.met || c.withdrawn })
		if err != nil || met || n >= len(c.facts.Remind) {
			return met, err
		}
		_, err := contract.SendLetter.Run(letters(ctx, "send the letter verify_remind"),
			contract.LetterInput{Ref: c.ref, Template: "verify_remind", Occasion: fmt.Sprintf("remind-%d", n+1)})
		if err != nil && stops(err) {
			return false, err
		}
	}
}
