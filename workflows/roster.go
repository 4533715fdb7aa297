package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// Roster lets somebody sign from now on, when two approvers have said so.
func Roster(ctx workflow.Context, in contract.RosterInput) (contract.RosterResult, error) {
	var out contract.RosterResult
	h := humans{ref: in.Ref, changed: func(ctx workflow.Context) {
		workflow.SetCurrentDetails(ctx, "**"+in.Ref.ID()+"** waits for two approvers\n\n- staff: `habeas task list`")
	}}
	if err := h.listen(ctx); err != nil {
		return out, err
	}
	for !out.Applied {
		got, err := h.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskEnrol), Occasion: "1"}, nil)
		if err != nil {
			return out, err
		}
		if got.verdict != dsr.Approve {
			break
		}
		// The activity checks both signatures. When there are none, whatever we were told, the task
		// still waits for them.
		_, err = contract.ApplyRoster.Run(core(ctx, "enrol"), contract.TaskInput{Ref: in.Ref, Task: got.task})
		if err != nil && (got.known || typeOf(err) != contract.ErrNotApproved) {
			return out, err
		}
		out.Applied = err == nil
	}
	return out, workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}
