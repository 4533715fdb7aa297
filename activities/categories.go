package activities

import (
	"context"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// countsOf are the rows that were found, by "system.collection", of a case that is answered with the
// kinds of data alone; nil for every other.
func (a *Activities) countsOf(ctx context.Context, c casefile.Case) (map[string]int64, error) {
	if c.Scope != dsr.ScopeCategories {
		return nil, nil
	}
	return a.Store.Counts(ctx, c.Ref)
}

// showKinds shows what was found where nothing is collected.
func (a *Activities) showKinds(ctx context.Context, s *dsr.Shown) error {
	c, err := a.Store.Case(ctx, s.Ref)
	if err != nil {
		return err
	}
	counts, err := a.countsOf(ctx, c)
	if err != nil || counts == nil {
		return err
	}
	s.Scope = c.Scope
	for _, sys := range a.Map.Systems {
		for _, coll := range sys.Collections {
			if n, found := counts[coll.ID()]; found {
				s.Collections = append(s.Collections, dsr.ShownCollection{System: sys.Name, Collection: coll.Name, Rows: n})
			}
		}
	}
	return nil
}
