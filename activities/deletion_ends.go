package activities

import (
	"context"
	"fmt"
	"slices"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// deletionEnded is borneOut for a deletion. Fulfilled means that every system of the plan was changed
// and read back clean; with less it is partial, and only where somebody signed for each part that is
// missing.
func (a *Activities) deletionEnded(ctx context.Context, c casefile.Case, outcome dsr.Outcome, unfounded error) error {
	done, err := a.carriedOut(ctx, c.Ref)
	begun := err == nil
	if err != nil && !fault.Is(err, contract.ErrNotApproved) {
		return err
	}
	if begun && c.Kind.Copies() {
		if err := a.answered(ctx, c.Ref); err != nil {
			return err
		}
	}
	switch outcome {
	case dsr.Fulfilled:
		if !begun || len(done.open)+len(done.left)+len(done.unproven) > 0 {
			return unfounded
		}
		return nil
	case dsr.PartlyDone:
		if !begun {
			return unfounded
		}
		return a.partlyDone(ctx, c.Ref, done, unfounded)
	case dsr.Refused:
		if begun {
			return unfounded
		}
		return a.decided(ctx, c.Ref, unfounded, dsr.Reject, func(t casefile.Task) bool {
			return refusing(t) || c.Kind.Copies() && t.Kind == dsr.TaskReview
		})
	case dsr.Withdrawn:
		if begun || c.WithdrawnAt == nil {
			return unfounded
		}
		return nil
	case dsr.Linked:
		if begun || c.LinkedTo == "" {
			return unfounded
		}
		return nil
	}
	return unfounded
}

// refusing are the tasks on which a signed no ends a deletion.
func refusing(t casefile.Task) bool {
	return slices.Contains([]dsr.TaskKind{dsr.TaskPlan, dsr.TaskErase, dsr.TaskEraseLarge, dsr.TaskFailed}, t.Kind)
}

func (a *Activities) partlyDone(ctx context.Context, ref contract.Ref, done carried, unfounded error) error {
	if len(done.open) > 0 { // staff ended it at a step that failed, or said no to what should follow
		return a.decided(ctx, ref, unfounded, dsr.Reject, refusing)
	}
	if len(done.unproven) > 0 {
		err := a.leftBehind(ctx, ref)
		if fault.Is(err, contract.ErrNotApproved) {
			err = a.decided(ctx, ref, unfounded, dsr.Reject, refusing)
		}
		return err
	}
	if len(done.left) == 0 {
		return unfounded
	}
	return nil
}

// agreed says whether some plan of ref is agreed on, and the time to withdraw not over by a doubt.
func (a *Activities) agreed(ctx context.Context, ref contract.Ref) error {
	plans, err := a.Store.Plans(ctx, ref)
	if err != nil {
		return err
	}
	if len(plans) == 0 || plans[len(plans)-1].AgreedAt == nil {
		return fault.Newf(contract.ErrNotApproved, "no plan of %s is agreed on", ref)
	}
	p := plans[len(plans)-1]
	_, err = a.Store.AgreePlan(ctx, ref, p.N, p.ReviewTask, p.ApprovalTask, a.Config.CoolOff, a.Pins) // verifies the signatures anew
	return err
}

// mayVoidWithdrawn says whether a task needs no answer because the person took the request back.
func (a *Activities) mayVoidWithdrawn(ctx context.Context, task casefile.Task, ref contract.Ref) error {
	c, err := a.Store.Case(ctx, ref)
	if err != nil {
		return err
	}
	if task.Ref != ref || c.WithdrawnAt == nil {
		return fault.Newf(contract.ErrNotApproved, "%s was not withdrawn", ref)
	}
	return nil
}

// stranger stands in for the directory row of somebody who was not found: the address that the
// request itself names. It gets one letter, which says that nobody was found.
func (a *Activities) stranger(ctx context.Context, ref contract.Ref) (subject.Account, error) {
	request, err := a.Store.Request(ctx, ref)
	if err != nil {
		return subject.Account{}, err
	}
	c, err := a.Store.Case(ctx, ref)
	if err != nil {
		return subject.Account{}, err
	}
	account := subject.Account{Lang: c.Lang}
	if request.Representative != nil && dsr.ReadsFor(c.Requester) {
		account.Channels = channelsOf(*request.Representative)
		return account, nil
	}
	for _, id := range request.Identities {
		if id.Kind == "email" || id.Kind == "mobile" {
			account.Channels = append(account.Channels, subject.Channel{Kind: id.Kind, Address: id.Value})
		}
	}
	return account, nil
}

// deletionFields adds what the letters of a deletion say.
func (a *Activities) deletionFields(ctx context.Context, c casefile.Case, f *letters.Fields) error {
	f.OtherCase = c.LinkedTo.ID()
	plans, err := a.Store.Plans(ctx, c.Ref)
	if err != nil || len(plans) == 0 {
		return err
	}
	last := plans[len(plans)-1]
	if last.CoolUntil != nil {
		f.WithdrawUntil = *last.CoolUntil
	}
	done, err := a.carriedOut(ctx, c.Ref)
	switch {
	case fault.Is(err, contract.ErrNotApproved): // not begun
		if last.Hash == nil {
			return nil
		}
		plan, err := a.sealedPlan(ctx, c.Ref, last.N)
		if err == nil {
			f.Kept = a.keptLines(plan, f)
		}
		return err
	case err != nil:
		return err
	}
	f.Kept = a.keptLines(done.body, f)
	for _, system := range done.order() {
		sys := a.Map.System(system)
		if sys == nil {
			continue
		}
		changed := int64(0)
		for _, k := range done.classes(system) {
			changed += k.done.Deleted + k.done.Changed
		}
		if work, ok := done.hands[system]; ok {
			changed += work.answer.Rows
		}
		if answer, ok := done.answers[system]; ok {
			name := sys.Recipient
			f.Done = append(f.Done, fmt.Sprintf("%s / %s: %s", name.In("zh"), name.In("en"), answer.at.UTC().Format("2006-01-02")))
		}
		if changed > 0 {
			f.Done = append(f.Done, fmt.Sprintf("%s / %s: %d", sys.Title.In("zh"), sys.Title.In("en"), changed))
		}
		if slices.Contains(done.left, system) || slices.Contains(done.open, system) || slices.Contains(done.unproven, system) {
			f.Missing = append(f.Missing, sys.Title.In("zh")+" / "+sys.Title.In("en"))
		}
		if gone := done.last.Add(sys.Backups); changed > 0 && sys.Backups > 0 && gone.After(f.BackupsUntil) {
			f.BackupsUntil = gone
		}
	}
	certificate, err := a.Store.Certificate(ctx, c.Ref)
	if fault.Is(err, contract.ErrNotFound) {
		return nil
	}
	f.Certificate = fmt.Sprintf("%x", certificate.Hash)
	return err
}

// keptLines says what a plan keeps by law, one line a collection and law.
func (a *Activities) keptLines(plan subject.Plan, _ *letters.Fields) []string {
	var lines []string
	for _, e := range plan.Entries {
		if e.Law == "" || e.Rows == 0 {
			continue
		}
		title := a.title(e.System, e.Collection)
		line := fmt.Sprintf("%s / %s: %d – %s", title.In("zh"), title.In("en"), e.Rows, e.Law)
		if e.Until != "" {
			line += " (→ " + e.Until + ")"
		}
		lines = append(lines, line)
	}
	return lines
}
