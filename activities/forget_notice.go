package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/incident"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
)

// forgetNotices forgets closed notices whose record-keeping time is over, as ForgetCases does cases.
func (a *Activities) forgetNotices(ctx context.Context, limit int, out *contract.ForgetResult) error {
	after := contract.Ref("")
	for out.Forgotten+out.Kept < limit {
		list, err := a.Store.ClosedNotices(ctx, after, 100)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, n := range list {
			after = n.Ref
			until, err := a.keepNotice(n)
			if err == nil && a.Now().Before(until) {
				continue
			}
			if err == nil {
				err = a.forgetNotice(ctx, n.Ref)
			}
			switch {
			case err == nil:
				out.Forgotten++
			case ctx.Err() != nil:
				return err
			default:
				out.Kept++
				a.Log.Warn("a notice could not be forgotten; it is tried again", "ref", n.Ref, "type", fault.As(err).Type)
			}
		}
	}
	return nil
}

// keepNotice is until when the record of a closed notice is kept: the longest of its laws, of a breach
// that of their log of leaks.
func (a *Activities) keepNotice(n casefile.Notice) (time.Time, error) {
	book := a.Laws
	if book == nil {
		book = jurisdiction.Embedded()
	}
	laws, err := book.Laws(n.Laws, *n.ClosedAt)
	if err != nil {
		return time.Time{}, err
	}
	var latest time.Time
	for _, law := range laws {
		until, err := law.KeepUntil(*n.ClosedAt)
		if n.Kind == string(incident.Breach) {
			until, err = law.KeepLeakUntil(*n.ClosedAt)
		}
		if err != nil {
			return time.Time{}, err
		}
		if until.After(latest) {
			latest = until
		}
	}
	return latest, nil
}

func (a *Activities) forgetNotice(ctx context.Context, ref contract.Ref) error {
	if err := a.Blobs.DeleteAll(ctx, string(ref)); err != nil {
		return err
	}
	if err := a.deleteHistories(ctx, ref, historiesOf(ref)); err != nil {
		return err
	}
	return a.Store.ForgetNotice(ctx, ref)
}

// historiesOf finds every run of a reference, which has as many as its length asked for, and of what runs beside
// it, such as a notice's clocks.
func historiesOf(ref contract.Ref) string {
	return fmt.Sprintf("WorkflowId = '%s' OR WorkflowId STARTS_WITH '%s/'", ref, ref)
}

// deleteHistories deletes the histories that a query finds. What the server's own retention took already is not
// there any more.
func (a *Activities) deleteHistories(ctx context.Context, ref contract.Ref, query string) error {
	failed := func(err error) error {
		return fault.New(contract.ErrUnavailable, "the histories of "+string(ref)+" could not be deleted", err)
	}
	request := &workflowservice.ListWorkflowExecutionsRequest{Namespace: a.Namespace,
		Query: query}
	for {
		page, err := a.Temporal.WorkflowService().ListWorkflowExecutions(ctx, request)
		if err != nil {
			return failed(err)
		}
		for _, run := range page.Executions {
			_, err := a.Temporal.WorkflowService().DeleteWorkflowExecution(ctx, &workflowservice.DeleteWorkflowExecutionRequest{
				Namespace: a.Namespace, WorkflowExecution: run.Execution})
			if gone := (*serviceerror.NotFound)(nil); err != nil && !errors.As(err, &gone) {
				return failed(err)
			}
		}
		if request.NextPageToken = page.NextPageToken; len(request.NextPageToken) == 0 {
			return nil
		}
	}
}
