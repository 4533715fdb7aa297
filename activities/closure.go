package activities

import (
	"context"
	"fmt"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// closureFacts adds to one system's part of a plan what stands in the way of closing the account there:
// rows of the person that fulfil a condition of the map. They are facts for whoever reviews the plan, are
// signed with it, and refuse nothing.
func (a *Activities) closureFacts(ctx context.Context, in contract.EraseInput, e subject.Erasure, part *subject.Part) error {
	c, err := a.Store.Case(ctx, in.Ref)
	if err != nil || c.Scope != dsr.ScopeAccount {
		return err
	}
	sys := e.Map.System(in.System)
	if sys == nil {
		return fault.Newf(contract.ErrMapMismatch, "the data map has no system %q any more", in.System)
	}
	for _, coll := range sys.Collections {
		for _, fact := range coll.Closure {
			n, err := e.CountWhere(systems.WithRef(ctx, in.Ref), coll, fact.When)
			if err != nil {
				return err
			}
			if n > 0 {
				part.Findings = append(part.Findings, systems.Finding{Kind: systems.ClosureFact, System: sys.Name, Collection: coll.Name,
					Text: fmt.Sprintf("%s / %s: %d", fact.Title.In("zh"), fact.Title.In("en"), n)})
			}
		}
	}
	return nil
}
