package endtoend

import (
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// complained is a complaint about a case that bo ended: it is acknowledged and due by its own clock, shown
// beside the case, answered by somebody else than bo, and told with the ways to the regulator and to court.
func (r *recorder) complained(about contract.Ref) string {
	s := newStubborn(r.t, r.c, example.Cast().CaseTwinA, 3*time.Minute)
	words := "You ended my request without asking me anything."
	for _, wrong := range []desk.Opening{
		{Kind: dsr.Complaint},
		{Kind: dsr.Access, About: about, Identities: []dsr.Identity{{Kind: "email", Value: s.p.Email}}},
		{Kind: dsr.Complaint, About: contract.NewRef(contract.KindCase, "00000-00000")},
	} {
		if ref, err := r.d.OpenCase(r.ctx, wrong); !fault.Is(err, contract.ErrBadInput) {
			r.t.Errorf("a complaint that is about nothing was opened: %s, %v", ref, err)
		}
	}
	ref, err := r.d.OpenCase(r.ctx, desk.Opening{Kind: dsr.Complaint, About: about, Note: words, Channel: "letter", OpenedBy: "an"})
	r.must(err)
	task := s.task(ref, dsr.TaskComplaint)
	shown, err := r.d.Task(r.ctx, task.ID)
	r.must(err)
	if c := shown.Shown.Complaint; c.About != about.ID() || c.Words != words || c.AnswerTo != dsr.ToRegistered || !slices.Contains(c.Involved, "bo") {
		r.t.Error("the task does not show whose case it is about, who had a part in it, or what the person says")
	}
	for _, m := range []desk.Moving{{Kind: dsr.MotionRefuse, Code: "legal_duty", Words: "x", By: "cao"}, {Kind: dsr.MotionExtend, Code: "complexity", By: "cao"}} {
		if _, err := r.d.Move(r.ctx, ref, m); !fault.Is(err, contract.ErrBadInput) {
			r.t.Errorf("a complaint was moved to %s: %v", m.Kind, err)
		}
	}
	answer := "We should have asked you first, and have opened your request again."
	if _, err := r.d.Decide(r.ctx, task.ID, dsr.Uphold, answer, r.c.Staff["bo"]); !fault.Is(err, contract.ErrBadSignature) {
		r.t.Errorf("somebody who ended the case answered the complaint about it: %v", err)
	}
	if _, err := r.d.Decide(r.ctx, task.ID, dsr.Uphold, "two\nlines", r.c.Staff["cao"]); !fault.Is(err, contract.ErrBadInput) {
		r.t.Errorf("an answer that no letter could carry was taken: %v", err)
	}
	_, err = r.d.Decide(r.ctx, task.ID, dsr.Uphold, answer, r.c.Staff["cao"])
	r.must(err)
	s.ended(ref, dsr.Upheld)
	for of, sees := range map[contract.Ref]func(desk.CaseView) bool{
		ref:   func(v desk.CaseView) bool { return v.About == about },
		about: func(v desk.CaseView) bool { return len(v.Complaints) == 1 && v.Complaints[0].ID == ref.ID() },
	} {
		if v, err := r.d.Show(r.ctx, of); err != nil || !sees(v) {
			r.t.Errorf("%s does not show the other case, %v", of, err)
		}
	}
	list, err := s.p.Letters(r.ctx)
	r.must(err)
	told := map[string]bool{}
	for _, m := range list {
		if !strings.Contains(m.Subject, ref.ID()) {
			continue
		}
		told[m.Subject] = true
		law := strings.Contains(m.Text, "人民法院") || strings.Contains(m.Text, "court")
		if strings.Contains(m.Text, answer) && !(law && strings.Contains(m.Text, about.ID())) {
			r.t.Errorf("the answer does not say where to go with it, or what it is about")
		}
	}
	if len(told) != 2 {
		r.t.Errorf("%d letters of the complaint came", len(told))
	}
	return string(ref)
}
