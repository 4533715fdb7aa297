package activities

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
	"github.com/habeas-dsr/habeas/internal/retention"
	"github.com/habeas-dsr/habeas/internal/subject"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// sweepFor is how long one activity sweeps before it hands back: so that a pause, or another worker,
// has its turn.
const sweepFor = 10 * time.Minute

// sweepOf checks everything behind a run and makes its sweep; nil when the rule is not the one of the
// run any more.
func (a *Activities) sweepOf(ctx context.Context, ref contract.Ref) (*retention.Sweep, casefile.Run, error) {
	run, err := a.Store.CheckRun(ctx, ref, a.Pins, a.owned)
	if err != nil {
		return nil, run, err
	}
	s, err := a.swept(ctx, run.System)
	if err != nil {
		return nil, run, err
	}
	r, err := a.ruleOf(s.system, run)
	if err != nil || r == nil {
		return nil, run, err
	}
	alone, err := a.sound(ctx, s, *r)
	if err != nil {
		return nil, run, err
	}
	key, err := a.Store.Key(ctx, ref)
	if err != nil {
		return nil, run, err
	}
	return &retention.Sweep{Rule: *r, Now: run.Nominal, System: s.opened, Alone: alone, Log: NewSweepLog(a.Store, ref), Secret: key.Derive("erasure"), Rate: s.system.Sweep.Rate, Yield: s.system.Sweep.Yield,
		Guard: func(ctx context.Context, batch func(context.Context) error) error {
			return a.Store.GuardedSweep(ctx, run, r.Collection.Name, a.Pins, batch)
		}}, run, nil
}

// ShelterRows looks whose rows a sweep leaves alone: of people under a legal hold, of those with an open
// case, and of those whose rows are kept longer by a decision. Only for those whom it knew when it began it notes that it looked.
func (a *Activities) ShelterRows(ctx context.Context, in contract.RefInput) (contract.Nothing, error) {
	sweep, run, err := a.sweepOf(ctx, in.Ref)
	if err != nil || sweep == nil {
		return contract.Nothing{}, err
	}
	spared, err := a.Store.Spared(ctx, run.Nominal, a.Pins)
	if err != nil {
		return contract.Nothing{}, err
	}
	people := map[string][]retention.Person{}
	for _, one := range spared {
		person, err := a.person(ctx, one)
		if err != nil {
			return contract.Nothing{}, err
		}
		people[one.Why] = append(people[one.Why], person)
	}
	ctx = systems.WithRef(ctx, in.Ref)
	shelter := retention.Shelter{Map: a.Map, Open: a.opener(ctx), Hash: a.Keys.BlindIndex,
		Keys: func(n int) subject.KeyStore { return a.Store.SpareKeys(in.Ref, n) }}
	var kept atomic.Int64
	progress(ctx, &kept, 0)
	for _, why := range []string{casefile.KeptHeld, casefile.KeptExtended} { // the first reason stays
		err = shelter.Rows(ctx, people[why], sweep.Rule.Due(run.Nominal, nil), func(keys [][]string) error {
			kept.Add(int64(len(keys)))
			return a.Store.KeepRows(ctx, in.Ref, why, keys)
		})
		if err != nil {
			return contract.Nothing{}, err
		}
	}
	return contract.Nothing{}, a.Store.MarkSpared(ctx, in.Ref, spared)
}

// person is whoever stands behind a hold, an extension or a case. Of a case for which no row was chosen yet, what
// the request names counts: rather too many rows are left alone than one too few.
func (a *Activities) person(ctx context.Context, one casefile.Spared) (retention.Person, error) {
	if one.Kind != "" { // of a hold or an extension
		return retention.Person{Kind: one.Kind, Index: one.Index}, nil
	}
	account, err := a.account(ctx, one.Ref)
	if err == nil {
		return retention.Person{Account: &account}, nil
	}
	if !fault.Is(err, contract.ErrNotFound) {
		return retention.Person{}, err
	}
	request, err := a.Store.Request(ctx, one.Ref)
	if fault.Is(err, contract.ErrNotFound) { // closed and forgotten meanwhile
		return retention.Person{}, nil
	}
	person := retention.Person{}
	for _, id := range request.Identities {
		value, err := a.Map.Normalise(id.Kind, id.Value)
		if err != nil {
			continue // nobody's row is found by it
		}
		id.Value = value
		person.Identities = append(person.Identities, id)
	}
	return person, err
}

// SweepRule sweeps for a while. It verifies the signatures behind the run first; each batch runs under
// the lock under which no hold can be placed.
func (a *Activities) SweepRule(ctx context.Context, in contract.RefInput) (contract.SweepResult, error) {
	var out contract.SweepResult
	sweep, run, err := a.sweepOf(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	out.Of, out.Done = run.Due, run.Done
	if sweep == nil {
		out.Stale = true
		return out, a.Store.EndRun(ctx, in.Ref, casefile.RunStale, casefile.Remains{})
	}
	if p, err := a.Store.RetentionPause(ctx, run.System); err != nil || p.Paused {
		out.Paused = err == nil
		return out, err
	}
	hours := a.Map.System(run.System).Sweep
	if now := a.Now(); hours.Opens(now).After(now) {
		out.Opens = hours.Opens(now)
		return out, nil
	}
	if out.After, err = a.childrenRun(ctx, sweep, run); err != nil || out.After {
		return out, err
	}
	var done atomic.Int64
	done.Store(run.Done)
	progress(ctx, &done, run.Due)
	until := a.Now().Add(sweepFor)
	sweep.Progress = func(p retention.Position) { done.Store(p.Done) }
	sweep.Rest = func() bool {
		select {
		case <-activity.GetWorkerStopChannel(ctx):
			return true
		default:
		}
		p, err := a.Store.RetentionPause(ctx, run.System)
		now := a.Now()
		return now.After(until) || hours.Opens(now).After(now) || (err == nil && p.Paused)
	}
	p, err := sweep.Run(systems.WithRef(ctx, in.Ref))
	out.Done, out.Finished = p.Done, p.Finished
	switch {
	case fault.Is(err, contract.ErrConflict):
		out.Anew = true
		return out, nil
	case fault.Is(err, contract.ErrHeld):
		out.Held = true
		return out, nil
	}
	return out, err
}

// RestartSweep has a sweep that came to its end begin again, with its counts.
func (a *Activities) RestartSweep(ctx context.Context, in contract.RefInput) (contract.Nothing, error) {
	log := NewSweepLog(a.Store, in.Ref)
	p, err := log.Position(ctx)
	if err != nil || !p.Finished {
		return contract.Nothing{}, err
	}
	return contract.Nothing{}, log.Put(ctx, retention.Position{Done: p.Done}, nil)
}

// childrenRun says whether a run that was signed comes before its turn: rules of tables that refer to its
// rows have runs that have not ended. One that needs no signatures does not wait: what is referred
// to stays, and goes the next night.
func (a *Activities) childrenRun(ctx context.Context, sweep *retention.Sweep, run casefile.Run) (bool, error) {
	if run.Why == "" || len(sweep.Alone) == 0 {
		return false, nil
	}
	open, err := a.Store.ListRuns(ctx, casefile.RunFilter{System: run.System, Open: true, Limit: 1000})
	for _, other := range open {
		r, found := retention.Find(a.Map.System(run.System), other.Rule)
		if found != nil || r.Collection == sweep.Rule.Collection {
			continue
		}
		if slices.ContainsFunc(sweep.Alone, func(ref systems.Referrer) bool {
			return ref.Table == systems.Table{Schema: r.Collection.Schema, Name: r.Collection.Table}
		}) {
			return true, err
		}
	}
	return false, err
}

// ProveRule asks anew what is due and why it was left, and ends the run with that. Where something is
// due for which there is no reason it gives the sweep another turn, unless this was the last.
func (a *Activities) ProveRule(ctx context.Context, in contract.ProveInput) (contract.ProveResult, error) {
	var out contract.ProveResult
	run, err := a.Store.Run(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	if run.EndedAt != nil {
		return contract.ProveResult{Ended: true, State: run.State, Done: run.Done}, nil
	}
	sweep, run, err := a.sweepOf(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	out.Ended, out.State, out.Done = true, casefile.RunStale, run.Done
	if sweep == nil {
		return out, a.Store.EndRun(ctx, in.Ref, casefile.RunStale, casefile.Remains{})
	}
	left, err := sweep.Prove(systems.WithRef(ctx, in.Ref))
	if err != nil {
		return out, err
	}
	extended, err := a.extendedBy(ctx, run)
	if err != nil {
		return out, err
	}
	switch {
	case in.Held && extended != "":
		out.State, left.Extended, left.Other = casefile.RunExtended, left.Extended+left.Other, 0
	case in.Held:
		out.State, left.Held, left.Other = casefile.RunHeld, left.Held+left.Other, 0
	case left.Other == 0:
		out.State = casefile.RunDone
	case in.Last:
		out.State = casefile.RunLeft
	default:
		return contract.ProveResult{Done: run.Done}, nil
	}
	return out, a.Store.EndRun(ctx, in.Ref, out.State, casefile.Remains{Held: left.Held, Referred: left.Referred, Other: left.Other, Extended: left.Extended})
}

// ReportRun writes to the data's owner: that a run waits for signatures, or how it ended.
func (a *Activities) ReportRun(ctx context.Context, in contract.RefInput) (contract.Nothing, error) {
	run, err := a.Store.Run(ctx, in.Ref)
	if err != nil {
		return contract.Nothing{}, err
	}
	to := a.rung(run.System, 1)
	if len(to) == 0 {
		return contract.Nothing{}, nil // nobody to write to: the list of runs says the same
	}
	waiting := run.State == casefile.RunWaiting
	before := ""
	if r, err := a.ruleOf(a.Map.System(run.System), run); err == nil && r != nil {
		before = r.Before(run.Nominal).Format(time.DateOnly)
	}
	lang := a.Map.Company.Languages[0]
	text, err := letters.RenderSwept(lang, letters.Swept{System: run.System, Rule: run.Rule, Action: run.Action, Nominal: run.Nominal.Format("2006-01-02 15:04 MST"),
		State: run.State, Waiting: waiting, Why: run.Why, Due: run.Due, Done: run.Done, Held: run.LeftHeld, Referred: run.LeftReferred, Other: run.LeftOther, Extended: run.LeftExtended,
		Before: before, Reference: run.ID})
	if err != nil {
		return contract.Nothing{}, err
	}
	occasion := "ended"
	if waiting {
		occasion = "waiting"
	}
	return contract.Nothing{}, a.tellOwner(ctx, run, occasion, to[0], text)
}

func (a *Activities) tellOwner(ctx context.Context, run casefile.Run, occasion, to string, text letters.Message) error {
	company := a.Map.Company
	_, domain, _ := strings.Cut(company.From, "@")
	letter, _, err := a.Store.ClaimLetter(ctx, run.Ref, "retention_report", occasion, text.Lang, "email", strings.TrimSuffix(domain, ">"))
	if err != nil || letter.State != casefile.LetterSending {
		return err
	}
	raw, err := letters.Compose(letters.Envelope{From: letters.Mailbox(company.Name.In(text.Lang), company.From), To: to,
		MessageID: letter.MessageID, Date: a.Now(), Lang: text.Lang}, text, a.DKIM)
	if err != nil {
		return err
	}
	reply, err := a.Mailer.Send(ctx, company.From, to, raw)
	if err != nil {
		reply = letters.ReplyOf(err)
	}
	_, err = a.settle(ctx, letter, reply.String(), err)
	return err
}
