package activities

import (
	"context"
	"strconv"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/clocks"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
	"github.com/habeas-dsr/habeas/internal/letters"
)

// occasionOf is the occasion of the task and of the letter of a motion.
func occasionOf(m casefile.Motion) string { return strconv.Itoa(m.N) }

// motionOf is the motion that a task or a letter is about.
func (a *Activities) motionOf(ctx context.Context, ref contract.Ref, occasion string, kind dsr.MotionKind) (casefile.Motion, error) {
	n, err := strconv.Atoi(occasion)
	if err != nil {
		return casefile.Motion{}, fault.Newf(contract.ErrNotFound, "%q is no motion about %s", occasion, ref)
	}
	m, err := a.Store.Motion(ctx, ref, n)
	if err == nil && m.Kind != kind {
		err = fault.Newf(contract.ErrNotFound, "motion %d about %s is not to %s", n, ref, kind)
	}
	return m, err
}

// showMotion shows the signers what is moved: law, ground, facts, author, and what becomes of the
// time.
func (a *Activities) showMotion(ctx context.Context, s *dsr.Shown) error {
	kind := dsr.MotionExtend
	if s.Kind == dsr.TaskRefuse {
		kind = dsr.MotionRefuse
	}
	m, err := a.motionOf(ctx, s.Ref, s.Occasion, kind)
	if err != nil {
		return err
	}
	state, err := a.clocks(ctx, s.Ref)
	if err != nil {
		return err
	}
	ground, err := groundOf(state, m)
	if err != nil {
		return err
	}
	s.Motion = &dsr.ShownMotion{
		Law: m.Law, Ground: ground.Code, GroundZH: ground.Text.ZH, GroundEN: ground.Text.EN, Source: ground.Source,
		Facts: m.Words, Items: m.Items, Author: m.Author, DueBefore: state.Case.DueAt.Format(time.RFC3339),
	}
	if kind != dsr.MotionExtend {
		return nil
	}
	after, err := state.ExtendedUnder(m.Law)
	if err != nil {
		return err
	}
	first, _ := after.Earliest()
	s.Motion.DueAfter = first.Strict.UTC().Format(time.RFC3339)
	return nil
}

// groundOf is what the law says of the code of a motion.
func groundOf(s clocks.State, m casefile.Motion) (jurisdiction.Ground, error) {
	law, _, known := s.Law(m.Law)
	if !known {
		return jurisdiction.Ground{}, fault.Newf(contract.ErrBadInput, "%s does not go by %s", m.Ref, m.Law)
	}
	if m.Kind == dsr.MotionRefuse {
		return law.Profile.Refusal(string(s.Case.Kind), m.Code)
	}
	if law.Profile.Extension != nil {
		for _, g := range law.Profile.Extension.Grounds {
			if g.Code == m.Code {
				return g, nil
			}
		}
	}
	return jurisdiction.Ground{}, fault.Newf(contract.ErrBadInput, "%s knows no ground %q for an extension", m.Law, m.Code)
}

// lawLetters are the letters about a motion, and what each is about.
var lawLetters = map[letters.Template]dsr.MotionKind{
	letters.Extension: dsr.MotionExtend, letters.Refused: dsr.MotionRefuse,
	letters.Clarify: dsr.MotionPause, letters.Resumed: dsr.MotionResume,
}

// latest is the last motion of a kind about a whole case.
func (a *Activities) latest(ctx context.Context, ref contract.Ref, kind dsr.MotionKind) (casefile.Motion, error) {
	list, err := a.Store.Motions(ctx, ref)
	if err != nil {
		return casefile.Motion{}, err
	}
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Kind == kind && len(list[i].Items) == 0 && (kind == dsr.MotionExtend || list[i].AppliedAt != nil) {
			return a.Store.Motion(ctx, ref, list[i].N)
		}
	}
	return casefile.Motion{}, fault.Newf(contract.ErrNotApproved, "nobody has moved to %s %s", kind, ref)
}

// mayTellOfMotion says whether the motion that a letter is about stands in the casefile: signed,
// where it must be.
func (a *Activities) mayTellOfMotion(ctx context.Context, ref contract.Ref, template letters.Template) error {
	kind := lawLetters[template]
	m, err := a.latest(ctx, ref, kind)
	if err != nil || kind == dsr.MotionPause || kind == dsr.MotionResume {
		return err
	}
	task := dsr.TaskExtend
	if kind == dsr.MotionRefuse {
		task = dsr.TaskRefuse
	}
	return a.decided(ctx, ref, fault.Newf(contract.ErrNotApproved, "two people have not signed motion %d about %s", m.N, ref), dsr.Approve,
		func(t casefile.Task) bool { return t.Kind == task && t.Occasion == occasionOf(m) })
}

// lawFields adds what the letters of the law say: grounds, old and new times, the question, and
// where the person can go who does not agree.
func (a *Activities) lawFields(ctx context.Context, ref contract.Ref, template letters.Template, lang string, f *letters.Fields) error {
	kind, ok := lawLetters[template]
	if !ok {
		return nil
	}
	s, err := a.clocks(ctx, ref)
	if err != nil {
		return err
	}
	m, err := a.latest(ctx, ref, kind)
	if err != nil {
		return err
	}
	law, _, _ := s.Law(m.Law)
	f.Regulator, f.Court = law.Profile.Complain.Regulator.In(lang), law.Profile.Complain.Court.In(lang)
	switch kind {
	case dsr.MotionPause:
		f.Question = m.Words
		_, f.ClockStops = law.Profile.MayPause(string(s.Case.Kind), m.Code)
	case dsr.MotionExtend, dsr.MotionRefuse:
		ground, err := groundOf(s, m)
		if err != nil {
			return err
		}
		f.Ground, f.LawSource, f.Facts = ground.Text.In(lang), ground.Source, m.Words
	}
	if kind == dsr.MotionExtend && m.AppliedAt != nil {
		f.NewDueAt = s.Case.LastMoment()
	} else if kind == dsr.MotionExtend {
		after, err := s.ExtendedUnder(m.Law)
		if err != nil {
			return err
		}
		first, _ := after.Earliest()
		f.NewDueAt = first.Strict.Add(-time.Second)
	}
	return nil
}

// refusedWhole says whether a case was refused on a ground of its law, by a motion that was applied
// and that two people have signed.
func (a *Activities) refusedWhole(ctx context.Context, ref contract.Ref, otherwise error) error {
	m, err := a.latest(ctx, ref, dsr.MotionRefuse)
	if err != nil {
		return err
	}
	return a.decided(ctx, ref, otherwise, dsr.Approve, func(t casefile.Task) bool {
		return t.Kind == dsr.TaskRefuse && t.Occasion == occasionOf(m)
	})
}
