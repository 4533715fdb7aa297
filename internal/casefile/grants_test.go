package casefile

import (
	"bytes"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// TestLedgerIsAppendOnly tries to change lines under every role, and as the superuser.
func TestLedgerIsAppendOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newCase(t)
	_, err := f.Checkpoint(t.Context())
	ok(t, err)
	tries := map[string]string{}
	for _, table := range []string{"ledger_line", "checkpoint", "checkpoint_head"} {
		tries["change "+table] = `UPDATE habeas.` + table + ` SET ` + map[string]string{
			"ledger_line": "event = 'case.other'", "checkpoint": "heads = 0", "checkpoint_head": "seq = 1"}[table]
		tries["delete "+table] = `DELETE FROM habeas.` + table
		tries["truncate "+table] = `TRUNCATE habeas.` + table + ` CASCADE`
	}
	for _, role := range []string{RoleApp, RoleStaff, RoleOwner, ""} {
		url := f.url
		want := pqerror.Code("23001") // restrict_violation, of the trigger
		if role != "" {
			url, want = withRole(t, f.url, role), "42501" // insufficient_privilege
		}
		db := sqlx.MustOpen("postgres", url)
		defer func() { _ = db.Close() }()
		for name, query := range tries {
			_, err := db.ExecContext(t.Context(), query)
			if pq.As(err, want) == nil {
				t.Errorf("%s as %q: got %v, want %s", name, role, err, want)
			}
			if role == "" {
				_, err = db.ExecContext(t.Context(), `SET session_replication_role = replica; `+query)
				if pq.As(err, want) == nil {
					t.Errorf("%s as a replica: got %v, want %s", name, err, want)
				}
			}
		}
	}
	if report := f.verify(t); !report.OK() {
		t.Errorf("afterwards: %+v", report)
	}
}

// TestRolesDoWhatTheirProgramsNeed runs the methods of the command line and the portal as
// habeas_staff, and shows that this role cannot decide anything.
func TestRolesDoWhatTheirProgramsNeed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	staff := f.as(t, RoleStaff)
	ref, err := staff.CreateCase(t.Context(), f.caseOf(person))
	ok(t, err)
	ok(t, staff.MarkStarted(t.Context(), ref))
	_, err = staff.Request(t.Context(), ref)
	ok(t, err)
	challenge, err := f.IssueChallenge(t.Context(), ref, dsr.CodeVerify, "1", "email", rule)
	ok(t, err)
	code, err := staff.CodeOf(t.Context(), challenge)
	ok(t, err)
	got, err := staff.TryCode(t.Context(), ref, dsr.CodeVerify, code)
	if ok(t, err); !got.Met {
		t.Error("the right code was not met")
	}
	task := f.newTask(t, ref, dsr.TaskReview, `{}`)
	task, err = staff.SetChoices(t.Context(), task.ID, map[string]string{"support.messages.body": dsr.ChoiceMask}, "bob")
	ok(t, err)
	_, err = staff.ProposeStaff(t.Context(), Staff{Name: "zoe", PublicKey: f.newKey(t, "zoe"), Roles: []dsr.Role{dsr.RoleReviewer}}, "sue")
	ok(t, err)
	_, err = staff.VerifyLedger(t.Context(), nil)
	ok(t, err)
	ok(t, staff.ExportLedger(t.Context(), &bytes.Buffer{}))

	_, err = staff.RecordDecision(t.Context(), f.sign(task, "bob", dsr.Approve), f.pins)
	wantType(t, err, contract.ErrRefused)
	_, err = staff.OpenTask(t.Context(), NewTask{Ref: ref, Kind: dsr.TaskRelease, Occasion: "1", Shown: []byte(`{}`)})
	wantType(t, err, contract.ErrRefused)
	wantType(t, staff.CloseCase(t.Context(), ref, dsr.Fulfilled), contract.ErrRefused)
	for name, query := range map[string]string{
		"enrol somebody":  `INSERT INTO habeas.staff_member VALUES ('roster/00000-00000', 'x', 'x', '', '{}', now())`,
		"end a task":      `UPDATE habeas.task SET state = 'done', verdict = 'approve', done_at = now()`,
		"release":         `UPDATE habeas.package SET released_at = now()`,
		"destroy a key":   `UPDATE habeas.data_key SET wrapped = NULL, destroyed_at = now()`,
		"make a decision": `INSERT INTO habeas.decision (task, staff) VALUES ('x', 'x')`,
	} {
		if _, err := staff.db.ExecContext(t.Context(), query); pq.As(err, "42501") == nil {
			t.Errorf("habeas_staff may %s: %v", name, err)
		}
	}
}
