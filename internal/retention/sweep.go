package retention

import (
	"context"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/systems"
)

// busyPasses is how often a sweep comes back for rows that were locked.
const busyPasses = 3

// Batch is some due rows that were noted before they are touched. Rows that go are known by where they stand in
// the walk, so that their keys need not travel; others, and those of a table whose rows refer to each other, by
// their keys.
type Batch struct {
	After  systems.Cursor `json:"after,omitempty"`
	Last   systems.Cursor `json:"last"`
	Rows   int64          `json:"rows"`   // that may be touched
	Digest []byte         `json:"digest"` // of their keys, as systems.DigestKeys makes it
	Keep   [][]string     `json:"keep,omitempty"`
	Keys   [][]string     `json:"keys,omitempty"`
}

// Position is where a sweep stands. It is personal data, as keys are.
type Position struct {
	Pass   int            `json:"pass"`
	Cursor systems.Cursor `json:"cursor,omitempty"`
	// Page is a batch that was begun and has not been counted, and Next the one behind it, which may have
	// been begun: the sweep was killed.
	Page  *Batch `json:"page,omitempty"`
	Next  *Batch `json:"next,omitempty"`
	Moved int64  `json:"moved"` // rows touched in this pass
	Done  int64  `json:"done"`  // rows touched altogether
	// Locked and Refused are rows of this pass that somebody held, or that the system did not let go.
	Locked   int64 `json:"locked"`
	Refused  int64 `json:"refused"`
	Finished bool  `json:"finished"`
}

// Log is what a sweep remembers. Put is called before each batch with it in Page or Next, and at the
// end; done is a batch that is counted with it, for the hash of the run, and nil where there is
// none. A sweep calls one method at a time.
type Log interface {
	Position(ctx context.Context) (Position, error)
	Put(ctx context.Context, p Position, done *Batch) error
	// Keeps says whether any rows are left alone at all.
	Keeps(ctx context.Context) (bool, error)
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
	// Yield is how many times as long as a batch took the sweep rests after it, while others are at work on the
	// server; 0: it does not ask.
	Yield int
	// Progress is called after each batch; nil: nobody looks.
	Progress func(Position)
	// Rest says that the sweep is to stop after this batch and go on later; nil: never.
	Rest func() bool

	pace    *pace
	keeps   bool   // some rows are left alone
	counted *Batch // that was dealt with last and is not written down
}

// ahead is the next batch; nil: nothing is due behind the cursor.
type ahead struct {
	batch *Batch
	err   error
}

// Run sweeps until nothing is left that it may touch, or it is to rest. It may be run again after
// whatever stopped it, and goes on where it was.
//
// While one batch is made, the next is looked up and written down, together with what the batch before
// did: the system waits neither for the reading nor for the log.
func (s *Sweep) Run(ctx context.Context) (Position, error) {
	s.pace, s.counted = newPace(s.Batch, s.Rate), nil
	manners := &manners{times: s.Yield, others: s.System.Others}
	p, err := s.Log.Position(ctx)
	if err == nil {
		s.keeps, err = s.Log.Keeps(ctx)
	}
	if err != nil {
		return p, err
	}
	for p.Page != nil || p.Next != nil {
		if p, err = s.resume(ctx, p); err != nil {
			return p, err
		}
	}
	for !p.Finished {
		if s.resting() {
			return p, s.put(ctx, p)
		}
		if p, err = s.pass(ctx, p, manners); err != nil {
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
	if noted == nil {
		return p, nil
	}
	p, err := s.batch(ctx, p, noted, true)
	if err != nil {
		return p, err
	}
	s.counted = noted
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
func (s *Sweep) pass(ctx context.Context, p Position, manners *manners) (Position, error) {
	now := s.note(ctx, p)
	for now.err == nil && now.batch != nil {
		if s.resting() { // what was noted has not been begun: it is read again
			return p, nil
		}
		if err := s.pace.wait(ctx, int(now.batch.Rows)); err != nil {
			return p, err
		}
		began := time.Now()
		p.Page, p.Cursor = now.batch, now.batch.Last
		behind := make(chan ahead, 1)
		go func(p Position) { behind <- s.note(ctx, p) }(p)
		after, err := s.batch(ctx, p, now.batch, false)
		next := <-behind
		if err != nil {
			return p, err
		}
		after.Page = nil
		p, s.counted, now = after, now.batch, next
		if err := manners.rest(ctx, time.Since(began)); err != nil {
			return p, err
		}
	}
	if now.err != nil {
		return p, now.err // what was done and is not written down is counted by whoever goes on
	}
	return s.turn(ctx, p)
}

// note looks up the batch behind the cursor and writes it down, behind the one that is being made.
func (s *Sweep) note(ctx context.Context, p Position) ahead {
	next := s.read(ctx, p.Cursor, s.pace.rows())
	if next.batch != nil {
		p.Next, p.Cursor = next.batch, next.batch.Last
	}
	if next.err == nil && (next.batch != nil || s.counted != nil) {
		next.err = s.put(ctx, p)
	}
	return next
}

// byKeys reports whether batches are known by the keys of their rows. Where rows of the table refer to each
// other, others of the same stretch become due once some are gone.
func (s *Sweep) byKeys() bool { return s.Rule.Action != systems.Delete || s.selfish() }

func (s *Sweep) read(ctx context.Context, after systems.Cursor, size int) ahead {
	due := s.Rule.Due(s.Now, s.Alone)
	if !s.byKeys() && !s.keeps {
		span, err := s.System.DueSpan(ctx, due, after, size)
		if err != nil || span.Last == nil {
			return ahead{err: err}
		}
		return ahead{batch: &Batch{After: after, Last: span.Last, Rows: span.Rows, Digest: span.Digest}}
	}
	page, err := s.System.DuePage(ctx, due, after, min(size, systems.PageSize))
	if err != nil || len(page.Keys) == 0 {
		return ahead{err: err}
	}
	free, kept, err := s.split(ctx, page.Keys)
	b := &Batch{After: after, Last: page.Last, Rows: int64(len(free)), Digest: systems.DigestKeys(free)}
	if s.byKeys() {
		b.Keys = free
	} else {
		b.Keep = kept
	}
	return ahead{batch: b, err: err}
}

// split tells the rows that may be touched from those that are left alone.
func (s *Sweep) split(ctx context.Context, keys [][]string) (free, kept [][]string, err error) {
	if !s.keeps || len(keys) == 0 {
		return keys, nil, nil
	}
	why, err := s.Log.Kept(ctx, keys)
	for i, key := range keys {
		switch {
		case err != nil:
		case why[i] != "":
			kept = append(kept, key)
		default:
			free = append(free, key)
		}
	}
	return free, kept, err
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
