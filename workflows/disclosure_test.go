package workflows

import (
	"context"
	"testing"

	"go.temporal.io/sdk/temporal"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// Two people's yes enters a disclosure, a no ends it, and a made-up yes is asked for anew.
func TestADisclosureIsSigned(t *testing.T) {
	const entry = contract.Ref("disclosure/7QK2M-9XH4T")
	for _, verdict := range []dsr.Verdict{dsr.Approve, dsr.Reject} {
		env, f := newEnv(t)
		tries := 0
		add(env, f, contract.EnterDisclosure, func(context.Context, contract.TaskInput) (contract.Nothing, error) {
			if tries++; tries == 1 {
				return contract.Nothing{}, temporal.NewNonRetryableApplicationError("nobody signed", contract.ErrNotApproved, nil)
			}
			return contract.Nothing{}, nil
		})
		add(env, f, contract.RefuseDisclosure, func(context.Context, contract.TaskInput) (contract.Nothing, error) { return contract.Nothing{}, nil })
		staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskDisclosure: verdict})
		env.ExecuteWorkflow(Disclosure, contract.DisclosureInput{Ref: entry})
		var out contract.DisclosureResult
		if err := env.GetWorkflowResult(&out); err != nil || out.Entered != (verdict == dsr.Approve) {
			t.Errorf("%s: %+v, %v", verdict, out, err)
		}
		if verdict == dsr.Approve && tries != 2 {
			t.Errorf("entered after %d tries", tries)
		}
	}
}
