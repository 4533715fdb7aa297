package casefile

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

func (f *fixture) complain(t *testing.T, about contract.Ref) contract.Ref {
	t.Helper()
	n := f.caseOf(person)
	n.Kind, n.About, n.OpenedBy = dsr.Complaint, about, "tom"
	ref, err := f.as(t, RoleStaff).CreateCase(t.Context(), n)
	ok(t, err)
	return ref
}

// Whoever opened, moved or signed anything in a case does not answer the complaint about it; and a signature
// of somebody who signed there later only stands.
func TestComplaintsAreAnsweredBySomebodyElse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	about := f.newCase(t)
	f.approved(t, Plan{Ref: about, N: 1, Hash: zeroHash}, dsr.TaskPlan, "ann")
	f.move(t, about, dsr.MotionRefuse, "excessive")
	names, err := f.as(t, RoleApp).Involved(t.Context(), about)
	ok(t, err)
	opened, err := f.Case(t.Context(), about)
	ok(t, err)
	author, err := f.Motion(t.Context(), about, 1)
	ok(t, err)
	want := map[string]bool{"ann": true, opened.OpenedBy: true, author.Author: true}
	got := map[string]bool{}
	for _, name := range names {
		got[name] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("involved (-want +got):\n%s", diff)
	}
	ref := f.complain(t, about)
	task := f.newTask(t, ref, dsr.TaskComplaint, `{}`)
	_, err = f.RecordDecision(t.Context(), f.sign(task, "ann", dsr.Uphold), f.pins)
	wantType(t, err, contract.ErrBadSignature)
	_, err = f.RecordDecision(t.Context(), f.sign(task, "bob", dsr.Uphold), f.pins)
	ok(t, err)
	_, err = f.CheckVerdict(t.Context(), task.ID, dsr.Uphold, f.pins)
	ok(t, err)
	f.time.forward(time.Second)
	f.approved(t, Plan{Ref: about, N: 2, Hash: zeroHash}, dsr.TaskErase, "bob")
	_, err = f.CheckVerdict(t.Context(), task.ID, dsr.Uphold, f.pins)
	ok(t, err)
	list, err := f.as(t, RoleStaff).Complaints(t.Context(), about)
	ok(t, err)
	if len(list) != 1 || list[0].Ref != ref || list[0].About != about {
		t.Errorf("listed %+v", list)
	}
}

// A case is not forgotten while an open complaint is about it, and none can be about one that was.
func TestACaseComplainedAboutIsNotForgotten(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	about := f.newCase(t)
	app := f.as(t, RoleApp)
	ok(t, app.CloseCase(t.Context(), about, dsr.Fulfilled))
	ref := f.complain(t, about)
	list, err := app.ClosedCases(t.Context(), "", 10)
	if ok(t, err); len(list) != 0 {
		t.Error("a case with an open complaint is offered to be forgotten")
	}
	wantType(t, app.ForgetCase(t.Context(), about), contract.ErrNotOpen)
	ok(t, app.CloseCase(t.Context(), ref, dsr.NotUpheld))
	ok(t, app.ForgetCase(t.Context(), about))
	n := f.caseOf(person)
	n.Kind, n.About = dsr.Complaint, about
	_, err = f.as(t, RoleStaff).CreateCase(t.Context(), n)
	wantType(t, err, contract.ErrNotFound)
	ok(t, app.ForgetCase(t.Context(), ref))
	if report := f.verify(t); !report.OK() {
		t.Errorf("the ledger: %+v", report)
	}
}
