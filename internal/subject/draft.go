package subject

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Systems are the systems with a part in the deletion, in map order: in which own rows may lie, or
// rows that refer to them.
func (e Erasure) Systems() ([]string, error) {
	w, err := e.marking().walk()
	if err != nil {
		return nil, err
	}
	gone := w.hanging(e.Without)
	var names []string
	for _, s := range e.Map.Systems {
		if slices.Contains(e.Without, s.Name) {
			continue
		}
		for _, c := range s.Collections {
			part := w.reached[c] && !gone[c]
			part = part || slices.ContainsFunc(c.Links, func(l *datamap.Link) bool { return w.reached[l.To] && !gone[l.To] || e.counted(w, gone, l.To) })
			if part && !slices.Contains(names, s.Name) {
				names = append(names, s.Name)
			}
		}
	}
	return names, nil
}

// counted reports whether rows of the collection may go because nobody refers to them any more.
func (e Erasure) counted(w *walk, gone map[*datamap.Collection]bool, c *datamap.Collection) bool {
	return !slices.Contains(e.Without, c.System.Name) &&
		slices.ContainsFunc(c.Links, func(l *datamap.Link) bool { return counts(l) && w.reached[l.To] && !gone[l.To] })
}

// rowsName is where the keys of an entry's rows stand.
func rowsName(e Entry) []string {
	return []string{"", "rows", e.Class, fmt.Sprint(e.Link)}
}

// Draft settles what happens to each row of one system, counts, freezes the keys of rows that
// need it, and has the system's preflight look and try. Every step must have been marked.
func (e Erasure) Draft(ctx context.Context, system string) (Part, error) {
	s := e.Map.System(system)
	if s == nil {
		return Part{}, fault.Newf(contract.ErrMapMismatch, "the data map has no system %q", system)
	}
	sys, err := e.Open(system)
	if err != nil {
		return Part{}, err
	}
	d := &drafting{Erasure: e, sys: sys, out: Part{System: system}}
	for _, c := range s.Collections {
		if err := d.collection(ctx, c); err != nil {
			return Part{}, err
		}
	}
	if err := d.preflight(ctx, s); err != nil {
		return Part{}, err
	}
	for i := range d.out.Entries {
		if err := d.freezeRows(ctx, &d.out.Entries[i]); err != nil {
			return Part{}, err
		}
	}
	return d.out, nil
}

type drafting struct {
	Erasure
	sys systems.System
	out Part
}

func (d *drafting) collection(ctx context.Context, c *datamap.Collection) error {
	list, err := d.candidates(c)
	if err != nil {
		return err
	}
	for _, entry := range list {
		sel, _, err := d.entryRows(ctx, entry)
		if err != nil {
			return err
		}
		if entry.Rows, err = d.sys.Count(ctx, sel); err != nil {
			return err
		}
		if entry.Rows == 0 && (entry.Class != ClassOwn || entry.Reason == "no-rule") {
			continue
		}
		if entry.Class == ClassCounted && unsure(c, c.Links[entry.Link-1]) {
			d.out.Findings = append(d.out.Findings, systems.Finding{Kind: systems.NotChangeable, System: entry.System, Collection: entry.Collection,
				Text: c.ID() + ": whether somebody else refers to a row cannot be told in one transaction, as those rows are in another system",
				Hint: "give the link deletion: shallow or deep"})
		}
		if entry.Reason == "no-rule" {
			d.out.Findings = append(d.out.Findings, systems.Finding{Kind: systems.NoRule, System: entry.System, Collection: entry.Collection,
				Text: c.ID() + ": the data map does not say what deletion means for these rows", Hint: "give the collection a deletion: delete, anonymise or keep"})
		}
		d.out.Entries = append(d.out.Entries, entry)
	}
	return d.beyond(ctx, c, list)
}

// beyond counts what the discovery found in ways that deletion does not follow: upwards, or
// through rows that stay. The plan names it, so that nothing is passed over.
func (d *drafting) beyond(ctx context.Context, c *datamap.Collection, list []Entry) error {
	sel, err := d.beyondRows(ctx, c, list)
	if err != nil || len(sel.Any) == 0 {
		return err
	}
	entry := Entry{System: c.System.Name, Collection: c.Name, Class: ClassBeyond, Action: Leave, Reason: "upward"}
	if entry.Rows, err = d.sys.Count(ctx, sel); err != nil || entry.Rows == 0 {
		return err
	}
	d.out.Entries = append(d.out.Entries, entry)
	return putKeys(ctx, d.sys, sel, c.Key, rowsName(entry), d.Frozen, nil)
}

func (d *drafting) beyondRows(ctx context.Context, c *datamap.Collection, list []Entry) (systems.Selection, error) {
	w, err := d.walk()
	if err != nil || !w.reached[c] || w.hanging(d.Without)[c] {
		return systems.Selection{}, err
	}
	sel, err := d.selection(ctx, w, c, nil)
	if err != nil {
		return sel, err
	}
	own, _, err := d.entryRows(ctx, Entry{System: c.System.Name, Collection: c.Name, Class: ClassOwn})
	sel.Except = own.Any
	for _, entry := range list {
		if entry.Class == ClassReferring || entry.Class == ClassCounted {
			sel.Except = append(sel.Except, d.linkClause(c.Links[entry.Link-1]))
		}
	}
	return sel, err
}

// preflight has the changing entries looked at and tried, and puts the entries in order.
func (d *drafting) preflight(ctx context.Context, s *datamap.System) error {
	w, err := d.marking().walk()
	if err != nil {
		return err
	}
	depth := func(entry Entry) int {
		if g := w.of[s.Collection(entry.Collection)]; g != nil {
			return g.last
		}
		return -1
	}
	// What counts those who refer to it comes last: they may be going. What is found through others
	// goes before those, also where no foreign key says so: what stops half-way stops at the leaves.
	slices.SortStableFunc(d.out.Entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(strings.Count(a.Action, systems.Refcount), strings.Count(b.Action, systems.Refcount)),
			cmp.Compare(depth(b), depth(a)))
	})
	var changes []systems.Change
	var at []int
	for i, entry := range d.out.Entries {
		if entry.Action == Keep || entry.Action == Leave {
			continue
		}
		change, err := d.change(ctx, entry)
		if err != nil {
			return err
		}
		changes, at = append(changes, change), append(at, i)
	}
	if len(changes) == 0 {
		return nil
	}
	sys, err := systems.Changeable(s, d.sys)
	if err != nil {
		return err
	}
	look, err := sys.Preflight(ctx, changes, DefaultBatch)
	if err != nil {
		return err
	}
	d.out.Findings = append(d.out.Findings, look.Findings...)
	for n, i := range at {
		entry := &d.out.Entries[i]
		entry.Keyed = entry.Action != systems.Delete && entry.Action != systems.Unlink || slices.Contains(look.Keyed, n)
		if n < len(look.Sizes) && look.Sizes[n] > 0 {
			entry.Table = look.Sizes[n]
		}
	}
	for _, n := range look.Together {
		d.out.Entries[at[n]].Together = 1
	}
	for _, first := range look.First {
		entry := d.out.Entries[at[first.At]]
		d.out.Circles = append(d.out.Circles, Circle{System: entry.System, Collection: entry.Collection, Class: entry.Class, Link: entry.Link, Columns: first.Columns})
	}
	if len(look.Order) != len(changes) {
		return nil // the findings stop the plan
	}
	var sorted []Entry
	for _, n := range look.Order {
		sorted = append(sorted, d.out.Entries[at[n]])
	}
	for i, entry := range d.out.Entries {
		if !slices.Contains(at, i) {
			sorted = append(sorted, entry)
		}
	}
	d.out.Entries = sorted
	return nil
}

// freezeRows keeps the keys of rows that stay, and of those that must be known by their keys.
func (d *drafting) freezeRows(ctx context.Context, entry *Entry) error {
	entry.Keyed = entry.Keyed || entry.Action != systems.Delete
	if !entry.Keyed || entry.Class == ClassBeyond { // whose keys are frozen already
		return nil
	}
	sel, c, err := d.entryRows(ctx, *entry)
	if err != nil {
		return err
	}
	if entry.Class == ClassCounted {
		if err := d.freezeCounted(ctx, *entry, sel); err != nil {
			return err
		}
	}
	return putKeys(ctx, d.sys, sel, c.Key, rowsName(*entry), d.Frozen, nil)
}

// countedName is where the keys of a set stand that the rows of a counted entry have: nothing goes
// along with them, but what refers to them must be found when they are gone.
func countedName(entry Entry, set keySet) []string {
	return slices.Concat([]string{"", "counted", fmt.Sprint(entry.Link)}, set.name())
}

func (d *drafting) freezeCounted(ctx context.Context, entry Entry, sel systems.Selection) error {
	w, err := d.marking().walk()
	if err != nil {
		return err
	}
	for _, set := range w.allSets(sel.Collection) {
		if err := putKeys(ctx, d.sys, sel, set.columns, countedName(entry, set), d.Frozen, nil); err != nil {
			return err
		}
	}
	return nil
}
