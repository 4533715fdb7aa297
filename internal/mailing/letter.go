package mailing

import (
	"context"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
)

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
