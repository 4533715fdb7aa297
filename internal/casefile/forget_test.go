package casefile

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// Every table with rows of a case is emptied of it; one that is new must be named in forget.go.
func TestEveryTableOfACaseIsForgotten(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var tables []string
	ok(t, f.super.SelectContext(t.Context(), &tables, `SELECT DISTINCT table_name FROM information_schema.columns
		WHERE table_schema = 'habeas' AND column_name IN ('ref', 'task') ORDER BY 1`))
	// The ledger outlives the case, the row of the key says that it is destroyed, the suppression list
	// outlives whoever asked to stand on it (forgetting an objection would undo it), and the others are
	// of the roster and of holds.
	stay := []string{"suppression", "ledger_line", "ledger_head", "checkpoint_head", "data_key", "roster_change", "staff_member", "hold", "disclosure",
		"retention_extension", "retention_pause", "retention_rule"}
	for _, table := range tables {
		if !slices.Contains(stay, table) && !slices.Contains(ofTasks, table) && !slices.Contains(ofCases, table) && !slices.Contains(ofNotices, table) && !slices.Contains(ofRuns, table) {
			t.Errorf("the rows of a case in %s are not forgotten", table)
		}
	}
}

// A case that ran through every table leaves none of the person's values, no row of its own, and no
// key. What the ledger says stays, and verifies.
func TestAForgottenCaseLeavesItsLedgerLineAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.fillFor(t)
	app := f.as(t, RoleApp)
	var refs []contract.Ref
	ok(t, f.super.SelectContext(t.Context(), &refs, `SELECT ref FROM habeas.case_file ORDER BY ref`))
	if len(refs) < 3 {
		t.Fatalf("only %d cases to forget", len(refs))
	}
	wantType(t, app.ForgetCase(t.Context(), refs[0]), contract.ErrNotOpen)
	for _, ref := range refs {
		ok(t, app.CloseCase(t.Context(), ref, dsr.Fulfilled))
		for range 2 {
			ok(t, app.ForgetCase(t.Context(), ref))
		}
		if _, err := app.Key(t.Context(), ref); err == nil {
			t.Errorf("the key of %s still opens", ref)
		}
		_, err := app.Case(t.Context(), ref)
		wantType(t, err, contract.ErrNotFound)
		kept, err := app.ForgottenCase(t.Context(), ref)
		ok(t, err)
		if kept.Outcome != "fulfilled" || kept.ClosedAt.IsZero() || kept.ReceivedAt.IsZero() || kept.Kind == "" {
			t.Errorf("kept %+v", kept)
		}
	}
	for _, table := range append(append([]string{}, ofTasks...), ofCases...) {
		var left int
		column := "ref LIKE 'case/%'"
		if slices.Contains(ofTasks, table) {
			column = "task IN (SELECT id FROM habeas.task WHERE ref LIKE 'case/%')"
		}
		ok(t, f.super.GetContext(t.Context(), &left, `SELECT count(*) FROM habeas."`+table+`" WHERE `+column))
		if left > 0 {
			t.Errorf("%d rows are left in %s", left, table)
		}
	}
	var dump strings.Builder
	var tables []string
	ok(t, f.super.SelectContext(t.Context(), &tables, `SELECT tablename FROM pg_tables WHERE schemaname = 'habeas'`))
	for _, table := range tables {
		var rows []string
		ok(t, f.super.SelectContext(t.Context(), &rows, `SELECT t::text FROM habeas."`+table+`" t`))
		dump.WriteString(strings.Join(rows, "\n"))
	}
	for _, id := range person.Identities {
		for _, needle := range []string{id.Value, hex.EncodeToString([]byte(id.Value))} {
			if strings.Contains(dump.String(), needle) {
				t.Error("a value of the person is left in the database")
			}
		}
	}
	var keys int
	ok(t, f.super.GetContext(t.Context(), &keys, `SELECT count(*) FROM habeas.data_key WHERE ref LIKE 'case/%' AND (wrapped IS NOT NULL OR destroyed_at IS NULL)`))
	if keys != 0 {
		t.Errorf("%d keys are left", keys)
	}
	if report := f.verify(t); !report.OK() {
		t.Errorf("the ledger: %+v", report)
	}
}

// A closed notice leaves no row of its own, nobody's values and no key; its ledger stays.
func TestAForgottenNoticeLeavesItsLedgerLineAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.fillNotice(t, `{"title":"Aurelia"}`)
	app := f.as(t, RoleApp)
	var ref contract.Ref
	ok(t, f.super.GetContext(t.Context(), &ref, `SELECT ref FROM habeas.notice`))
	wantType(t, app.ForgetNotice(t.Context(), ref), contract.ErrNotOpen)
	ok(t, app.CloseNotice(t.Context(), ref, contract.NoticeTold))
	list, err := app.ClosedNotices(t.Context(), "", 10)
	if ok(t, err); len(list) != 1 {
		t.Fatalf("%d closed notices", len(list))
	}
	for range 2 {
		ok(t, app.ForgetNotice(t.Context(), ref))
	}
	if _, err := app.Key(t.Context(), ref); err == nil {
		t.Error("the key still opens")
	}
	for _, table := range ofNotices {
		var left int
		ok(t, f.super.GetContext(t.Context(), &left, `SELECT count(*) FROM habeas."`+table+`" WHERE ref = $1`, ref))
		if left > 0 {
			t.Errorf("%d rows are left in %s", left, table)
		}
	}
	kept, err := f.as(t, RoleStaff).ForgottenNotice(t.Context(), ref)
	if ok(t, err); kept.Kind != "breach" || kept.Outcome != contract.NoticeTold || kept.People != 1 || kept.ClosedAt.IsZero() {
		t.Errorf("kept %+v", kept)
	}
	if report := f.verify(t); !report.OK() {
		t.Errorf("the ledger: %+v", report)
	}
}

// A run of retention that has ended leaves no row of its own and no key; its ledger stays. One whose signatures its
// rule goes by stays whole, and so does the newest of a rule.
func TestAForgottenRunLeavesItsLedgerLineAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, personal := t.Context(), []byte(`{"sample":"Aurelia"}`)
	f.fillRetention(t, personal)
	app := f.as(t, RoleApp)
	var first contract.Ref
	ok(t, f.super.GetContext(ctx, &first, `SELECT ref FROM habeas.retention_run`))
	wantType(t, app.ForgetRun(ctx, first), contract.ErrNotOpen)
	_, _, err := app.ClaimLetter(ctx, first, "retention_report", "ended", "en", "email", "cloud.example")
	ok(t, err)
	ok(t, app.EndRun(ctx, first, RunDone, Remains{}))
	wantType(t, app.ForgetRun(ctx, first), contract.ErrNotOpen) // the newest
	night := func(v []byte, why string) Run {
		f.time.forward(24 * time.Hour)
		run := f.newRun(t, f.time.Now(), v)
		ok(t, app.PutMeasure(ctx, run.Ref, Measure{Due: 3, Total: 10, Why: why, Report: personal}))
		if why != "" {
			task := f.newTask(t, run.Ref, dsr.TaskRetention, showsRun(t, run, v))
			f.decide(t, task, "ann", dsr.Approve)
			f.decide(t, task, "bob", dsr.Approve)
			ok(t, app.AcceptRun(ctx, run.Ref, task.ID, f.pins, nil))
		}
		ok(t, app.EndRun(ctx, run.Ref, RunDone, Remains{}))
		return run
	}
	second := night(version('a'), "")
	wantType(t, app.ForgetRun(ctx, first), contract.ErrNotOpen) // the rule goes by its signatures
	third := night(version('b'), WhyChanged)
	list, err := app.EndedRuns(ctx, "", 10)
	if ok(t, err); len(list) != 2 || slices.ContainsFunc(list, func(r Run) bool { return r.Ref == third.Ref }) {
		t.Fatalf("%d runs may go", len(list))
	}
	for _, ref := range []contract.Ref{first, second.Ref} {
		for range 2 {
			ok(t, app.ForgetRun(ctx, ref))
		}
		if _, err := app.Key(ctx, ref); err == nil {
			t.Errorf("the key of %s still opens", ref)
		}
		for _, table := range ofRuns {
			var left int
			ok(t, f.super.GetContext(ctx, &left, `SELECT count(*) FROM habeas."`+table+`" WHERE ref = $1`, ref))
			if left > 0 {
				t.Errorf("%d rows of %s are left in %s", left, ref, table)
			}
		}
		events := f.events(t, ref)
		if events[len(events)-1] != "retention.forgotten" {
			t.Errorf("the ledger of %s: %v", ref, events)
		}
	}
	if v, err := app.SignedVersion(ctx, "accounts", "login_logs", f.pins, nil); err != nil || len(v) == 0 {
		t.Errorf("the rule is signed no more: %v", err)
	}
	if report := f.verify(t); !report.OK() {
		t.Errorf("the ledger: %+v", report)
	}
}

func TestTheLedgerTellsAYear(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	m := f.move(t, ref, dsr.MotionRefuse, "excessive")
	ok(t, f.Refuse(t.Context(), ref, m.N, "x"))
	f.time.forward(36 * time.Hour)
	ok(t, f.CloseCase(t.Context(), ref, dsr.Refused))
	open := f.newCase(t)
	year := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	tell := func() (list []Told) {
		ok(t, f.as(t, RoleStaff).Tell(t.Context(), year, year.AddDate(1, 0, 0), func(told Told) { list = append(list, told) }))
		return list
	}
	before := tell()
	if len(before) != 2 {
		t.Fatalf("told of %d cases", len(before))
	}
	for _, told := range before {
		if told.Ref == ref && (told.Outcome != "refused" || told.Refusal != "eu-gdpr/excessive" || told.Answered.Sub(told.ReceivedAt) != 37*time.Hour) {
			t.Errorf("refused: %+v", told)
		}
		if told.Ref == open && (told.Outcome != "" || !told.Answered.IsZero()) {
			t.Errorf("open: %+v", told)
		}
	}
	ok(t, f.ForgetCase(t.Context(), ref))
	if after := tell(); !slices.Equal(before, after) {
		t.Errorf("forgetting changed the report: %+v", after)
	}
}
