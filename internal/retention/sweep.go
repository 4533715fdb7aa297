package retention

import (
	"cmp"
	"context"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// DefaultBatch is how many rows one transaction touches at most: few enough to keep locks short.
const DefaultBatch = 2_000

// How often a batch is tried again when the system was busy, and after which pause, before it is
// halved to find the rows that somebody holds.
const (
	busyTries = 3
	busyPause = 250 * time.Millisecond
	// busyPasses is how often a sweep comes back for rows that were locked.
	busyPasses = 3
	// tooManyRefused is how many rows of one run may be refused before the whole is.
	tooManyRefused = 50
)

// Position is where a sweep stands. It is personal data, as keys are.
type Position struct {
	Pass   int            `json:"pass"`
	Cursor systems.Cursor `json:"cursor,omitempty"`
	// Page are the keys of a batch that was begun and has not been counted: the sweep was killed.
	Page  [][]string `json:"page,omitempty"`
	Moved int64      `json:"moved"` // rows touched in this pass
	Done  int64      `json:"done"`  // rows touched altogether
	// Locked and Refused are rows of this pass that somebody held, or that the system did not let go.
	Locked   int64 `json:"locked"`
	Refused  int64 `json:"refused"`
	Finished bool  `json:"finished"`
}

// Log is what a sweep remembers. Put is called before a batch with its keys in Page, and after it with
// the count; keys are those of a counted batch, for the hash of the run, and nil otherwise.
type Log interface {
	Position(ctx context.Context) (Position, error)
	Put(ctx context.Context, p Position, keys [][]string) error
	// Kept says which of the keys are of rows that are left alone.
	Kept(ctx context.Context, keys [][]string) ([]bool, error)
}

// Sweep carries out one rule.
type Sweep struct {
	Rule   Rule
	Now    time.Time // the nominal time of the run
	System systems.Sweeper
	Alone  []systems.Referrer
	Log    Log
	// Guard runs one batch. It may refuse, and whoever makes it holds what must be held meanwhile.
	Guard  func(ctx context.Context, batch func(ctx context.Context) error) error
	Secret []byte // of the keyed strategies: 32 bytes
	Batch  int    // 0 is DefaultBatch
	Rate   int    // rows a second; 0: no bound
	// Progress is called after each batch; nil: nobody looks.
	Progress func(Position)
	// Rest says that the sweep is to stop after this batch and go on later; nil: never.
	Rest func() bool

	limit *rate.Limiter
}

// Run sweeps until nothing is left that it may touch, or it is to rest. It may be run again after
// whatever stopped it, and goes on where it was.
func (s *Sweep) Run(ctx context.Context) (Position, error) {
	s.Batch = cmp.Or(s.Batch, DefaultBatch)
	s.limit = rate.NewLimiter(rate.Inf, 0)
	if s.Rate > 0 {
		s.limit = rate.NewLimiter(rate.Limit(s.Rate), max(s.Rate, s.Batch))
	}
	p, err := s.Log.Position(ctx)
	if err != nil {
		return p, err
	}
	if len(p.Page) > 0 {
		if p, err = s.batch(ctx, p, p.Page, true); err != nil {
			return p, err
		}
	}
	for !p.Finished {
		if s.Rest != nil && s.Rest() {
			return p, nil
		}
		if p, err = s.step(ctx, p); err != nil {
			return p, err
		}
	}
	return p, nil
}

// step takes the next page of due rows, or the next pass over them.
func (s *Sweep) step(ctx context.Context, p Position) (Position, error) {
	keys, last, err := s.System.DuePage(ctx, s.Rule.Due(s.Now, s.Alone), p.Cursor, s.Batch)
	if err != nil {
		return p, err
	}
	if len(keys) == 0 {
		return s.turn(ctx, p)
	}
	if keys, err = s.free(ctx, keys); err != nil {
		return p, err
	}
	p.Cursor, p.Page = last, keys
	if err := s.Log.Put(ctx, p, nil); err != nil {
		return p, err
	}
	if len(keys) == 0 {
		return p, nil
	}
	return s.batch(ctx, p, keys, false)
}

// free are the keys that are not of rows left alone.
func (s *Sweep) free(ctx context.Context, keys [][]string) ([][]string, error) {
	kept, err := s.Log.Kept(ctx, keys)
	if err != nil {
		return nil, err
	}
	var out [][]string
	for i, key := range keys {
		if !kept[i] {
			out = append(out, key)
		}
	}
	return out, nil
}

// turn begins another pass where one could find more: rows that others of the same table referred to,
// or that were locked. A pass that touched nothing is the last, but for locks.
func (s *Sweep) turn(ctx context.Context, p Position) (Position, error) {
	again := (p.Moved > 0 && s.selfish()) || (p.Locked > 0 && p.Pass < busyPasses)
	if again {
		p.Pass, p.Cursor, p.Page, p.Moved, p.Locked, p.Refused = p.Pass+1, nil, nil, 0, 0, 0
	} else {
		p.Finished, p.Page = true, nil
	}
	return p, s.Log.Put(ctx, p, nil)
}

// selfish reports whether rows of the collection may refer to each other.
func (s *Sweep) selfish() bool {
	c := s.Rule.Collection
	return slices.ContainsFunc(s.Alone, func(r systems.Referrer) bool { return r.Table.Schema == c.Schema && r.Table.Name == c.Table })
}

// batch deals with a page of keys and counts it. Of one that was begun before, what is done already
// counts as this sweep's.
func (s *Sweep) batch(ctx context.Context, p Position, keys [][]string, begun bool) (Position, error) {
	if err := s.wait(ctx, len(keys)); err != nil {
		return p, err
	}
	free := keys
	if begun { // somebody's rows may be left alone since then
		var err error
		if free, err = s.free(ctx, keys); err != nil {
			return p, err
		}
	}
	did, err := s.erase(ctx, free, &p)
	if err != nil {
		return p, err
	}
	if begun {
		if did, err = s.dealt(ctx, keys); err != nil {
			return p, err
		}
	}
	p.Page, p.Moved, p.Done = nil, p.Moved+did, p.Done+did
	if err := s.Log.Put(ctx, p, keys); err != nil {
		return p, err
	}
	if s.Progress != nil {
		s.Progress(p)
	}
	return p, nil
}

// wait keeps to the rate. A worker that stops does not wait.
func (s *Sweep) wait(ctx context.Context, rows int) error {
	if s.limit.Limit() == rate.Inf {
		return nil
	}
	return s.limit.WaitN(ctx, rows)
}

// change is what happens to the rows of a page that are still due.
func (s *Sweep) change(keys [][]string) systems.Change {
	r := s.Rule
	rows := pageOf(r.Collection, keys)
	rows.Only = []systems.Clause{s.Rule.Due(s.Now, s.Alone).Rows.Any[0]}
	change := systems.Change{Rows: rows, Action: r.Action, Secret: s.Secret}
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
func (s *Sweep) erase(ctx context.Context, keys [][]string, p *Position) (int64, error) {
	if len(keys) == 0 {
		return 0, nil
	}
	did, err := s.once(ctx, keys)
	switch {
	case err == nil:
		return did, nil
	case !fault.Is(err, contract.ErrBusy) && !fault.Is(err, contract.ErrRefused):
		return 0, err
	case len(keys) == 1 && fault.Is(err, contract.ErrBusy):
		p.Locked++
		return 0, nil
	case len(keys) == 1:
		if p.Refused++; p.Refused > tooManyRefused {
			return 0, err
		}
		return 0, nil
	}
	left, err := s.erase(ctx, keys[:len(keys)/2], p)
	if err != nil {
		return left, err
	}
	right, err := s.erase(ctx, keys[len(keys)/2:], p)
	return left + right, err
}

// once makes one transaction under the guard, and again after a pause while the system is busy.
func (s *Sweep) once(ctx context.Context, keys [][]string) (int64, error) {
	var applied systems.Applied
	make1 := func(ctx context.Context) error {
		var err error
		applied, err = s.System.Erase(ctx, s.change(keys), len(keys))
		return err
	}
	tries := busyTries
	if len(keys) < s.Batch {
		tries = 1 // what is being halved was waited for already
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
	rows := pageOf(s.Rule.Collection, keys)
	if s.Rule.Action == systems.Delete {
		left, err := s.System.Count(ctx, rows)
		return int64(len(keys)) - left, err
	}
	rows.Only = []systems.Clause{{When: marked(*s.Rule.Mark)}}
	return s.System.Count(ctx, rows)
}
