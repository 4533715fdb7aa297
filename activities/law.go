package activities

import (
	"context"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/clocks"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
	"github.com/habeas-dsr/habeas/internal/letters"
)

// receipts are the letters that confirm that a request came.
var receipts = []string{string(letters.Ack), "deletion_ack", "correction_ack", "restriction_ack", "complaint_ack"}

func (a *Activities) clocks(ctx context.Context, ref contract.Ref) (clocks.State, error) {
	return clocks.Of(ctx, a.Store, a.Laws, ref, a.Now())
}

// alarms are those of a case, by what the casefile says.
func (a *Activities) alarms(ctx context.Context, ref contract.Ref) (clocks.State, []clocks.Alarm, error) {
	s, err := a.clocks(ctx, ref)
	if err != nil {
		return s, nil, err
	}
	sent, err := a.Store.Letters(ctx, ref)
	if err != nil {
		return s, nil, err
	}
	list, err := s.Alarms(clocks.Acked(sent, receipts...))
	return s, list, err
}

// ReadClock says which alarms of a case have come and when to look again.
func (a *Activities) ReadClock(ctx context.Context, in contract.RefInput) (contract.ClockFacts, error) {
	s, list, err := a.alarms(ctx, in.Ref)
	if err != nil {
		return contract.ClockFacts{}, err
	}
	return ClockFacts(in.Ref, s, list, a.Now()), nil
}

// ClockFacts puts the alarms of a case into what its workflow hears.
func ClockFacts(ref contract.Ref, s clocks.State, list []clocks.Alarm, now time.Time) contract.ClockFacts {
	come, next := clocks.Next(list, now)
	facts := contract.ClockFacts{DueAt: s.Case.DueAt, Halted: s.Halted(), Next: next}
	for _, alarm := range come {
		facts.Come = append(facts.Come, contract.AlarmInput{Ref: ref, DueAt: alarm.Due, Level: alarm.Level})
		facts.Level = alarm.Level
	}
	return facts
}

// RaiseAlarm writes down an alarm, if the casefile bears out that it has come: nobody can have staff
// warned of what is not so.
func (a *Activities) RaiseAlarm(ctx context.Context, in contract.AlarmInput) (contract.Nothing, error) {
	_, list, err := a.alarms(ctx, in.Ref)
	if err != nil {
		return contract.Nothing{}, err
	}
	i := slices.IndexFunc(list, func(l clocks.Alarm) bool { return l.Level == in.Level && l.Due.Equal(in.DueAt) })
	if i < 0 || list[i].At.After(a.Now()) {
		return contract.Nothing{}, nil // what was so a moment ago has been answered meanwhile
	}
	return contract.Nothing{}, a.Store.RaiseAlarm(ctx, in.Ref, in.DueAt, in.Level)
}

// ReadMotion says what was moved about a case.
func (a *Activities) ReadMotion(ctx context.Context, in contract.MotionRef) (contract.MotionFacts, error) {
	m, err := a.Store.Motion(ctx, in.Ref, in.N)
	return contract.MotionFacts{Kind: string(m.Kind), Applied: m.AppliedAt != nil, Items: len(m.Items)}, err
}

// ApplyMotion carries a motion out, once, after the law and the signatures were checked here.
func (a *Activities) ApplyMotion(ctx context.Context, in contract.ApplyInput) (contract.Nothing, error) {
	m, err := a.Store.Motion(ctx, in.Ref, in.N)
	if err != nil || m.AppliedAt != nil {
		return contract.Nothing{}, err
	}
	s, err := a.clocks(ctx, in.Ref)
	if err != nil {
		return contract.Nothing{}, err
	}
	if s.Case.EndingAt != nil || s.Case.State == dsr.StateClosed {
		return contract.Nothing{}, fault.Newf(contract.ErrNotOpen, "%s has ended", in.Ref)
	}
	apply := map[dsr.MotionKind]func(context.Context, clocks.State, casefile.Motion, string) error{
		dsr.MotionExtend: a.extend, dsr.MotionRefuse: a.refuse, dsr.MotionPause: a.pause,
		dsr.MotionResume: a.resume, dsr.MotionRecompute: a.recompute,
	}[m.Kind]
	if apply == nil {
		return contract.Nothing{}, fault.Newf(contract.ErrBadInput, "nothing is known of a motion to %s", m.Kind)
	}
	return contract.Nothing{}, apply(ctx, s, m, in.Task)
}

// signed checks the two signatures behind a motion.
func (a *Activities) signed(ctx context.Context, m casefile.Motion, task string, kind dsr.TaskKind) error {
	t, err := a.Store.CheckApproval(ctx, task, a.Pins)
	if err != nil {
		return err
	}
	if t.Ref != m.Ref || t.Kind != kind || t.Occasion != occasionOf(m) {
		return fault.Newf(contract.ErrNotApproved, "task %s is not the one for motion %d", task, m.N)
	}
	return nil
}

func (a *Activities) extend(ctx context.Context, s clocks.State, m casefile.Motion, task string) error {
	if err := a.signed(ctx, m, task, dsr.TaskExtend); err != nil {
		return err
	}
	law, clock, known := s.Law(m.Law)
	if !known {
		return fault.Newf(contract.ErrBadInput, "%s does not go by %s", m.Ref, m.Law)
	}
	strict := s.Case.DueAt
	if clock.Strict.Before(strict) {
		strict = clock.Strict
	}
	if err := law.MayExtend(string(s.Case.Kind), m.Code, strict, a.Now()); err != nil {
		return err
	}
	sent, err := a.Store.Letters(ctx, m.Ref)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(sent, func(l casefile.Letter) bool {
		return l.Template == string(letters.Extension) && l.State == casefile.LetterSent && l.SentAt != nil && l.SentAt.Before(strict)
	}) && !a.toldByHand(ctx, m.Ref, string(letters.Extension)) {
		return fault.Newf(contract.ErrNotApproved, "the person has not been told that %s takes longer", m.Ref)
	}
	after, err := s.ExtendedUnder(m.Law)
	if err != nil {
		return err
	}
	first, _ := after.Earliest()
	return a.Store.Extend(ctx, m.Ref, m.N, task, strict, first.Strict)
}

// toldByHand says whether staff signed that the person was told a letter by other means.
func (a *Activities) toldByHand(ctx context.Context, ref contract.Ref, template string) bool {
	return a.decided(ctx, ref, fault.New(contract.ErrNotApproved, "", nil), dsr.Complete, func(t casefile.Task) bool {
		return t.Kind == dsr.TaskUnreachable && len(t.Occasion) > len(template) && t.Occasion[:len(template)+1] == template+"/"
	}) == nil
}

func (a *Activities) refuse(ctx context.Context, s clocks.State, m casefile.Motion, task string) error {
	if err := a.signed(ctx, m, task, dsr.TaskRefuse); err != nil {
		return err
	}
	law, _, known := s.Law(m.Law)
	if !known {
		return fault.Newf(contract.ErrBadInput, "%s does not go by %s", m.Ref, m.Law)
	}
	if _, err := law.Profile.Refusal(string(s.Case.Kind), m.Code); err != nil {
		return err
	}
	return a.Store.Refuse(ctx, m.Ref, m.N, task)
}

func (a *Activities) pause(ctx context.Context, s clocks.State, m casefile.Motion, _ string) error {
	for _, law := range s.Laws {
		if may, _ := law.Profile.MayPause(string(s.Case.Kind), m.Code); may {
			return a.Store.Pause(ctx, m.Ref, m.N)
		}
	}
	return fault.Newf(contract.ErrBadInput, "no law of %s stops a clock for that", m.Ref)
}

func (a *Activities) resume(ctx context.Context, s clocks.State, m casefile.Motion, _ string) error {
	return a.Store.Resume(ctx, m.Ref, m.N, func(stop casefile.Stop, now time.Time) (time.Time, error) {
		stops := slices.Clone(s.Stops)
		for i := range stops {
			if stops[i].N == stop.N {
				stops[i] = stop
			}
		}
		after, err := clocks.New(s.Case, s.Laws, stops, s.Extensions, now)
		if err != nil {
			return time.Time{}, err
		}
		first, _ := after.Earliest()
		if first.Strict.Before(s.Case.DueAt) {
			return s.Case.DueAt, nil // an earlier answer to a question never costs the time that was promised
		}
		return first.Strict, nil
	})
}

// recompute pins a case to the laws as they are now. A later time never takes the place of an
// earlier promise (R10).
func (a *Activities) recompute(ctx context.Context, s clocks.State, m casefile.Motion, _ string) error {
	book := a.Laws
	if book == nil {
		book = jurisdiction.Embedded()
	}
	laws, err := book.Laws(s.Case.Laws, s.Case.ReceivedAt)
	if err != nil {
		return err
	}
	after, err := s.Under(laws)
	if err != nil {
		return err
	}
	pins, err := clocks.Pins(laws)
	if err != nil {
		return err
	}
	due := s.Case.DueAt
	if first, _ := after.Earliest(); first.Strict.Before(due) {
		due = first.Strict
	}
	return a.Store.Repin(ctx, m.Ref, m.N, pins, due)
}
