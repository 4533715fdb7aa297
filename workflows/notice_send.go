package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// page is the step that sends letters: as long as its rate asks for, with a heartbeat. It counts as one
// attempt however many letters went, so that after some restarts of a worker the usual back-off would
// keep a breach waiting for minutes; a mail server that refuses is waited for inside the step, a group of
// receivers each.
func page(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithRetryPolicy(workflow.WithStartToCloseTimeout(letters(ctx, summary), 12*time.Hour),
		temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 15 * time.Second})
}

// send sends a wave, page by page, until every letter of it is taken, refused, or given up.
func (n *notice) send(ctx workflow.Context, wave int, task string) error {
	in := contract.PageInput{Ref: n.ref, Wave: wave, Task: task}
	for {
		if n.pages++; n.long(ctx) && len(n.humans.pending) == 0 {
			if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
				return err
			}
			return workflow.NewContinueAsNewError(ctx, contract.Notice.Name, contract.NoticeInput{Ref: n.ref})
		}
		seen := n.changes
		got, err := contract.SendPage.Run(page(ctx, fmt.Sprintf("send letters of wave %d", wave)), in)
		if err != nil && typeOf(err) == contract.ErrNotApproved {
			// The casefile knows better: go through it again. Refused once more, somebody looks first.
			if n.refused++; n.refused > 1 {
				if err := n.failed(ctx, contract.SendPage.Name, err); err != nil {
					return err
				}
			}
			return errAmended
		}
		if err != nil {
			if stops(err) {
				return err
			}
			if err := n.failed(ctx, contract.SendPage.Name, err); err != nil {
				return err
			}
			continue
		}
		switch {
		case got.Aborted:
			return errAborted
		case got.Stopped:
			if err := n.stopped(ctx, got); err != nil {
				return err
			}
			continue
		case got.Open == 0:
			return nil
		}
		if err := n.enter(ctx, stateSend, bar(wave, got)); err != nil {
			return err
		}
		if !got.Paused && got.Claimed > 0 && got.NextAt.IsZero() {
			continue
		}
		if err := n.rest(ctx, got, seen); err != nil {
			return err
		}
	}
}

// long says whether it is time for a new history. Signals and decisions count too, whoever sends them.
func (n *notice) long(ctx workflow.Context) bool {
	return n.pages > pagesPerRun || workflow.GetInfo(ctx).GetCurrentHistoryLength() > eventsPerRun
}

// bar is how far it is, for the lists of the Temporal UI.
func bar(wave int, got contract.PageResult) string {
	share := int64(100)
	if got.Of > 0 {
		share = got.Done * 100 / got.Of
	}
	state := "sending"
	if got.Paused {
		state = "paused"
	}
	return fmt.Sprintf("%s:wave-%d:%d%%", state, wave, share)
}

// rest waits until the next letter is due, or something was said.
func (n *notice) rest(ctx workflow.Context, got contract.PageResult, seen int) error {
	wait, summary := time.Second, "look for letters that are due"
	switch {
	case got.Paused:
		wait, summary = lookAgain, "paused by staff; look again"
	case !got.NextAt.IsZero():
		wait, summary = max(time.Second, min(got.NextAt.Sub(workflow.Now(ctx)), time.Hour)), "until the next letter is due"
	}
	_, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{Timeout: wait, TimerOptions: workflow.TimerOptions{Summary: summary}},
		func() bool { return n.changes > seen })
	return err
}

// stopped asks whether a notice goes on whose letters are refused too often.
func (n *notice) stopped(ctx workflow.Context, got contract.PageResult) error {
	if err := n.enter(ctx, stateSend, "stopped"); err != nil {
		return err
	}
	ended := false
	_, err := n.humans.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskNoticeStopped), Occasion: fmt.Sprintf("after-%d", got.Done)}, func() bool { return ended })
	return err // the decision itself was carried out when it was heard
}

// failed turns a step's lasting failure into a task.
func (n *notice) failed(ctx workflow.Context, step string, cause error) error {
	_, err := n.humans.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskFailed),
		Occasion: step + "/" + workflow.Now(ctx).UTC().Format(time.RFC3339), Problem: typeOf(cause)}, nil)
	return err
}

// ladder waits for bounces, sends again what came back for a passing reason, and then goes down the
// ladder for those whom e-mail did not reach. task approved the last wave.
func (n *notice) ladder(ctx workflow.Context, task string) error {
	in := contract.PageInput{Ref: n.ref, Wave: n.facts.Waves, Task: task}
	if err := n.enter(ctx, stateLadder, ""); err != nil {
		return err
	}
	// Those without an address, or refused at once, hear at once; the others when bounces have had time.
	if slices.Contains(n.facts.Steps, "sms") {
		if _, err := must(n, ctx, "send text messages", contract.SendTexts, in, page); err != nil {
			return err
		}
	}
	if err := n.show(ctx, "bounces"); err != nil {
		return err
	}
	if err := workflow.NewTimerWithOptions(ctx, n.facts.After, workflow.TimerOptions{Summary: "wait for bounces"}).Get(ctx, nil); err != nil {
		return err
	}
	if err := n.send(ctx, n.facts.Waves, task); err != nil {
		return err
	}
	n.state = stateLadder
	if slices.Contains(n.facts.Steps, "sms") {
		if _, err := must(n, ctx, "send text messages", contract.SendTexts, in, page); err != nil {
			return err
		}
	}
	for _, step := range n.facts.Steps {
		if err := n.step(ctx, in, step); err != nil {
			return err
		}
	}
	return nil
}

var ladderTasks = map[string]dsr.TaskKind{"phone": dsr.TaskPhoneRound, "letter": dsr.TaskLetterRound, "public": dsr.TaskPublicNotice}

// step asks people to take one step for those whom nothing has reached yet.
func (n *notice) step(ctx workflow.Context, in contract.PageInput, step string) error {
	kind, byPeople := ladderTasks[step]
	if !byPeople {
		return nil
	}
	due, err := must(n, ctx, "count whom nothing reached", contract.NoticeDue, in, core)
	if err != nil {
		return err
	}
	if due.Aborted {
		return errAborted
	}
	if due.Unreached == 0 || due.Public && kind != dsr.TaskPublicNotice {
		return nil
	}
	for {
		got, err := n.humans.ask(ctx, contract.OpenTaskInput{Kind: string(kind), Occasion: step}, nil)
		if err != nil || got.verdict == dsr.Partial {
			return err // not everybody: the next step is for them
		}
		_, err = contract.TakeStep.Run(core(ctx, "write down the step "+step), contract.StepInput{Ref: n.ref, Step: step, Task: got.task})
		if err == nil || stops(err) {
			return err
		}
		if err := n.failed(ctx, contract.TakeStep.Name, err); err != nil {
			return err
		}
	}
}
