package subject

import (
	"context"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// ReadBack looks with the frozen locators whether anything is left in the system that should not
// be, and lists what the plan leaves on purpose. The fresh discovery is its own; see FreshLeft.
func (e Erasure) ReadBack(ctx context.Context, p Plan, system string) ([]Left, error) {
	opened, err := e.Open(system)
	if err != nil {
		return nil, err
	}
	var left []Left
	for _, entry := range p.Entries {
		if entry.System != system {
			continue
		}
		n, err := e.pending(ctx, p, opened, entry)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			left = append(left, Left{System: entry.System, Collection: entry.Collection, Rows: n, Reason: "frozen"})
		}
		if entry.Class == ClassKept || entry.Action == Leave {
			still, err := e.still(ctx, opened, entry)
			if err != nil {
				return nil, err
			}
			if still > 0 {
				left = append(left, Left{System: entry.System, Collection: entry.Collection, Rows: still, Reason: entry.Reason})
			}
		}
	}
	return left, nil
}

// still counts the rows of an entry that stay and are there.
func (e Erasure) still(ctx context.Context, sys systems.System, entry Entry) (int64, error) {
	c, err := find(e.Map, entry.System, entry.Collection)
	if err != nil {
		return 0, err
	}
	return sys.Count(ctx, systems.Selection{Collection: c, Any: []systems.Clause{e.frozenRows(entry, c)}})
}

// pending counts the rows with which the entry is not done.
func (e Erasure) pending(ctx context.Context, p Plan, sys systems.System, entry Entry) (int64, error) {
	if !entry.changes() {
		return 0, nil
	}
	change, err := e.change(ctx, entry)
	if err != nil {
		return 0, err
	}
	switch entry.Action {
	case systems.Delete:
		if entry.Keyed {
			change.Rows = systems.Selection{Collection: change.Rows.Collection, Any: append(change.Rows.Any, e.frozenRows(entry, change.Rows.Collection)), Except: change.Rows.Except}
		}
		return sys.Count(ctx, change.Rows)
	case systems.Unlink, systems.Refcount:
		return e.uncut(ctx, sys, entry, change)
	}
	arrived, err := sys.Count(ctx, e.except(p, change.Rows))
	if err != nil {
		return 0, err
	}
	eraser, err := systems.Changeable(change.Rows.Collection.System, sys)
	if err != nil {
		return 0, err
	}
	n := arrived
	err = e.Frozen.Keys(ctx, entry.ID(), rowsName(entry), func(keys [][]string) error {
		return inPages(keys, DefaultBatch, func(page [][]string) error {
			part := change
			part.Rows = systems.Selection{Collection: change.Rows.Collection, Any: []systems.Clause{{Columns: change.Rows.Collection.Key, Keys: pageOf(page)}}}
			would, err := eraser.Pending(ctx, part, DefaultBatch)
			n += would.Deleted + would.Changed
			return err
		})
	})
	return n, err
}

// uncut counts rows that still hold the reference, where it can be cut.
func (e Erasure) uncut(ctx context.Context, sys systems.System, entry Entry, change systems.Change) (int64, error) {
	c := change.Rows.Collection
	if entry.Action == systems.Refcount && change.Cut.Expr == nil &&
		!slices.ContainsFunc(change.Cut.Columns, func(name string) bool { return !slices.Contains(c.Key, name) }) {
		return 0, nil // the row is found by its own key, and others keep it alive
	}
	change.Rows.Only = append(slices.Clone(change.Rows.Only), e.frozenRows(entry, c))
	return sys.Count(ctx, change.Rows)
}

// Fresh is a search like the one that made the plan, with keys of its own, for the read-back: it
// works although the directory row is gone. Discover its Steps, then ask FreshLeft.
func (e Erasure) Fresh(keys KeyStore) Search {
	s := e.Search
	s.Keys, s.erase, s.seed = keys, nil, e.Frozen
	return s
}

// FreshLeft lists what a fresh search finds in the system beyond the rows that the plan knows:
// rows under a new parent among them. They need a plan of their own.
func (e Erasure) FreshLeft(ctx context.Context, p Plan, fresh Search, system string) ([]Left, error) {
	s := e.Map.System(system)
	if s == nil {
		return nil, fault.Newf(contract.ErrMapMismatch, "the data map has no system %q", system)
	}
	sys, err := e.Open(system)
	if err != nil {
		return nil, err
	}
	w, err := fresh.walk()
	if err != nil {
		return nil, err
	}
	gone := w.hanging(fresh.Without)
	var left []Left
	for _, c := range s.Collections {
		if !w.reached[c] || gone[c] {
			continue
		}
		sel, err := fresh.selection(ctx, w, c, nil)
		if err != nil {
			return nil, err
		}
		n, err := sys.Count(ctx, e.except(p, sel))
		if err != nil {
			return nil, err
		}
		if n > 0 {
			left = append(left, Left{System: system, Collection: c.Name, Rows: n, Reason: "new"})
		}
	}
	return left, nil
}

// goneName is where those keys of a set stand that are not in the database any more.
func goneName(set keySet) []string { return append([]string{"", "gone"}, set.name()...) }

// Orphans lists rows of the system that refer to keys that are gone. Rows that the plan keeps by
// law are told apart.
func (e Erasure) Orphans(ctx context.Context, p Plan, system string) ([]Left, error) {
	s := e.Map.System(system)
	if s == nil {
		return nil, fault.Newf(contract.ErrMapMismatch, "the data map has no system %q", system)
	}
	sys, err := e.Open(system)
	if err != nil {
		return nil, err
	}
	w, err := e.marking().walk()
	if err != nil {
		return nil, err
	}
	left := []Left{}
	lost := w.hanging(e.Without)
	for _, c := range s.Collections {
		for _, l := range c.Links {
			set := way{link: l, have: l.ToColumns}.set()
			var names [][]string
			if w.reached[l.To] && !lost[l.To] {
				names = append(names, set.name())
			}
			for _, entry := range p.Entries {
				if entry.ID() == l.To.ID() && entry.Class == ClassCounted {
					names = append(names, countedName(entry, set))
				}
			}
			if len(names) == 0 {
				continue
			}
			if err := e.settleGone(ctx, l, set, names); err != nil {
				return nil, err
			}
			some, err := e.orphans(ctx, p, sys, l, set)
			if err != nil {
				return nil, err
			}
			left = append(left, some...)
		}
	}
	return left, nil
}

// settleGone keeps which keys of the set are gone, of those that stand under the names, looking a
// page up at a time.
func (e Erasure) settleGone(ctx context.Context, l *datamap.Link, set keySet, names [][]string) error {
	sys, err := e.Open(l.To.System.Name)
	if err != nil {
		return err
	}
	chunk, width := 0, len(l.ToColumns)
	settle := func(keys [][]string) error {
		page := make([][]string, len(keys))
		for i, tuple := range keys {
			page[i] = tuple[:width] // without the times behind it
		}
		there := map[string]bool{}
		sel := systems.Selection{Collection: l.To, Any: []systems.Clause{{Columns: l.ToColumns, Keys: pageOf(page)}}}
		if len(page) > 0 {
			err := sys.Keys(ctx, sel, l.ToColumns, systems.PageSize, func(found [][]string) error {
				for _, tuple := range found {
					there[strings.Join(tuple, "\x00")] = true
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		gone := slices.DeleteFunc(page, func(tuple []string) bool { return there[strings.Join(tuple, "\x00")] })
		err := e.Frozen.PutKeys(ctx, l.To.ID(), goneName(set), chunk, gone)
		chunk++
		return err
	}
	for _, name := range names {
		if err := e.Frozen.Keys(ctx, l.To.ID(), name, settle); err != nil {
			return err
		}
	}
	return e.Frozen.TrimKeys(ctx, l.To.ID(), goneName(set), chunk)
}

// orphans counts the rows that refer to gone keys by the link.
func (e Erasure) orphans(ctx context.Context, p Plan, sys systems.System, l *datamap.Link, set keySet) ([]Left, error) {
	c := l.From
	sel := systems.Selection{Collection: c, Any: []systems.Clause{{Columns: l.Columns, Expr: l.Expr, Keys: discovered(e.Frozen, l.To.ID(), goneName(set))}}}
	all, err := sys.Count(ctx, sel)
	if err != nil || all == 0 {
		return nil, err
	}
	var known []systems.Clause
	for _, entry := range p.Entries {
		if entry.ID() == c.ID() && entry.Keyed && (entry.Class == ClassKept || entry.Class == ClassShared && entry.Action == Leave) {
			known = append(known, e.frozenRows(entry, c))
		}
	}
	sel.Except = known
	others, err := sys.Count(ctx, sel)
	if err != nil {
		return nil, err
	}
	var left []Left
	if others > 0 {
		left = append(left, Left{System: c.System.Name, Collection: c.Name, Column: strings.Join(l.Columns, ", "), Rows: others, Reason: "orphan"})
	}
	if all > others {
		left = append(left, Left{System: c.System.Name, Collection: c.Name, Column: strings.Join(l.Columns, ", "), Rows: all - others, Reason: "by-law"})
	}
	return left, nil
}
