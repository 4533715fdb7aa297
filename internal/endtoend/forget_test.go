package endtoend

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/testsuite"

	"github.com/habeas-dsr/habeas/activities"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/stack"
)

// forgotten holds promise 9: when the law's time for records is over, the cases are forgotten. None of
// the persons' values is left in the database, in the blob store or in Temporal, whose history is gone;
// the ledger says that there was a case, and `habeas case show` says that it was forgotten.
func (l *leak) forgotten(ref contract.Ref) {
	t, ctx := l.t, l.ctx
	t.Helper()
	cases, err := l.d.Store.ListCases(ctx, casefile.Filter{})
	l.must(err)
	if _, err := l.d.Temporal.DescribeWorkflowExecution(ctx, string(ref), ""); err != nil {
		t.Fatalf("before: %v", err)
	}
	if kept := forgetAt(t, l.c, ctx, l.d, 2); kept.Forgotten != 0 { // the law says three years
		t.Fatalf("forgotten too early: %+v", kept)
	}
	if done := forgetAt(t, l.c, ctx, l.d, 4); done.Forgotten != len(cases) || done.Kept != 0 || len(cases) < 3 {
		t.Fatalf("forgetting %d cases: %+v", len(cases), done)
	}
	for _, c := range cases {
		waitFor(t, time.Minute, "the history to be gone", func() bool {
			var gone *serviceerror.NotFound
			_, err := l.d.Temporal.DescribeWorkflowExecution(ctx, string(c.Ref), "")
			return errors.As(err, &gone)
		})
		l.nowhere(c.Ref)
	}
	if code, out := habeas(ctx, t, l.c, "case", "show", ref.ID()); code != 0 || !strings.Contains(out, "forgotten") || !strings.Contains(out, "fulfilled") {
		t.Errorf("case show: %s", out)
	}
	if code, out := habeas(ctx, t, l.c, "ledger", "verify"); code != 0 || !strings.Contains(out, "0 problems") {
		t.Errorf("ledger verify: %s", out)
	}
}

// forgetAt runs the activity as the worker runs it, so many years from now.
func forgetAt(t *testing.T, c *demo.Company, ctx context.Context, d *desk.Desk, years int) contract.ForgetResult {
	t.Helper()
	store, err := casefile.Open(ctx, c.Stack.DatabaseURL(stack.RoleApp, stack.CasefileDatabase), d.Keys, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	a := &activities.Activities{Store: store, Blobs: d.Blobs, Temporal: d.Temporal, Namespace: "default", Laws: d.Laws,
		Now: func() time.Time { return time.Now().AddDate(years, 0, 0) }, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(a.ForgetCases)
	got, err := env.ExecuteActivity(a.ForgetCases, contract.ForgetInput{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var out contract.ForgetResult
	if err := got.Get(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// nowhere looks into every table of the casefile and every blob for the person's values.
func (l *leak) nowhere(ref contract.Ref) {
	l.t.Helper()
	db, err := sqlx.Open("postgres", l.c.Stack.DatabaseURL(stack.RoleOwner, stack.CasefileDatabase))
	l.must(err)
	defer func() { _ = db.Close() }()
	var tables []string
	l.must(db.SelectContext(l.ctx, &tables, `SELECT tablename FROM pg_tables WHERE schemaname = 'habeas'`))
	var dump strings.Builder
	for _, table := range tables {
		var rows []string
		l.must(db.SelectContext(l.ctx, &rows, `SELECT t::text FROM habeas."`+table+`" t`))
		dump.WriteString(strings.Join(rows, "\n"))
	}
	if len(tables) < 20 || !strings.Contains(dump.String(), "case.forgotten") {
		l.t.Fatalf("%d tables were looked through", len(tables))
	}
	for name, value := range l.values {
		if strings.Contains(dump.String(), value) || strings.Contains(dump.String(), hex.EncodeToString([]byte(value))) {
			l.t.Errorf("the %s is left in the database", name)
		}
	}
	l.must(filepath.WalkDir(l.c.Env["HABEAS_BLOBS"], func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.Contains(path, ref.ID()) {
			l.t.Errorf("a blob of the case is left: %s", e.Name())
		}
		return err
	}))
}
