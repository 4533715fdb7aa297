package endtoend

import (
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
)

// repeated is the third access within a year of somebody in California, who has had one refused before: a
// reviewer is asked, with the facts, and two people refuse it. The second goes on unasked.
func (r *recorder) repeated() string {
	s := newStubborn(r.t, r.c, example.Cast().CaseTwinA, 4*time.Minute)
	open := func() contract.Ref {
		r.must(s.p.ForgetUnread(r.ctx))
		ref, err := r.c.Open(r.ctx, r.d, desk.Opening{Identities: []dsr.Identity{{Kind: "account", Value: s.p.Login}}, Laws: []string{"us-ca"}, Lang: "en"})
		r.must(err)
		s.verify(ref)
		s.threePoints(ref)
		return ref
	}
	second := open()
	s.task(second, dsr.TaskReview)
	third := open()
	task := s.task(third, dsr.TaskRepeated)
	shown, err := r.d.Task(r.ctx, task.ID)
	r.must(err)
	if q := shown.Shown.Repeat; q.Law != "us-ca" || q.Count != 3 || q.Ground != "more_than_2_in_12_months" || len(q.Others) != 2 || q.House {
		r.t.Errorf("the reviewer is shown %+v", q)
	}
	for _, ref := range []contract.Ref{second, third} {
		if v, err := r.d.Show(r.ctx, ref); err != nil || len(v.Related) != 2 {
			r.t.Errorf("%s does not show the others: %v, %v", ref, v.Related, err)
		}
	}
	out, err := r.d.Move(r.ctx, third, desk.Moving{Kind: dsr.MotionRefuse, Law: "us-ca", Code: shown.Shown.Repeat.Ground, Words: "Asked three times this month.", By: "bo"})
	r.must(err)
	for _, name := range []string{"bo", "cao"} {
		_, err := r.d.Decide(r.ctx, out.Task, dsr.Approve, "", r.c.Staff[name])
		r.must(err)
	}
	s.ended(third, dsr.Refused)
	s.sign(second, dsr.TaskReview, "bo", dsr.Reject, "asked for by mistake")
	s.state(second, dsr.StateClosed)
	return string(third)
}
