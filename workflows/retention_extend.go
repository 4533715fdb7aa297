package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// RetentionExtend asks two people whether rows are kept beyond their time. It stands once the casefile
// has checked both signatures, and ends by its date without anybody.
func RetentionExtend(ctx workflow.Context, in contract.ExtendInput) (contract.ExtendResult, error) {
	var out contract.ExtendResult
	h := humans{ref: in.Ref, changed: func(ctx workflow.Context) {
		workflow.SetCurrentDetails(ctx, "**"+in.Ref.ID()+"**: two people decide whether rows are kept longer\n\n- staff: `habeas task list`")
	}}
	if err := h.listen(ctx); err != nil {
		return out, err
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, contract.AttrKind.ValueSet("retention"), contract.AttrState.ValueSet("extension"),
		contract.AttrWaitingOn.ValueSet("task:"+string(dsr.TaskExtendRetention))); err != nil {
		return out, err
	}
	for ended := false; !ended; {
		got, err := h.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskExtendRetention), Occasion: "1"}, nil)
		if err != nil {
			return out, err
		}
		take, what := contract.GrantExtension, "keep the rows longer"
		if got.verdict != dsr.Approve {
			take, what = contract.RefuseExtension, "take the signed no"
		}
		_, err = take.Run(core(ctx, what), contract.TaskInput{Ref: in.Ref, Task: got.task})
		if err != nil && (got.known || typeOf(err) != contract.ErrNotApproved) {
			return out, err // whoever made up an answer is asked again; what the casefile knows is not made up
		}
		ended, out.Granted = err == nil, err == nil && got.verdict == dsr.Approve
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, contract.AttrState.ValueSet("decided"), contract.AttrWaitingOn.ValueUnset()); err != nil {
		return out, err
	}
	return out, workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}
