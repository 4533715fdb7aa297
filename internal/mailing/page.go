package mailing

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/letters"
)

// PageSize is how many people a page has at most. They are claimed claimSize at a time, the next ones
// while those before are being written to.
const (
	PageSize  = 10_000
	claimSize = 1000
)

// Store is what a page needs of the casefile.
type Store interface {
	ClaimRecipients(ctx context.Context, ref contract.Ref, wave int, after int64, limit int) ([]casefile.Recipient, error)
	Settle(ctx context.Context, ref contract.Ref, done []casefile.Settled, begin []int64) error
	Unclaim(ctx context.Context, ref contract.Ref, begun []int64) error
	LeaveOut(ctx context.Context, ref contract.Ref, numbers []int64) error
	GroupBusy(ctx context.Context, ref contract.Ref, domain []byte, first time.Duration) (time.Time, error)
}

// Letter is one message ready to go.
type Letter struct {
	From, To string // of the envelope
	Raw      []byte
}

// Pace is how fast letters go.
type Pace struct {
	Rate, PerDomain int           // letters a second; 0: no bound
	Retry, GiveUp   time.Duration // the first wait after "not now", which doubles; and the end of it
}

// Page is one page of letters of one notice.
type Page struct {
	Store       Store
	Ref         contract.Ref
	Wave        int
	Connections int
	Pace        Pace
	Compose     func(casefile.Recipient) (Letter, error)
	Send        func(ctx context.Context, from, to string, raw []byte) (letters.Reply, error)
	Now         func() time.Time
	// Poll is asked every second whether to go on, and how fast.
	Poll func(context.Context) (goOn bool, rate int)
	Sent *atomic.Int64 // for the progress bar
	// Objected names, by their place, those who must not be written to: asked in the moment before a
	// letter begins. nil: everybody is written to, as with every letter that a law asks for.
	Objected func(context.Context, []casefile.Recipient) (map[int]bool, error)
}

// Result counts a page.
type Result struct{ Claimed, Sent, Refused, Deferred, Unclear, Repeated, LeftOut int64 }

// notBegun parts letters that were not handed over after all from those that went wrong.
const notBegun = "not-begun"

type outcome struct {
	to    casefile.Recipient
	did   casefile.Settled
	busy  bool
	fatal error
}

// window is how many letters may be begun and not decided, for each connection. It is as wide as the
// time in which one statement is written down asks for: with half of it the connections wait.
const window = 8

// gather is how long the end of a letter waits for that of others, to be written down with them.
const gather = 10 * time.Millisecond

// Run sends the page. An error means that the mail server or the casefile is not there; what was
// decided until then is written down, and the rest given back.
func (p *Page) Run(ctx context.Context) (Result, error) {
	list, err := p.Store.ClaimRecipients(ctx, p.Ref, p.Wave, 0, claimSize)
	if err != nil || len(list) == 0 {
		return Result{}, err
	}
	r := &run{Page: p, queue: newQueue(nil, p.Pace), work: make(chan casefile.Recipient, window*p.Connections),
		results: make(chan outcome, window*p.Connections), claims: make(chan claimed, 1)}
	r.add(list)
	return r.run(ctx)
}

type run struct {
	*Page
	queue    *queue
	work     chan casefile.Recipient
	results  chan outcome
	claims   chan claimed
	claiming bool  // the next ones are on their way
	last     int64 // number that was claimed
	all      bool  // of the page were claimed
	inFlight int
	stopping atomic.Bool
	begun    []int64 // certainly not handed over
	fatal    error
	out      Result
}

func (r *run) run(ctx context.Context) (Result, error) {
	// A letter on its way is brought to its end, whatever ends us.
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var workers sync.WaitGroup
	for range r.Connections {
		workers.Go(func() {
			for to := range r.work {
				r.results <- r.one(sending, to)
			}
		})
	}
	err := r.loop(ctx, sending)
	close(r.work)
	workers.Wait()
	if r.claiming {
		<-r.claims // given back with the rest
	}
	last, done := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer done()
	if unclaimErr := r.Store.Unclaim(last, r.Ref, r.begun); err == nil {
		err = unclaimErr
	}
	if err == nil {
		err = r.fatal
	}
	return r.out, err
}

// loop begins letters and writes down what became of those begun before, in one transaction each
// time round.
func (r *run) loop(ctx, sending context.Context) error {
	poll := time.NewTicker(time.Second)
	defer poll.Stop()
	var done []casefile.Settled
	for {
		var begin []casefile.Recipient
		if !r.stopping.Load() && ctx.Err() == nil {
			begin = r.willing(ctx, r.queue.take(window*r.Connections-r.inFlight))
		}
		if len(done)+len(begin) > 0 {
			write, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
			err := r.Store.Settle(write, r.Ref, done, numbers(begin))
			cancel()
			if err != nil {
				r.stopping.Store(true)
				r.drain()
				return err
			}
			done = done[:0]
		}
		for _, to := range begin {
			r.inFlight++
			r.work <- to // never blocks: the window is as wide
		}
		if ctx.Err() != nil {
			r.stopping.Store(true)
		}
		r.ahead(sending)
		if r.inFlight == 0 && (r.stopping.Load() || r.queue.empty() && !r.claiming) {
			return nil
		}
		wait := r.queue.wait(r.inFlight >= window*r.Connections || r.stopping.Load())
		select {
		case o := <-r.results:
			done = r.gather(ctx, r.note(ctx, done, o))
		case c := <-r.claims:
			r.claiming = false
			if c.err != nil {
				r.fatal = c.err
				r.stopping.Store(true)
			}
			r.add(c.list)
		case <-poll.C:
			if goOn, rate := r.Poll(ctx); !goOn {
				r.stopping.Store(true)
			} else {
				r.queue.setRate(rate)
			}
		case <-wait:
		}
	}
}

// willing leaves out those who have objected. When nobody can say who has, the page stops.
func (r *run) willing(ctx context.Context, list []casefile.Recipient) []casefile.Recipient {
	if r.Objected == nil || len(list) == 0 {
		return list
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	objected, err := r.Objected(ctx, list)
	var willing []casefile.Recipient
	var out []int64
	for i, to := range list {
		if objected[i] {
			out = append(out, to.N)
		} else {
			willing = append(willing, to)
		}
	}
	if err == nil && len(out) > 0 {
		err = r.Store.LeaveOut(ctx, r.Ref, out)
	}
	if err != nil {
		r.fatal = err
		r.stopping.Store(true)
		return nil // stays claimed, and is given back
	}
	r.out.LeftOut += int64(len(out))
	return willing
}

// gather waits for the end of more letters, while the connections still have half a window to send.
func (r *run) gather(ctx context.Context, done []casefile.Settled) []casefile.Settled {
	enough := time.After(gather)
	for r.inFlight > 0 {
		if r.inFlight <= window*r.Connections/2 {
			select {
			case o := <-r.results: // is there already
				done = r.note(ctx, done, o)
				continue
			default:
				return done
			}
		}
		select {
		case o := <-r.results:
			done = r.note(ctx, done, o)
		case <-enough:
			return done
		}
	}
	return done
}

// drain waits for the letters under way, whose end can no longer be written: they stay undecided.
func (r *run) drain() {
	for ; r.inFlight > 0; r.inFlight-- {
		if o := <-r.results; o.did.State == notBegun {
			r.begun = append(r.begun, o.to.N)
		}
	}
}

// note counts an outcome.
func (r *run) note(ctx context.Context, done []casefile.Settled, o outcome) []casefile.Settled {
	r.inFlight--
	if o.fatal != nil {
		r.fatal = o.fatal
		r.stopping.Store(true)
	}
	switch o.did.State {
	case notBegun:
		r.begun = append(r.begun, o.to.N)
		return done
	case casefile.MailSent:
		r.out.Sent++
		r.Sent.Add(1)
	case casefile.MailRefused, casefile.MailExpired:
		r.out.Refused++
	case casefile.MailDeferred:
		r.out.Deferred++
	case casefile.MailUnclear:
		r.out.Unclear++
	}
	if o.busy {
		r.queue.drop(o.to.Domain)
		write, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		until, err := r.Store.GroupBusy(write, r.Ref, o.to.Domain, r.Pace.Retry)
		if err == nil && o.did.State == casefile.MailDeferred {
			o.did.NextAt = &until
		}
	}
	return append(done, o.did)
}

func numbers(list []casefile.Recipient) []int64 {
	var ns []int64
	for _, r := range list {
		ns = append(ns, r.N)
	}
	return ns
}
