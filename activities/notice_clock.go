package activities

import (
	"context"
	"fmt"
	"slices"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/incident"
	"github.com/habeas-dsr/habeas/internal/letters"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// noticeClocks lists the clocks that run now, and those that begin when handling has ended.
func (a *Activities) noticeClocks(ctx context.Context, ref contract.Ref, f incident.File, facts *contract.NoticeFacts) error {
	running, err := incident.Clocks(a.Laws, f)
	if err != nil {
		return err
	}
	after, err := incident.AfterTelling(a.Laws, f, a.Now())
	if err != nil {
		return err
	}
	if facts.OnTold = len(after) > 0; facts.OnTold {
		told, err := a.Store.FirstTold(ctx, ref)
		if err != nil {
			return err
		}
		if told != nil {
			if after, err = incident.AfterTelling(a.Laws, f, *told); err != nil {
				return err
			}
			running = append(running, after...)
		}
	}
	closing, err := incident.ClosingReports(a.Laws, f, a.Now())
	if err != nil {
		return err
	}
	inputs := func(list []incident.Clock) (out []contract.ClockInput) {
		for _, c := range list {
			out = append(out, contract.ClockInput{Ref: ref, Authority: c.Authority, Law: c.Law, From: c.From, Due: c.Due, Persons: c.Persons})
		}
		return out
	}
	facts.Clocks, facts.Closing = inputs(running), inputs(closing)
	return nil
}

// StartClock writes down until when an authority wants to hear. The file says who and when; nothing
// that Temporal says can shorten it.
func (a *Activities) StartClock(ctx context.Context, in contract.ClockInput) (contract.Nothing, error) {
	_, f, err := a.incident(ctx, in.Ref)
	if err != nil {
		return contract.Nothing{}, err
	}
	c, err := a.house().ClockOf(f, in.Authority, in.From, in.Due)
	if err != nil {
		return contract.Nothing{}, err
	}
	if c, err = a.sinceTelling(ctx, in.Ref, f, c); err != nil {
		return contract.Nothing{}, err
	}
	return contract.Nothing{}, a.Store.PutClock(ctx, in.Ref, casefile.NoticeClock{Authority: c.Authority, Law: c.Law, From: c.From, Due: c.Due})
}

// sinceTelling takes the beginning of a clock that runs from the first letter out of the casefile.
func (a *Activities) sinceTelling(ctx context.Context, ref contract.Ref, f incident.File, c incident.Clock) (incident.Clock, error) {
	after, err := incident.AfterTelling(a.Laws, f, a.Now())
	if err != nil || !slices.ContainsFunc(after, func(o incident.Clock) bool { return o.Authority == c.Authority }) {
		return c, err
	}
	told, err := a.Store.FirstTold(ctx, ref)
	if err != nil {
		return c, err
	}
	if told == nil {
		return c, fault.Newf(contract.ErrNotApproved, "the clock of %s begins with the first letter, and none has gone", c.Authority)
	}
	return a.house().ClockOf(f, c.Authority, *told, c.Due)
}

// everybodyTold says whether nobody has to be told any more: every letter is settled, or the notice
// was ended, or two people decided not to notify.
func (a *Activities) everybodyTold(ctx context.Context, ref contract.Ref) (bool, error) {
	n, f, err := a.incident(ctx, ref)
	if err != nil || n.AbortedAt != nil {
		return err == nil, err
	}
	if f.Unneeded != nil {
		id, err := a.Store.Approval(ctx, ref, dsr.TaskNoticeNone, notNotified(n))
		if err != nil {
			return false, nil //nolint:nilerr // nobody decided so: they have to be told
		}
		_, err = a.Store.CheckApproval(ctx, id, a.Pins)
		return err == nil, err
	}
	open, _, err := a.Store.Due(ctx, ref, len(f.Pace.Waves))
	return err == nil && n.FrozenAt != nil && open == 0, err
}

// MarkClock writes one moment of a clock. Filed it is only with a signed task behind it, and missed
// only when its time is over.
func (a *Activities) MarkClock(ctx context.Context, in contract.MarkClockInput) (contract.MarkClockResult, error) {
	var out contract.MarkClockResult
	c, err := a.Store.Clock(ctx, in.Ref, in.Authority)
	if err != nil {
		return out, err
	}
	switch in.What {
	case "filed":
		task, err := a.Store.CheckVerdict(ctx, in.Task, dsr.Complete, a.Pins)
		if err != nil {
			return out, err
		}
		if task.Ref != in.Ref || task.Kind != dsr.TaskReport || task.System != in.Authority {
			return out, fault.Newf(contract.ErrNotApproved, "task %s is not about this report", in.Task)
		}
	case "told":
		_, f, err := a.incident(ctx, in.Ref)
		if err != nil {
			return out, err
		}
		if of, err := a.house().ClockOf(f, in.Authority, c.From, c.Due); err != nil || !of.Persons {
			return out, fault.Newf(contract.ErrNotApproved, "%s wants a report, not only letters", in.Authority)
		}
		if told, err := a.everybodyTold(ctx, in.Ref); err != nil {
			return out, err
		} else if in.What = ""; told {
			in.What, in.Task = "filed", ""
		}
	case "missed":
		if a.Now().Before(c.Due) {
			return out, fault.Newf(contract.ErrNotApproved, "the time of %s is not over", in.Authority)
		}
	case "":
	case "drafted":
	default:
		return out, fault.Newf(contract.ErrBadInput, "a clock has no such moment")
	}
	if in.What != "" {
		if err := a.Store.MarkClock(ctx, in.Ref, in.Authority, in.What, 0, in.Task); err != nil {
			return out, err
		}
		if c, err = a.Store.Clock(ctx, in.Ref, in.Authority); err != nil {
			return out, err
		}
	}
	out.Filed = c.FiledAt != nil
	out.Open, err = a.openClocks(ctx, in.Ref)
	return out, err
}

func (a *Activities) openClocks(ctx context.Context, ref contract.Ref) (int, error) {
	list, err := a.Store.Clocks(ctx, ref)
	open := 0
	for _, c := range list {
		if c.FiledAt == nil {
			open++
		}
	}
	return open, err
}

// WarnClock writes to the incident's lead, and from 75 per cent on to the deputy too, that the time
// of a report runs out, so that it never waits for one person.
func (a *Activities) WarnClock(ctx context.Context, in contract.MarkClockInput) (contract.Nothing, error) {
	n, f, err := a.incident(ctx, in.Ref)
	if err != nil {
		return contract.Nothing{}, err
	}
	kept, err := a.Store.Clock(ctx, in.Ref, in.Authority)
	if err != nil || kept.FiledAt != nil || kept.Warned >= in.Percent {
		return contract.Nothing{}, err
	}
	c, err := a.house().ClockOf(f, in.Authority, kept.From, kept.Due)
	if err != nil {
		return contract.Nothing{}, err
	}
	mailer, err := a.mailer(n)
	if err != nil {
		return contract.Nothing{}, err
	}
	lang := a.Map.Company.Languages[0]
	text, err := a.house().Warning(f, c, n.ID, lang, in.Percent)
	if err != nil {
		return contract.Nothing{}, err
	}
	to := []string{f.Lead.Mail}
	if in.Percent >= 75 && f.Deputy.Mail != "" {
		to = append(to, f.Deputy.Mail)
	}
	for i, address := range to {
		id := seal.NoticeMessageID(a.Keys, in.Ref+contract.Ref("/"+in.Authority), int64(in.Percent*10+i))
		raw, err := letters.Compose(letters.Envelope{From: a.Map.Company.From, To: address, MessageID: letters.MessageID(id, a.Map.Company.From), Date: a.Now(), Lang: lang}, text, a.DKIM)
		if err != nil {
			return contract.Nothing{}, err
		}
		if _, err := mailer.Send(ctx, a.Map.Company.From, address, raw); err != nil && !fault.Is(err, contract.ErrUndeliverable) {
			return contract.Nothing{}, fmt.Errorf("warning of a clock: %w", err)
		}
	}
	return contract.Nothing{}, a.Store.MarkClock(ctx, in.Ref, in.Authority, "warned", in.Percent, "")
}
