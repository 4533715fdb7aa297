package subject

import (
	"context"
	"slices"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Select is the person's rows of one collection, as Discover and Collect see them. A collection
// that cannot be reached from the account gives a selection without clauses.
func (s Search) Select(ctx context.Context, c *datamap.Collection) (systems.Selection, error) {
	w, err := s.walk()
	if err != nil {
		return systems.Selection{}, err
	}
	if w.hanging(s.Without)[c] {
		return systems.Selection{}, fault.Newf(contract.ErrNotFound, "%s hangs on a system that was left out", c.ID())
	}
	return s.selection(ctx, w, c, nil)
}

// LeftOut are the collections that the systems in Without take with them, by
// "system.collection" in map order: their own, and those of other systems that are found through
// them. An answer from those would miss rows and look whole.
func (s Search) LeftOut() ([]string, error) {
	w, err := s.walk()
	if err != nil {
		return nil, err
	}
	gone := w.hanging(s.Without)
	var ids []string
	for _, sys := range s.Map.Systems {
		for _, c := range sys.Collections {
			if gone[c] {
				ids = append(ids, c.ID())
			}
		}
	}
	return ids, nil
}

// selection is the person's rows of c. available says which key sets may be used; nil: all.
func (s Search) selection(ctx context.Context, w *walk, c *datamap.Collection, available func(*datamap.Collection) bool) (systems.Selection, error) {
	sel := systems.Selection{Collection: c}
	if c == w.home {
		sel.Any = []systems.Clause{{Columns: c.Key, Keys: ownKey(w.acc)}}
		return sel, nil
	}
	if !w.reached[c] {
		return sel, nil
	}
	var err error
	if sel.Any, err = s.identities(ctx, w, c, available); err != nil {
		return sel, err
	}
	for _, p := range w.ways(c) {
		if available == nil || available(p.from) {
			sel.Any = append(sel.Any, s.clause(p))
		}
	}
	if s.erase != nil && s.erase.choice(c) != ChoiceErase {
		sel.Except, err = s.erase.claims(c)
	}
	return sel, err
}

// clause is the clause of one way.
func (s Search) clause(p way) systems.Clause {
	clause := systems.Clause{Columns: p.want, Keys: discovered(s.Keys, p.from.ID(), p.set().name()), Expr: p.link.Expr}
	if p.up {
		clause.Expr = nil
	}
	if v := p.link.Valid; v != nil {
		clause.At, clause.When = v.At, v.When
	}
	return clause
}

// discovered reads a set of keys back, and refuses a set that nobody looked for: an answer built
// on it would miss rows and look whole.
func discovered(ks KeyStore, coll string, name []string) systems.KeySource {
	name = slices.Clone(name)
	return func(ctx context.Context, yield func([][]string) error) error {
		looked := false
		err := ks.Keys(ctx, coll, name, func(keys [][]string) error {
			looked = true
			if len(keys) == 0 {
				return nil
			}
			return yield(keys)
		})
		if err == nil && !looked {
			return fault.Newf(contract.ErrNotFound, "the keys of %s were never looked for, so what hangs on them cannot be found", coll)
		}
		return err
	}
}

func find(m *datamap.Map, system, collection string) (*datamap.Collection, error) {
	if s := m.System(system); s != nil {
		if c := s.Collection(collection); c != nil {
			return c, nil
		}
	}
	return nil, fault.Newf(contract.ErrMapMismatch, "the data map has no collection %s.%s", system, collection)
}
