package endtoend

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack"
)

// Promise 7: whoever owns the database may switch triggers off and write what they like; one
// command finds it and says where.
func TestLedgerIsVerified(t *testing.T) {
	t.Parallel()
	c := company(t, nil)
	ctx, d := deskOf(t, c)
	p := c.Person(example.Cast().Plain)
	answer, err := c.Access(ctx, d, p, desk.Opening{Identities: []dsr.Identity{{Kind: "account", Value: p.Login}}})
	if err != nil {
		t.Fatal(err)
	}
	owner, err := sqlx.ConnectContext(ctx, "postgres", c.Stack.DatabaseURL(stack.RoleOwner, stack.CasefileDatabase))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = owner.Close() }()
	export := filepath.Join(t.TempDir(), "ledger.jsonl")
	if status, out := habeas(ctx, t, c, "ledger", "export", "--out", export); status != 0 {
		t.Fatal(out)
	}
	ref := string(answer.Ref)
	const line, of = "habeas.ledger_line", " WHERE ref = $1"
	const last = of + " AND seq = (SELECT max(seq) FROM habeas.ledger_line" + of + ")"
	for _, harm := range []struct {
		name  string
		sql   []string
		wants string // what verify says beside the reference
	}{
		{"the last line of a chain", []string{"DELETE FROM " + line + last}, "missing"},
		{"the last line, and the head moved back", []string{"DELETE FROM " + line + last,
			"UPDATE habeas.ledger_head h SET seq = l.seq, hash = l.hash, checkpointed = 0 FROM habeas.ledger_line l WHERE h.ref = $1 AND l.ref = $1 AND l.seq = h.seq - 1"}, "head of the chain was changed"},
		{"a line in the middle", []string{"DELETE FROM " + line + of + " AND seq = 3"}, "line 3 is missing"},
		{"a whole chain", []string{"DELETE FROM " + line + of}, "the chain is missing"},
		{"a whole chain with its head", []string{"DELETE FROM " + line + of, "DELETE FROM habeas.ledger_head" + of}, "the chain is missing"},
		{"all that is of a case, and what was signed over it", []string{"DELETE FROM " + line + of, "DELETE FROM habeas.ledger_head" + of,
			"DELETE FROM habeas.checkpoint_head" + of}, "the chain is missing"},
		{"one byte of what happened", []string{"UPDATE " + line + " SET detail = replace(detail, 'fulfilled', 'fulfilleD')" + last}, "was changed"},
		{"one byte of an event", []string{"UPDATE " + line + " SET event = 'code.wet'" + of + " AND event = 'code.met'"}, "was changed"},
		{"when it happened", []string{"UPDATE " + line + " SET at = at + interval '1 microsecond'" + of + " AND seq = 1"}, "line 1 was changed"},
		{"a line that never was", []string{"INSERT INTO " + line + " SELECT ref, seq + 1, at, event, detail, hash, hash FROM " + line + last}, "added from outside"},
	} {
		t.Run(harm.name, func(t *testing.T) {
			restore := bend(ctx, t, owner, ref, harm.sql)
			for _, args := range [][]string{{"ledger", "verify"}, {"ledger", "verify", "--against", export}} {
				status, out := habeas(ctx, t, c, args...)
				if status != 1 || !strings.Contains(out, ref) || !strings.Contains(out, harm.wants) {
					t.Errorf("%v: exit status %d, and not %q of %s:\n%s", args, status, harm.wants, ref, out)
				}
			}
			restore()
			if report, err := d.Store.VerifyLedger(ctx, nil); err != nil || !report.OK() {
				t.Errorf("restored, it does not verify: %+v %v", report, err)
			}
		})
	}
	t.Run("the latest checkpoint", func(t *testing.T) {
		restore := bend(ctx, t, owner, ref, []string{
			"DELETE FROM habeas.checkpoint_head WHERE checkpoint = (SELECT max(id) FROM habeas.checkpoint) AND $1 <> ''",
			"DELETE FROM habeas.checkpoint WHERE id = (SELECT max(id) FROM habeas.checkpoint) AND $1 <> ''"})
		if status, out := habeas(ctx, t, c, "ledger", "verify"); status != 1 || !strings.Contains(out, "checkpoint") {
			t.Errorf("exit status %d:\n%s", status, out)
		}
		restore()
		if status, out := habeas(ctx, t, c, "ledger", "verify"); status != 0 {
			t.Errorf("restored, it does not verify:\n%s", out)
		}
	})
}

// ledgerTables are those that verify reads.
var ledgerTables = []string{"ledger_line", "ledger_head", "checkpoint", "checkpoint_head", "checkpoint_tip"}

// bend does harm as the owner of the tables, with their triggers off, and gives the way back.
func bend(ctx context.Context, t *testing.T, owner *sqlx.DB, ref string, harm []string) (restore func()) {
	t.Helper()
	conn, err := owner.Connx(ctx)
	if err != nil {
		t.Fatal(err)
	}
	do := func(query string, args ...any) int64 {
		t.Helper()
		result, err := conn.ExecContext(ctx, query, args...)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		n, _ := result.RowsAffected()
		return n
	}
	for _, table := range ledgerTables {
		do("CREATE TEMP TABLE saved_" + table + " AS TABLE habeas." + table)
		do("ALTER TABLE habeas." + table + " DISABLE TRIGGER USER")
		do("GRANT UPDATE, DELETE ON habeas." + table + " TO CURRENT_USER") // not even the owner may, but owners give themselves rights
	}
	for _, query := range harm {
		if do(query, ref) == 0 {
			t.Errorf("%s changed nothing", query)
		}
	}
	return func() {
		t.Helper()
		for _, table := range ledgerTables {
			do("DELETE FROM habeas." + table)
			do("INSERT INTO habeas." + table + " SELECT * FROM saved_" + table)
			do("ALTER TABLE habeas." + table + " ENABLE TRIGGER USER")
			do("REVOKE UPDATE, DELETE ON habeas." + table + " FROM CURRENT_USER")
			do("DROP TABLE saved_" + table)
		}
		_ = conn.Close()
	}
}

// habeas runs the command line as the company's staff: its exit status, and all that it says.
func habeas(ctx context.Context, t *testing.T, c *demo.Company, args ...string) (int, string) {
	t.Helper()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "habeas"), args...)
	cmd.Env = os.Environ()
	for name, value := range c.Env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}
