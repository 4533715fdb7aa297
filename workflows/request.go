package workflows

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// request is what every kind of case has in common: somebody asks, proves who they are, is searched
// for and is told. A kind of case embeds it and adds what it does with what was found.
type request struct {
	view
	humans   humans
	settled  bool           // it is known whose case this is
	met      bool           // the casefile confirmed that the person proved control of a channel
	ready    bool           // a package may be fetched
	stands   bool           // what was asked is so, and the person was told; the case waits for its end
	codes    []time.Time    // when codes were asked for, within the last hour
	partial  []string       // systems left out by a signed decision
	round    int            // of review and of what follows it
	doubted  string         // a task whose answer an activity did not find rightly signed
	closing  bool           // nothing is left but to wipe, to tell and to close
	again    bool           // this is not the first pass
	copying  bool           // a copy is made, and a deletion follows it
	rung     int            // of the ladder, that the case needs
	climbing bool           // a child has the person climb it
	mayAct   bool           // it is signed that whoever brings the case for somebody else may
	wiping   []dsr.TaskKind // whose files somebody waits to wipe
	// forwarded: what is only held for customers was sent on to them.
	forwarded bool

	law       law
	withdrawn bool  // the casefile confirmed that the person took the request back
	words     words // what the person is told at the beginning and the end
}

// words are the letters of a kind of case.
type words struct {
	ack string
	// end names the letter at the end; empty: the person is not told, or cannot be.
	end func(outcome dsr.Outcome, settled bool) string
}

// errUnfounded says that the casefile does not bear out what this workflow was told: somebody made
// a result up. The case goes through its steps again, and what is done already is not done twice.
var errUnfounded = errors.New("the casefile does not bear out what the workflow was told")

// errGivenUp says that staff signed to end the case at a step that failed for good.
var errGivenUp = errors.New("staff ended the case at a step that failed")

func newRequest(ref contract.Ref, w words) *request {
	return &request{view: view{ref: ref, state: dsr.StateReceived}, round: 1, words: w}
}

// listen registers what every case hears: decisions, codes that were typed, wishes for codes, and
// the question where it stands.
func (c *request) listen(ctx workflow.Context) error {
	c.humans = humans{ref: c.ref, changed: func(ctx workflow.Context) {
		// A casefile that does not answer is shown it later: see projection.
		_ = c.show(ctx, c.humans.waiting())
	}}
	err := workflow.SetQueryHandlerWithOptions(ctx, contract.Status.Name, c.status,
		workflow.QueryHandlerOptions{Description: "where the case stands"})
	if err != nil {
		return err
	}
	if err := c.humans.listen(ctx); err != nil {
		return err
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, contract.ChallengeMet.Name, c.challengeMet,
		workflow.UpdateHandlerOptions{
			Description: "a one-time code was typed rightly; checked in the casefile",
			Validator: func(ctx workflow.Context, _ contract.ChallengeMetInput) error {
				if c.state != dsr.StateVerifying {
					workflow.GetMetricsHandler(ctx).Counter("habeas_challenges_refused_total").Inc(1)
					return temporal.NewNonRetryableApplicationError("no code is waited for", contract.ErrNotOpen, nil)
				}
				return nil
			},
		})
	if err != nil {
		return err
	}
	workflow.GoNamed(ctx, "codes", c.serveCodes)
	workflow.GoNamed(ctx, "locks", c.hearLocks)
	return c.listenToLaw(ctx)
}

func (c *request) status() (contract.StatusResult, error) {
	return contract.StatusResult{
		State: string(c.state), WaitingOn: c.shown.waiting, OpenTasks: c.humans.open(),
		OpenSystems: slices.Clone(c.systems), Verified: c.met, Partial: slices.Clone(c.partial),
	}, nil
}

// carryOut goes through the case until it ends. What the casefile does not bear out has it begin
// anew: forget drops what was believed. A case that staff end at a step that failed has the outcome
// givenUp.
func (c *request) carryOut(ctx workflow.Context, pass func(workflow.Context) (dsr.Outcome, error), forget func(),
	givenUp func() dsr.Outcome) (dsr.Outcome, error) {
	for {
		outcome, err := c.interruptible(ctx, pass)
		if errors.Is(err, errGivenUp) {
			outcome = givenUp()
			err = c.close(ctx, outcome)
		}
		if !errors.Is(err, errUnfounded) {
			return outcome, err
		}
		workflow.GetMetricsHandler(ctx).Counter("habeas_results_doubted_total").Inc(1)
		c.met, c.ready, c.mayAct, c.partial, c.again = false, false, false, nil, true
		c.law.refused = false
		forget()
	}
}

// begin looks at the case and has its person prove who they are. It returns an outcome when the
// case ends here.
func (c *request) begin(ctx workflow.Context) (dsr.Outcome, error) {
	if err := c.look(ctx); err != nil {
		return "", err
	}
	ended, err := c.identify(ctx)
	if err != nil || ended != "" {
		return ended, err
	}
	return "", c.repeats(ctx)
}

// look learns what must be known of the case.
func (c *request) look(ctx workflow.Context) error {
	facts, err := step(c, ctx, "look at the case", contract.BeginCase, contract.RefInput{Ref: c.ref}, core)
	if err != nil {
		return err
	}
	c.facts, c.law.known = facts, true
	return c.attributes(ctx)
}

// attributes sets what never changes: kind, laws and the day it is due.
func (c *request) attributes(ctx workflow.Context) error {
	return workflow.UpsertTypedSearchAttributes(ctx,
		contract.AttrKind.ValueSet(c.facts.Kind), contract.AttrLaw.ValueSet(c.facts.Laws), contract.AttrDueAt.ValueSet(c.facts.DueAt))
}

// close wipes what is left, tells the person, and ends the case.
func (c *request) close(ctx workflow.Context, outcome dsr.Outcome) error {
	c.ready, c.closing = false, true
	defer func() { c.closing = false }()
	end := contract.CloseInput{Ref: c.ref, Outcome: string(outcome)}
	_, err := step(c, ctx, "wipe packages, parts and keys of the search", contract.Wipe, end, coreLong)
	if err != nil {
		return err
	}
	if c.facts.Represented != "" { // what was shown goes, also where nobody has decided on it
		if err := c.wipeAfter(ctx, dsr.TaskAuthority, c.facts.EvidenceFor); err != nil {
			return err
		}
	}
	template := c.words.end(outcome, c.settled)
	if c.law.refused && template != "" {
		template = "refused" // names ground, facts and the ways to complain and to court
	}
	if template != "" {
		if err := c.tell(ctx, template, "end", outcome); err != nil {
			return err
		}
	}
	if c.mayAct && (c.facts.Represented == dsr.RequesterAgent || template == "") {
		if err := c.tell(ctx, "representative_closed", "end-representative", outcome); err != nil {
			return err
		}
	}
	_, err = step(c, ctx, "close the case", contract.CloseCase, end, core)
	if err != nil {
		return err
	}
	if c.facts.Vouched {
		// Who does not hear it asks: the case is closed either way.
		_, _ = contract.CallBack.Run(callback(ctx, "tell the controller that it is done"), end)
	}
	c.systems = nil
	return c.enter(ctx, dsr.StateClosed, "")
}

// tell sends a letter. One that has no address, or was refused for good, becomes a task: try
// again, or confirm that the person was told by hand.
func (c *request) tell(ctx workflow.Context, template, occasion string, outcome dsr.Outcome) error {
	if c.facts.Vouched {
		return nil // the person is the controller's, and hears from it
	}
	for try := 1; ; try++ {
		key := occasion
		if try > 1 {
			key = fmt.Sprintf("%s-%d", occasion, try)
		}
		out, err := step(c, ctx, "send the letter "+template, contract.SendLetter,
			contract.LetterInput{Ref: c.ref, Template: template, Occasion: key, Outcome: string(outcome)}, letters)
		if err != nil {
			return err
		}
		if out.State == contract.LetterSent {
			return nil
		}
		got, err := c.humans.ask(ctx, contract.OpenTaskInput{
			Kind: string(dsr.TaskUnreachable), Occasion: template + "/" + key, Problem: out.State, Outcome: string(outcome)}, nil)
		if err != nil || got.verdict == dsr.Complete {
			return err
		}
	}
}

// step runs one activity to its end. A failure that a retry cannot mend becomes a task, and the
// step is run again when a human says that its cause is gone: a case never fails, and never goes
// on without the step. Where the step was refused because nothing in the casefile stands behind it,
// running it again is no use, and the error is errUnfounded.
func step[In, Out any](c *request, ctx workflow.Context, summary string, a contract.Activity[In, Out], in In,
	with func(workflow.Context, string) workflow.Context) (Out, error) {
	for try := 1; ; try++ {
		out, err := a.Run(with(ctx, summary), in)
		if err == nil || stops(err) {
			return out, err
		}
		problem := typeOf(err)
		got, err := c.humans.ask(ctx, contract.OpenTaskInput{
			Kind: string(dsr.TaskFailed), Occasion: fmt.Sprintf("%s/%s/%d", a.Name, workflow.Now(ctx).UTC().Format(time.RFC3339), try), Problem: problem}, nil)
		switch {
		case err != nil:
		case got.verdict == dsr.Reject && !c.closing:
			err = errGivenUp
		case problem == contract.ErrNotApproved:
			err = errUnfounded
		}
		if err != nil {
			return out, err
		}
	}
}

// stops says whether an error ends the workflow itself (cancelled, or the machinery), and is not an answer.
func stops(err error) bool {
	var app *temporal.ApplicationError
	return temporal.IsCanceledError(err) || !errors.As(err, &app)
}
