package activities

import (
	"context"
	"reflect"
	"slices"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
)

// withheld is one collection that is refused, and the motion behind it.
type withheld struct {
	collection *datamap.Collection
	motion     casefile.Motion
}

// withheld lists the collections of a case that stay out of its answer: refused on a ground of its
// law, by a motion that was applied and that two people signed (GDPR Art. 12(4); 个人信息保护法 50). In the
// map's order, each once. A refusal without both signatures withholds nothing.
func (a *Activities) withheld(ctx context.Context, ref contract.Ref) ([]withheld, error) {
	motions, err := a.Store.Motions(ctx, ref)
	if err != nil {
		return nil, err
	}
	by := map[string]casefile.Motion{}
	for _, m := range motions {
		if m.Kind != dsr.MotionRefuse || m.AppliedAt == nil || len(m.Items) == 0 {
			continue
		}
		err := a.decided(ctx, ref, fault.Newf(contract.ErrNotApproved, "motion %d is not signed", m.N), dsr.Approve, func(t casefile.Task) bool {
			return t.Kind == dsr.TaskRefuse && t.Occasion == occasionOf(m)
		})
		if fault.Is(err, contract.ErrNotApproved) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, item := range m.Items {
			by[item] = m
		}
	}
	var list []withheld
	for _, sys := range a.Map.Systems {
		for _, coll := range sys.Collections {
			if m, ok := by[coll.ID()]; ok {
				list = append(list, withheld{coll, m})
			}
		}
	}
	return list, nil
}

// showWithheld shows reviewer and releaser what is refused.
func (a *Activities) showWithheld(ctx context.Context, s *dsr.Shown) error {
	list, err := a.withheld(ctx, s.Ref)
	for _, w := range list {
		s.Withheld = append(s.Withheld, dsr.Withheld{Collection: w.collection.ID(), Law: w.motion.Law, Ground: w.motion.Code, Motion: w.motion.N})
	}
	return err
}

// stale says whether a task shows other refusals than there are now: what it asks has changed.
func (a *Activities) stale(ctx context.Context, task casefile.Task) (bool, error) {
	raw, err := a.Store.Shown(ctx, task.ID)
	if err != nil {
		return false, err
	}
	shown, err := dsr.ReadShown(raw)
	if err != nil {
		return false, err
	}
	now := dsr.Shown{Ref: task.Ref}
	err = a.showWithheld(ctx, &now)
	return !reflect.DeepEqual(shown.Withheld, now.Withheld), err
}

// reasonOf says in both languages why a collection is not in the package: ground and article.
func (a *Activities) reasonOf(ctx context.Context, w withheld) (datamap.Text, error) {
	s, err := a.clocks(ctx, w.motion.Ref)
	if err != nil {
		return datamap.Text{}, err
	}
	ground, err := groundOf(s, w.motion)
	if err != nil {
		return datamap.Text{}, err
	}
	return datamap.Text{
		ZH: "不予提供：" + ground.Text.In("zh") + "（" + ground.Source + "）",
		EN: "Refused: " + ground.Text.In("en") + " (" + ground.Source + ")",
	}, nil
}

// withheldFields tells the letter that announces a package what is not in it, why, and where one can
// complain.
func (a *Activities) withheldFields(ctx context.Context, ref contract.Ref, lang string, f *letters.Fields) error {
	list, err := a.withheld(ctx, ref)
	if err != nil || len(list) == 0 {
		return err
	}
	state, err := a.clocks(ctx, ref)
	if err != nil {
		return err
	}
	for _, w := range list {
		ground, err := groundOf(state, w.motion)
		if err != nil {
			return err
		}
		m, err := a.Store.Motion(ctx, ref, w.motion.N) // with its words
		if err != nil {
			return err
		}
		title := within(w.collection.System, w.collection).In(lang)
		f.Missing = append(f.Missing, title)
		f.Withheld = append(f.Withheld, letters.Withheld{Title: title,
			Ground: ground.Text.In(lang), Source: ground.Source, Facts: m.Words})
		law, _, _ := state.Law(m.Law)
		f.Regulator, f.Court = law.Profile.Complain.Regulator.In(lang), law.Profile.Complain.Court.In(lang)
	}
	return nil
}

// isWithheld says whether a collection is among those refused.
func isWithheld(list []withheld, id string) bool {
	return slices.ContainsFunc(list, func(w withheld) bool { return w.collection.ID() == id })
}
