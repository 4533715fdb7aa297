package activities

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/habeas-dsr/habeas/internal/announce"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/incident"
)

// samples is how many masked recipients an approval shows.
const samples = 10

// showNotice fills what a task of a notice shows. The occasion says which one it is about:
// "wave-2/9f86d081", "set-rate/50/…", or an authority in the system's place.
func (a *Activities) showNotice(ctx context.Context, s *dsr.Shown) error {
	n, f, err := a.incident(ctx, s.Ref)
	if err != nil {
		return err
	}
	show := &dsr.ShownNotice{Kind: n.Kind, Exercise: n.Exercise, FileHash: hex.EncodeToString(n.FileHash)}
	s.Notice = show
	words := strings.Split(s.Occasion, "/")
	switch s.Kind {
	case dsr.TaskNoticeIncomplete:
		for _, m := range f.Checklist(a.Laws, a.Map.Company.Languages) {
			show.Missing = append(show.Missing, m.String())
		}
		return nil
	case dsr.TaskNoticeControl:
		return showControl(words, show)
	case dsr.TaskNoticeNone:
		if f.Unneeded == nil {
			return fault.Newf(contract.ErrNotFound, "the file of %s asks for no such decision", s.Ref)
		}
		show.Ground, show.Texts = f.Unneeded.Ground, map[string]string{"zh": f.Unneeded.Facts.ZH, "en": f.Unneeded.Facts.EN}
		return a.showCounts(ctx, n, show)
	case dsr.TaskNoticeCounsel:
		if err := a.showTexts(f, n.ID, show); err != nil {
			return err
		}
		return a.showCounts(ctx, n, show)
	case dsr.TaskReport:
		return a.showReport(ctx, s, f, show)
	case dsr.TaskNoticeWave:
		if _, err := fmt.Sscanf(words[0], "wave-%d", &show.Wave); err != nil || show.Wave < 1 || show.Wave > len(f.Pace.Waves) {
			return fault.Newf(contract.ErrNotFound, "%s has no such wave", s.Ref)
		}
		return a.showWave(ctx, n, f, show)
	case dsr.TaskPublicNotice:
		show.Texts, show.TextHash = map[string]string{}, map[string]string{}
		for _, lang := range a.Map.Company.Languages {
			m, err := a.house().Public(f, n.ID, lang)
			if err != nil {
				return err
			}
			show.Texts[lang], show.TextHash[lang] = m.Subject+"\n\n"+m.Text, m.Hash()
		}
	}
	return a.showCounts(ctx, n, show)
}

func showControl(words []string, show *dsr.ShownNotice) error {
	show.Action = words[0]
	if show.Action == "set-rate" && len(words) > 1 {
		show.Rate, _ = strconv.Atoi(words[1])
	}
	switch show.Action {
	case "pause", "resume", "set-rate", "abort":
		return nil
	}
	return fault.Newf(contract.ErrBadInput, "there is no such control of a notice")
}

// showCounts shows the list and what became of its letters so far.
func (a *Activities) showCounts(ctx context.Context, n casefile.Notice, show *dsr.ShownNotice) error {
	tally, err := a.Store.Tally(ctx, n.Ref)
	if err != nil {
		return err
	}
	show.People, show.Loose, show.ListHash = n.People, n.Loose, hex.EncodeToString(n.ListHash)
	show.NoMail = tally.Mail[casefile.MailNone]
	show.Tally = map[string]int64{"unreached": tally.Open, "repeated": tally.Repeated}
	for state, count := range tally.Mail {
		show.Tally[state] = count
	}
	return nil
}

// showWave shows what two people sign before a wave goes: the text in every language, whom it goes
// to, what became of the canaries and of the waves before.
func (a *Activities) showWave(ctx context.Context, n casefile.Notice, f incident.File, show *dsr.ShownNotice) error {
	if n.FrozenAt == nil {
		return fault.Newf(contract.ErrNotFound, "the list of %s is not frozen", n.Ref)
	}
	show.Waves = len(f.Pace.Waves)
	if err := a.showCounts(ctx, n, show); err != nil {
		return err
	}
	if err := a.showTexts(f, n.ID, show); err != nil {
		return err
	}
	sizes, err := a.Store.WaveSizes(ctx, n.Ref)
	if err != nil {
		return err
	}
	show.InWave = sizes[show.Wave]
	list, err := a.Store.SampleRecipients(ctx, n.Ref, show.Wave, samples)
	if err != nil {
		return err
	}
	for _, r := range list {
		to := dsr.Mask("email", r.Person.Email)
		if r.Person.Email == "" {
			to = dsr.Mask("mobile", r.Person.Mobile)
		}
		show.Samples = append(show.Samples, fmt.Sprintf("%d: %s, %s, %d kinds of data", r.N, to, r.Lang, len(f.CategoriesOf(r.Scopes))))
	}
	canaries, err := a.Store.Canaries(ctx, n.Ref, n.FileHash)
	if err != nil {
		return err
	}
	for _, c := range canaries {
		show.Canaries = append(show.Canaries, fmt.Sprintf("%d in %s: %s", c.N, c.Lang, c.Reply))
	}
	show.Sender = a.sender(ctx)
	return nil
}

// showTexts shows the letter in every language, to somebody whom all of it concerns.
func (a *Activities) showTexts(f incident.File, no string, show *dsr.ShownNotice) error {
	show.Texts, show.TextHash = map[string]string{}, map[string]string{}
	for _, lang := range a.Map.Company.Languages {
		m, err := a.house().Letter(f, no, lang, announce.All(f))
		if err != nil {
			return err
		}
		show.Texts[lang], show.TextHash[lang] = m.Subject+"\n\n"+m.Text, m.Hash()
	}
	return nil
}

func (a *Activities) showReport(ctx context.Context, s *dsr.Shown, f incident.File, show *dsr.ShownNotice) error {
	kept, err := a.Store.Clock(ctx, s.Ref, s.System)
	if err != nil {
		return err
	}
	c, err := a.house().ClockOf(f, s.System, kept.From, kept.Due)
	if err != nil {
		return err
	}
	n, err := a.Store.Notice(ctx, s.Ref)
	if err != nil {
		return err
	}
	show.Clock, show.DueAt, show.Texts, show.TextHash = s.System, kept.Due.Format("2006-01-02T15:04:05Z07:00"), map[string]string{}, map[string]string{}
	for _, lang := range a.Map.Company.Languages {
		m, err := a.house().Report(f, c, n.ID, lang, max(n.People, f.Severity.Persons))
		if err != nil {
			return err
		}
		show.Texts[lang], show.TextHash[lang] = m.Subject+"\n\n"+m.Text, m.Hash()
	}
	return nil
}

// approvedWave checks, before the first letter of a page, everything that lets it go: the task is of
// this notice and wave, two people signed it, and what they signed is the file, the list and the
// texts of now.
func (a *Activities) approvedWave(ctx context.Context, n casefile.Notice, f incident.File, wave int, taskID string) error {
	refuse := func(why string) error {
		return fault.Newf(contract.ErrNotApproved, "no letter of %s goes out: %s", n.Ref, why)
	}
	if missing := f.Checklist(a.Laws, a.Map.Company.Languages); len(missing) > 0 {
		return refuse("a mandatory part is empty: " + missing[0].Field)
	}
	if err := a.counselApproved(ctx, n, f); err != nil {
		return err
	}
	task, err := a.Store.CheckApproval(ctx, taskID, a.Pins)
	if err != nil {
		return err
	}
	if task.Ref != n.Ref || task.Kind != dsr.TaskNoticeWave {
		return refuse("task " + taskID + " approves something else")
	}
	raw, err := a.Store.Shown(ctx, taskID)
	if err != nil {
		return err
	}
	shown, err := dsr.ReadShown(raw)
	if err != nil {
		return err
	}
	s := shown.Notice
	switch {
	case s == nil || s.Wave != wave:
		return refuse("task " + taskID + " approves another wave")
	case n.FrozenAt == nil || s.ListHash != hex.EncodeToString(n.ListHash):
		return refuse("the list is not the one that was approved")
	case s.FileHash != hex.EncodeToString(n.FileHash):
		return refuse("the file is not the one that was approved")
	}
	for _, lang := range a.Map.Company.Languages {
		m, err := a.house().Letter(f, n.ID, lang, announce.All(f))
		if err != nil {
			return err
		}
		if s.TextHash[lang] != m.Hash() {
			return refuse("the text is not the one that was approved")
		}
	}
	return nil
}

// counselApproved holds a change of the policy against counsel's signature over the file of now.
func (a *Activities) counselApproved(ctx context.Context, n casefile.Notice, f incident.File) error {
	if f.Kind != incident.PolicyChange {
		return nil
	}
	refuse := fault.Newf(contract.ErrNotApproved, "no letter of %s goes out: counsel has not approved this change of the policy", n.Ref)
	id, err := a.Store.Approval(ctx, n.Ref, dsr.TaskNoticeCounsel, notNotified(n))
	if fault.Is(err, contract.ErrNotFound) {
		return refuse
	}
	if err != nil {
		return err
	}
	if _, err := a.Store.CheckApproval(ctx, id, a.Pins); err != nil {
		return err
	}
	raw, err := a.Store.Shown(ctx, id)
	if err != nil {
		return err
	}
	shown, err := dsr.ReadShown(raw)
	if err != nil {
		return err
	}
	if shown.Notice == nil || shown.Notice.FileHash != hex.EncodeToString(n.FileHash) {
		return refuse
	}
	return nil
}
