package casefile

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// newDeletion opens a deletion case whose first plan is sealed.
func (f *fixture) newDeletion(t *testing.T, large bool) (contract.Ref, Plan) {
	t.Helper()
	n := f.caseOf(person)
	n.Kind, n.Ground = dsr.Deletion, dsr.GroundConsent
	ref, err := f.CreateCase(t.Context(), n)
	ok(t, err)
	_, err = f.StartPlan(t.Context(), ref, 1, nil, nil)
	ok(t, err)
	ok(t, f.PutPlanPart(t.Context(), ref, 1, "accounts", []byte(`{"part":1}`)))
	p, err := f.SealPlan(t.Context(), ref, 1, []byte(`{"plan":1}`), 7, large)
	ok(t, err)
	return ref, p
}

func (f *fixture) planTask(t *testing.T, p Plan, kind dsr.TaskKind) Task {
	t.Helper()
	return f.newTask(t, p.Ref, kind, fmt.Sprintf(`{"plan_hash":%q}`, hex.EncodeToString(p.Hash)))
}

// approved has people approve a task of a kind on a plan and gives its id.
func (f *fixture) approved(t *testing.T, p Plan, kind dsr.TaskKind, by ...string) string {
	t.Helper()
	task := f.planTask(t, p, kind)
	for _, name := range by {
		f.decide(t, task, name, dsr.Approve)
	}
	return task.ID
}

func TestPlanIsSealedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref, p := f.newDeletion(t, false)
	again, err := f.SealPlan(t.Context(), ref, 1, []byte(`{"plan":"another"}`), 9, true)
	if ok(t, err); !equalHash(again.Hash, p.Hash) || again.Rows != 7 || again.Large {
		t.Errorf("another body took the place of the first: %+v", again)
	}
	ok(t, f.PutPlanPart(t.Context(), ref, 1, "accounts", []byte(`{"part":"another"}`)))
	parts, err := f.PlanParts(t.Context(), ref, 1)
	if ok(t, err); string(parts["accounts"]) != `{"part":1}` {
		t.Errorf("a part of a sealed plan was changed: %s", parts["accounts"])
	}
	body, err := f.PlanBody(t.Context(), ref, 1)
	if ok(t, err); string(body) != `{"plan":1}` {
		t.Errorf("body %s", body)
	}
	_, err = f.StartPlan(t.Context(), ref, 3, nil, nil)
	wantType(t, err, contract.ErrNotApproved)
	// A body that somebody put in its place, even one sealed by us for another plan.
	ref2, _ := f.newDeletion(t, false)
	f.exec(t, `UPDATE habeas.plan SET body = (SELECT body FROM habeas.plan WHERE ref = $2) WHERE ref = $1`, ref, ref2)
	_, err = f.PlanBody(t.Context(), ref, 1)
	wantType(t, err, contract.ErrTampered)
}

// A plan is begun only with the signatures of different people on this very plan, when the time to
// withdraw is over.
func TestPlanIsBegunOnlyWhenSigned(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	ref, p := f.newDeletion(t, false)
	agree := func(review, approval string) error {
		_, err := f.AgreePlan(ctx, ref, 1, review, approval, 72*time.Hour, f.pins)
		return err
	}
	unsigned := f.planTask(t, p, dsr.TaskPlan)
	wantType(t, agree(unsigned.ID, unsigned.ID), contract.ErrNotApproved)
	wantType(t, f.BeginErasing(ctx, ref, 1, f.pins), contract.ErrNotApproved)
	f.decide(t, unsigned, "ann", dsr.Approve)
	wantType(t, agree(unsigned.ID, unsigned.ID), contract.ErrNotApproved)

	// Whoever reviewed the plan may not approve it.
	approval := f.planTask(t, p, dsr.TaskErase)
	_, err := f.RecordDecision(ctx, f.sign(approval, "ann", dsr.Approve), f.pins)
	wantType(t, err, contract.ErrBadSignature)
	f.decide(t, approval, "bob", dsr.Approve)
	// Signed, but for another case's plan.
	_, other := f.newDeletion(t, false)
	wantType(t, agree(unsigned.ID, f.approved(t, other, dsr.TaskErase, "eve")), contract.ErrNotApproved)
	ok(t, agree(unsigned.ID, approval.ID))
	ok(t, agree(unsigned.ID, approval.ID))

	wantType(t, f.BeginErasing(ctx, ref, 1, f.pins), contract.ErrNotApproved) // the person may still withdraw
	_, err = f.CheckPlan(ctx, ref, 1, f.pins)
	wantType(t, err, contract.ErrNotApproved)
	f.time.forward(72*time.Hour - 30*time.Second)
	wantType(t, f.BeginErasing(ctx, ref, 1, f.pins), contract.ErrBusy)
	f.time.forward(time.Minute)
	ok(t, f.BeginErasing(ctx, ref, 1, f.pins))
	ok(t, f.BeginErasing(ctx, ref, 1, f.pins))
	_, err = f.CheckPlan(ctx, ref, 1, f.pins)
	ok(t, err)
	wantType(t, f.Withdraw(ctx, ref, "sue", "called"), contract.ErrNotOpen)

	// A signature that is taken away later counts no more.
	f.exec(t, `UPDATE habeas.decision SET signature = decode(repeat('00', 64), 'hex') WHERE task = $1`, approval.ID)
	_, err = f.CheckPlan(ctx, ref, 1, f.pins)
	wantType(t, err, contract.ErrNotApproved)
}

func TestLargePlanNeedsThreePeople(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref, p := f.newDeletion(t, true)
	review := f.approved(t, p, dsr.TaskPlan, "ann")
	_, err := f.AgreePlan(t.Context(), ref, 1, review, f.approved(t, p, dsr.TaskErase, "bob"), 0, f.pins)
	wantType(t, err, contract.ErrNotApproved)
	large := f.planTask(t, p, dsr.TaskEraseLarge)
	if f.decide(t, large, "bob", dsr.Approve).Done {
		t.Error("one approval was enough")
	}
	_, err = f.AgreePlan(t.Context(), ref, 1, review, large.ID, 0, f.pins)
	wantType(t, err, contract.ErrNotApproved)
	f.decide(t, large, "eve", dsr.Approve)
	_, err = f.AgreePlan(t.Context(), ref, 1, review, large.ID, 0, f.pins)
	ok(t, err)
}

func TestWithdrawnIsNotBegun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref, p := f.newDeletion(t, false)
	_, err := f.AgreePlan(t.Context(), ref, 1, f.approved(t, p, dsr.TaskPlan, "ann"), f.approved(t, p, dsr.TaskErase, "bob"), 0, f.pins)
	ok(t, err)
	staff := f.as(t, RoleStaff)
	ok(t, staff.Withdraw(t.Context(), ref, "sue", "Aurelia Zhang called"))
	ok(t, staff.Withdraw(t.Context(), ref, "sue", "again"))
	wantType(t, f.BeginErasing(t.Context(), ref, 1, f.pins), contract.ErrNotApproved)
	access := f.newCase(t)
	ok(t, f.Withdraw(t.Context(), access, "sue", "called")) // any request may be taken back
}

func TestSecondDeletionIsLinkedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	index := f.sets.BlindIndex("row", "one")
	first, _ := f.newDeletion(t, false)
	second, _ := f.newDeletion(t, false)
	third, _ := f.newDeletion(t, false)
	link := func(ref contract.Ref, index []byte) contract.Ref {
		t.Helper()
		to, err := f.LinkCase(t.Context(), ref, "row", index)
		ok(t, err)
		return to
	}
	for range 2 {
		if to := link(first, index); to != "" {
			t.Errorf("the first is linked to %s", to)
		}
		if to := link(second, index); to != first {
			t.Errorf("the second is linked to %q", to)
		}
	}
	if to := link(third, f.sets.BlindIndex("row", "another")); to != "" {
		t.Errorf("somebody else's is linked to %s", to)
	}
	ok(t, f.CloseCase(t.Context(), first, dsr.Withdrawn))
	fourth, _ := f.newDeletion(t, false)
	if to := link(fourth, index); to != "" {
		t.Errorf("linked to %s, which is closed", to)
	}
}

func (f *fixture) hold(t *testing.T, h HoldStatement, by string) (contract.Ref, error) {
	t.Helper()
	h.Matter, h.Reason, h.Nonce = "12 of 2026, Zhang v. Sample", "preservation order", make([]byte, 16)
	raw, err := h.Bytes(f.sets.Installation())
	ok(t, err)
	return f.as(t, RoleStaff).AddHold(t.Context(), h, by, ed25519.Sign(f.keys[by], raw), f.pins)
}

func TestHolds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	f.pins["sam"] = Pin{PublicKey: f.newKey(t, "sam"), Roles: []dsr.Role{dsr.RoleSupport}}
	mail := f.sets.BlindIndex("email", "mei.lin@persons.example")
	target := Target{Indexes: map[string][][]byte{"email": {mail}}, Collections: map[string][]string{"accounts": {"users"}, "billing": {"orders", "items"}}}
	held := func() string {
		t.Helper()
		systems, err := f.Held(ctx, target, f.pins)
		ok(t, err)
		return fmt.Sprint(systems)
	}
	if got := held(); got != "[]" {
		t.Fatalf("held without a hold: %s", got)
	}
	_, err := f.hold(t, HoldStatement{Scope: HoldSystem, System: "billing"}, "sam")
	wantType(t, err, contract.ErrBadSignature)
	_, err = f.as(t, RoleStaff).AddHold(ctx, HoldStatement{Scope: HoldSystem, System: "billing"}, "ann", make([]byte, 64), f.pins)
	wantType(t, err, contract.ErrBadSignature)

	soon := f.time.Now().Add(time.Hour)
	_, err = f.hold(t, HoldStatement{Scope: HoldPerson, Kind: "email", Index: mail, Person: "email: m***", Until: &soon}, "ann")
	ok(t, err)
	if got := held(); got != "[accounts billing]" {
		t.Errorf("a hold on the person: %s", got)
	}
	f.time.forward(2 * time.Hour)
	if got := held(); got != "[]" {
		t.Errorf("a hold that is over: %s", got)
	}
	_, err = f.hold(t, HoldStatement{Scope: HoldCollection, System: "billing", Collection: "others"}, "ann")
	ok(t, err)
	if got := held(); got != "[]" {
		t.Errorf("a hold on another collection: %s", got)
	}
	ref, err := f.hold(t, HoldStatement{Scope: HoldCollection, System: "billing", Collection: "items"}, "ann")
	ok(t, err)
	if got := held(); got != "[billing]" {
		t.Errorf("a hold on a collection: %s", got)
	}
	// Somebody who writes into the table releases nothing.
	round, err := f.as(t, RoleStaff).AskRelease(ctx, ref, "ann", f.pins)
	if ok(t, err); round != 1 {
		t.Errorf("round %d", round)
	}
	task := f.newTask(t, ref, dsr.TaskReleaseHold, `{}`)
	f.exec(t, `UPDATE habeas.hold SET release_task = $2, released_at = now() WHERE ref = $1`, ref, task.ID)
	if got := held(); got != "[billing]" {
		t.Errorf("a release that nobody signed: %s", got)
	}
	f.decide(t, task, "ann", dsr.Approve)
	wantType(t, f.ReleaseHold(ctx, ref, task.ID, f.pins), contract.ErrNotApproved)
	f.decide(t, task, "bob", dsr.Approve)
	ok(t, f.ReleaseHold(ctx, ref, task.ID, f.pins))
	if got := held(); got != "[]" {
		t.Errorf("after the release: %s", got)
	}
	holds, err := f.Holds(ctx, false, f.pins)
	if ok(t, err); len(holds) != 3 || holds[2].Statement.Matter == "" {
		t.Errorf("holds: %+v", holds)
	}
	if report := f.verify(t); !report.OK() {
		t.Errorf("the ledger: %+v", report)
	}
}

// A hold stands from the moment the command returns: it waits for a batch that runs, and the next
// batch sees it.
func TestHoldWaitsForTheBatch(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref, _ := f.newDeletion(t, false)
	target := Target{Collections: map[string][]string{"billing": {"orders"}}}
	began, end, placed := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	batch := make(chan error, 1)
	go func() {
		batch <- f.Guarded(t.Context(), ref, target, f.pins, func(context.Context) error { close(began); <-end; return nil })
	}()
	<-began
	go func() {
		_, err := f.hold(t, HoldStatement{Scope: HoldSystem, System: "billing"}, "ann")
		placed <- err
	}()
	for waiting := 0; waiting == 0; { // until the database says that somebody waits for the lock
		ok(t, f.super.GetContext(t.Context(), &waiting, `SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
			WHERE locktype = 'advisory' AND NOT granted AND d.datname = current_database()`))
	}
	select {
	case err := <-placed:
		t.Fatalf("the hold was placed under a batch that runs: %v", err)
	default:
	}
	close(end)
	ok(t, <-batch)
	ok(t, <-placed)
	ran := false
	wantType(t, f.Guarded(t.Context(), ref, target, f.pins, func(context.Context) error { ran = true; return nil }), contract.ErrHeld)
	if ran {
		t.Error("a batch ran under a hold")
	}
	ok(t, f.Guarded(t.Context(), ref, Target{Collections: map[string][]string{"accounts": {"users"}}}, f.pins, func(context.Context) error { ran = true; return nil }))
	if !ran {
		t.Error("a batch that no hold covers did not run")
	}
}
