package casefile

import (
	"context"
	"encoding/hex"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// asked is an extension that waits for signatures, and what its task shows.
func (f *fixture) asked(t *testing.T, e ExtensionStatement) (contract.Ref, Task) {
	t.Helper()
	e.Law, e.Reason, e.Nonce = "PIPL 19", "Aurelia Zhang 张奥蕾 asked", []byte("0123456789abcdef")
	ref, err := f.as(t, RoleStaff).AskExtension(t.Context(), e, "sue")
	ok(t, err)
	digest, err := e.Digest(f.sets.Installation())
	ok(t, err)
	raw, err := dsr.Shown{Ref: ref, Kind: dsr.TaskExtendRetention, Extension: &dsr.ShownExtension{Statement: hex.EncodeToString(digest)}}.Bytes()
	ok(t, err)
	return ref, f.newTask(t, ref, dsr.TaskExtendRetention, string(raw))
}

// An extension keeps the rows of a rule once two people have signed it, until its date, and for the
// nights before that date for ever.
func TestAnExtensionKeepsARuleUntilItsDate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, app := t.Context(), f.as(t, RoleApp)
	night := f.time.Now()
	run := f.newRun(t, night, version('a'))
	sweep := func() error {
		return app.GuardedSweep(ctx, run, "login_logs", f.pins, func(context.Context) error { return nil })
	}
	until := night.Add(10 * 24 * time.Hour)
	ref, task := f.asked(t, ExtensionStatement{Scope: ExtendRule, System: "accounts", Rule: "login_logs", Until: until})
	ok(t, sweep())
	wantType(t, app.GrantExtension(ctx, ref, task.ID, f.pins), contract.ErrNotApproved)
	f.decide(t, task, "ann", dsr.Approve)
	wantType(t, app.GrantExtension(ctx, ref, task.ID, f.pins), contract.ErrNotApproved) // one is not two
	f.decide(t, task, "bob", dsr.Approve)
	for range 2 {
		ok(t, app.GrantExtension(ctx, ref, task.ID, f.pins))
	}
	wantType(t, sweep(), contract.ErrHeld)
	if e, err := app.ExtendedRule(ctx, "accounts", "request_logs", night, f.pins); err != nil || e != nil {
		t.Errorf("another rule is extended too: %+v, %v", e, err)
	}
	// A row that somebody writes by hand extends nothing, and neither does one that is made longer.
	f.exec(t, `UPDATE habeas.retention_extension SET until = until + interval '1 year'`)
	if e, err := app.ExtendedRule(ctx, "accounts", "login_logs", until.Add(time.Hour), f.pins); err != nil || e != nil {
		t.Errorf("made longer by hand: %+v, %v", e, err)
	}
	f.time.forward(11 * 24 * time.Hour)
	e, err := app.RetentionExtension(ctx, ref, f.pins)
	if ok(t, err); e.State != ExtensionOver || e.Statement.Law != "PIPL 19" {
		t.Errorf("after its date: %+v", e)
	}
	wantType(t, sweep(), contract.ErrHeld) // that night it stood, however late the night is made up
	later, err := f.OpenRun(ctx, NewRun{System: "accounts", Rule: "login_logs", Action: "delete", Nominal: f.time.Now(), Version: version('a'), MapHash: "0"})
	ok(t, err)
	later.Nominal = f.time.Now()
	ok(t, app.GuardedSweep(ctx, later, "login_logs", f.pins, func(context.Context) error { return nil }))
	if events := f.events(t, ref); events[len(events)-1] != "retention.extended" {
		t.Errorf("the ledger: %v", events)
	}
}

// An extension over a person has the sweep look for their rows, and a no ends it.
func TestAnExtensionOverAPersonIsLookedFor(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, app := t.Context(), f.as(t, RoleApp)
	run := f.newRun(t, f.time.Now(), version('a'))
	person := ExtensionStatement{Scope: ExtendPerson, Kind: "email", Index: f.sets.BlindIndex("email", "mei.lin@persons.example"), Person: "email: m***",
		Until: f.time.Now().Add(24 * time.Hour)}
	ref, task := f.asked(t, person)
	f.decide(t, task, "ann", dsr.Reject)
	wantType(t, app.GrantExtension(ctx, ref, task.ID, f.pins), contract.ErrNotApproved)
	ok(t, app.RefuseExtension(ctx, ref, task.ID, f.pins))
	sweep := func() error {
		return app.GuardedSweep(ctx, run, "login_logs", f.pins, func(context.Context) error { return nil })
	}
	ok(t, sweep())
	ref, task = f.asked(t, person)
	f.decide(t, task, "ann", dsr.Approve)
	f.decide(t, task, "bob", dsr.Approve)
	ok(t, app.GrantExtension(ctx, ref, task.ID, f.pins))
	wantType(t, sweep(), contract.ErrConflict)
	spared, err := app.Spared(ctx, run.Nominal, f.pins)
	if ok(t, err); len(spared) != 1 || spared[0].Why != KeptExtended || spared[0].Kind != "email" {
		t.Fatalf("spared: %+v", spared)
	}
	ok(t, app.MarkSpared(ctx, run.Ref, spared))
	ok(t, sweep())
	list, err := f.as(t, RoleStaff).RetentionExtensions(ctx, false, f.pins)
	if ok(t, err); len(list) != 2 || list[0].State == list[1].State {
		t.Errorf("listed: %+v", list)
	}
	if report := f.verify(t); !report.OK() {
		t.Errorf("the ledger: %+v", report)
	}
}
