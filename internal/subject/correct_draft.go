package subject

import (
	"context"
	"slices"
	"strconv"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// maxOthers is how many third values of one place a plan lists; the rest is counted.
const maxOthers = 20

// fixName is where the frozen keys of an entry's rows stand; nothing of a value is in it.
func fixName(set int) []string { return []string{"", "fix", strconv.Itoa(set)} }

// Draft says what stands where in one system and what becomes of it, freezes the keys of the rows that
// change, and tries the change. What a plan that was begun before was to correct and holds a third value
// now was changed meanwhile.
func (e Correction) Draft(ctx context.Context, system string, before ...BegunCorrection) (CorrectionPart, error) {
	s := e.Map.System(system)
	if s == nil {
		return CorrectionPart{}, fault.Newf(contract.ErrMapMismatch, "the data map has no system %q", system)
	}
	sys, err := e.Open(system)
	if err != nil {
		return CorrectionPart{}, err
	}
	d := &correcting{Correction: e, before: before, sets: map[string]int{}, out: CorrectionPart{System: system}}
	if d.sys, err = systems.Correctable(s, sys); err != nil {
		return CorrectionPart{}, err
	}
	if d.w, err = e.walk(); err != nil {
		return CorrectionPart{}, err
	}
	gone := d.w.hanging(e.Without)
	for _, c := range s.Collections {
		for _, f := range e.Fields {
			if f.Verdict == FieldRefuse {
				continue
			}
			if err := d.taken(ctx, c, f); err != nil {
				return CorrectionPart{}, err
			}
			if !d.w.reached[c] || gone[c] {
				continue
			}
			for _, at := range places(e.Map, c, f.Category) {
				if err := d.place(ctx, c, f, at); err != nil {
					return CorrectionPart{}, err
				}
			}
		}
	}
	return d.out, d.try(ctx, s)
}

// BegunCorrection is an earlier plan that was begun, with its frozen keys.
type BegunCorrection struct {
	Entries []FixEntry
	Frozen  KeyStore
}

type correcting struct {
	Correction
	w      *walk
	sys    systems.Corrector
	before []BegunCorrection
	sets   map[string]int // of frozen keys so far, by collection
	out    CorrectionPart
}

// place looks at one place of a field.
func (d *correcting) place(ctx context.Context, c *datamap.Collection, f FieldChange, at place) error {
	own, shared, err := d.own(ctx, d.w, c)
	if err != nil || len(own.Any) == 0 {
		return err
	}
	base := FixEntry{System: c.System.Name, Collection: c.Name, Place: at.Place, Field: f.Name}
	others, more := []FixEntry{}, int64(0)
	var mine []FixEntry
	err = d.sys.Values(ctx, own, at.Place, func(value *string, rows int64) error {
		entry := base
		entry.Rows, entry.Old = rows, value
		switch {
		case value == nil || *value == "":
			if c == d.w.home && f.Known && f.Old == nil && f.Verdict == FieldCorrect { // completed where the person's own row lacks it
				mine = append(mine, entry)
			}
		case f.Verdict == FieldCorrect && f.Same(*value, f.New):
		case f.Old != nil && f.Same(*value, *f.Old), f.Verdict == FieldCorrect && d.Choices[entry.PlaceID()] == CorrectOther:
			mine = append(mine, entry)
		case at.column.ThirdParty: // somebody else's value, most likely: none of this case's business
		case len(others) >= maxOthers:
			more += rows
		default:
			entry.Action = FixOther
			others = append(others, entry)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, entry := range mine {
		if err := d.settle(ctx, c, f, at, own, entry); err != nil {
			return err
		}
	}
	for i := range others {
		if others[i].Reason, err = d.changed(ctx, c, own, others[i]); err != nil {
			return err
		}
	}
	d.out.Entries = append(d.out.Entries, others...)
	if more > 0 {
		base.Action, base.Rows, base.Reason = FixOther, more, "more"
		d.out.Entries = append(d.out.Entries, base)
	}
	return d.shared(ctx, f, at, shared, base)
}

// settle says what becomes of rows that hold the old value, and freezes their keys where they change.
func (d *correcting) settle(ctx context.Context, c *datamap.Collection, f FieldChange, at place, own systems.Selection, entry FixEntry) error {
	entry.Action, entry.New = FixCorrect, f.Written(entry.Old)
	if at.never != "" {
		entry.Action, entry.New, entry.Reason = FixNever, "", at.never
		d.out.Entries = append(d.out.Entries, entry)
		return nil
	}
	if f.Verdict == FieldDispute {
		if at.column.Correct == nil || at.column.Correct.Disputed == nil {
			return nil // there is no place for it
		}
		entry.Action, entry.New = FixDispute, ""
	}
	d.sets[c.ID()]++
	entry.Set = d.sets[c.ID()]
	if entry.Old != nil && *entry.Old != "" {
		own.Only = []systems.Clause{holding(entry.Place, *entry.Old)}
	}
	rows := int64(0)
	err := putKeys(ctx, d.sys, own, c.Key, fixName(entry.Set), d.Frozen, nil)
	if err == nil {
		err = d.Frozen.Keys(ctx, c.ID(), fixName(entry.Set), func(keys [][]string) error { rows += int64(len(keys)); return nil })
	}
	entry.Rows = rows
	d.out.Entries = append(d.out.Entries, entry)
	return err
}

// holding finds rows by what a place holds.
func holding(at systems.Place, value string) systems.Clause {
	clause := systems.Clause{Columns: []string{at.Column}, Keys: systems.OneKey(value)}
	if len(at.Path) > 0 {
		clause.Expr = &datamap.Expr{JSONPath: at.Path}
	}
	return clause
}

// changed says whether an earlier plan was to correct rows that hold this third value now.
func (d *correcting) changed(ctx context.Context, c *datamap.Collection, own systems.Selection, entry FixEntry) (string, error) {
	for _, plan := range d.before {
		for _, was := range plan.Entries {
			if was.PlaceID() != entry.PlaceID() || was.Field != entry.Field || was.Action != FixCorrect {
				continue
			}
			sel := own
			sel.Any = []systems.Clause{{Columns: c.Key, Keys: discovered(plan.Frozen, c.ID(), fixName(was.Set))}}
			sel.Only = []systems.Clause{holding(entry.Place, *entry.Old)}
			if n, err := d.sys.Count(ctx, sel); err != nil || n > 0 {
				return "changed", err
			}
		}
	}
	return "", nil
}

// shared counts rows with the old value that somebody else may claim too.
func (d *correcting) shared(ctx context.Context, f FieldChange, at place, sel systems.Selection, base FixEntry) error {
	if len(sel.Any) == 0 || f.Old == nil {
		return nil
	}
	base.Action = FixShared
	err := d.sys.Values(ctx, sel, at.Place, func(value *string, rows int64) error {
		if value != nil && f.Same(*value, *f.Old) {
			base.Rows += rows
		}
		return nil
	})
	if err == nil && base.Rows > 0 {
		d.out.Entries = append(d.out.Entries, base)
	}
	return err
}

// taken looks whether the new value stands on somebody else's directory row.
func (d *correcting) taken(ctx context.Context, c *datamap.Collection, f FieldChange) error {
	if c.Directory == nil || f.Verdict != FieldCorrect || !slices.ContainsFunc(c.Match, func(m datamap.Match) bool { return m.Identity == f.Shape }) {
		return nil
	}
	rows, err := d.sys.Lookup(ctx, c, []dsr.Identity{{Kind: f.Shape, Value: f.New}}, 2)
	if err != nil {
		return err
	}
	for _, row := range rows {
		var key []string
		for _, column := range c.Key {
			key = append(key, row[column])
		}
		if c == d.w.home && slices.Equal(key, d.Account.Key) {
			continue
		}
		d.out.Findings = append(d.out.Findings, FixFinding{Field: f.Name, Finding: systems.Finding{Kind: systems.Taken, System: c.System.Name, Collection: c.Name,
			Text: c.ID() + ": somebody else's row holds the new value already", Hint: "is it a family's, or a mistake? Refuse the field unless it is meant"}})
		return nil
	}
	return nil
}

// try has the system look at and try what changes, one batch of each.
func (d *correcting) try(ctx context.Context, s *datamap.System) error {
	var fixes []systems.Fix
	var of []string
	for _, entry := range d.out.Entries {
		if !entry.fixes() {
			continue
		}
		c := s.Collection(entry.Collection)
		first := true
		err := d.Frozen.Keys(ctx, c.ID(), fixName(entry.Set), func(keys [][]string) error {
			if first && len(keys) > 0 {
				fixes, of, first = append(fixes, entry.fix(c, keys[:min(len(keys), DefaultBatch)])), append(of, entry.Field), false
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(fixes) == 0 {
		return nil
	}
	found, err := d.sys.TryCorrect(ctx, fixes)
	if err != nil {
		return err
	}
	for i, list := range found {
		for _, f := range list {
			one := FixFinding{Field: of[i], Finding: f}
			if !slices.Contains(d.out.Findings, one) {
				d.out.Findings = append(d.out.Findings, one)
			}
		}
	}
	return nil
}

// fix is the entry for some of its rows.
func (e FixEntry) fix(c *datamap.Collection, keys [][]string) systems.Fix {
	f := systems.Fix{Collection: c, Keys: keys, Place: e.Place, Old: e.Old, New: e.New}
	if col := c.Column(e.Place.Column); col != nil && col.Correct != nil {
		if e.Action == FixDispute {
			f.Flag = col.Correct.Disputed
		} else {
			f.Derived = col.Correct.Copies
		}
	}
	return f
}
