package activities

import (
	"context"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// lastContact stops a plan that would delete or change the last designated contact of an account that stays:
// its holder names another first. Staff see it as a preflight, and look again once that is done.
func (a *Activities) lastContact(ctx context.Context, in contract.EraseInput, e subject.Erasure, part *subject.Part) error {
	sys := e.Map.System(in.System)
	if sys == nil {
		return fault.Newf(contract.ErrMapMismatch, "the data map has no system %q any more", in.System)
	}
	if stops, err := a.stops(ctx, in.Ref, in.Plan); err != nil || stops {
		return err // the end of a purpose leaves the contact there
	}
	for _, entry := range part.Entries {
		coll := sys.Collection(entry.Collection)
		if coll == nil || entry.Class != subject.ClassOwn || !changes(entry.Action) || entry.Rows == 0 {
			continue
		}
		open, err := e.Open(in.System)
		if err != nil {
			return err
		}
		last, err := e.LastContact(systems.WithRef(ctx, in.Ref), open, coll)
		if err != nil {
			return err
		}
		if last {
			part.Findings = append(part.Findings, systems.Finding{Kind: systems.LastContact, System: sys.Name, Collection: coll.Name,
				Text: "the person is the last designated contact of an account that stays",
				Hint: "have the account holder name another contact, then answer the task with retry"})
		}
	}
	return nil
}
