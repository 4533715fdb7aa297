package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// HoldRelease asks two people whether a legal hold may end. The hold stands until the casefile has
// checked both signatures.
func HoldRelease(ctx workflow.Context, in contract.HoldInput) (contract.HoldResult, error) {
	var out contract.HoldResult
	h := humans{ref: in.Ref, changed: func(ctx workflow.Context) {
		workflow.SetCurrentDetails(ctx, "**"+in.Ref.ID()+"**: two people decide whether the hold ends\n\n- staff: `habeas task list`")
	}}
	if err := h.listen(ctx); err != nil {
		return out, err
	}
	round, err := contract.HoldFacts.Run(core(ctx, "look at the hold"), contract.RefInput(in))
	if err != nil {
		return out, err
	}
	for !out.Released {
		got, err := h.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskReleaseHold), Occasion: fmt.Sprint(round.Round)}, nil)
		if err != nil {
			return out, err
		}
		if got.verdict != dsr.Approve {
			break
		}
		_, err = contract.ApplyHoldRelease.Run(core(ctx, "release the hold"), contract.TaskInput{Ref: in.Ref, Task: got.task})
		if err != nil && (got.known || typeOf(err) != contract.ErrNotApproved) {
			return out, err
		}
		out.Released = err == nil
	}
	return out, workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}
