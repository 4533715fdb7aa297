package activities

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
)

// borneOut says whether the casefile itself shows that a case has ended with that outcome: by a
// release and a download, by time, or by a signed decision. Wiping, telling the person and closing
// ask it, because whoever reaches the Temporal server can have them run: nothing is closed, and
// above all nothing closed as done, on Temporal's word alone. What is not so is a
// contract.ErrNotApproved; what will be so within a minute is retried then, as clocks differ.
func (a *Activities) borneOut(ctx context.Context, ref contract.Ref, outcome dsr.Outcome) error {
	c, err := a.Store.Case(ctx, ref)
	if err != nil || (c.State == dsr.StateClosed && c.Outcome == outcome) {
		return err
	}
	unfounded := fault.Newf(contract.ErrNotApproved, "nothing in the casefile says that %s has ended with %q", ref, outcome)
	if outcome == dsr.Refused {
		if err := a.refusedWhole(ctx, ref, unfounded); !fault.Is(err, contract.ErrNotApproved) {
			return err
		}
	}
	if c.Kind == dsr.Restriction && outcome != dsr.NoData && outcome != dsr.Unverified {
		return a.restrictionEnded(ctx, c, outcome, unfounded)
	}
	if c.Kind.Erases() && outcome != dsr.NoData && outcome != dsr.Unverified {
		return a.deletionEnded(ctx, c, outcome, unfounded)
	}
	if c.Kind == dsr.Correction && outcome != dsr.NoData && outcome != dsr.Unverified {
		return a.correctionEnded(ctx, c, outcome, unfounded)
	}
	switch outcome {
	case dsr.Fulfilled, dsr.PartlyDone:
		left, err := a.partial(ctx, ref)
		if err != nil {
			return err
		}
		refused, err := a.withheld(ctx, ref)
		if err != nil {
			return err
		}
		if (len(left)+len(refused) > 0) != (outcome == dsr.PartlyDone) {
			return unfounded
		}
		return a.answered(ctx, ref)
	case dsr.Refused:
		return a.decided(ctx, ref, unfounded, dsr.Reject, func(t casefile.Task) bool {
			return t.Kind == dsr.TaskReview || t.Kind == dsr.TaskFailed
		})
	case dsr.Withdrawn:
		if c.WithdrawnAt == nil {
			return unfounded
		}
		return nil
	case dsr.NoData:
		err := a.decided(ctx, ref, unfounded, dsr.Complete, func(t casefile.Task) bool { return t.Kind == dsr.TaskNoAccount })
		if fault.Is(err, contract.ErrNotApproved) {
			err = a.decided(ctx, ref, unfounded, dsr.Reject, func(t casefile.Task) bool { return t.Kind == dsr.TaskChooseAccount })
		}
		return err
	case dsr.Unverified:
		err := a.verified(ctx, ref)
		if err == nil {
			return unfounded
		}
		if !fault.Is(err, contract.ErrNotApproved) {
			return err
		}
		err = a.decided(ctx, ref, unfounded, dsr.Complete, func(t casefile.Task) bool {
			return t.Kind == dsr.TaskUnreachable && strings.HasPrefix(t.Occasion, string(letters.VerifyCode)+"/")
		})
		if fault.Is(err, contract.ErrNotApproved) {
			err = a.notRepresented(ctx, ref, unfounded)
		}
		if fault.Is(err, contract.ErrNotApproved) {
			return a.past(c.VerifyUntil, unfounded)
		}
		return err
	}
	return unfounded
}

// answered says whether the package was rightly released, and then fetched or left lying.
func (a *Activities) answered(ctx context.Context, ref contract.Ref) error {
	p, err := a.released(ctx, ref)
	if err != nil || p.FetchedAt != nil {
		return err
	}
	return a.past(p.ExpiresAt, fault.Newf(contract.ErrNotApproved, "the package of %s was not fetched, and has not expired", ref))
}

// released gives the package of ref if the signed release of it verifies; whether it was fetched,
// has expired or is wiped is not asked.
func (a *Activities) released(ctx context.Context, ref contract.Ref) (casefile.Package, error) {
	p, err := a.Store.Package(ctx, ref)
	if fault.Is(err, contract.ErrNotFound) || (err == nil && p.ReleasedAt == nil) {
		return p, fault.Newf(contract.ErrNotApproved, "no package of %s is released", ref)
	}
	if err != nil {
		return p, err
	}
	task, err := a.Store.CheckApproval(ctx, p.ReleaseTask, a.Pins)
	if err == nil && (task.Ref != ref || task.Kind != dsr.TaskRelease) {
		err = fault.Newf(contract.ErrNotApproved, "what was signed is not the release of the package of %s", ref)
	}
	return p, err
}

// decided says whether some task of ref ended with that verdict, rightly signed.
func (a *Activities) decided(ctx context.Context, ref contract.Ref, otherwise error, verdict dsr.Verdict, which func(casefile.Task) bool) error {
	tasks, err := a.Store.ListTasks(ctx, taskFilter(ref))
	if err != nil {
		return err
	}
	tasks = slices.DeleteFunc(tasks, func(t casefile.Task) bool { return t.Verdict != verdict || !which(t) })
	for _, t := range tasks {
		if _, err := a.Store.CheckVerdict(ctx, t.ID, verdict, a.Pins); !fault.Is(err, contract.ErrNotApproved) {
			return err
		}
	}
	return otherwise
}

// past says whether a time is over.
func (a *Activities) past(at *time.Time, otherwise error) error {
	if at == nil {
		return otherwise
	}
	left := at.Sub(a.Now())
	switch {
	case left <= 0:
		return nil
	case left < time.Minute:
		return fault.Newf(contract.ErrBusy, "the time is not quite over").After(left + 10*time.Millisecond)
	}
	return otherwise
}

// mayTell says whether a letter may go out now. Somebody who has activities run at will must not be
// able to tell people what is not so, nor to fill their mailbox: one letter of each kind, and
// another for every signed decision to try again.
func (a *Activities) mayTell(ctx context.Context, in contract.LetterInput) error {
	var err error
	switch letters.Template(in.Template) {
	case letters.Ack:
	case letters.AccessReady:
		_, err = a.released(ctx, in.Ref)
	case letters.DeletionAck, letters.CorrectionAck, letters.RestrictionAck:
	case letters.RepresentativeAccepted:
		err = a.represented(ctx, in.Ref)
	case letters.RepresentativeDeclined:
		err = a.notRepresented(ctx, in.Ref, fault.Newf(contract.ErrNotApproved, "nobody has signed that %s may not be brought", in.Ref))
	case letters.RepresentativeClosed:
		if err = a.represented(ctx, in.Ref); err == nil {
			err = a.borneOut(ctx, in.Ref, dsr.Outcome(in.Outcome))
		}
	case letters.Restricted:
		err = a.inForce(ctx, in.Ref)
	case letters.DeletionApproved, letters.RestrictionEnding:
		err = a.agreed(ctx, in.Ref)
	case letters.CaseClosed, letters.CaseUnverified, letters.DeletionDone, letters.DeletionNoData, letters.DeletionEnded, letters.CorrectionDone, letters.CorrectionEnded,
		letters.OptedOut, letters.RestrictionClosed:
		err = a.borneOut(ctx, in.Ref, dsr.Outcome(in.Outcome))
	case letters.Extension, letters.Refused, letters.Clarify, letters.Resumed:
		err = a.mayTellOfMotion(ctx, in.Ref, letters.Template(in.Template))
	default:
		err = fault.Newf(contract.ErrNotApproved, "a letter of the kind %q is not sent by itself", in.Template)
	}
	if err != nil {
		return err
	}
	sent, err := a.Store.Letters(ctx, in.Ref)
	if err != nil {
		return err
	}
	others := 0
	for _, l := range sent {
		if l.Template == in.Template && l.Occasion != in.Occasion && sameMotion(l.Occasion, in.Occasion) {
			others++
		}
	}
	if others == 0 {
		return nil
	}
	tasks, err := a.Store.ListTasks(ctx, taskFilter(in.Ref))
	if err != nil {
		return err
	}
	again := 0
	for _, t := range tasks {
		if t.Kind == dsr.TaskUnreachable && t.Verdict == dsr.Retry && strings.HasPrefix(t.Occasion, in.Template+"/") {
			if _, err := a.Store.CheckVerdict(ctx, t.ID, dsr.Retry, a.Pins); err != nil {
				return err
			}
			again++
		}
	}
	if others > again {
		return fault.Newf(contract.ErrNotApproved, "%s had its letter %q, and nobody has signed to send another", in.Ref, in.Template)
	}
	return nil
}

// sameMotion says whether two occasions of a letter are about the same thing: each motion about a
// case has letters of its own, "motion-2" and, tried again, "motion-2-1", and so has each plan that ends a
// restriction.
func sameMotion(a, b string) bool {
	n := func(occasion string) string {
		for _, of := range []string{"motion-", "plan-"} {
			if rest, ok := strings.CutPrefix(occasion, of); ok {
				first, _, _ := strings.Cut(rest, "-")
				return of + first
			}
		}
		return ""
	}
	return n(a) == n(b)
}

// mayHaveCode says whether a code of that purpose has any use now.
func (a *Activities) mayHaveCode(ctx context.Context, ref contract.Ref, purpose string) error {
	switch purpose {
	case dsr.CodeNewEmail, dsr.CodeNewMobile:
		return a.mayConfirm(ctx, ref, purpose)
	case dsr.CodeStatus:
		return a.verified(ctx, ref)
	case dsr.CodeDownload:
		_, err := a.Store.CheckReleased(ctx, ref, a.Pins)
		return err
	}
	return nil
}
