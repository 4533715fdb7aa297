package endtoend

import (
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
)

// lastContact is the deletion of a designated contact who is the only one of an account that stays: its
// holder names another first, and then the plan comes.
func (r *recorder) lastContact(s *stubborn, holder example.Person) {
	ref, err := r.d.OpenCase(r.ctx, desk.Opening{Kind: dsr.Deletion, Ground: dsr.GroundPurpose, OpenedBy: "an", Lang: "zh",
		Identities: []dsr.Identity{{Kind: "email", Value: s.p.Email}}})
	r.must(err)
	s.verify(ref)
	task, err := r.d.Task(r.ctx, s.task(ref, dsr.TaskPreflight).ID)
	r.must(err)
	if !slices.ContainsFunc(task.Shown.Findings, func(f string) bool { return strings.HasPrefix(f, "contacts: last-contact") }) {
		r.t.Errorf("staff are not told that it is the last contact: %v", task.Shown.Findings)
	}
	if plans, err := r.d.Store.Plans(r.ctx, ref); err != nil || slices.ContainsFunc(plans, func(p casefile.Plan) bool { return p.Hash != nil }) {
		r.t.Errorf("a plan was frozen before: %v", err)
	}
	s.onSystem("accounts", `INSERT INTO accounts.contacts (id, user_id, name, mobile, role, since)
		SELECT (SELECT max(id) + 1 FROM accounts.contacts), id, '新联系人', '+8619900009999', 'finance', now() FROM accounts.users WHERE login_name = $1`, holder.Login)
	s.sign(ref, dsr.TaskPreflight, "bo", dsr.Retry, "another contact was named")
	plan, err := r.d.Task(r.ctx, s.task(ref, dsr.TaskPlan).ID)
	r.must(err)
	if slices.ContainsFunc(plan.Shown.Findings, func(f string) bool { return strings.Contains(f, "last-contact") }) {
		r.t.Error("the plan still says that it is the last contact")
	}
	s.agreeOn(ref)
	s.ended(ref, dsr.Fulfilled)
}
