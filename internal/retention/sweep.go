package retention

import (
	"context"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/systems"
)

// busyPasses is how often a sweep comes back for rows that were locked.
const busyPasses = 3

// Position is where a sweep stands. It is personal data, as keys are.
type Position struct {
	Pass   int            `json:"pass"`
	Cursor systems.Cursor `json:"cursor,omitempty"`
	// Page are the keys of a batch that was begun and has not been counted, and Next those of the one
	// behind it, which may have been: the sweep was killed.
	Page  [][]string `json:"page,omitempty"`
	Next  [][]string `json:"next,omitempty"`
	Moved int64      `json:"moved"` // rows touched in this pass
	Done  int64      `json:"done"`  // rows touched altogether
	// Locked and Refused are rows of this pass that somebody held, or that the system did not let go.
	Locked   int64 `json:"locked"`
	Refused  int64 `json:"refused"`
	Finished bool  `json:"finished"`
}

// Log is what a sweep remembers. Put is called before each batch with its keys in Page or Next, and at the
// end; keys are those of a batch that is counted with it, for the hash of the run, and nil where there is
// none. A sweep calls one method at a time.
type Log interface {
	Position(ctx context.Context) (Position, error)
	Put(ctx context.Context, p Position, keys [][]string) error
	// Kept says why rows of these keys are left alone: Held, Extended, or empty where they are not.
	Kept(ctx context.Context, keys [][]string) ([]string, error)
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
	Batch  int    // at most so many rows a transaction; 0: MostRows
	Rate   int    // rows a second; 0: no bound
	// Progress is called after each batch; nil: nobody looks.
	Progress func(Position)
	// Rest says that the sweep is to stop after this batch and go on later; nil: never.
	Rest func() bool

	pace    *pace
	counted [][]string // keys of the batch that was dealt with last and is not written down
}

// rows are rows by their keys, and where they stood when they were read, if that is known.
type rows struct {
	keys   [][]string
	places []string
}

// part are the rows from one to before another.
func (r rows) part(from, to int) rows {
	if r.places == nil {
		return rows{keys: r.keys[from:to]}
	}
	return rows{r.keys[from:to], r.places[from:to]}
}

// page are due rows behind a cursor.
type page struct {
	rows      // those that may be touched
	some bool // there are due rows
	last systems.Cursor
	err  error
}

// Run sweeps until nothing is left that it may touch, or it is to rest. It may be run again after
// whatever stopped it, and goes on where it was.
//
// While one batch is made, the next page is read and written down, together with what the batch before
// did: the system waits neither for the reading nor for the log.
func (s *Sweep) Run(ctx context.Context) (Position, error) {
	s.pace, s.counted = newPace(s.Batch, s.Rate), nil
	p, err := s.Log.Position(ctx)
	if err != nil {
		return p, err
	}
	for len(p.Page)+len(p.Next) > 0 {
		if p, err = s.resume(ctx, p); err != nil {
			return p, err
		}
	}
	for !p.Finished {
		if s.resting() {
			return p, s.put(ctx, p)
		}
		if p, err = s.pass(ctx, p); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (s *Sweep) resting() bool { return s.Rest != nil && s.Rest() }

// resume deals with a batch that a sweep had noted which was stopped.
func (s *Sweep) resume(ctx context.Context, p Position) (Position, error) {
	noted := p.Page
	p.Page, p.Next = p.Next, nil
	if len(noted) == 0 {
		return p, nil
	}
	p, err := s.batch(ctx, p, rows{keys: noted}, true)
	if err != nil {
		return p, err
	}
	return p, s.put(ctx, p)
}

// put writes down where the sweep stands and what it did since the last time.
func (s *Sweep) put(ctx context.Context, p Position) error {
	if err := s.Log.Put(ctx, p, s.counted); err != nil {
		return err
	}
	s.counted = nil
	return nil
}

// pass goes over the due rows behind the cursor to their end, or until it is to rest.
func (s *Sweep) pass(ctx context.Context, p Position) (Position, error) {
	now := s.note(ctx, p)
	for now.err == nil && now.some {
		if s.resting() { // what was noted has not been begun: it is read again
			return p, nil
		}
		p.Page, p.Cursor = now.keys, now.last
		behind := make(chan page, 1)
		go func(p Position) { behind <- s.note(ctx, p) }(p)
		after, err := s.batch(ctx, p, now.rows, false)
		next := <-behind
		if err != nil {
			return p, err
		}
		p, s.counted, now = after, now.keys, next
	}
	if now.err != nil {
		return p, now.err // what was done and is not written down is counted by whoever goes on
	}
	return s.turn(ctx, p)
}

// note reads the page behind the cursor and writes it down, behind the batch that is being made.
func (s *Sweep) note(ctx context.Context, p Position) page {
	next := s.read(ctx, p.Cursor, s.pace.rows())
	if next.some {
		p.Next, p.Cursor = next.keys, next.last
	}
	if next.err == nil && (next.some || s.counted != nil) {
		next.err = s.put(ctx, p)
	}
	return next
}

func (s *Sweep) read(ctx context.Context, after systems.Cursor, size int) page {
	due, err := s.System.DuePage(ctx, s.Rule.Due(s.Now, s.Alone), after, size)
	if err != nil || len(due.Keys) == 0 {
		return page{err: err}
	}
	out := page{some: true, last: due.Last}
	out.rows, out.err = s.free(ctx, rows{due.Keys, due.Places})
	return out
}

// free are the rows that are not left alone.
func (s *Sweep) free(ctx context.Context, of rows) (rows, error) {
	kept, err := s.Log.Kept(ctx, of.keys)
	if err != nil || !slices.ContainsFunc(kept, func(why string) bool { return why != "" }) {
		return of, err
	}
	var out rows
	for i, key := range of.keys {
		if kept[i] != "" {
			continue
		}
		out.keys = append(out.keys, key)
		if of.places != nil {
			out.places = append(out.places, of.places[i])
		}
	}
	return out, nil
}

// turn begins another pass where one could find more: rows that others of the same table referred to,
// or that were locked. A pass that touched nothing is the last, but for locks.
func (s *Sweep) turn(ctx context.Context, p Position) (Position, error) {
	again := (p.Moved > 0 && s.selfish()) || (p.Locked > 0 && p.Pass < busyPasses)
	if again {
		p.Pass, p.Cursor, p.Moved, p.Locked, p.Refused = p.Pass+1, nil, 0, 0, 0
	} else {
		p.Finished = true
	}
	return p, s.put(ctx, p)
}

// selfish reports whether rows of the collection may refer to each other.
func (s *Sweep) selfish() bool {
	c := s.Rule.Collection
	return slices.ContainsFunc(s.Alone, func(r systems.Referrer) bool { return r.Table.Schema == c.Schema && r.Table.Name == c.Table })
}
