package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
)

// forgetRuns forgets runs of retention whose record-keeping time is over by the company's law, as ForgetCases
// does cases.
func (a *Activities) forgetRuns(ctx context.Context, limit int, out *contract.ForgetResult) error {
	after := contract.Ref("")
	for out.Forgotten+out.Kept < limit {
		list, err := a.Store.EndedRuns(ctx, after, 100)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, run := range list {
			after = run.Ref
			until, err := a.keepRun(run)
			if err == nil && a.Now().Before(until) {
				continue
			}
			if err == nil {
				err = a.forgetRun(ctx, run)
			}
			switch {
			case err == nil:
				out.Forgotten++
			case ctx.Err() != nil:
				return err
			default:
				out.Kept++
				a.Log.Warn("a run of retention could not be forgotten; it is tried again", "ref", run.Ref, "type", fault.As(err).Type)
			}
		}
	}
	return nil
}

// keepRun is until when the record of a run is kept: as long as the company's law has the record of a case.
func (a *Activities) keepRun(run casefile.Run) (time.Time, error) {
	book := a.Laws
	if book == nil {
		book = jurisdiction.Embedded()
	}
	law, err := book.Law(a.Map.Company.Law, *run.EndedAt)
	if err != nil {
		return time.Time{}, err
	}
	return law.KeepUntil(*run.EndedAt)
}

// forgetRun deletes the histories of the run and of its night, and then its rows. A workflow that is open, of
// another rule of that night, stays.
func (a *Activities) forgetRun(ctx context.Context, run casefile.Run) error {
	night := fmt.Sprintf("WorkflowId STARTS_WITH '%s-%s' AND ExecutionStatus != 'Running'", contract.RetentionID(run.System), run.Nominal.Format("2006-01-02T15:04:05"))
	for _, query := range []string{historiesOf(run.Ref), night} {
		if err := a.deleteHistories(ctx, run.Ref, query); err != nil {
			return err
		}
	}
	return a.Store.ForgetRun(ctx, run.Ref)
}
