package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// complete waits until no mandatory part of the text is empty.
func (n *notice) complete(ctx workflow.Context) error {
	if n.facts.Missing == 0 {
		return nil
	}
	if err := n.enter(ctx, stateApprove, ""); err != nil {
		return err
	}
	before := n.changes
	_, err := n.humans.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskNoticeIncomplete),
		Occasion: fmt.Sprintf("%s/%s", n.facts.Version, workflow.Now(ctx).UTC().Format(time.RFC3339))}, func() bool { return n.changes > before })
	if err != nil {
		return err
	}
	return errAmended // look again at the file of now
}

// decide asks for a decision on the file of now. A refusal waits for another file.
func (n *notice) decide(ctx workflow.Context, kind dsr.TaskKind) error {
	if err := n.enter(ctx, stateApprove, ""); err != nil {
		return err
	}
	got, err := n.ask(ctx, kind, n.facts.Version)
	if err != nil || got.verdict == dsr.Approve {
		return err
	}
	return n.untilAmended(ctx)
}

// approve has two people approve a wave of the file of now. A refusal waits for another file.
func (n *notice) approve(ctx workflow.Context, wave int) (string, error) {
	if err := n.enter(ctx, stateApprove, ""); err != nil {
		return "", err
	}
	if n.facts.Canaries {
		if _, err := must(n, ctx, "send the canaries", contract.SendCanaries, contract.RefInput{Ref: n.ref}, letters); err != nil {
			return "", err
		}
	}
	got, err := n.ask(ctx, dsr.TaskNoticeWave, fmt.Sprintf("wave-%d/%s", wave, n.facts.Version))
	if err != nil || got.verdict == dsr.Approve {
		return got.task, err
	}
	return "", n.untilAmended(ctx)
}

// ask asks for a decision, unless the file is replaced or the notice ended meanwhile.
func (n *notice) ask(ctx workflow.Context, kind dsr.TaskKind, occasion string) (answer, error) {
	stale := false
	seen := n.changes
	workflow.GoNamed(ctx, "watch", func(ctx workflow.Context) {
		for !stale {
			if err := workflow.Await(ctx, func() bool { return n.changes > seen || stale }); err != nil || stale {
				return
			}
			seen = n.changes
			now, err := contract.BeginNotice.Run(core(ctx, "look at the notice"), contract.RefInput{Ref: n.ref})
			if err == nil && (now.Version != n.facts.Version || now.Aborted) {
				stale = true
			}
		}
	})
	got, err := n.humans.ask(ctx, contract.OpenTaskInput{Kind: string(kind), Occasion: occasion}, func() bool { return stale })
	if err != nil {
		return got, err
	}
	if stale && got.verdict == "" {
		return got, errAmended
	}
	stale = true // ends the watch
	return got, nil
}

// untilAmended waits for another file, or for the end.
func (n *notice) untilAmended(ctx workflow.Context) error {
	if err := n.enter(ctx, stateApprove, "staff:amend-or-abort"); err != nil {
		return err
	}
	for {
		seen := n.changes
		if _, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{Timeout: lookAgain,
			TimerOptions: workflow.TimerOptions{Summary: "look at the file again"}}, func() bool { return n.changes > seen }); err != nil {
			return err
		}
		now, err := must(n, ctx, "look at the notice", contract.BeginNotice, contract.RefInput{Ref: n.ref}, core)
		if err != nil {
			return err
		}
		if now.Version != n.facts.Version || now.Aborted {
			return errAmended
		}
	}
}
