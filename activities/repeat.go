package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// LookForRepeats makes a verified case findable by its directory row and looks for others of that row and
// its kind. Whether there are so many that a law has somebody asked is computed again when the task opens.
func (a *Activities) LookForRepeats(ctx context.Context, in contract.RefInput) (contract.RepeatFacts, error) {
	var out contract.RepeatFacts
	if err := a.verified(ctx, in.Ref); err != nil {
		return out, err
	}
	account, err := a.account(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	others, err := a.Store.PutRow(ctx, in.Ref, a.Keys.BlindIndex(casefile.IndexRow, rowName(account)))
	if err != nil || len(others) == 0 {
		return out, err
	}
	out.Others = len(others)
	shown, err := a.repeat(ctx, in.Ref, others)
	out.Asked = shown != nil
	return out, err
}

// countless are outcomes of requests that cost the company no answer: they count as none.
var countless = []dsr.Outcome{dsr.Withdrawn, dsr.Linked, dsr.Unverified}

// repeat is what the first law of the case that asks about so many requests has to say; nil: none does.
func (a *Activities) repeat(ctx context.Context, ref contract.Ref, others []casefile.Case) (*dsr.ShownRepeat, error) {
	s, err := a.clocks(ctx, ref)
	if err != nil {
		return nil, err
	}
	var times []time.Time
	shown := dsr.ShownRepeat{Others: []dsr.ShownOther{}}
	for _, c := range others {
		if !slices.Contains(countless, c.Outcome) && !c.ReceivedAt.After(s.Case.ReceivedAt) {
			times = append(times, c.ReceivedAt)
		}
		shown.Others = append(shown.Others, dsr.ShownOther{Case: c.ID, ReceivedAt: c.ReceivedAt.Format(time.RFC3339), State: c.State, Outcome: c.Outcome})
	}
	for _, law := range s.Laws {
		count, ground, asked := law.Repeated(string(s.Case.Kind), s.Case.ReceivedAt, times)
		if !asked {
			continue
		}
		r := law.Profile.Repeats
		shown.Law, shown.Count, shown.MoreThan, shown.House = law.Profile.Name, count, r.MoreThan, r.House
		shown.Within = fmt.Sprintf("%d %s", r.Within.N, r.Within.Unit)
		shown.Ground, shown.GroundEN, shown.Source = ground.Code, ground.Text.EN, r.Source
		return &shown, nil
	}
	return nil, nil
}

// showRepeat shows a reviewer how often, when and what the person has asked.
func (a *Activities) showRepeat(ctx context.Context, s *dsr.Shown) error {
	if err := a.verified(ctx, s.Ref); err != nil {
		return err
	}
	others, err := a.Store.Related(ctx, s.Ref)
	if err != nil {
		return err
	}
	s.Repeat, err = a.repeat(ctx, s.Ref, others)
	if err == nil && s.Repeat == nil {
		err = fault.Newf(contract.ErrNotFound, "%s is not one request too many", s.Ref)
	}
	return err
}
