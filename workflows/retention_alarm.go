package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// alarmed asks a human what to do about a night whose rules could not be opened. With a retry the night runs again,
// for its own time and by itself; a no leaves it at that.
func (r *ruleRun) alarmed(ctx workflow.Context) (contract.RuleResult, error) {
	night := *r.in.Night
	r.facts = contract.RuleFacts{System: r.in.System, Rule: "*", Nominal: night.Nominal}
	if err := r.enter(ctx, "not opened", ""); err != nil {
		return contract.RuleResult{}, err
	}
	got, err := r.humans.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskFailed), System: r.in.System, Occasion: contract.OpenRuns.Name, Problem: r.in.Problem}, nil)
	if err != nil {
		return contract.RuleResult{}, err
	}
	again := got.verdict == dsr.Retry
	if _, err := contract.EndAlarm.Run(core(ctx, "end the alarm"), contract.EndAlarmInput{Ref: r.in.Ref, Again: again}); err != nil || !again {
		return contract.RuleResult{State: "given up"}, err
	}
	options := childOf(contract.Ref(contract.RetentionID(night.System)+"-again-"+r.in.Ref.ID()), night.System, "retention of "+night.System+", again")
	return contract.RuleResult{State: "run again"},
		unlessStarted(workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), contract.Retention.Name, night).GetChildWorkflowExecution().Get(ctx, nil))
}
