package subject

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

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
	if c.ProcessedFor != nil { // its rows are nobody's here to change, and they cut nothing
		if w.reached[c] && !gone[c] {
			list = append(list, with(ClassOwn, Leave, ForCustomer))
		}
		return list, nil
	}
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
	if rule.Action == datamap.DeletionLeave {
		return []Entry{with(ClassOwn, Leave, Untouched)}
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

// entryRows are the rows of an entry, over frozen keys.
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
