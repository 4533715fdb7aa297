package casefile

import (
	"bytes"
	"context"
	"encoding/hex"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// version is that of a rule, by one letter.
func version(letter byte) []byte {
	v := make([]byte, 32)
	v[0] = letter
	return v
}

func (f *fixture) newRun(t *testing.T, nominal time.Time, v []byte) Run {
	t.Helper()
	run, err := f.OpenRun(t.Context(), NewRun{System: "accounts", Rule: "login_logs", Action: "delete", Nominal: nominal, Version: v, MapHash: "0badcafe"})
	ok(t, err)
	return run
}

// showsRun is what a task shows of a run.
func showsRun(t *testing.T, run Run, v []byte, owners ...string) string {
	t.Helper()
	raw, err := dsr.Shown{Ref: run.Ref, Kind: dsr.TaskRetention, Retention: &dsr.ShownRetention{System: run.System, Rule: run.Rule, Version: hex.EncodeToString(v), Owners: owners}}.Bytes()
	ok(t, err)
	return string(raw)
}

// fillRetention runs a rule through every table, with one person's values.
func (f *fixture) fillRetention(t *testing.T, personal []byte) {
	t.Helper()
	ctx := t.Context()
	run := f.newRun(t, f.time.Now(), version('a'))
	ok(t, f.PutMeasure(ctx, run.Ref, Measure{Due: 3, Total: 10, Why: WhyFirst, Report: personal}))
	task := f.newTask(t, run.Ref, dsr.TaskRetention, showsRun(t, run, version('a')))
	f.decide(t, task, "ann", dsr.Approve)
	f.decide(t, task, "bob", dsr.Approve)
	ok(t, f.AcceptRun(ctx, run.Ref, task.ID, f.pins, nil))
	ok(t, f.KeepRows(ctx, run.Ref, KeptHeld, [][]string{{"mei.lin@persons.example"}}))
	spared, err := f.Spared(ctx, run.Nominal, f.pins)
	ok(t, err)
	ok(t, f.MarkSpared(ctx, run.Ref, spared))
	_, err = f.PutPosition(ctx, run.Ref, zeroHash, personal, 2, digestOf("keys", []byte("x")))
	ok(t, err)
	f.asked(t, ExtensionStatement{Scope: ExtendRule, System: "accounts", Rule: "login_logs", Until: f.time.Now().Add(time.Hour)})
	ok(t, f.as(t, RoleStaff).PutPause(ctx, Pause{System: "accounts", Paused: true, By: "sue", Reason: "Aurelia Zhang 张奥蕾 asked"}))
}

// A run touches nothing before two people have signed its first version, and only what they signed.
func TestARunNeedsWhatTwoPeopleSigned(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, night := t.Context(), f.time.Now().Truncate(time.Second)
	run := f.newRun(t, night, version('a'))
	if again := f.newRun(t, night, version('a')); again.Ref != run.Ref {
		t.Errorf("the same night gave %s and %s", run.Ref, again.Ref)
	}
	_, err := f.CheckRun(ctx, run.Ref, f.pins, nil)
	wantType(t, err, contract.ErrNotApproved)
	ok(t, f.PutMeasure(ctx, run.Ref, Measure{Due: 3, Total: 10, Why: WhyFirst, Report: []byte(`{}`)}))
	if later := f.newRun(t, night.Add(time.Second), version('b')); later.Ref != run.Ref {
		t.Error("a second run of the rule was opened beside the first")
	}
	other := f.newTask(t, run.Ref, dsr.TaskRetention, showsRun(t, run, version('b'))) // another version was signed
	f.decide(t, other, "ann", dsr.Approve)
	wantType(t, f.AcceptRun(ctx, run.Ref, other.ID, f.pins, nil), contract.ErrNotApproved)
	f.decide(t, other, "bob", dsr.Approve)
	wantType(t, f.AcceptRun(ctx, run.Ref, other.ID, f.pins, nil), contract.ErrNotApproved)
	task, err := f.OpenTask(ctx, NewTask{Ref: run.Ref, Kind: dsr.TaskRetention, Occasion: "2", Shown: []byte(showsRun(t, run, version('a')))})
	ok(t, err)
	f.decide(t, task, "ann", dsr.Approve)
	wantType(t, f.AcceptRun(ctx, run.Ref, task.ID, f.pins, nil), contract.ErrNotApproved)
	f.decide(t, task, "bob", dsr.Approve)
	_, err = f.CheckRun(ctx, run.Ref, f.pins, nil)
	wantType(t, err, contract.ErrNotApproved)
	for range 2 {
		ok(t, f.AcceptRun(ctx, run.Ref, task.ID, f.pins, nil))
	}
	_, err = f.CheckRun(ctx, run.Ref, f.pins, nil)
	ok(t, err)
	hash, err := f.PutPosition(ctx, run.Ref, zeroHash, []byte(`{"done":2}`), 2, digestOf("keys", []byte("1 2")))
	ok(t, err)
	_, err = f.PutPosition(ctx, run.Ref, zeroHash, []byte(`{"done":2}`), 2, nil) // of one who does not know what was done
	wantType(t, err, contract.ErrConflict)
	swept, err := f.Position(ctx, run.Ref)
	if ok(t, err); !bytes.Equal(swept.KeysHash, hash) || string(swept.Position) != `{"done":2}` {
		t.Errorf("the sweep stands at %s", swept.Position)
	}
	for range 2 {
		ok(t, f.EndRun(ctx, run.Ref, RunDone, Remains{Held: 1}))
	}
	_, err = f.PutPosition(ctx, run.Ref, hash, []byte(`{}`), 3, nil)
	wantType(t, err, contract.ErrNotOpen)

	f.time.forward(24 * time.Hour)
	next := f.newRun(t, f.time.Now(), version('a'))
	ok(t, f.PutMeasure(ctx, next.Ref, Measure{Due: 1, Total: 10, Report: []byte(`{}`)}))
	_, err = f.CheckRun(ctx, next.Ref, f.pins, nil)
	ok(t, err) // signed once, unattended from then on
	f.exec(t, `UPDATE habeas.retention_rule SET version = $1`, version('c'))
	_, err = f.CheckRun(ctx, next.Ref, f.pins, nil)
	wantType(t, err, contract.ErrNotApproved)
	report := f.verify(t)
	if got := f.events(t, run.Ref); got[len(got)-1] != "retention.ended" || !report.OK() {
		t.Errorf("the ledger: %v", got)
	}
	_, err = f.OpenRun(ctx, NewRun{System: "accounts", Rule: "x", Action: "delete", Nominal: f.time.Now().Add(time.Hour), Version: version('a'), MapHash: "0"})
	wantType(t, err, contract.ErrNotApproved) // in the future everything is due
}

// Where the map names owners of the data one of them signs: a second signature without theirs is refused, one that
// somebody writes into the casefile is not believed, and a task that hides that there are owners is none.
func TestAnOwnerSigns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, owned := t.Context(), Owned(func(system string) bool { return system == "accounts" })
	run := f.newRun(t, f.time.Now(), version('a'))
	ok(t, f.PutMeasure(ctx, run.Ref, Measure{Due: 3, Total: 10, Why: WhyFirst, Report: []byte(`{}`)}))
	open := func(occasion string, owners ...string) Task {
		task, err := f.OpenTask(ctx, NewTask{Ref: run.Ref, Kind: dsr.TaskRetention, Occasion: occasion, Shown: []byte(showsRun(t, run, version('a'), owners...))})
		ok(t, err)
		return task
	}
	hidden := open("hidden")
	f.decide(t, hidden, "ann", dsr.Approve)
	f.decide(t, hidden, "bob", dsr.Approve)
	wantType(t, f.AcceptRun(ctx, run.Ref, hidden.ID, f.pins, owned), contract.ErrNotApproved)

	others := open("others", "cat")
	f.decide(t, others, "ann", dsr.Approve)
	_, err := f.RecordDecision(ctx, f.sign(others, "bob", dsr.Approve), f.pins)
	wantType(t, err, contract.ErrBadSignature)
	d := f.sign(others, "bob", dsr.Approve) // rightly signed, and written past the check
	reason, err := f.Seal(ctx, others.Ref, reasonField(others.ID, "bob"), nil)
	ok(t, err)
	f.exec(t, `INSERT INTO habeas.decision (task, staff, n, enrolment, verdict, reason, digest, nonce, signature, done, at)
		VALUES ($1, 'bob', 2, '', 'approve', $2, $3, $4, $5, true, now())`, others.ID, reason, d.Digest, d.Nonce, d.Signature)
	f.exec(t, `UPDATE habeas.task SET state = 'done', verdict = 'approve', done_at = now() WHERE id = $1`, others.ID)
	for _, who := range []Owned{owned, nil} { // also where the map names nobody any more: what was signed says so
		wantType(t, f.AcceptRun(ctx, run.Ref, others.ID, f.pins, who), contract.ErrNotApproved)
	}

	task := open("rightly", "cat", "bob")
	f.decide(t, task, "ann", dsr.Approve)
	f.decide(t, task, "bob", dsr.Approve)
	ok(t, f.AcceptRun(ctx, run.Ref, task.ID, f.pins, owned))
	_, err = f.CheckRun(ctx, run.Ref, f.pins, owned)
	ok(t, err)
	if v, err := f.SignedVersion(ctx, "accounts", "login_logs", f.pins, owned); err != nil || !bytes.Equal(v, version('a')) {
		t.Errorf("the signed version: %x, %v", v, err)
	}
	f.exec(t, `UPDATE habeas.retention_rule SET task = $1`, hidden.ID) // two people's yes, none of them an owner's
	if v, err := f.SignedVersion(ctx, "accounts", "login_logs", f.pins, owned); err != nil || v != nil {
		t.Errorf("a version that no owner signed: %x, %v", v, err)
	}
}

// A batch does not run under a hold on its collection, nor for a hold or a case that came later than
// the look for whose rows are left alone.
func TestASweepIsGuarded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	run := f.newRun(t, f.time.Now(), version('a'))
	batches := 0
	sweep := func() error {
		return f.GuardedSweep(ctx, run, "login_logs", f.pins, func(context.Context) error { batches++; return nil })
	}
	ok(t, sweep())
	look := func() {
		spared, err := f.Spared(ctx, run.Nominal, f.pins)
		ok(t, err)
		ok(t, f.MarkSpared(ctx, run.Ref, spared))
	}
	ref := f.newCase(t)
	wantType(t, sweep(), contract.ErrConflict)
	look()
	ok(t, sweep())
	_, err := f.hold(t, HoldStatement{Scope: HoldPerson, Kind: "email", Index: f.sets.BlindIndex("email", "mei.lin@persons.example"), Person: "email: m***"}, "ann")
	ok(t, err)
	wantType(t, sweep(), contract.ErrConflict)
	look()
	ok(t, sweep())
	ok(t, f.CloseCase(ctx, ref, dsr.Fulfilled)) // one fewer is no reason to stop
	ok(t, sweep())
	_, err = f.hold(t, HoldStatement{Scope: HoldCollection, System: "accounts", Collection: "login_logs"}, "ann")
	ok(t, err)
	wantType(t, sweep(), contract.ErrHeld)
	if batches != 4 {
		t.Errorf("%d batches ran", batches)
	}
	ok(t, f.KeepRows(ctx, run.Ref, KeptHeld, [][]string{{"1", "a"}, {"1", "a"}, {"2", "b"}}))
	kept, err := f.KeptRows(ctx, run.Ref, [][]string{{"2", "b"}, {"2b", ""}, {"1", "a"}})
	if ok(t, err); kept[0] != KeptHeld || kept[1] != "" || kept[2] != KeptHeld {
		t.Errorf("kept: %v", kept)
	}
}

func TestTheNewestPauseHolds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	staff := f.as(t, RoleStaff)
	for _, paused := range []bool{true, false, true} {
		ok(t, staff.PutPause(t.Context(), Pause{System: "accounts", Paused: paused, By: "sue", Reason: "maintenance"}))
		f.time.forward(time.Minute)
		got, err := f.RetentionPause(t.Context(), "accounts")
		if ok(t, err); got.Paused != paused || got.Reason != "maintenance" || got.By != "sue" {
			t.Errorf("got %+v", got)
		}
	}
}
