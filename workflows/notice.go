package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// The states of a notice, in order.
const (
	stateList    = "listing"
	stateApprove = "approval"
	stateSend    = "sending"
	stateLadder  = "fallback"
	stateReports = "reports" // the authorities still wait
)

// notice is the state of one mass notice. Everything that lasts stands in the casefile: a new
// history goes through the steps again, and what is done is not done twice.
type notice struct {
	ref     contract.Ref
	facts   contract.NoticeFacts
	humans  humans
	state   string
	shown   string
	lists   projection
	changes int // how often something was said to this workflow
	refused int // how often the casefile refused a page
	pages   int // of this history
	clocks  map[string]bool
}

// errAborted says that staff ended the notice.
var errAborted = errors.New("staff ended the notice")

// errAmended says that the file is another one: what was approved is worth nothing any more.
var errAmended = errors.New("the incident file was replaced")

// pagesPerRun bounds a history: a page is about a dozen events, and ten thousand is too many.
const pagesPerRun = 300

// eventsPerRun bounds it whatever else it holds.
const eventsPerRun = 6_000

// Notice tells everybody whom an incident concerns: who they are, two people's approval of each
// wave, the letters, what follows where they do not arrive, and the authorities' clocks beside it.
func Notice(ctx workflow.Context, in contract.NoticeInput) (contract.NoticeResult, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx) // ended by a signed decision, not by `temporal workflow cancel`
	n := &notice{ref: in.Ref, state: "received", clocks: map[string]bool{}}
	if err := n.listen(ctx); err != nil {
		return contract.NoticeResult{}, err
	}
	outcome, err := n.run(ctx)
	if err != nil {
		return contract.NoticeResult{}, err
	}
	err = workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
	return contract.NoticeResult{Outcome: outcome}, err
}

func (n *notice) listen(ctx workflow.Context) error {
	n.humans = humans{ref: n.ref, changed: func(ctx workflow.Context) { _ = n.show(ctx, n.humans.waiting()) }, others: n.heard}
	err := workflow.SetQueryHandlerWithOptions(ctx, contract.Status.Name, func() (contract.StatusResult, error) {
		return contract.StatusResult{State: n.state, WaitingOn: n.shown, OpenTasks: n.humans.open()}, nil
	}, workflow.QueryHandlerOptions{Description: "where the notice stands"})
	if err != nil {
		return err
	}
	if err := n.humans.listen(ctx); err != nil {
		return err
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, contract.AskControl.Name, n.askControl, workflow.UpdateHandlerOptions{
		Description: "open a task that pauses, resumes, slows or ends the notice once it is signed",
		Validator: func(_ workflow.Context, in contract.AskControlInput) error {
			switch in.Action {
			case "pause", "resume", "set-rate", "abort":
				return nil
			}
			return temporal.NewNonRetryableApplicationError("there is no such control of a notice", contract.ErrBadInput, nil)
		},
	})
	for _, signal := range []string{contract.Amended.Name, contract.Look.Name} {
		workflow.GoNamed(ctx, signal, func(ctx workflow.Context) {
			for {
				workflow.GetSignalChannel(ctx, signal).Receive(ctx, nil)
				n.changes++
			}
		})
	}
	return err
}

// askControl opens the task of a control. Nothing follows from it before somebody has signed.
func (n *notice) askControl(ctx workflow.Context, in contract.AskControlInput) (contract.OpenTaskResult, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	out, err := contract.OpenTask.Run(core(ctx, "open a task: "+in.Action), contract.OpenTaskInput{
		Ref: n.ref, Kind: string(dsr.TaskNoticeControl), Occasion: fmt.Sprintf("%s/%d/%s", in.Action, in.Rate, in.Nonce)})
	if err != nil {
		return out, bare(err)
	}
	return out, nil
}

// heard carries out what a decided task says that nobody here waits for, and lets a clock look.
func (n *notice) heard(ctx workflow.Context, task string, out contract.DecideResult) error {
	n.changes++
	if !out.Done {
		return nil
	}
	did, err := contract.ActOnTask.Run(core(ctx, "carry out the decision on task "+task), contract.TaskInput{Ref: n.ref, Task: task})
	if err != nil {
		return bare(err)
	}
	n.changes++
	if did.Kind == string(dsr.TaskReport) {
		// It looks by itself too, later: a word that is lost does no harm.
		_ = workflow.SignalExternalWorkflow(ctx, clockID(n.ref, did.System), "", contract.Look.Name, contract.Nothing{}).Get(ctx, nil)
	}
	return nil
}

func (n *notice) run(ctx workflow.Context) (string, error) {
	for {
		outcome, err := n.pass(ctx)
		switch {
		case errors.Is(err, errAborted):
			outcome, err = contract.NoticeAborted, nil
		case errors.Is(err, errAmended), errors.Is(err, errUnfounded):
			continue
		}
		if err != nil {
			return "", err
		}
		if err = n.end(ctx, outcome); !errors.Is(err, errUnfounded) {
			return outcome, err
		}
	}
}

// pass goes through the notice from its beginning to its end.
func (n *notice) pass(ctx workflow.Context) (string, error) {
	if err := n.begin(ctx); err != nil {
		return "", err
	}
	if err := n.startClocks(ctx, false); err != nil {
		return "", err
	}
	if err := n.list(ctx); err != nil {
		return "", err
	}
	if err := n.complete(ctx); err != nil {
		return "", err
	}
	if n.facts.Unneeded {
		return contract.NoticeNotNotified, n.decide(ctx, dsr.TaskNoticeNone)
	}
	if n.facts.Counsel {
		if err := n.decide(ctx, dsr.TaskNoticeCounsel); err != nil {
			return "", err
		}
	}
	last := ""
	for wave := 1; wave <= n.facts.Waves; wave++ {
		due, err := must(n, ctx, fmt.Sprintf("what is left of wave %d", wave), contract.NoticeDue, contract.PageInput{Ref: n.ref, Wave: wave}, core)
		if err != nil {
			return "", err
		}
		if due.Open == 0 && wave < n.facts.Waves {
			continue // nobody in it, or all of them told before a new history began
		}
		task, err := n.approve(ctx, wave)
		if err != nil {
			return "", err
		}
		if err := n.send(ctx, wave, task); err != nil {
			return "", err
		}
		if err := n.told(ctx); err != nil {
			return "", err
		}
		last = task
	}
	return contract.NoticeTold, n.ladder(ctx, last)
}

// begin reads the facts, as they are now.
func (n *notice) begin(ctx workflow.Context) error {
	facts, err := must(n, ctx, "look at the notice", contract.BeginNotice, contract.RefInput{Ref: n.ref}, core)
	if err != nil {
		return err
	}
	n.facts = facts
	if facts.Aborted {
		return errAborted
	}
	return workflow.UpsertTypedSearchAttributes(ctx, contract.AttrKind.ValueSet(facts.Kind), contract.AttrLaw.ValueSet(facts.Laws), contract.AttrDueAt.ValueSet(facts.DueAt))
}

// list finds who is concerned, hop by hop, and freezes the list.
func (n *notice) list(ctx workflow.Context) error {
	if err := n.enter(ctx, stateList, ""); err != nil {
		return err
	}
	loose := int64(0)
	for _, hop := range n.facts.Hops {
		in := contract.FindConcernedInput{Ref: n.ref, Hop: hop}
		find, with := contract.FindConcerned, func(ctx workflow.Context, summary string) workflow.Context {
			return onSystem(ctx, hop.System, summary)
		}
		if hop.System == "" {
			find, with = contract.ReadConcerned, coreLong
		}
		_ = n.show(ctx, "system:"+hop.System)
		out, err := must(n, ctx, fmt.Sprintf("who is concerned: scope %d, hop %d", hop.Scope, hop.Hop), find, in, with)
		if err != nil {
			return err
		}
		loose += out.Loose
	}
	_, err := must(n, ctx, "freeze the list", contract.FreezeList, contract.FreezeInput{Ref: n.ref, Loose: loose}, coreLong)
	return err
}

// must runs one activity to its end: a failure that a retry cannot mend becomes a task, and the step
// runs again when a human says that its cause is gone.
func must[In, Out any](n *notice, ctx workflow.Context, summary string, a contract.Activity[In, Out], in In,
	with func(workflow.Context, string) workflow.Context) (Out, error) {
	for try := 1; ; try++ {
		out, err := a.Run(with(ctx, summary), in)
		if err == nil || stops(err) {
			return out, err
		}
		got, askErr := n.humans.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskFailed),
			Occasion: fmt.Sprintf("%s/%s/%d", a.Name, workflow.Now(ctx).UTC().Format(time.RFC3339), try), Problem: typeOf(err)}, nil)
		if askErr != nil {
			return out, askErr
		}
		if got.verdict == dsr.Reject || typeOf(err) == contract.ErrNotApproved {
			return out, errUnfounded
		}
	}
}

// enter moves the notice to a state and shows it.
func (n *notice) enter(ctx workflow.Context, state, waiting string) error {
	n.state = state
	return n.show(ctx, waiting)
}

func (n *notice) show(ctx workflow.Context, waiting string) error {
	if now := n.state + " " + waiting; now == n.shown {
		return nil
	} else {
		n.shown = now
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, contract.AttrState.ValueSet(n.state), contract.AttrWaitingOn.ValueSet(waiting)); err != nil {
		return err
	}
	drill := ""
	if n.facts.Exercise {
		drill = "**EXERCISE** "
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("%s**%s** %s\n\n- waits on: %s\n- due: %s\n- staff: `habeas notice show %s`\n",
		drill, n.ref.ID(), n.state, waiting, n.facts.DueAt.UTC().Format("2006-01-02 15:04 MST"), n.ref.ID()))
	n.lists.of = contract.ProjectNotice
	return n.lists.put(ctx, contract.Progress{Ref: n.ref, State: n.state, WaitingOn: waiting})
}
