package subject

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

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

// candidates are the entries that a collection may have, before anything is counted.
func (e Erasure) candidates(c *datamap.Collection) ([]Entry, error) {
	w, err := e.marking().walk()
	if err != nil {
		return nil, err
	}
	gone := w.hanging(e.Without)
	base := Entry{System: c.System.Name, Collection: c.Name}
	with := func(class, action, reason string) Entry {
		entry := base
		entry.Class, entry.Action, entry.Reason = class, action, reason
		return entry
	}
	var list []Entry
	if w.reached[c] && !gone[c] {
		list = e.ownEntries(c, with)
		claims, err := e.claims(c)
		if err != nil {
			return nil, err
		}
		if len(claims) > 0 && e.choice(c) != ChoiceErase {
			list = append(list, e.sharedEntries(w, c, with)...)
		}
	}
	for i, l := range c.Links {
		if !w.reached[l.To] || gone[l.To] || (cascades(l) && l.Shared != datamap.SharedHide) || c == w.home {
			continue
		}
		entry := with(ClassReferring, systems.Unlink, "refers")
		if counts(l) {
			entry = with(ClassCounted, systems.Refcount, "last")
		}
		entry.Link = i + 1
		entry.Columns = l.Columns
		list = append(list, entry)
	}
	return list, nil
}

func (e Erasure) ownEntries(c *datamap.Collection, with func(class, action, reason string) Entry) []Entry {
	rule := c.Deletion
	if rule == nil {
		return []Entry{with(ClassOwn, Leave, "no-rule")}
	}
	if rule.Action != datamap.DeletionKeep {
		return []Entry{e.changed(with(ClassOwn, rule.Action, "own"), c)}
	}
	keep := rule.Keep
	expired := e.changed(with(ClassExpired, keep.Then, "time-over"), c)
	kept := with(ClassKept, Keep, "by-law")
	kept.Law, kept.Until = keep.Law.EN, keep.Until
	if kept.Law == "" {
		kept.Law = keep.Law.ZH
	}
	if keep.Blocked != "" {
		kept.Action, kept.Columns = systems.Block, []string{keep.Blocked}
	}
	switch {
	case keep.Since != "":
		kept.Until = untilText(keep)
		return []Entry{expired, kept}
	case keep.Over(e.Now):
		return []Entry{expired}
	}
	return []Entry{kept}
}

func untilText(k *datamap.Keep) string {
	if k.Days > 0 {
		return fmt.Sprintf("%s + %d days", k.Since, k.Days)
	}
	return fmt.Sprintf("%s + %d months", k.Since, k.Months)
}

// changed says which columns an anonymised row changes.
func (e Erasure) changed(entry Entry, c *datamap.Collection) Entry {
	if entry.Action == systems.Anonymise {
		for _, col := range c.Erased() {
			entry.Columns = append(entry.Columns, col.Name+" "+col.Erase.With)
		}
	}
	return entry
}

func (e Erasure) sharedEntries(w *walk, c *datamap.Collection, with func(class, action, reason string) Entry) []Entry {
	if e.choice(c) != ChoiceUnlink {
		return []Entry{with(ClassShared, Leave, "shared")}
	}
	var list []Entry
	for _, p := range w.ways(c) {
		entry := with(ClassShared, systems.Unlink, "shared")
		entry.Link, entry.Columns = slices.Index(c.Links, p.link)+1, p.link.Columns
		list = append(list, entry)
	}
	return list
}

// selection is the rows of an entry, over frozen keys.
func (e Erasure) entryRows(ctx context.Context, entry Entry) (systems.Selection, *datamap.Collection, error) {
	c, err := find(e.Map, entry.System, entry.Collection)
	if err != nil {
		return systems.Selection{}, nil, err
	}
	s := e.marking()
	w, err := s.walk()
	if err != nil {
		return systems.Selection{}, nil, err
	}
	own, err := s.selection(ctx, w, c, nil)
	if err != nil {
		return systems.Selection{}, nil, err
	}
	if entry.Link > len(c.Links) || (entry.Link == 0 && (entry.Class == ClassReferring || entry.Class == ClassCounted)) {
		return systems.Selection{}, nil, fault.Newf(contract.ErrMapMismatch, "%s has no link %d", c.ID(), entry.Link)
	}
	switch entry.Class {
	case ClassReferring, ClassCounted:
		l := c.Links[entry.Link-1]
		return systems.Selection{Collection: c, Any: []systems.Clause{e.linkClause(l)}, Except: own.Any}, c, nil
	case ClassShared:
		if own.Only = own.Except; len(own.Only) == 0 {
			own.Any = nil
		}
		own.Except = nil
		if entry.Link > 0 {
			own.Any = []systems.Clause{e.linkClause(c.Links[entry.Link-1])}
		}
	case ClassExpired, ClassKept:
		if over := e.over(c); over != nil && entry.Class == ClassKept {
			own.Except = append(own.Except, systems.Clause{When: over})
		} else if over != nil {
			own.Only = []systems.Clause{{When: over}}
		}
	}
	return own, c, nil
}

// over is the condition that the time of a kept row is over; nil where no column says so.
func (e Erasure) over(c *datamap.Collection) *datamap.Condition {
	if c.Deletion == nil || c.Deletion.Keep == nil || c.Deletion.Keep.Since == "" {
		return nil
	}
	k := c.Deletion.Keep
	return &datamap.Condition{Column: k.Since, Op: datamap.OpLt, Values: []string{k.Cutoff(e.Now).Format(time.DateTime)}}
}

// linkClause finds the rows that refer to own rows by the link.
func (e Erasure) linkClause(l *datamap.Link) systems.Clause {
	p := way{link: l, from: l.To, have: l.ToColumns, want: l.Columns}
	clause := systems.Clause{Columns: p.want, Keys: discovered(e.Frozen, l.To.ID(), p.set().name()), Expr: l.Expr}
	if v := l.Valid; v != nil {
		clause.At, clause.When = v.At, v.When
	}
	return clause
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

// change is an entry as its system sees it.
func (e Erasure) change(ctx context.Context, entry Entry) (systems.Change, error) {
	sel, c, err := e.entryRows(ctx, entry)
	if err != nil {
		return systems.Change{}, err
	}
	change := systems.Change{Rows: sel, Action: entry.Action, Secret: e.Secret}
	switch entry.Action {
	case systems.Anonymise:
		for _, col := range c.Erased() {
			change.Set = append(change.Set, systems.Assignment{Column: col.Name, Strategy: *col.Erase})
		}
		if change.Known, err = e.known(ctx); err != nil {
			return change, err
		}
	case systems.Block:
		k := c.Deletion.Keep
		change.Set = []systems.Assignment{{Column: k.Blocked, Strategy: datamap.Strategy{With: datamap.StrategyConstant, Value: k.BlockedValue}}}
	case systems.Unlink, systems.Refcount:
		l := c.Links[entry.Link-1]
		change.Cut = systems.Reference{Columns: l.Columns, Expr: l.Expr}
		if entry.Action == systems.Refcount {
			change.Owners = e.owners(c, l)
		}
	}
	return change, nil
}

// owners are what keeps a counted row alive: its other owning references, and, where the row is
// referred to by its key, the rows that do so.
func (e Erasure) owners(c *datamap.Collection, cut *datamap.Link) []systems.Owner {
	var owners []systems.Owner
	for _, l := range c.Links {
		switch {
		case l.Deletion == datamap.Shallow || !downward(l):
		case slices.ContainsFunc(l.Columns, func(name string) bool { return !slices.Contains(c.Key, name) }) || l.Expr != nil:
			owners = append(owners, systems.Owner{Reference: systems.Reference{Columns: l.Columns, Expr: l.Expr}})
		case l.To.System == c.System:
			owners = append(owners, systems.Owner{Reference: systems.Reference{Columns: l.Columns},
				Table: &systems.Table{Schema: l.To.Schema, Name: l.To.Table}, From: l.ToColumns})
		}
	}
	return owners
}

// unsure reports whether the rows that keep a counted row alive are in another system.
func unsure(c *datamap.Collection, l *datamap.Link) bool {
	return l.Expr == nil && l.To.System != c.System && !slices.ContainsFunc(l.Columns, func(name string) bool { return !slices.Contains(c.Key, name) })
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
