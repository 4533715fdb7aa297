package activities

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// reachedBy gives the account with its addresses in the order in which letters go to them. In a correction
// one that was confirmed and is entered by now comes first, and one that is being corrected last.
func (a *Activities) reachedBy(ctx context.Context, c casefile.Case, account subject.Account) (subject.Account, error) {
	if c.Kind != dsr.Correction {
		return account, nil
	}
	list, err := a.wishes(ctx, c.Ref)
	if err != nil {
		return account, err
	}
	done, err := a.correctedSoFar(ctx, c.Ref)
	if err != nil && !fault.Is(err, contract.ErrNotApproved) {
		return account, err
	}
	var first, last []subject.Channel
	for _, w := range list {
		if err == nil && w.Channel() && slices.ContainsFunc(done.body.Corrected(), func(f subject.FieldChange) bool { return f.Name == w.Name }) {
			first = append(first, subject.Channel{Kind: w.Shape, Address: w.value})
		}
	}
	for _, ch := range account.Channels {
		if slices.ContainsFunc(list, func(w wish) bool { return w.Shape == ch.Kind }) {
			last = append(last, ch)
			continue
		}
		first = append(first, ch)
	}
	// A text message has no room for what was changed where.
	slices.SortStableFunc(first, func(x, y subject.Channel) int { return strings.Compare(x.Kind, y.Kind) })
	account.Channels = append(first, last...)
	return account, nil
}

// fieldsOfCorrection adds what the letters of a correction say: what was changed where, and never to what.
func (a *Activities) fieldsOfCorrection(ctx context.Context, c casefile.Case, lang string, f *letters.Fields) error {
	plans, err := a.Store.Plans(ctx, c.Ref)
	if err != nil || len(plans) == 0 || plans[len(plans)-1].Hash == nil {
		return err
	}
	last, err := a.correctionPlan(ctx, c.Ref, len(plans))
	if err != nil {
		return err
	}
	done, err := a.correctedSoFar(ctx, c.Ref)
	if err != nil && !fault.Is(err, contract.ErrNotApproved) {
		return err
	}
	if err == nil {
		last = done.body
		a.linesDone(done, lang, f)
	}
	stop := ": "
	if lang == "zh" {
		stop = "："
	}
	for _, field := range last.Fields {
		if field.Verdict != subject.FieldCorrect {
			f.NotDone = append(f.NotDone, a.fieldTitle(field.Name, lang)+stop+dsr.CorrectionReason(field.Reason, lang))
		}
	}
	for _, e := range last.Entries {
		line := a.title(e.System, e.Collection).In(lang) + stop + a.fieldTitle(e.Field, lang)
		switch e.Action {
		case subject.FixNever:
			f.NotDone = addLine(f.NotDone, line+a.neverText(e, lang))
		case subject.FixShared:
			f.NotDone = addLine(f.NotDone, line+map[string]string{"zh": "（该记录同时涉及他人）", "en": " (the record is somebody else's too)"}[lang])
		case subject.FixOther:
			f.Others = addLine(f.Others, line)
		}
	}
	return nil
}

// linesDone says where something was corrected, who was told and what was left out.
func (a *Activities) linesDone(done correctedOut, lang string, f *letters.Fields) {
	stop := ": "
	if lang == "zh" {
		stop = "："
	}
	all := slices.Clone(done.earlier)
	for _, system := range done.body.Order {
		all = append(all, done.done[system]...)
	}
	for _, d := range all {
		if d.Changed > 0 && d.Action == subject.FixCorrect {
			f.Done = addLine(f.Done, a.title(d.System, d.Collection).In(lang)+stop+a.fieldTitle(d.Field, lang))
		}
	}
	for _, s := range done.body.Asked {
		sys := a.Map.System(s.System)
		if sys == nil {
			continue
		}
		name := sys.Recipient.In(lang)
		if name == "" {
			name = sys.Title.In(lang)
		}
		if answer, ok := done.answers[s.System]; ok {
			f.Told = append(f.Told, name+stop+answer.at.UTC().Format(time.DateOnly))
		} else if _, ok := done.hands[s.System]; ok {
			f.Told = append(f.Told, name)
		}
	}
	for _, system := range done.left {
		if sys := a.Map.System(system); sys != nil {
			f.Missing = addLine(f.Missing, sys.Title.In(lang))
		}
	}
}

func addLine(list []string, line string) []string {
	if slices.Contains(list, line) {
		return list
	}
	return append(list, line)
}

// neverText says why a place is never corrected, in brackets.
func (a *Activities) neverText(e subject.FixEntry, lang string) string {
	why := dsr.CorrectionReason("record", lang)
	if sys := a.Map.System(e.System); sys != nil && e.Reason == "map" {
		if c := sys.Collection(e.Collection); c != nil {
			if col := c.Column(e.Place.Column); col != nil && col.Correct != nil && col.Correct.Never != (datamap.Text{}) {
				why = col.Correct.Never.In(lang)
			}
		}
	}
	if lang == "zh" {
		return "（" + why + "）"
	}
	return " (" + why + ")"
}

// fieldTitle is what people call a field.
func (a *Activities) fieldTitle(name, lang string) string {
	field, err := a.Map.Field(name)
	if title := field.Title.In(lang); err == nil && title != "" {
		return title
	}
	return name
}
