package main

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// ran is how one command line ended.
type ran struct {
	code     int
	out, err string
}

// habeas runs the command line in this process.
func habeas(t *testing.T, env map[string]string, in string, args ...string) ran {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var out, errOut bytes.Buffer
	a := &app{in: strings.NewReader(in), out: &out, errOut: &errOut, getenv: func(name string) string { return env[name] }}
	code := a.run(ctx, args)
	return ran{code, out.String(), errOut.String()}
}

func (r ran) want(t *testing.T, code int, texts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit status %d, want %d", r.code, code)
	}
	for _, text := range texts {
		if !strings.Contains(r.out+r.err, text) {
			t.Errorf("%q is not said", text)
		}
	}
	if t.Failed() {
		t.Logf("stdout:\n%s\nstderr:\n%s", r.out, r.err)
	}
}

// club is the record club of the samples: a database, a folder with its patched map, the settings.
func club(t *testing.T) (dir string, env map[string]string, exec func(string)) {
	t.Helper()
	const samples = "../internal/datamap/testdata/scaffold/"
	schema, err := os.ReadFile(samples + "records/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	dsn := pgtest.URL(t)
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	exec = func(statements string) {
		t.Helper()
		if _, err := db.Exec(statements); err != nil {
			t.Fatal(err)
		}
	}
	exec(string(schema))
	dir = t.TempDir()
	company, err := os.ReadFile(samples + "company.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "company.yaml"), company, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, map[string]string{"HABEAS_DATAMAP": dir, "HABEAS_DSN_CLUB": dsn}, exec
}

// The whole round: draft, check, plan, draw, hunt, audit.
func TestDatamapTools(t *testing.T) {
	t.Parallel()
	dir, env, exec := club(t)
	file, dsn := filepath.Join(dir, "club.yaml"), env["HABEAS_DSN_CLUB"]

	habeas(t, env, dsn+"\n", "datamap", "init", "--dsn", "-", "--system", "club", "--out", file).want(t, 0)
	habeas(t, env, dsn, "datamap", "init", "--dsn", "-", "--out", file).want(t, 2, "is there already")
	if err := os.WriteFile(filepath.Join(dir, "dsn"), []byte(dsn), 0o600); err != nil {
		t.Fatal(err)
	}
	printed := habeas(t, env, "", "datamap", "init", "--dsn", "@"+filepath.Join(dir, "dsn"), "--system", "club", "--schema", "public", "--names-only")
	printed.want(t, 0, "driver: postgres", "# guess: by its name")
	if strings.Contains(printed.out, "sampled values") {
		t.Error("--names-only looked at values")
	}

	habeas(t, env, "", "datamap", "check").want(t, 0, "1 system: 0 differences", "no index begins with")
	habeas(t, env, "", "datamap", "check", "--offline", dir).want(t, 0, "0 differences")
	exec(`CREATE TABLE leads (id int PRIMARY KEY, mail text); INSERT INTO leads VALUES (1, 'Dan@mail.example'); ALTER TABLE "Receipt" ADD signed bytea`)
	habeas(t, env, "", "datamap", "check").want(t, 1, "unmapped-table", "public.leads", "unmapped-column", "signed", "differ: 2 differences")
	habeas(t, env, "", "datamap", "check", "-o", "json").want(t, 1, `"kind": "unmapped-table"`)
	exec(`ALTER TABLE "Receipt" DROP signed`)

	habeas(t, env, "", "datamap", "plan").want(t, 0, "Somebody found in club.member", "club.receipt_line", "$1", "<club.member.MemberId>")
	habeas(t, env, "", "datamap", "plan", "--explain").want(t, 0, "Scan", "cost=")
	habeas(t, env, "", "datamap", "plan", "-o", "json").want(t, 0, `"collection": "club.receipt_line"`)
	habeas(t, env, "", "datamap", "graph").want(t, 0, "flowchart LR", "subgraph", "Receipt Line")
	habeas(t, env, "", "datamap", "graph", "--lang", "fr").want(t, 2, "zh or en")

	hunt := habeas(t, env, "dan@MAIL.example\n", "datamap", "hunt")
	hunt.want(t, 0, "public.leads", "unknown", "public.Member", "matched", "of which the map misses 1")
	if strings.Contains(strings.ToLower(hunt.out+hunt.err), "dan@") {
		t.Error("the hunt prints the value")
	}
	habeas(t, env, "dan@mail.example", "datamap", "hunt", "--system", "nowhere").want(t, 2, "no system")
	habeas(t, env, "", "datamap", "hunt").want(t, 2, "characters at least")

	audit := habeas(t, env, "", "datamap", "audit")
	audit.want(t, 1, "club.gift_card: 3 rows sampled", "1 row reached by nobody", "club.receipt:", "reached by several people", "differ in")
	habeas(t, env, "", "datamap", "audit", "-o", "json").want(t, 1, `"unreached"`)
	habeas(t, env, "", "datamap", "audit", "--rows", "0").want(t, 2, "--rows")
}

func TestDatamapMisuse(t *testing.T) {
	t.Parallel()
	dir, env, _ := club(t)
	none := map[string]string{}
	for _, c := range []struct {
		args []string
		text string
	}{
		{[]string{"init"}, "needs --dsn"},
		{[]string{"init", "--dsn", "oracle://x/y"}, "no driver"},
		{[]string{"init", "--dsn", "postgres://a:secret%zz@h/d"}, "cannot be used"},
		{[]string{"init", "--dsn", "postgres://h/d", "--system", "Not OK"}, "not-ok"},
		{[]string{"check"}, "HABEAS_DATAMAP"},
		{[]string{"plan"}, "HABEAS_DATAMAP"},
		{[]string{"hunt", dir, dir}, "accepts at most 1"},
		{[]string{"audit", "/nowhere"}, "does not exist"},
		{[]string{"graph", dir}, "no file describes a system"},
	} {
		got := habeas(t, none, "", append([]string{"datamap"}, c.args...)...)
		got.want(t, 2, c.text)
		if strings.Contains(got.err, "secret") {
			t.Errorf("%q prints a password", c.args)
		}
	}
	// A system without an address, and one that is down.
	habeas(t, env, env["HABEAS_DSN_CLUB"], "datamap", "init", "--dsn", "-", "--system", "club", "--out", filepath.Join(dir, "club.yaml")).want(t, 0)
	habeas(t, none, "", "datamap", "check", dir).want(t, 1, "HABEAS_DSN_CLUB is not set")
	habeas(t, none, "x-value", "datamap", "hunt", dir).want(t, 2, "HABEAS_DSN_CLUB is not set")
	env["HABEAS_DSN_CLUB"] = "postgres://nobody@127.0.0.1:1/none?sslmode=disable"
	for _, tool := range []string{"check", "plan", "audit"} {
		habeas(t, env, "", "datamap", tool).want(t, 1, "cannot be reached")
	}
	habeas(t, env, "", "datamap", "init", "--dsn", env["HABEAS_DSN_CLUB"]).want(t, 1, "cannot be reached")
}

func TestEveryDatamapCommandHasAnExample(t *testing.T) {
	t.Parallel()
	cmd := (&app{}).datamapCommand()
	for _, sub := range append(cmd.Commands(), cmd) {
		if sub.Short == "" || sub.Long == "" || !strings.Contains(sub.Example, "habeas datamap ") {
			t.Errorf("%s has no help with an example", sub.Name())
		}
	}
}

func TestBar(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		done, total int64
		width       int
		want        string
	}{
		{0, 10, 80, "[>                             ]   0% orders"},
		{5, 10, 80, "[===============>              ]  50% orders"},
		{10, 10, 80, "[==============================] 100% orders"},
		{0, 0, 80, "[>                             ]   0% orders"},
		{5, 10, 20, "[===============>   "[:19]},
	} {
		if got := bar(c.done, c.total, "orders", c.width); got != c.want {
			t.Errorf("%d of %d: %q, want %q", c.done, c.total, got, c.want)
		}
	}
}
