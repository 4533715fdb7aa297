package workflows

import (
	"context"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// A casefile that is away for longer than a workflow waits for it shows the newest state all the same, once
// it is back, although nothing else happens in the case: found by `make chaos`.
func TestProjectionCatchesUp(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	var back time.Time
	var shown []string
	env.RegisterActivityWithOptions(func(_ context.Context, in contract.Progress) (contract.Nothing, error) {
		if env.Now().Before(back) {
			return contract.Nothing{}, temporal.NewApplicationError("the casefile's database did not answer", contract.ErrUnavailable)
		}
		shown = append(shown, in.State)
		return contract.Nothing{}, nil
	}, activity.RegisterOptions{Name: contract.Project.Name})
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		p := projection{of: contract.Project}
		for _, state := range []string{"received", "verifying", "finding"} {
			if err := p.put(ctx, contract.Progress{State: state}); err != nil {
				return err
			}
		}
		return workflow.Sleep(ctx, 10*24*time.Hour)
	}, workflow.RegisterOptions{Name: "shows"})
	back = env.Now().Add(3 * time.Minute)
	env.ExecuteWorkflow("shows")
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if n := len(shown); n == 0 || shown[n-1] != "finding" {
		t.Errorf("shown was %v, want finding in the end", shown)
	}
}
