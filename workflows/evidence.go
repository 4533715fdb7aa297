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

// wipeLater has the proofs wiped once their time after the decision is over: a child that outlives the
// case, with a durable timer.
func (c *correction) wipeLater(ctx workflow.Context) error {
	if !c.wishes.Evidence {
		return nil
	}
	return c.wipeAfter(ctx, dsr.TaskEvidence, c.wishes.EvidenceFor)
}

// wipeAfter starts the child once for the files of each kind of task. One that runs looks at these too; one
// that looked after earlier files may have ended.
func (c *request) wipeAfter(ctx workflow.Context, of dsr.TaskKind, long time.Duration) error {
	if slices.Contains(c.wiping, of) {
		return nil
	}
	c.wiping = append(c.wiping, of)
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, wipeOptions(c.ref)), contract.EvidenceWipe.Name,
		contract.WipeInput{Ref: c.ref, At: workflow.Now(ctx).Add(long)})
	err := child.GetChildWorkflowExecution().Get(ctx, nil)
	if stillRuns(err) {
		return nil // of an earlier run of this case: it looks at the decision itself
	}
	return err
}

// longestWipe bounds what a word from elsewhere can make the wiping wait.
const longestWipe = 30 * 24 * time.Hour

// EvidenceWipe waits until the time of the proofs is over, and has them wiped. The activity knows when the
// case was decided, and says when to come again.
func EvidenceWipe(ctx workflow.Context, in contract.WipeInput) (contract.Nothing, error) {
	at := in.At
	for {
		if left := min(at.Sub(workflow.Now(ctx)), longestWipe); left > 0 {
			if err := workflow.NewTimerWithOptions(ctx, left, workflow.TimerOptions{Summary: "wipe the proofs"}).Get(ctx, nil); err != nil {
				return contract.Nothing{}, err
			}
		}
		out, err := contract.WipeEvidence.Run(coreLong(ctx, "wipe the proofs"), contract.RefInput{Ref: in.Ref})
		switch {
		case err == nil && out.Again.IsZero():
			return contract.Nothing{}, nil
		case err == nil:
			at = out.Again
		case stops(err) || typeOf(err) == contract.ErrNotFound: // the case was forgotten, and its proofs with it
			return contract.Nothing{}, bare(err)
		default:
			at = workflow.Now(ctx).Add(time.Hour) // not decided yet, whatever we were told
		}
	}
}

func wipeOptions(ref contract.Ref) workflow.ChildWorkflowOptions {
	return workflow.ChildWorkflowOptions{
		WorkflowID: contract.EvidenceID(ref), StaticSummary: "wipe the proofs of " + ref.ID(),
		ParentClosePolicy: enums.PARENT_CLOSE_POLICY_ABANDON, WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		TypedSearchAttributes: temporal.NewSearchAttributes(contract.AttrKind.ValueSet("evidence")),
	}
}

func stillRuns(err error) bool {
	var running *temporal.ChildWorkflowExecutionAlreadyStartedError
	return errors.As(err, &running)
}
