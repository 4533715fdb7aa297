package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// scheduledFor is the time for which a schedule meant a run, whenever it began.
var scheduledFor = temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")

// openWithin is how long the run of a night waits for its system before it gives up: the next night
// has its own.
const openWithin = 20 * time.Hour

// Retention is one run over a system: its rules one after the other, children before parents, each a
// child workflow under a reference of its own. A rule that two people must sign first waits by itself
// and holds up nobody.
func Retention(ctx workflow.Context, in contract.RetentionInput) (contract.RetentionResult, error) {
	var out contract.RetentionResult
	if in.Nominal.IsZero() {
		in.Nominal = workflow.GetInfo(ctx).WorkflowStartTime
		if at, ok := workflow.GetTypedSearchAttributes(ctx).GetTime(scheduledFor); ok {
			in.Nominal = at
		}
	}
	in.Nominal = in.Nominal.UTC()
	if err := workflow.UpsertTypedSearchAttributes(ctx, contract.AttrKind.ValueSet("retention"), contract.AttrState.ValueSet("running"),
		contract.AttrOpenSystems.ValueSet([]string{in.System})); err != nil {
		return out, err
	}
	opened, err := contract.OpenRuns.Run(workflow.WithScheduleToCloseTimeout(onSystem(ctx, in.System, "open the runs of the rules"), openWithin), contract.OpenRunsInput(in))
	if err != nil {
		if !stops(err) && !in.Dry {
			err = errors.Join(err, alarm(ctx, in, typeOf(err)))
		}
		return out, err
	}
	for n, run := range opened.Runs {
		workflow.SetCurrentDetails(ctx, fmt.Sprintf("**%s** for %s\n\n- rule %d of %d: %s, %s\n- staff: `habeas retention list`\n", in.System,
			in.Nominal.Format("2006-01-02 15:04 MST"), n+1, len(opened.Runs), run.Rule, run.Ref.ID()))
		waits, swept, err := runRule(ctx, in, run)
		switch {
		case err != nil && stops(err):
			return out, err
		case err != nil:
			out.Failed++
			workflow.GetLogger(ctx).Warn("a rule of retention did not run", "run", string(run.Ref), "type", typeOf(err))
		case waits:
			out.Waiting++
		case swept:
			out.Swept++
		}
	}
	if out.Failed > 0 { // red in the Temporal UI, where operators look
		return out, temporal.NewNonRetryableApplicationError(fmt.Sprintf("%d rules of %s cannot run as they stand; `habeas datamap check` says why", out.Failed, in.System),
			contract.ErrMapMismatch, nil)
	}
	return out, nil
}

// alarm has a human asked about a night whose rules could not be opened, beside the night, which ends here and is
// red. An alarm that waits already is enough.
func alarm(ctx workflow.Context, in contract.RetentionInput, problem string) error {
	run, err := contract.AlarmNight.Run(core(ctx, "raise an alarm: the rules could not be opened"), contract.OpenRunsInput(in))
	if err != nil {
		return err
	}
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, childOf(run.Ref, in.System, in.System+": its rules could not be opened")),
		contract.RetentionRule.Name, contract.RuleInput{Ref: run.Ref, System: in.System, Problem: problem, Night: &in})
	return unlessStarted(child.GetChildWorkflowExecution().Get(ctx, nil))
}

// unlessStarted is the error but for one that says that the child runs already.
func unlessStarted(err error) error {
	if already := (*temporal.ChildWorkflowExecutionAlreadyStartedError)(nil); errors.As(err, &already) {
		return nil
	}
	return err
}

func childOf(ref contract.Ref, system, summary string) workflow.ChildWorkflowOptions {
	return workflow.ChildWorkflowOptions{
		WorkflowID: string(ref), TaskQueue: contract.QueueCore, StaticSummary: summary,
		ParentClosePolicy: enums.PARENT_CLOSE_POLICY_ABANDON, WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		TypedSearchAttributes: temporal.NewSearchAttributes(contract.AttrKind.ValueSet("retention"), contract.AttrOpenSystems.ValueSet([]string{system})),
	}
}

// runRule makes the dry run of a rule, and then runs it: to its end, or by itself where it waits.
func runRule(ctx workflow.Context, in contract.RetentionInput, run contract.OpenedRun) (waits, swept bool, err error) {
	measured, err := contract.MeasureRule.Run(onSystem(ctx, in.System, "dry run of "+run.Rule), contract.MeasureInput{System: in.System, Run: run.Ref})
	if err != nil || measured.Ended || in.Dry {
		return false, false, err
	}
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, childOf(run.Ref, in.System, in.System+"."+run.Rule)), contract.RetentionRule.Name, contract.RuleInput{Ref: run.Ref, System: in.System})
	waits = measured.Why != "" || run.Earlier
	if waits {
		err = child.GetChildWorkflowExecution().Get(ctx, nil)
	} else {
		err = child.Get(ctx, nil)
	}
	var already *temporal.ChildWorkflowExecutionAlreadyStartedError
	if errors.As(err, &already) { // of an earlier night, and still at it
		return true, false, nil
	}
	return waits, err == nil && !waits, err
}
