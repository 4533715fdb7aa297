package subject

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Corrected is what became of one entry.
type Corrected struct {
	System     string `json:"system"`
	Collection string `json:"collection"`
	Column     string `json:"column"`
	Field      string `json:"field"`
	Action     string `json:"action"`
	Planned    int64  `json:"planned"`
	Changed    int64  `json:"changed"` // by this run or one before
	Differs    int64  `json:"differs"` // changed meanwhile by somebody else, and left as they are
	Gone       int64  `json:"gone"`
}

// Execute corrects the values of one system: all of them in one transaction, or in batches where there
// are more rows than one may touch. It may be run again after whatever stopped it. A row that does not
// hold the old value any more stays as it is and is counted.
func (e Correction) Execute(ctx context.Context, p CorrectionPlan, system string, run Run) ([]Corrected, error) {
	if stops := p.Stops(); len(stops) > 0 {
		return nil, fault.New(contract.ErrRefused, "the plan's findings stop it: "+stops[0], nil)
	}
	if err := e.Check(ctx, p); err != nil {
		return nil, err
	}
	s := e.Map.System(system)
	if s == nil {
		return nil, fault.Newf(contract.ErrMapMismatch, "the data map has no system %q", system)
	}
	opened, err := e.Open(system)
	if err != nil {
		return nil, err
	}
	sys, err := systems.Correctable(s, opened)
	if err != nil {
		return nil, err
	}
	b := &corrections{sys: sys, run: run, limit: cmp.Or(run.Batch, DefaultBatch)}
	for _, entry := range p.Entries {
		if entry.System != system || !entry.fixes() {
			continue
		}
		b.out = append(b.out, Corrected{System: system, Collection: entry.Collection, Column: entry.Place.Column, Field: entry.Field, Action: entry.Action, Planned: entry.Rows})
		c := s.Collection(entry.Collection)
		if c == nil {
			return nil, fault.Newf(contract.ErrMapMismatch, "the data map has no collection %s", entry.ID())
		}
		err := e.Frozen.Keys(ctx, c.ID(), fixName(entry.Set), func(keys [][]string) error {
			return inPages(keys, b.limit, func(page [][]string) error { return b.add(ctx, entry.fix(c, page)) })
		})
		if err != nil {
			return b.out, err
		}
	}
	return b.out, b.flush(ctx)
}

// corrections gathers fixes into batches.
type corrections struct {
	sys   systems.Corrector
	run   Run
	limit int
	rows  int
	fixes []systems.Fix
	of    []int // which of out each is
	out   []Corrected
}

func (b *corrections) add(ctx context.Context, f systems.Fix) error {
	if len(f.Keys) == 0 {
		return nil
	}
	if b.rows+len(f.Keys) > b.limit {
		if err := b.flush(ctx); err != nil {
			return err
		}
	}
	b.fixes, b.of, b.rows = append(b.fixes, f), append(b.of, len(b.out)-1), b.rows+len(f.Keys)
	return nil
}

// flush makes one batch under the guard, and again while the system is busy.
func (b *corrections) flush(ctx context.Context) error {
	if len(b.fixes) == 0 {
		return nil
	}
	var done []systems.Fixed
	once := func(ctx context.Context) (err error) {
		done, err = b.sys.Correct(ctx, b.fixes)
		return err
	}
	for try := 1; ; try++ {
		var err error
		if b.run.Guard != nil {
			err = b.run.Guard(ctx, once)
		} else {
			err = once(ctx)
		}
		if err == nil {
			break
		}
		if !fault.Is(err, contract.ErrBusy) || try == busyTries {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try) * busyPause):
		}
	}
	for i, d := range done {
		out := &b.out[b.of[i]]
		out.Changed, out.Differs, out.Gone = out.Changed+d.Changed+d.Already, out.Differs+d.Differs, out.Gone+d.Gone
	}
	b.fixes, b.of, b.rows = nil, nil, 0
	return nil
}

// ReadBack looks what the planned rows hold now, and whether the fresh discovery, in whose keys e's
// search stands, finds the old value anywhere else. Left.Reason is "changed" or "new".
func (e Correction) ReadBack(ctx context.Context, p CorrectionPlan, system string) ([]Left, error) {
	s := e.Map.System(system)
	if s == nil {
		return nil, fault.Newf(contract.ErrMapMismatch, "the data map has no system %q", system)
	}
	opened, err := e.Open(system)
	if err != nil {
		return nil, err
	}
	sys, err := systems.Correctable(s, opened)
	if err != nil {
		return nil, err
	}
	w, err := e.walk()
	if err != nil {
		return nil, err
	}
	var left []Left
	for _, entry := range p.Entries {
		if entry.System != system || entry.Action != FixCorrect {
			continue
		}
		c, err := find(e.Map, system, entry.Collection)
		if err != nil {
			return nil, err
		}
		field := p.field(entry.Field)
		rows := systems.Selection{Collection: c, Any: []systems.Clause{{Columns: c.Key, Keys: discovered(e.Frozen, c.ID(), fixName(entry.Set))}}}
		n, err := count(ctx, sys, rows, entry.Place, func(value *string) bool { return value == nil || !field.Same(*value, field.New) })
		if err != nil {
			return nil, err
		}
		if n > 0 {
			left = append(left, Left{System: system, Collection: c.Name, Column: entry.Place.Column, Rows: n, Reason: "changed"})
		}
	}
	gone := w.hanging(e.Without)
	for _, c := range s.Collections {
		if !w.reached[c] || gone[c] {
			continue
		}
		some, err := e.still(ctx, p, sys, w, c)
		if err != nil {
			return nil, err
		}
		left = append(left, some...)
	}
	return left, nil
}

// still looks for the old value in rows of c that the plan does not know.
func (e Correction) still(ctx context.Context, p CorrectionPlan, sys systems.Corrector, w *walk, c *datamap.Collection) ([]Left, error) {
	var left []Left
	for _, f := range p.Corrected() {
		for _, at := range places(e.Map, c, f.Category) {
			if at.never != "" || f.Old == nil {
				continue
			}
			own, _, err := e.own(ctx, w, c)
			if err != nil || len(own.Any) == 0 {
				return left, err
			}
			for _, entry := range p.Entries {
				if entry.ID() == c.ID() && entry.Action == FixCorrect && entry.Place.Column == at.Column && slices.Equal(entry.Place.Path, at.Path) {
					own.Except = append(slices.Clone(own.Except), systems.Clause{Columns: c.Key, Keys: discovered(e.Frozen, c.ID(), fixName(entry.Set))})
				}
			}
			n, err := count(ctx, sys, own, at.Place, func(value *string) bool { return value != nil && f.Same(*value, *f.Old) && !f.Same(*value, f.New) })
			if err != nil {
				return left, err
			}
			if n > 0 {
				left = append(left, Left{System: c.System.Name, Collection: c.Name, Column: at.Column, Rows: n, Reason: "new"})
			}
		}
	}
	return left, nil
}

// count counts the rows whose place holds a value that counts.
func count(ctx context.Context, sys systems.Corrector, sel systems.Selection, at systems.Place, counts func(*string) bool) (int64, error) {
	var n int64
	err := sys.Values(ctx, sel, at, func(value *string, rows int64) error {
		if counts(value) {
			n += rows
		}
		return nil
	})
	return n, err
}

func (p CorrectionPlan) field(name string) FieldChange {
	for _, f := range p.Fields {
		if f.Name == name {
			return f
		}
	}
	return FieldChange{}
}
