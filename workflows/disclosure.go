package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// Disclosure asks two people whether an entry of the register of disclosures stands. It does once the
// casefile has checked both signatures. Nothing of it is in Temporal but its number, and nothing says
// whether the person may know of it.
func Disclosure(ctx workflow.Context, in contract.DisclosureInput) (contract.DisclosureResult, error) {
	var out contract.DisclosureResult
	h := humans{ref: in.Ref, changed: func(ctx workflow.Context) {
		workflow.SetCurrentDetails(ctx, "**"+in.Ref.ID()+"**: two people decide on an entry of the register of disclosures\n\n- staff: `habeas task list`")
	}}
	if err := h.listen(ctx); err != nil {
		return out, err
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, contract.AttrKind.ValueSet("disclosure"), contract.AttrState.ValueSet("asked"),
		contract.AttrWaitingOn.ValueSet("task:"+string(dsr.TaskDisclosure))); err != nil {
		return out, err
	}
	for ended := false; !ended; {
		got, err := h.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskDisclosure), Occasion: "1"}, nil)
		if err != nil {
			return out, err
		}
		take, what := contract.EnterDisclosure, "enter it into the register"
		if got.verdict != dsr.Approve {
			take, what = contract.RefuseDisclosure, "take the signed no"
		}
		_, err = take.Run(core(ctx, what), contract.TaskInput{Ref: in.Ref, Task: got.task})
		if err != nil && (got.known || typeOf(err) != contract.ErrNotApproved) {
			return out, err // whoever made up an answer is asked again; what the casefile knows is not made up
		}
		ended, out.Entered = err == nil, err == nil && got.verdict == dsr.Approve
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, contract.AttrState.ValueSet("decided"), contract.AttrWaitingOn.ValueUnset()); err != nil {
		return out, err
	}
	return out, workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}
