package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// law is what the law asks of a case beside its steps: clocks that warn, and what staff move about
// the case while it goes on.
type law struct {
	known    bool   // the facts of the case are there: its clocks can be read
	changed  int    // counts what moved a clock
	parts    int    // counts the refusals of a part
	refused  bool   // the casefile bears out that the case was refused whole
	level    string // of the alarm that is shown
	stop     func() // ends the pass that is on
	finished func() bool
}

// listenToLaw registers motions and starts the clocks.
func (c *request) listenToLaw(ctx workflow.Context) error {
	err := workflow.SetUpdateHandlerWithOptions(ctx, contract.Move.Name, c.move, workflow.UpdateHandlerOptions{
		Description: "a member of staff moves something about the case; checked in the casefile",
		Validator: func(ctx workflow.Context, in contract.MotionInput) error {
			if c.over() || in.N < 1 {
				workflow.GetMetricsHandler(ctx).Counter("habeas_motions_refused_total").Inc(1)
				return temporal.NewNonRetryableApplicationError("the case has ended, or its answer is out", contract.ErrNotOpen, nil)
			}
			return nil
		},
	})
	workflow.GoNamed(ctx, "clocks", c.watch)
	return err
}

// replied says whether the law's clock has stopped: the answer is out, or the case ends.
func (c *request) replied() bool {
	return c.closing || c.ready || c.stands || c.state == dsr.StateClosed
}

// over says whether nothing can be moved any more: the answer is out, or something was done that
// cannot be undone.
func (c *request) over() bool {
	return c.replied() || c.law.refused || (c.law.finished != nil && c.law.finished())
}

// interruptible runs a pass that a refusal or a withdrawal may end at any of its waits.
func (c *request) interruptible(ctx workflow.Context, pass func(workflow.Context) (dsr.Outcome, error)) (dsr.Outcome, error) {
	inner, stop := workflow.WithCancel(ctx)
	c.law.stop = stop
	outcome, err := pass(inner)
	c.law.stop = nil
	if !temporal.IsCanceledError(err) {
		return outcome, err
	}
	switch {
	case c.law.refused:
		outcome = dsr.Refused
	case c.withdrawn:
		outcome = dsr.Withdrawn
	default:
		return outcome, err
	}
	clear(c.humans.pending) // what was asked matters no more; the casefile voids it as it closes
	return outcome, c.close(ctx, outcome)
}

// interrupt ends the pass that is on.
func (c *request) interrupt() {
	if c.law.stop != nil {
		c.law.stop()
	}
}

// watch wakes when the law's clock does: it has the casefile say which alarms have come, raises
// them, and sleeps until the next. It never ends a case, and no failure of it does.
func (c *request) watch(ctx workflow.Context) {
	for c.state != dsr.StateClosed {
		if err := workflow.Await(ctx, func() bool { return c.law.known && !c.replied() || c.state == dsr.StateClosed }); err != nil {
			return
		}
		seen := c.law.changed
		moved := func() bool { return c.law.changed != seen || c.replied() }
		facts, err := contract.ReadClock.Run(core(ctx, "read the clocks of the case"), contract.RefInput{Ref: c.ref})
		if err == nil && !c.replied() {
			err = c.raise(ctx, facts)
		}
		wait := time.Hour
		switch {
		case err != nil && stops(err):
			return
		case err == nil && facts.Next.IsZero():
			err = workflow.Await(ctx, moved)
		case err == nil:
			wait = max(facts.Next.Sub(workflow.Now(ctx)), time.Second)
			fallthrough
		default:
			_, err = workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
				Timeout: wait, TimerOptions: workflow.TimerOptions{Summary: "the next alarm of the law's clock"},
			}, moved)
		}
		if err == nil && c.replied() {
			err = c.showLevel(ctx, "")
		}
		if err != nil {
			return
		}
	}
}

// raise writes down the alarms that have come and shows the one that holds.
func (c *request) raise(ctx workflow.Context, facts contract.ClockFacts) error {
	if !facts.DueAt.IsZero() && !facts.DueAt.Equal(c.facts.DueAt) {
		c.facts.DueAt = facts.DueAt
		if err := workflow.UpsertTypedSearchAttributes(ctx, contract.AttrDueAt.ValueSet(facts.DueAt)); err != nil {
			return err
		}
	}
	for _, alarm := range facts.Come {
		if _, err := contract.RaiseAlarm.Run(core(ctx, "raise an alarm: "+alarm.Level), alarm); err != nil {
			return err
		}
	}
	return c.showLevel(ctx, facts.Level)
}

// showLevel sets the search attribute and counts an alarm that is new.
func (c *request) showLevel(ctx workflow.Context, level string) error {
	if level == c.law.level {
		return nil
	}
	c.law.level = level
	if level == "" {
		return workflow.UpsertTypedSearchAttributes(ctx, contract.AttrClock.ValueUnset())
	}
	workflow.GetMetricsHandler(ctx).WithTags(map[string]string{"level": level}).Counter("habeas_clock_alarms_total").Inc(1)
	return workflow.UpsertTypedSearchAttributes(ctx, contract.AttrClock.ValueSet(level))
}

// move hears of a motion and believes the casefile. One that needs signatures opens its task; the
// answer names it, and the motion is carried out when it is signed.
func (c *request) move(ctx workflow.Context, in contract.MotionInput) (contract.MotionResult, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx) // as the workflow: see Access
	var out contract.MotionResult
	m, err := contract.ReadMotion.Run(core(ctx, "ask the casefile what is moved"), contract.MotionRef{Ref: c.ref, N: in.N})
	if err != nil {
		return out, bare(err)
	}
	if m.Applied {
		return out, nil
	}
	switch kind := dsr.MotionKind(m.Kind); kind {
	case dsr.MotionExtend, dsr.MotionRefuse:
		task := contract.OpenTaskInput{Kind: string(taskOf(kind)), Occasion: fmt.Sprint(in.N)}
		opened, err := c.humans.openTask(ctx, task)
		if err != nil {
			return out, bare(err)
		}
		out.Task = opened.Task
		workflow.GoNamed(ctx, fmt.Sprintf("motion-%d", in.N), func(ctx workflow.Context) { c.carry(ctx, kind, in.N, m.Items > 0, task) })
		return out, nil
	default:
		if _, err := contract.ApplyMotion.Run(core(ctx, "apply the motion to "+m.Kind), contract.ApplyInput{Ref: c.ref, N: in.N}); err != nil {
			return out, bare(err)
		}
		c.law.changed++
		letter := map[dsr.MotionKind]string{dsr.MotionPause: "clarify", dsr.MotionResume: "resumed"}[kind]
		if letter != "" && c.settled {
			workflow.GoNamed(ctx, letter, func(ctx workflow.Context) { _ = c.tell(ctx, letter, fmt.Sprintf("motion-%d", in.N), "") })
		}
		return out, nil
	}
}

func taskOf(kind dsr.MotionKind) dsr.TaskKind {
	if kind == dsr.MotionExtend {
		return dsr.TaskExtend
	}
	return dsr.TaskRefuse
}

// carry waits for the signatures behind a motion and carries it out. An extension is told to the
// person first: without the letter, or once the strict date is over, it does not come about.
func (c *request) carry(ctx workflow.Context, kind dsr.MotionKind, n int, part bool, task contract.OpenTaskInput) {
	got, err := c.humans.ask(ctx, task, nil)
	if err != nil || got.verdict != dsr.Approve || c.over() {
		return
	}
	if kind == dsr.MotionExtend {
		if err := c.tell(ctx, "extension", fmt.Sprintf("motion-%d", n), ""); err != nil {
			return
		}
	}
	_, err = contract.ApplyMotion.Run(core(ctx, "check the signatures and "+string(kind)), contract.ApplyInput{Ref: c.ref, N: n, Task: got.task})
	if err != nil {
		// The casefile said no: the time is over, or what was signed does not hold. The case goes on.
		workflow.GetMetricsHandler(ctx).Counter("habeas_motions_refused_total").Inc(1)
		return
	}
	c.law.changed++
	if part {
		c.law.parts++ // what waits for a reviewer or a releaser shows it no longer rightly
		return
	}
	if kind == dsr.MotionRefuse && !c.over() {
		c.law.refused = true
		c.interrupt()
	}
}
