package mailing

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
)

// PageSize is how many people are claimed at a time.
const PageSize = 1000

// Store is what a page needs of the casefile.
type Store interface {
	ClaimRecipients(ctx context.Context, ref contract.Ref, wave, limit int) ([]casefile.Recipient, error)
	Settle(ctx context.Context, ref contract.Ref, done []casefile.Settled, begin []int64) error
	Unclaim(ctx context.Context, ref contract.Ref, begun []int64) error
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
}

// Result counts a page.
type Result struct{ Claimed, Sent, Refused, Deferred, Unclear, Repeated int64 }

// notBegun parts letters that were not handed over after all from those that went wrong.
const notBegun = "not-begun"

type outcome struct {
	to    casefile.Recipient
	did   casefile.Settled
	busy  bool
	fatal error
}

// window is how many letters may be begun and not decided, for each connection.
const window = 4

// Run sends the page. An error means that the mail server or the casefile is not there; what was
// decided until then is written down, and the rest given back.
func (p *Page) Run(ctx context.Context) (Result, error) {
	list, err := p.Store.ClaimRecipients(ctx, p.Ref, p.Wave, PageSize)
	if err != nil || len(list) == 0 {
		return Result{}, err
	}
	r := &run{Page: p, queue: newQueue(list, p.Pace, p.Now), work: make(chan casefile.Recipient, window*p.Connections),
		results: make(chan outcome, window*p.Connections)}
	r.out.Claimed = int64(len(list))
	for _, one := range list {
		if one.Repeated > 0 && one.State == casefile.MailClaimed {
			r.out.Repeated++
		}
	}
	return r.run(ctx)
}

type run struct {
	*Page
	queue    *queue
	work     chan casefile.Recipient
	results  chan outcome
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
	err := r.loop(ctx)
	close(r.work)
	workers.Wait()
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
func (r *run) loop(ctx context.Context) error {
	poll := time.NewTicker(time.Second)
	defer poll.Stop()
	var done []casefile.Settled
	for {
		var begin []casefile.Recipient
		if !r.stopping.Load() && ctx.Err() == nil {
			begin = r.queue.take(window*r.Connections - r.inFlight)
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
		if r.inFlight == 0 && (r.stopping.Load() || r.queue.empty()) {
			return nil
		}
		wait := r.queue.wait(r.inFlight >= window*r.Connections || r.stopping.Load())
		select {
		case o := <-r.results:
			done = r.note(ctx, done, o)
			for more := true; more; {
				select {
				case o := <-r.results:
					done = r.note(ctx, done, o)
				default:
					more = false
				}
			}
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

// one sends one letter and says what became of it.
func (r *run) one(ctx context.Context, to casefile.Recipient) outcome {
	o := outcome{to: to, did: casefile.Settled{N: to.N, State: notBegun}}
	if r.stopping.Load() {
		return o
	}
	letter, err := r.Compose(to)
	if fault.Is(err, contract.ErrUndeliverable) {
		o.did.State, o.did.Reply = casefile.MailRefused, "bad-address"
		return o
	}
	if err != nil {
		o.fatal = err
		return o
	}
	reply, err := r.Send(ctx, letter.From, letter.To, letter.Raw)
	if err == nil {
		o.did.State, o.did.Reply = casefile.MailSent, reply.String()
		return o
	}
	if fault.Is(err, contract.ErrUndeliverable) && letters.ReplyOf(err).Code == 0 {
		o.did.State, o.did.Reply = casefile.MailRefused, "bad-address"
		return o
	}
	return r.failed(o, letters.ReplyOf(err), err)
}

func (r *run) failed(o outcome, reply letters.Reply, err error) outcome {
	now := r.Now()
	switch code := reply.Code; {
	case letters.Undecided(err):
		o.did.State, o.did.Reply, o.did.NextAt = casefile.MailUnclear, "no-answer", &now
	case code == 0 || code == 530 || code == 534 || code == 535 || code == 538:
		o.fatal = err // nobody's letter would be taken
	case fault.Is(err, contract.ErrUndeliverable):
		o.did.State, o.did.Reply = casefile.MailRefused, reply.String()
	default: // 4xx, and 552 where servers mean 452
		o.did.State, o.did.Reply = casefile.MailDeferred, reply.String()
		at := now.Add(Backoff(r.Pace.Retry, o.to.Attempts))
		o.did.NextAt = &at
		o.busy = code == 421 || code == 450 || code == 451 || code == 452
		if o.to.FirstAt != nil && at.After(o.to.FirstAt.Add(r.Pace.GiveUp)) {
			o.did.State, o.did.NextAt = casefile.MailExpired, nil
		}
	}
	return o
}

// Backoff is the wait after so many tries: it doubles, up to four hours.
func Backoff(first time.Duration, attempts int) time.Duration {
	d := first
	for range min(attempts, 16) {
		if d *= 2; d >= 4*time.Hour {
			return max(4*time.Hour, first)
		}
	}
	return d
}

func numbers(list []casefile.Recipient) []int64 {
	var ns []int64
	for _, r := range list {
		ns = append(ns, r.N)
	}
	return ns
}
