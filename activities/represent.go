package activities

import (
	"context"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// toRepresentatives are the letters that go to whoever asks for somebody else, at the address that they
// gave: they say nothing about the person, not even whether we know them.
var toRepresentatives = []letters.Template{letters.RepresentativeAccepted, letters.RepresentativeDeclined, letters.RepresentativeClosed}

// brought is the request of a case that somebody brings for another; contract.ErrNotFound for any other.
func (a *Activities) brought(ctx context.Context, ref contract.Ref) (casefile.Case, dsr.Representative, error) {
	c, err := a.Store.Case(ctx, ref)
	if err != nil {
		return c, dsr.Representative{}, err
	}
	request, err := a.Store.Request(ctx, ref)
	if err != nil {
		return c, dsr.Representative{}, err
	}
	if !dsr.Represented(c.Requester) || request.Representative == nil {
		return c, dsr.Representative{}, fault.Newf(contract.ErrNotFound, "nobody asks for somebody else in %s", ref)
	}
	return c, *request.Representative, nil
}

// showRepresentative shows who asks for the person, and what they have shown: with the first task nothing
// yet, with the second the files of the last answer to the first.
func (a *Activities) showRepresentative(ctx context.Context, s *dsr.Shown) error {
	c, who, err := a.brought(ctx, s.Ref)
	if err != nil {
		return err
	}
	if err := a.showRequest(ctx, s); err != nil {
		return err
	}
	s.Representative = &dsr.ShownRepresentative{As: c.Requester, CaseKind: string(c.Kind), Representative: who, Documents: dsr.DocumentsOf(c.Requester)}
	if s.Kind == dsr.TaskAuthority {
		return nil
	}
	if s.Kind != dsr.MayActTask(c.Requester) {
		return fault.Newf(contract.ErrNotFound, "%s is not decided by that task", s.Ref)
	}
	tasks, err := a.Store.ListTasks(ctx, casefile.TaskFilter{Ref: s.Ref, Kind: string(dsr.TaskAuthority), Limit: 1000})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(tasks, func(t casefile.Task) bool { return t.Occasion == s.Occasion && t.Verdict == dsr.Complete })
	if i < 0 {
		return fault.Newf(contract.ErrNotFound, "nobody has answered whether the documents for %s came", s.Ref)
	}
	task, err := a.Store.CheckVerdict(ctx, tasks[i].ID, dsr.Complete, a.Pins)
	if err != nil {
		return err
	}
	_, s.Representative.Files, _ = dsr.Proof(task.Choices)
	s.Representative.From = task.ID
	return nil
}

// documented gives what a decision on a representative showed. One behind which no document lies, or one
// that is not there, is a contract.ErrBadInput: such a case can be turned down, or asked about again.
func (a *Activities) documented(ctx context.Context, task casefile.Task) (dsr.ShownRepresentative, error) {
	raw, err := a.Store.Shown(ctx, task.ID)
	if err != nil {
		return dsr.ShownRepresentative{}, err
	}
	shown, err := dsr.ReadShown(raw)
	if err != nil {
		return dsr.ShownRepresentative{}, err
	}
	if shown.Representative == nil || len(shown.Representative.Files) == 0 {
		return dsr.ShownRepresentative{}, fault.New(contract.ErrBadInput, "no document came", nil).
			WithHint("habeas task retry asks for them again, habeas task reject turns the request down")
	}
	_, err = a.evidence(ctx, casefile.Task{ID: shown.Representative.From}, dsr.Answer{Evidence: shown.Representative.Files})
	return *shown.Representative, err
}

// represented refuses a case that is brought for somebody else until it is signed, over documents, that
// whoever brings it may. In any other case it is contract.ErrNotFound.
func (a *Activities) represented(ctx context.Context, ref contract.Ref) error {
	c, who, err := a.brought(ctx, ref)
	if err != nil {
		return err
	}
	tasks, err := a.Store.ListTasks(ctx, casefile.TaskFilter{Ref: ref, Kind: string(dsr.MayActTask(c.Requester)), Limit: 1000})
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if t.Verdict != dsr.Approve {
			continue
		}
		task, err := a.Store.CheckVerdict(ctx, t.ID, dsr.Approve, a.Pins)
		if err != nil {
			return err
		}
		// The files themselves are wiped soon after; what was signed says which they were.
		raw, err := a.Store.Shown(ctx, task.ID)
		if err != nil {
			return err
		}
		shown, err := dsr.ReadShown(raw)
		if err != nil {
			return err
		}
		if r := shown.Representative; r != nil && len(r.Files) > 0 && r.Representative == who && r.As == c.Requester {
			return nil
		}
	}
	return fault.Newf(contract.ErrNotApproved, "%s: nobody has signed that it may be brought for somebody else", ref)
}

// notRepresented says whether it is signed that whoever brings a case may not; otherwise is the error where
// it is not.
func (a *Activities) notRepresented(ctx context.Context, ref contract.Ref, otherwise error) error {
	return a.decided(ctx, ref, otherwise, dsr.Reject, func(t casefile.Task) bool {
		return t.Kind == dsr.TaskMayAct || t.Kind == dsr.TaskRelative
	})
}

// reader gives the addresses of whoever reads in the person's place, and refuses a case that is brought for
// somebody else and not signed: before that nobody is looked up, and no code goes anywhere.
func (a *Activities) reader(ctx context.Context, ref contract.Ref, request casefile.Request) ([]subject.Channel, error) {
	if request.Representative == nil {
		return nil, nil
	}
	c, err := a.Store.Case(ctx, ref)
	if err != nil || dsr.AtOnce(c.Kind, c.Scope) { // nothing is handed out, and it goes to nobody but the address given
		return nil, err
	}
	if err := a.represented(ctx, ref); err != nil || !dsr.ReadsFor(c.Requester) {
		return nil, err
	}
	return channelsOf(*request.Representative), nil
}

func channelsOf(r dsr.Representative) (list []subject.Channel) {
	if r.Email != "" {
		list = append(list, subject.Channel{Kind: "email", Address: r.Email})
	}
	if r.Mobile != "" {
		list = append(list, subject.Channel{Kind: "mobile", Address: r.Mobile})
	}
	return list
}

// representative stands in for a directory row: who asks for somebody else, at the address that they gave.
func (a *Activities) representative(ctx context.Context, ref contract.Ref) (subject.Account, error) {
	c, who, err := a.brought(ctx, ref)
	return subject.Account{Lang: c.Lang, Channels: channelsOf(who)}, err
}

// askingFor chooses the letter with the code that proves who is asking: where an agent does, the person is
// told who, and confirms it with the code.
func (a *Activities) askingFor(ctx context.Context, ref contract.Ref, f *letters.Fields) (letters.Template, error) {
	if f.Represents != dsr.RequesterAgent {
		return letters.VerifyCode, nil
	}
	_, who, err := a.brought(ctx, ref)
	f.Representative = who.Name
	return letters.VerifyAgent, err
}

// authorityDecidedAt is when it was decided whether a representative may act; or else when the case ended.
func (a *Activities) authorityDecidedAt(ctx context.Context, ref contract.Ref) (time.Time, error) {
	tasks, err := a.Store.ListTasks(ctx, taskFilter(ref))
	if err != nil {
		return time.Time{}, err
	}
	for _, t := range tasks {
		if (t.Kind == dsr.TaskMayAct || t.Kind == dsr.TaskRelative) && (t.Verdict == dsr.Approve || t.Verdict == dsr.Reject) && t.DoneAt != nil {
			return *t.DoneAt, nil
		}
	}
	return a.endingAt(ctx, ref)
}
