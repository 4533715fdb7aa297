package retention

import (
	"context"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// How often a batch is tried again when the system was busy, and after which pause, before its rows are looked
// at by their keys and halved to find those that somebody holds.
const (
	busyTries = 3
	busyPause = 250 * time.Millisecond
	// tooManyRefused is how many rows of one run may be refused before the whole is.
	tooManyRefused = 50
)

// batch deals with some rows and counts them. Of those that were noted before, what is done already counts
// as this sweep's.
func (s *Sweep) batch(ctx context.Context, p Position, b *Batch, noted bool) (Position, error) {
	var did int64
	var err error
	if s.byKeys() {
		did, err = s.keyed(ctx, b, noted, &p)
	} else {
		did, err = s.stretch(ctx, b, noted, &p)
	}
	if err != nil {
		return p, err
	}
	p.Moved, p.Done = p.Moved+did, p.Done+did
	if s.Progress != nil {
		s.Progress(p)
	}
	return p, nil
}

// stretch deletes the due rows between two places of the walk. What is gone of a batch that was noted is what
// is not due there any more of the rows that it counted.
func (s *Sweep) stretch(ctx context.Context, b *Batch, noted bool, p *Position) (int64, error) {
	gone, keep := int64(0), b.Keep
	if noted {
		left, err := s.System.Count(ctx, s.between(b, b.Keep))
		if err != nil {
			return 0, err
		}
		gone = max(0, b.Rows-left)
		if keep, err = s.keptBetween(ctx, b); err != nil { // somebody's rows may be left alone since then
			return 0, err
		}
	}
	did, err := s.once(ctx, systems.Change{Rows: s.between(b, keep), Action: systems.Delete}, int(b.Rows), busyTries)
	if fault.Is(err, contract.ErrBusy) || fault.Is(err, contract.ErrRefused) {
		did = 0
		err = s.pages(ctx, b, func(keys [][]string) error {
			free, _, err := s.split(ctx, keys)
			if err != nil {
				return err
			}
			n, err := s.erase(ctx, free, 1, p)
			did += n
			return err
		})
	}
	return gone + did, err
}

// between are the due rows of a batch, but for those left alone.
func (s *Sweep) between(b *Batch, keep [][]string) systems.Selection {
	due := s.Rule.Due(s.Now, s.Alone)
	due.Rows.Any[0].Stretch = &systems.Stretch{By: due.By, After: b.After, Last: b.Last}
	if len(keep) > 0 {
		due.Rows.Except = pageOf(s.Rule.Collection, keep).Any
	}
	return due.Rows
}

// pages reads the keys of the due rows of a batch, one page after the other.
func (s *Sweep) pages(ctx context.Context, b *Batch, yield func(keys [][]string) error) error {
	due := s.Rule.Due(s.Now, s.Alone)
	due.Rows.Any[0].Stretch = &systems.Stretch{By: due.By, Last: b.Last}
	for at := b.After; ; {
		page, err := s.System.DuePage(ctx, due, at, systems.PageSize)
		if err != nil || len(page.Keys) == 0 {
			return err
		}
		if err := yield(page.Keys); err != nil {
			return err
		}
		at = page.Last
	}
}

func (s *Sweep) keptBetween(ctx context.Context, b *Batch) ([][]string, error) {
	if !s.keeps {
		return nil, nil
	}
	var keep [][]string
	err := s.pages(ctx, b, func(keys [][]string) error {
		_, kept, err := s.split(ctx, keys)
		keep = append(keep, kept...)
		return err
	})
	return keep, err
}

// keyed deals with rows by their keys.
func (s *Sweep) keyed(ctx context.Context, b *Batch, noted bool, p *Position) (int64, error) {
	free := b.Keys
	if noted { // somebody's rows may be left alone since then
		var err error
		if free, _, err = s.split(ctx, b.Keys); err != nil {
			return 0, err
		}
	}
	did, err := s.erase(ctx, free, busyTries, p)
	if err == nil && noted {
		did, err = s.dealt(ctx, b.Keys)
	}
	return did, err
}

// change is what happens to the rows of these keys that are still due.
func (s *Sweep) change(keys [][]string) systems.Change {
	r := s.Rule
	page := pageOf(r.Collection, keys)
	page.Only = []systems.Clause{s.Rule.Due(s.Now, s.Alone).Rows.Any[0]}
	change := systems.Change{Rows: page, Action: r.Action, Secret: s.Secret}
	if r.Action == systems.Anonymise {
		for _, col := range r.Collection.Erased() {
			change.Set = append(change.Set, systems.Assignment{Column: col.Name, Strategy: *col.Erase})
		}
	}
	if r.Mark != nil {
		change.Set = append(change.Set, systems.Assignment{Column: r.Mark.Column, Strategy: datamap.Strategy{With: datamap.StrategyConstant, Value: r.Mark.Value}})
	}
	return change
}

func pageOf(c *datamap.Collection, keys [][]string) systems.Selection {
	source := func(_ context.Context, yield func([][]string) error) error { return yield(keys) }
	return systems.Selection{Collection: c, Any: []systems.Clause{{Columns: c.Key, Keys: source}}}
}

// erase deals with rows by their keys, and in halves where somebody holds one of them or the system refuses one.
// What is halved was waited for already and is tried once.
func (s *Sweep) erase(ctx context.Context, keys [][]string, tries int, p *Position) (int64, error) {
	n := len(keys)
	if n == 0 {
		return 0, nil
	}
	did, err := s.once(ctx, s.change(keys), n, tries)
	switch {
	case err == nil:
		return did, nil
	case !fault.Is(err, contract.ErrBusy) && !fault.Is(err, contract.ErrRefused):
		return 0, err
	case n == 1 && fault.Is(err, contract.ErrBusy):
		p.Locked++
		return 0, nil
	case n == 1:
		if p.Refused++; p.Refused > tooManyRefused {
			return 0, err
		}
		return 0, nil
	}
	left, err := s.erase(ctx, keys[:n/2], 1, p)
	if err != nil {
		return left, err
	}
	right, err := s.erase(ctx, keys[n/2:], 1, p)
	return left + right, err
}

// once makes one transaction under the guard, and again after a pause while the system is busy.
func (s *Sweep) once(ctx context.Context, change systems.Change, rows, tries int) (int64, error) {
	var applied systems.Applied
	make1 := func(ctx context.Context) error {
		began := time.Now()
		var err error
		applied, err = s.System.Erase(ctx, change, max(1, rows))
		s.pace.took(rows, time.Since(began), err)
		return err
	}
	for try := 1; ; try++ {
		err := s.Guard(ctx, make1)
		if !fault.Is(err, contract.ErrBusy) || try >= tries {
			return applied.Deleted + applied.Changed, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(time.Duration(try) * busyPause):
		}
	}
}

// dealt counts the rows of these keys that are gone or carry the mark.
func (s *Sweep) dealt(ctx context.Context, keys [][]string) (int64, error) {
	page := pageOf(s.Rule.Collection, keys)
	if s.Rule.Action == systems.Delete {
		left, err := s.System.Count(ctx, page)
		return int64(len(keys)) - left, err
	}
	page.Only = []systems.Clause{{When: marked(*s.Rule.Mark)}}
	return s.System.Count(ctx, page)
}
