package activities

import (
	"context"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// TakeComplainant copies the directory row of the case that a complaint is about into the complaint's own
// file, sealed under its own key: letters go to its channels. A case that never knew whose it was leaves
// none, and the answer goes to the address that the complaint names.
func (a *Activities) TakeComplainant(ctx context.Context, in contract.RefInput) (contract.Nothing, error) {
	var none contract.Nothing
	c, err := a.complaint(ctx, in.Ref)
	if err != nil {
		return none, err
	}
	if _, chosen, err := a.Store.Accounts(ctx, in.Ref); err != nil || chosen >= 0 {
		return none, err
	}
	list, chosen, err := a.Store.Accounts(ctx, c.About)
	if err != nil || chosen < 0 {
		return none, err
	}
	if err := a.Store.PutAccounts(ctx, in.Ref, [][]byte{list[chosen]}); err != nil {
		return none, err
	}
	return none, a.Store.ChooseAccount(ctx, in.Ref, 0, "as "+string(c.About))
}

// complaint is a case that is a complaint; any other is a contract.ErrNotApproved.
func (a *Activities) complaint(ctx context.Context, ref contract.Ref) (casefile.Case, error) {
	c, err := a.Store.Case(ctx, ref)
	if err == nil && c.Kind != dsr.Complaint {
		err = fault.Newf(contract.ErrNotApproved, "%s is no complaint", ref)
	}
	return c, err
}

// complainant is whom the letters of a complaint go to.
func (a *Activities) complainant(ctx context.Context, ref contract.Ref) (account subject.Account, to string, err error) {
	account, err = a.account(ctx, ref)
	if !fault.Is(err, contract.ErrNotFound) {
		return account, dsr.ToRegistered, err
	}
	if _, err := a.complaint(ctx, ref); err != nil {
		return account, "", err
	}
	account, err = a.stranger(ctx, ref)
	return account, dsr.ToGiven, err
}

// showComplaint shows the complaint, what is known of the case that it is about, and who had a part in that.
func (a *Activities) showComplaint(ctx context.Context, s *dsr.Shown) error {
	c, err := a.complaint(ctx, s.Ref)
	if err != nil {
		return err
	}
	about, err := a.Store.Case(ctx, c.About)
	if err != nil {
		return err
	}
	request, err := a.Store.Request(ctx, s.Ref)
	if err != nil {
		return err
	}
	_, to, err := a.complainant(ctx, s.Ref)
	if err != nil {
		return err
	}
	shown := dsr.ShownComplaint{About: about.ID, Kind: about.Kind, State: about.State, Outcome: about.Outcome, AnswerTo: to, Words: request.Note,
		ReceivedAt: about.ReceivedAt.Format(time.RFC3339), DueAt: about.DueAt.Format(time.RFC3339)}
	if about.ClosedAt != nil {
		shown.ClosedAt = about.ClosedAt.Format(time.RFC3339)
	}
	shown.Involved, err = a.Store.Involved(ctx, c.About)
	s.Complaint = &shown
	return err
}

// complaintAnswer refuses an answer to a complaint that no letter could carry.
func complaintAnswer(task casefile.Task, words string) error {
	if task.Kind == dsr.TaskComplaint && (len(words) > dsr.MaxAnswer || strings.ContainsAny(words, "\r\n\t")) {
		return fault.Newf(contract.ErrBadSignature, "the decision on task %s was refused: the answer is one line of at most %d bytes, as it stands in a letter", task.ID, dsr.MaxAnswer)
	}
	return nil
}

// complaintEnded is borneOut for a complaint: what was signed, or that the person took it back.
func (a *Activities) complaintEnded(ctx context.Context, c casefile.Case, outcome dsr.Outcome, unfounded error) error {
	if outcome == dsr.Withdrawn && c.WithdrawnAt != nil {
		return nil
	}
	if outcome == dsr.Refused {
		return a.decided(ctx, c.Ref, unfounded, dsr.Reject, func(t casefile.Task) bool { return t.Kind == dsr.TaskFailed })
	}
	for verdict, means := range dsr.ComplaintVerdicts {
		if means == outcome {
			return a.decided(ctx, c.Ref, unfounded, verdict, func(t casefile.Task) bool { return t.Kind == dsr.TaskComplaint })
		}
	}
	return unfounded
}

// complaintFields adds what the letters of a complaint say: the case that it is about, the answer once one
// is signed, and the ways to the regulator and to court.
func (a *Activities) complaintFields(ctx context.Context, c casefile.Case, lang string, f *letters.Fields) error {
	s, err := a.clocks(ctx, c.Ref)
	if err != nil {
		return err
	}
	_, law := s.Earliest()
	f.OtherCase = c.About.ID()
	f.Regulator, f.Court = law.Profile.Complain.Regulator.In(lang), law.Profile.Complain.Court.In(lang)
	tasks, err := a.Store.ListTasks(ctx, casefile.TaskFilter{Ref: c.Ref, Kind: string(dsr.TaskComplaint), State: casefile.TaskDone, Limit: 1000})
	for _, t := range tasks {
		list, err := a.Store.Decisions(ctx, t.ID)
		if err != nil {
			return err
		}
		for _, d := range list {
			f.Answer = d.Reason
		}
	}
	return err
}
