package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// ruleRun is the state of the run of one rule. What lasts stands in the casefile.
type ruleRun struct {
	in     contract.RuleInput
	facts  contract.RuleFacts
	humans humans
	state  string
	shown  string
	turns  int // sweeps of this history
}

const (
	// turnsPerRun bounds a history: a turn of up to ten minutes is about a dozen events.
	turnsPerRun = 200
	// provesAtMost is how often a sweep comes back for rows that are due without a reason to be there.
	provesAtMost = 3
	// lookAtPause is how often a paused sweep looks whether it may go on.
	lookAtPause = time.Minute
	// lookAtChildren is how soon a rule first looks whether those that come before it have ended.
	lookAtChildren = 2 * time.Second
)

// RetentionRule runs one rule of retention: two signatures where it needs them, whose rows are left
// alone, the sweep, the proof, and the report to the data's owner.
func RetentionRule(ctx workflow.Context, in contract.RuleInput) (contract.RuleResult, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx) // ended by its proof or a signed decision
	r := &ruleRun{in: in}
	if err := r.listen(ctx); err != nil {
		return contract.RuleResult{}, err
	}
	run := r.run
	if in.Problem != "" && in.Night != nil {
		run = r.alarmed
	}
	out, err := run(ctx)
	if err != nil {
		return out, err
	}
	return out, workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}

func (r *ruleRun) listen(ctx workflow.Context) error {
	r.humans = humans{ref: r.in.Ref, changed: func(ctx workflow.Context) { _ = r.show(ctx, r.humans.waiting()) }}
	err := workflow.SetQueryHandlerWithOptions(ctx, contract.Status.Name, func() (contract.StatusResult, error) {
		return contract.StatusResult{State: r.state, WaitingOn: r.shown, OpenTasks: r.humans.open(), OpenSystems: []string{r.in.System}}, nil
	}, workflow.QueryHandlerOptions{Description: "where the run of the rule stands"})
	if err != nil {
		return err
	}
	return r.humans.listen(ctx)
}

func (r *ruleRun) run(ctx workflow.Context) (contract.RuleResult, error) {
	for {
		facts, err := mustRule(r, ctx, "look at the run", contract.BeginRule, contract.RefInput{Ref: r.in.Ref}, core)
		if err != nil {
			return contract.RuleResult{}, err
		}
		r.facts = facts
		switch {
		case facts.Ended:
			return contract.RuleResult{State: facts.State, Done: facts.Done}, r.report(ctx)
		case facts.Waiting:
			if err := r.signed(ctx); err != nil {
				return contract.RuleResult{}, err
			}
			continue // the casefile says what came of it
		}
		if err := r.sweep(ctx); err != nil {
			return contract.RuleResult{}, err
		}
	}
}

// signed has two people look at the dry run. What they say the casefile checks.
func (r *ruleRun) signed(ctx workflow.Context) error {
	if err := r.report(ctx); err != nil {
		return err
	}
	if err := r.enter(ctx, stateApprove, ""); err != nil {
		return err
	}
	got, err := r.humans.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskRetention), Occasion: r.facts.Occasion}, nil)
	if err != nil {
		return err
	}
	take, what := contract.AcceptRule, "take the signed yes"
	if got.verdict != dsr.Approve {
		take, what = contract.RejectRule, "take the signed no"
	}
	_, err = take.Run(core(ctx, what), contract.TaskInput{Ref: r.in.Ref, Task: got.task})
	if err != nil && !got.known && typeOf(err) == contract.ErrNotApproved {
		return nil // whoever told us made it up: ask again
	}
	return err
}

// sweep goes over the due rows until nothing is left but what must be, and proves it.
func (r *ruleRun) sweep(ctx workflow.Context) error {
	if err := r.enter(ctx, "sweeping", "system:"+r.in.System); err != nil {
		return err
	}
	ref := contract.RefInput{Ref: r.in.Ref}
	if _, err := mustRule(r, ctx, "whose rows are left alone", contract.ShelterRows, ref, r.onSystem); err != nil {
		return err
	}
	pause := lookAtChildren
	for proved := 1; ; {
		if r.turns++; r.turns > turnsPerRun && len(r.humans.pending) == 0 {
			if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
				return err
			}
			return workflow.NewContinueAsNewError(ctx, contract.RetentionRule.Name, r.in)
		}
		got, err := mustRule(r, ctx, "sweep "+r.facts.Rule, contract.SweepRule, ref, r.onSystem)
		switch {
		case err != nil:
			return err
		case got.Stale:
			return nil
		case got.Anew:
			return nil // begins again with whose rows are left alone
		case got.Paused:
			if err := r.rest(ctx, "paused", "staff:resume", lookAtPause); err != nil {
				return err
			}
			continue
		case !got.Opens.IsZero():
			if err := r.rest(ctx, "outside its hours", "clock:"+got.Opens.UTC().Format("2006-01-02T15:04Z"), max(time.Second, got.Opens.Sub(workflow.Now(ctx)))); err != nil {
				return err
			}
			continue
		case got.After:
			if err := r.rest(ctx, "in line", "rules:that refer to these rows", pause); err != nil {
				return err
			}
			pause = min(2*pause, 10*time.Minute)
			continue
		case !got.Finished && !got.Held:
			if err := r.enter(ctx, "sweeping", sweptBar(got)); err != nil {
				return err
			}
			continue
		}
		end, err := mustRule(r, ctx, "prove that nothing due is left without a reason", contract.ProveRule,
			contract.ProveInput{Ref: r.in.Ref, Last: proved >= provesAtMost, Held: got.Held}, r.onSystem)
		if err != nil || end.Ended {
			return err
		}
		proved++
		if _, err := contract.RestartSweep.Run(core(ctx, "sweep again for what is left"), ref); err != nil {
			return err
		}
	}
}

func (r *ruleRun) rest(ctx workflow.Context, state, waiting string, pause time.Duration) error {
	if err := r.enter(ctx, state, waiting); err != nil {
		return err
	}
	_, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{Timeout: pause, TimerOptions: workflow.TimerOptions{Summary: state + "; look again"}},
		func() bool { return false })
	return err
}

func sweptBar(got contract.SweepResult) string {
	share := int64(100)
	if got.Of > 0 {
		share = min(100, got.Done*100/got.Of)
	}
	return fmt.Sprintf("sweep:%d%%", share)
}

// report writes to the data's owner. A mail server that is down holds the sweep up for a while only.
func (r *ruleRun) report(ctx workflow.Context) error {
	_, err := contract.ReportRun.Run(workflow.WithScheduleToCloseTimeout(letters(ctx, "write to the data's owner"), time.Hour), contract.RefInput{Ref: r.in.Ref})
	if err != nil && stops(err) {
		return err
	}
	return nil // the list of runs says the same
}

// onSystem is a step of the sweep on its system. It is one attempt however much it deleted, so that a
// night's window is not spent on a back-off that grew with a few restarts.
func (r *ruleRun) onSystem(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithRetryPolicy(onSystem(ctx, r.in.System, summary),
		temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 30 * time.Second})
}

// mustRule runs one activity to its end: a failure that a retry cannot mend becomes a task, and the
// step runs again when a human says that its cause is gone.
func mustRule[In, Out any](r *ruleRun, ctx workflow.Context, summary string, a contract.Activity[In, Out], in In,
	with func(workflow.Context, string) workflow.Context) (Out, error) {
	for try := 1; ; try++ {
		out, err := a.Run(with(ctx, summary), in)
		if err == nil || stops(err) {
			return out, err
		}
		got, askErr := r.humans.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskFailed), System: r.in.System,
			Occasion: fmt.Sprintf("%s/%s/%d", a.Name, workflow.Now(ctx).UTC().Format(time.RFC3339), try), Problem: typeOf(err)}, nil)
		if askErr != nil {
			return out, askErr
		}
		if got.verdict == dsr.Reject { // given up for now: the next night takes the run up again
			return out, err
		}
	}
}

func (r *ruleRun) enter(ctx workflow.Context, state, waiting string) error {
	r.state = state
	return r.show(ctx, waiting)
}

func (r *ruleRun) show(ctx workflow.Context, waiting string) error {
	now := r.state + " " + waiting
	if now == r.shown {
		return nil
	}
	r.shown = now
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("**%s.%s** %s, for %s\n\n- waits on: %s\n- due: %d rows\n- staff: `habeas retention show %s`\n", r.in.System, r.facts.Rule,
		r.state, r.facts.Nominal.UTC().Format("2006-01-02 15:04 MST"), waiting, r.facts.Due, r.in.Ref.ID()))
	return workflow.UpsertTypedSearchAttributes(ctx, contract.AttrState.ValueSet(r.state), contract.AttrWaitingOn.ValueSet(waiting))
}
