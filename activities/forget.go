package activities

import (
	"context"
	"errors"
	"sync/atomic"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
)

// ForgetCases forgets closed cases, then closed notices and ended runs of retention, whose record-keeping time is over, by the laws that each is pinned
// to: first the blobs, then the workflow's history, then, in one transaction, the case's key and its
// rows. The ledger line stays. A case that cannot be forgotten holds up no other; it is tried again
// the next time.
func (a *Activities) ForgetCases(ctx context.Context, in contract.ForgetInput) (contract.ForgetResult, error) {
	var out contract.ForgetResult
	var done atomic.Int64
	progress(ctx, &done, 0)
	if err := a.Store.DropErased(ctx); err != nil {
		return out, err
	}
	after := contract.Ref("")
	for out.Forgotten+out.Kept < in.Limit {
		list, err := a.Store.ClosedCases(ctx, after, 100)
		if err != nil {
			return out, err
		}
		if len(list) == 0 {
			break
		}
		for _, c := range list {
			after = c.Ref
			due, err := a.forgettable(ctx, c)
			if err == nil && !due {
				continue
			}
			if err == nil {
				err = a.forget(ctx, c)
			}
			switch {
			case err == nil:
				out.Forgotten++
				done.Add(1)
			case ctx.Err() != nil:
				return out, err
			default:
				out.Kept++
				a.Log.Warn("a case could not be forgotten; it is tried again", "ref", c.Ref, "type", fault.As(err).Type)
			}
		}
	}
	if err := a.forgetNotices(ctx, in.Limit, &out); err != nil {
		return out, err
	}
	err := a.forgetRuns(ctx, in.Limit, &out)
	return out, err
}

// forgettable says whether the record-keeping time of a closed case is over: the longest of its laws.
func (a *Activities) forgettable(ctx context.Context, c casefile.Case) (bool, error) {
	s, err := a.clocks(ctx, c.Ref)
	if err != nil {
		return false, err
	}
	until, err := jurisdiction.LatestKeep(s.Laws, *c.ClosedAt)
	return err == nil && !a.Now().Before(until), err
}

func (a *Activities) forget(ctx context.Context, c casefile.Case) error {
	if err := a.Blobs.DeleteAll(ctx, string(c.Ref)); err != nil {
		return err
	}
	if err := a.Blobs.DeleteAll(ctx, casefile.EvidenceFolder(c.Ref)); err != nil {
		return err
	}
	_, err := a.Temporal.WorkflowService().DeleteWorkflowExecution(ctx, &workflowservice.DeleteWorkflowExecutionRequest{
		Namespace: a.Namespace, WorkflowExecution: &common.WorkflowExecution{WorkflowId: string(c.Ref)}})
	var gone *serviceerror.NotFound
	if err != nil && !errors.As(err, &gone) {
		return fault.New(contract.ErrUnavailable, "the history of "+string(c.Ref)+" could not be deleted", err)
	}
	asked, err := a.Store.ProcessorRequests(ctx, c.Ref)
	if err != nil {
		return err
	}
	for _, p := range asked {
		_, err := a.Temporal.WorkflowService().DeleteWorkflowExecution(ctx, &workflowservice.DeleteWorkflowExecutionRequest{
			Namespace: a.Namespace, WorkflowExecution: &common.WorkflowExecution{WorkflowId: contract.ProcessorID(p.Ref, p.System)}})
		if err != nil && !errors.As(err, &gone) {
			return fault.New(contract.ErrUnavailable, "the history of "+string(c.Ref)+" could not be deleted", err)
		}
	}
	return a.Store.ForgetCase(ctx, c.Ref)
}
