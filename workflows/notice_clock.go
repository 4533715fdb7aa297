package workflows

import (
	"errors"
	"slices"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

func clockID(ref contract.Ref, authority string) string { return string(ref) + "/clock/" + authority }

// startClocks starts a child for each authority that must hear. It outlives this history: one that
// runs already is left alone. A closing report's clock starts only when handling has ended.
func (n *notice) startClocks(ctx workflow.Context, ended bool) error {
	list := n.facts.Clocks
	if ended {
		list = slices.Concat(list, n.facts.Closing)
	}
	for _, c := range list {
		if n.clocks[c.Authority] {
			continue
		}
		n.clocks[c.Authority] = true
		child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
			WorkflowID: clockID(n.ref, c.Authority), StaticSummary: "report to " + c.Authority,
			ParentClosePolicy:     enums.PARENT_CLOSE_POLICY_ABANDON,
			WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
			TypedSearchAttributes: temporal.NewSearchAttributes(contract.AttrKind.ValueSet("authority-clock"), contract.AttrDueAt.ValueSet(c.Due), contract.AttrLaw.ValueSet([]string{c.Law})),
		}), contract.AuthorityClock.Name, c)
		err := child.GetChildWorkflowExecution().Get(ctx, nil)
		var running *temporal.ChildWorkflowExecutionAlreadyStartedError
		if err != nil && !errors.As(err, &running) {
			return err
		}
		// Its row stands before anybody asks which clocks are open.
		if _, err := must(n, ctx, "start the clock of "+c.Authority, contract.StartClock, c, core); err != nil {
			return err
		}
	}
	return nil
}

// told starts the clocks that begin with the first letter, where a law has such.
func (n *notice) told(ctx workflow.Context) error {
	if !n.facts.OnTold {
		return nil
	}
	facts, err := must(n, ctx, "look at the notice", contract.BeginNotice, contract.RefInput{Ref: n.ref}, core)
	if err != nil {
		return err
	}
	n.facts.Clocks = facts.Clocks
	return n.startClocks(ctx, false)
}

// end waits until every authority has its report, and closes the notice. The closing report's clock
// starts here, when handling has ended.
func (n *notice) end(ctx workflow.Context, outcome string) error {
	facts, err := must(n, ctx, "look at the notice", contract.BeginNotice, contract.RefInput{Ref: n.ref}, core)
	if err != nil {
		return err
	}
	n.facts = facts
	if err := n.startClocks(ctx, true); err != nil {
		return err
	}
	if err := n.enter(ctx, stateReports, ""); err != nil {
		return err
	}
	if err := n.peopleTold(ctx); err != nil {
		return err
	}
	for len(n.facts.Clocks) > 0 {
		seen := n.changes
		got, err := must(n, ctx, "see which reports are filed", contract.MarkClock, contract.MarkClockInput{Ref: n.ref, Authority: n.facts.Clocks[0].Authority}, core)
		if err != nil {
			return err
		}
		if got.Open == 0 {
			break
		}
		if err := n.show(ctx, "reports"); err != nil {
			return err
		}
		if _, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{Timeout: lookAgain,
			TimerOptions: workflow.TimerOptions{Summary: "see which reports are filed"}}, func() bool { return n.changes > seen }); err != nil {
			return err
		}
	}
	if _, err := must(n, ctx, "close the notice", contract.CloseNotice, contract.CloseInput{Ref: n.ref, Outcome: outcome}, core); err != nil {
		return err
	}
	n.state = "closed"
	return workflow.UpsertTypedSearchAttributes(ctx, contract.AttrState.ValueSet("closed"), contract.AttrWaitingOn.ValueUnset())
}

// peopleTold ends the clocks of the people: all that is left to do is reports.
func (n *notice) peopleTold(ctx workflow.Context) error {
	for _, c := range n.facts.Clocks {
		if !c.Persons {
			continue
		}
		if _, err := must(n, ctx, "the people have been told", contract.MarkClock, contract.MarkClockInput{Ref: n.ref, Authority: c.Authority, What: "told"}, core); err != nil {
			return err
		}
		// It looks by itself too, later: a word that is lost does no harm.
		_ = workflow.SignalExternalWorkflow(ctx, clockID(n.ref, c.Authority), "", contract.Look.Name, contract.Nothing{}).Get(ctx, nil)
	}
	return nil
}

// clock is one authority's clock.
type clock struct {
	contract.ClockInput
	wake bool // something was said
}

// AuthorityClock watches over one report: a draft when half of the time is over (or when asked for),
// escalation at 75 and 90 per cent, and at the end a line that says that it was missed. It ends when
// a signed task says that the report was filed.
func AuthorityClock(ctx workflow.Context, in contract.ClockInput) (contract.ClockResult, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	c := &clock{ClockInput: in}
	draft := false
	for _, signal := range []string{contract.Look.Name, contract.DraftNow.Name} {
		workflow.GoNamed(ctx, signal, func(ctx workflow.Context) {
			for {
				workflow.GetSignalChannel(ctx, signal).Receive(ctx, nil)
				c.wake = true
				draft = draft || signal == contract.DraftNow.Name
			}
		})
	}
	if _, err := contract.StartClock.Run(core(ctx, "start the clock"), in); err != nil {
		return contract.ClockResult{}, err
	}
	filed, err := false, error(nil)
	if !in.Persons {
		if err := c.until(ctx, 50, func() bool { return draft }); err != nil {
			return contract.ClockResult{}, err
		}
		filed, err = c.draft(ctx)
	}
	for _, percent := range []int{50, 75, 90, 100} {
		if filed || err != nil {
			break
		}
		if filed, err = c.stretch(ctx, percent); err != nil || filed {
			break
		}
		err = c.warn(ctx, percent)
	}
	for !filed && err == nil {
		if _, err = workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{Timeout: lookAgain,
			TimerOptions: workflow.TimerOptions{Summary: "missed; see whether it is filed"}}, func() bool { return c.wake }); err == nil {
			filed, err = c.filed(ctx)
		}
	}
	if err != nil {
		return contract.ClockResult{}, err
	}
	parent := workflow.GetInfo(ctx).ParentWorkflowExecution
	if parent != nil {
		_ = workflow.SignalExternalWorkflow(ctx, parent.ID, "", contract.Look.Name, contract.Nothing{}).Get(ctx, nil)
	}
	return contract.ClockResult{InTime: !workflow.Now(ctx).After(in.Due)}, nil
}

// at is the moment at which so many per cent of the time are over.
func (c *clock) at(percent int) time.Time {
	return c.From.Add(c.Due.Sub(c.From) * time.Duration(percent) / 100)
}

// until waits for such a moment, or for what ends the wait.
func (c *clock) until(ctx workflow.Context, percent int, over func() bool) error {
	left := c.at(percent).Sub(workflow.Now(ctx))
	if left <= 0 || over() {
		return nil
	}
	_, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{Timeout: left,
		TimerOptions: workflow.TimerOptions{Summary: "until part of the time to report to " + c.Authority + " is over"}}, over)
	return err
}

// draft writes the report down as a task; whoever files it signs that task.
func (c *clock) draft(ctx workflow.Context) (bool, error) {
	filed, err := c.filed(ctx)
	if err != nil {
		return false, err
	}
	_, err = contract.MarkClock.Run(core(ctx, "the draft is there"), contract.MarkClockInput{Ref: c.Ref, Authority: c.Authority, What: "drafted"})
	return filed, err
}

// filed asks the casefile whether the report was filed. The same question opens the task. What is said
// from here on is heard by the next wait, also while a step after the question is still going on.
func (c *clock) filed(ctx workflow.Context) (bool, error) {
	c.wake = false
	if c.Persons { // no report: it is met when the letters have gone
		out, err := contract.MarkClock.Run(core(ctx, "have the people been told?"), contract.MarkClockInput{Ref: c.Ref, Authority: c.Authority, What: "told"})
		return out.Filed, err
	}
	occasion := c.Authority
	for {
		opened, err := contract.OpenTask.Run(core(ctx, "the report as a task"), contract.OpenTaskInput{
			Ref: c.Ref, Kind: string(dsr.TaskReport), Occasion: occasion, System: c.Authority})
		if err != nil {
			return false, err
		}
		if opened.Void {
			occasion += "/again"
			continue
		}
		if opened.Verdict != string(dsr.Complete) {
			return false, nil
		}
		out, err := contract.MarkClock.Run(core(ctx, "the report is filed"), contract.MarkClockInput{Ref: c.Ref, Authority: c.Authority, What: "filed", Task: opened.Task})
		return out.Filed, err
	}
}

// stretch waits until so many per cent are over, or the report is filed.
func (c *clock) stretch(ctx workflow.Context, percent int) (bool, error) {
	for {
		if err := c.until(ctx, percent, func() bool { return c.wake }); err != nil {
			return false, err
		}
		filed, err := c.filed(ctx)
		if err != nil || filed || !workflow.Now(ctx).Before(c.at(percent)) {
			return filed, err
		}
	}
}

// warn escalates, and at the end of the time says that it is over.
func (c *clock) warn(ctx workflow.Context, percent int) error {
	_, err := contract.WarnClock.Run(letters(ctx, "warn: the time runs out"), contract.MarkClockInput{Ref: c.Ref, Authority: c.Authority, Percent: percent})
	var answered *temporal.ActivityError
	if err != nil && !errors.As(err, &answered) {
		return err
	}
	if percent == 100 {
		_, err = contract.MarkClock.Run(core(ctx, "the time is over"), contract.MarkClockInput{Ref: c.Ref, Authority: c.Authority, What: "missed"})
		return err
	}
	return nil // who could not be written to sees it in the lists
}
