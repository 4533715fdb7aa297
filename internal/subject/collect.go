package subject

import (
	"context"
	"io"
	"slices"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Discover visits the collections of one step: it counts the person's rows, and puts into ks
// the keys through which other collections are found. The result is keyed by
// "system.collection". It may be run again at any time; the levels before it must have been visited.
func Discover(ctx context.Context, m *datamap.Map, sys systems.System, step Step, acc Account, ks KeyStore) (map[string]int64, error) {
	w, err := newWalk(m, acc)
	if err != nil {
		return nil, err
	}
	counts := make(map[string]int64, len(step.Collections))
	for _, name := range step.Collections {
		c, err := find(m, step.System, name)
		if err != nil {
			return nil, err
		}
		sel, err := w.selection(c, ks)
		if err != nil {
			return nil, err
		}
		if counts[c.ID()], err = sys.Count(ctx, sel); err != nil {
			return nil, err
		}
		for _, columns := range w.onward(c) {
			if err := putKeys(ctx, sys, sel, columns, ks); err != nil {
				return nil, err
			}
		}
	}
	return counts, nil
}

// putKeys materialises one set of keys in place of an earlier one: a key that no longer leads to
// the person must not stay behind. The empty first chunk of a set without keys says that the
// search was made.
func putKeys(ctx context.Context, sys systems.System, sel systems.Selection, columns []string, ks KeyStore) error {
	id, chunk := sel.Collection.ID(), 0
	err := sys.Keys(ctx, sel, columns, systems.PageSize, func(keys [][]string) error {
		err := ks.PutKeys(ctx, id, columns, chunk, keys)
		chunk++
		return err
	})
	if err == nil && chunk == 0 {
		err = ks.PutKeys(ctx, id, columns, 0, nil)
		chunk++
	}
	if err != nil {
		return err
	}
	return ks.TrimKeys(ctx, id, columns, chunk)
}

// Collect streams the person's rows of one collection in both formats (see
// systems.System.Stream) and returns their number. Every step must have been discovered.
func Collect(ctx context.Context, m *datamap.Map, sys systems.System, coll *datamap.Collection, acc Account,
	ks KeyStore, json, csv io.Writer) (int64, error) {
	w, err := newWalk(m, acc)
	if err != nil {
		return 0, err
	}
	sel, err := w.selection(coll, ks)
	if err != nil {
		return 0, err
	}
	return sys.Stream(ctx, sel, json, csv)
}

// Select is the person's rows of one collection, as Discover and Collect see them. A collection
// that cannot be reached from the account gives a selection without clauses.
func Select(m *datamap.Map, coll *datamap.Collection, acc Account, ks KeyStore) (systems.Selection, error) {
	w, err := newWalk(m, acc)
	if err != nil {
		return systems.Selection{}, err
	}
	return w.selection(coll, ks)
}

func (w *walk) selection(c *datamap.Collection, ks KeyStore) (systems.Selection, error) {
	sel := systems.Selection{Collection: c}
	if w.loops[c] {
		return sel, fault.Newf(contract.ErrMapMismatch,
			"%s: its links lead back to itself (or hang on links that do), and such loops are not followed yet", c.ID())
	}
	if c == w.home {
		sel.Any = []systems.Clause{{Columns: c.Key, Keys: systems.OneKey(w.acc.Key...)}}
		return sel, nil
	}
	sel.Any = w.identitiesFor(c)
	for _, l := range w.links(c) {
		sel.Any = append(sel.Any, systems.Clause{Columns: l.Columns, Keys: discovered(ks, l.To.ID(), slices.Clone(l.ToColumns))})
	}
	return sel, nil
}

// discovered reads a set of keys back, and refuses a set that nobody looked for: an answer built
// on it would miss rows and look whole.
func discovered(ks KeyStore, coll string, columns []string) systems.KeySource {
	return func(ctx context.Context, yield func([][]string) error) error {
		looked := false
		err := ks.Keys(ctx, coll, columns, func(keys [][]string) error {
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
