package retention

import (
	"context"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// How often a batch is tried again when the system was busy, and after which pause, before it is
// halved to find the rows that somebody holds.
const (
	busyTries = 3
	busyPause = 250 * time.Millisecond
	// tooManyRefused is how many rows of one run may be refused before the whole is.
	tooManyRefused = 50
)

// batch deals with some rows and counts them. Of those that were noted before, what is done already counts
// as this sweep's.
func (s *Sweep) batch(ctx context.Context, p Position, of rows, noted bool) (Position, error) {
	if err := s.pace.wait(ctx, len(of.keys)); err != nil {
		return p, err
	}
	free := of
	if noted { // somebody's rows may be left alone since then
		var err error
		if free, err = s.free(ctx, of); err != nil {
			return p, err
		}
	}
	did, err := s.erase(ctx, free, busyTries, &p)
	if err != nil {
		return p, err
	}
	if noted {
		if did, err = s.dealt(ctx, of.keys); err != nil {
			return p, err
		}
		s.counted = of.keys
	} else {
		p.Page = nil
	}
	p.Moved, p.Done = p.Moved+did, p.Done+did
	if s.Progress != nil {
		s.Progress(p)
	}
	return p, nil
}

// change is what happens to the rows of a page that are still due.
func (s *Sweep) change(of rows) systems.Change {
	r := s.Rule
	page := pageOf(r.Collection, of.keys)
	page.Only = []systems.Clause{s.Rule.Due(s.Now, s.Alone).Rows.Any[0]}
	change := systems.Change{Rows: page, Action: r.Action, Places: of.places, Secret: s.Secret}
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

// erase deals with a page, and in halves where somebody holds a row of it or the system refuses one.
// What is halved was waited for already and is tried once.
func (s *Sweep) erase(ctx context.Context, of rows, tries int, p *Position) (int64, error) {
	n := len(of.keys)
	if n == 0 {
		return 0, nil
	}
	did, err := s.once(ctx, of, tries)
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
	left, err := s.erase(ctx, of.part(0, n/2), 1, p)
	if err != nil {
		return left, err
	}
	right, err := s.erase(ctx, of.part(n/2, n), 1, p)
	return left + right, err
}

// once makes one transaction under the guard, and again after a pause while the system is busy.
func (s *Sweep) once(ctx context.Context, of rows, tries int) (int64, error) {
	var applied systems.Applied
	make1 := func(ctx context.Context) error {
		began := time.Now()
		var err error
		applied, err = s.System.Erase(ctx, s.change(of), len(of.keys))
		s.pace.took(len(of.keys), time.Since(began), err)
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

// dealt counts the rows of a page that are gone or carry the mark.
func (s *Sweep) dealt(ctx context.Context, keys [][]string) (int64, error) {
	page := pageOf(s.Rule.Collection, keys)
	if s.Rule.Action == systems.Delete {
		left, err := s.System.Count(ctx, page)
		return int64(len(keys)) - left, err
	}
	page.Only = []systems.Clause{{When: marked(*s.Rule.Mark)}}
	return s.System.Count(ctx, page)
}
