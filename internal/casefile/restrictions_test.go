package casefile

import (
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// newRestriction opens a restriction, and freezes its first plan.
func (f *fixture) newRestriction(t *testing.T, scope string, addresses ...[]byte) contract.Ref {
	t.Helper()
	n := f.caseOf(person)
	n.Kind, n.Scope, n.Suppress = dsr.Restriction, scope, addresses
	ref, err := f.CreateCase(t.Context(), n)
	ok(t, err)
	_, err = f.StartPlan(t.Context(), ref, 1, nil, nil)
	ok(t, err)
	_, err = f.SealPlan(t.Context(), ref, 1, []byte(`{"plan":1}`), 1, false)
	ok(t, err)
	return ref
}

// fillStopping runs cases that stop a purpose through every table.
func (f *fixture) fillStopping(t *testing.T, _ []byte) {
	t.Helper()
	ctx := t.Context()
	f.newRestriction(t, dsr.ScopeMarketing, f.SuppressionHash("email", "mei.lin@persons.example"))
	ref := f.newRestriction(t, dsr.ScopePurpose("profiling"))
	ok(t, f.as(t, RoleApp).EnterForce(ctx, ref))
	ok(t, f.as(t, RoleStaff).AskEnd(ctx, ref, "sue", "Aurelia Zhang 张奥蕾 agreed again"))
	_, _, err := f.as(t, RoleApp).BeginCall(ctx, ref, "newsletter", contract.CallStopped)
	ok(t, err)
	ok(t, f.as(t, RoleApp).EndCall(ctx, ref, "newsletter", contract.CallStopped, 202))
}

// Only a plan of a case that is done at once begins without a signature.
func TestOnlyAnObjectionBeginsWithoutASignature(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, app := t.Context(), f.as(t, RoleApp)
	now, signed := f.newRestriction(t, dsr.ScopeMarketing), f.newRestriction(t, dsr.ScopeAll)
	deletion, _ := f.newDeletion(t, false)
	for _, ref := range []contract.Ref{signed, deletion} {
		wantType(t, app.BeginStopping(ctx, ref, 1), contract.ErrNotApproved)
		wantType(t, app.BeginErasing(ctx, ref, 1, f.pins), contract.ErrNotApproved)
		_, err := app.CheckPlan(ctx, ref, 1, f.pins)
		wantType(t, err, contract.ErrNotApproved)
	}
	for range 2 {
		ok(t, app.BeginStopping(ctx, now, 1))
	}
	_, err := app.CheckPlan(ctx, now, 1, f.pins)
	ok(t, err)
}

// A restriction is lifted by two signatures on the plan that sets back, whatever was signed to stop it.
func TestLiftingNeedsItsOwnSignatures(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, app, staff := t.Context(), f.as(t, RoleApp), f.as(t, RoleStaff)
	ref := f.newRestriction(t, dsr.ScopeAll)
	wantType(t, staff.AskEnd(ctx, ref, "sue", "too early"), contract.ErrNotOpen)
	p, err := app.Plan(ctx, ref, 1)
	ok(t, err)
	review, approval := f.approved(t, p, dsr.TaskPlan, "ann"), f.approved(t, p, dsr.TaskErase, "bob")
	_, err = app.AgreePlan(ctx, ref, 1, review, approval, 0, f.pins)
	ok(t, err)
	ok(t, app.BeginErasing(ctx, ref, 1, f.pins))
	ok(t, app.EnterForce(ctx, ref))
	ok(t, staff.AskEnd(ctx, ref, "sue", "it is over"))
	r, err := app.Restriction(ctx, ref)
	if ok(t, err); r.LiftFrom != 2 || r.Asked != 1 || r.AskedBy != "sue" || r.InForceAt == nil {
		t.Fatalf("%+v", r)
	}
	if why, err := app.EndWhy(ctx, ref); err != nil || why != "it is over" {
		t.Errorf("why: %v", err)
	}
	_, err = app.StartPlan(ctx, ref, 2, nil, nil)
	ok(t, err)
	lift, err := app.SealPlan(ctx, ref, 2, []byte(`{"plan":2}`), 1, false)
	ok(t, err)
	_, err = app.AgreePlan(ctx, ref, 2, review, approval, 0, f.pins)
	wantType(t, err, contract.ErrNotApproved)
	task := f.approved(t, lift, dsr.TaskLift, "ann", "bob")
	agreed, err := app.AgreePlan(ctx, ref, 2, task, task, time.Hour, f.pins)
	if ok(t, err); agreed.CoolUntil.Sub(*agreed.AgreedAt) != time.Hour {
		t.Errorf("the time between telling and lifting: %s", agreed.CoolUntil.Sub(*agreed.AgreedAt))
	}
	wantType(t, app.BeginErasing(ctx, ref, 2, f.pins), contract.ErrNotApproved)
	wantType(t, staff.AskEnd(ctx, ref, "sue", "again"), contract.ErrNotOpen)
	if _, err := app.CheckPlan(ctx, ref, 1, f.pins); err != nil {
		t.Errorf("what was signed to stop it holds no more: %v", err)
	}
	for range 2 {
		ok(t, app.EndRestriction(ctx, ref))
	}
	if r, err := app.Restriction(ctx, ref); err != nil || r.EndedAt == nil {
		t.Errorf("it does not end: %v", err)
	}
}

// The list tells purposes and kinds of address apart, keeps since when, and stays when the case goes.
func TestTheSuppressionListOutlivesItsCase(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, app := t.Context(), f.as(t, RoleApp)
	on := f.SuppressionHash("email", "a@persons.example")
	ref := f.newRestriction(t, dsr.ScopeMarketing, on)
	asked := [][]byte{f.SuppressionHash("email", "b@persons.example"), on, f.SuppressionHash("mobile", "a@persons.example"), on}
	look := func(scope string, want ...int) {
		t.Helper()
		got, err := app.Suppressed(ctx, scope, asked)
		if ok(t, err); len(got) != len(want) {
			t.Errorf("%s: %v, want %v", scope, got, want)
		}
		for _, i := range want {
			if !got[i] {
				t.Errorf("%s: %d is not on the list", scope, i)
			}
		}
	}
	look(dsr.ScopeMarketing, 1, 3)
	look(dsr.ScopeTracking)
	again := f.newRestriction(t, dsr.ScopeMarketing, on)
	if last, _, err := app.LastOptOut(ctx, dsr.ScopeMarketing, on); err != nil || last != again {
		t.Errorf("the last case is %s, %v", last, err)
	}
	for _, r := range []contract.Ref{ref, again} {
		ok(t, app.CloseCase(ctx, r, dsr.Fulfilled))
		ok(t, app.ForgetCase(ctx, r))
	}
	look(dsr.ScopeMarketing, 1, 3)
}
