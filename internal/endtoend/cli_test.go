package endtoend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/export"
	"github.com/habeas-dsr/habeas/internal/stack"
)

// The second case, in the other language, with nothing but the command line, and what else staff
// do with it.
func TestCommandLine(t *testing.T) { scripts(t, "testdata/staff") }

// A new member of staff, alone: rows are counted, and nobody else may open a case meanwhile.
func TestRosterByHand(t *testing.T) { scripts(t, "testdata/roster") }

// Bad input: one clear error, exit status 2, nothing half-done. Nobody opens a case meanwhile, so
// that the scripts may count.
func TestBadInput(t *testing.T) { scripts(t, "testdata/bad") }

func scripts(t *testing.T, dir string) { scriptsOn(t, common(t), dir) }

func scriptsOn(t *testing.T, c *demo.Company, dir string) {
	testscript.Run(t, testscript.Params{
		Dir: dir, RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error { return furnish(env, c) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "json": pick, "code": readCode, "download": download, "rows": countRows, "oneerror": oneError,
		},
	})
}

type key string

// furnish makes a script's environment: that of the company's staff, with an's key.
func furnish(env *testscript.Env, c *demo.Company) error {
	for name, value := range c.Env {
		env.Setenv(name, value)
	}
	env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
	env.Setenv("KEYS", filepath.Join(c.Dir, "staff"))
	p := c.Person(example.Cast().English)
	for name, value := range map[string]string{"LOGIN": p.Login, "EMAIL": p.Email, "MOBILE": p.Mobile, "NAME": p.Name,
		"RECEIVED": time.Now().AddDate(0, 0, -3).Format(time.DateOnly), "SOON": time.Now().AddDate(0, 0, 30).Format(time.DateOnly)} {
		env.Setenv(name, value)
	}
	env.Values[key("company")] = c
	env.Values[key("person")] = p
	return p.ForgetUnread(context.Background())
}

// exits runs a program and wants one exit status: `exits 2 habeas case open`.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM [ARG…]")
	}
	err := ts.Exec(args[1], args[2:]...)
	status := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("exit status %d, want %s", status, args[0])
	}
}

// oneError wants standard error to be one error, with a hint or without, and no value of a person.
func oneError(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile("stderr")
	if neg || !strings.HasPrefix(text, "habeas: ") || strings.Count(text, "habeas: ") != 1 {
		ts.Fatalf("not one error:\n%s", text)
	}
	for _, never := range append(args, "goroutine", "panic", "Usage:", ts.Getenv("EMAIL"), ts.Getenv("MOBILE")) {
		if strings.Contains(text, never) {
			ts.Fatalf("the error says %q:\n%s", never, text)
		}
	}
}

// pick takes a value out of the JSON on standard output: `json ID id`, `json TASK tasks.0.id`, or
// of the first object that has a field: `json TASK kind=review.id`.
func pick(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: json VARIABLE PATH")
	}
	var value any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &value); err != nil {
		ts.Fatalf("standard output is not JSON: %v", err)
	}
	for step := range strings.SplitSeq(args[1], ".") {
		value = into(value, step)
	}
	if value == nil {
		ts.Fatalf("there is nothing at %s", args[1])
	}
	ts.Setenv(args[0], fmt.Sprint(value))
}

func into(value any, step string) any {
	switch v := value.(type) {
	case map[string]any:
		return v[step]
	case []any:
		field, want, search := strings.Cut(step, "=")
		for i, one := range v {
			if strconv.Itoa(i) == step || search && fmt.Sprint(into(one, field)) == want {
				return one
			}
		}
	}
	return nil
}

// readCode is the person with the letter in their hand: `code VARIABLE`.
func readCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: code VARIABLE")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	code, err := ts.Value(key("person")).(*demo.Person).Code(ctx)
	ts.Check(err)
	ts.Setenv(args[0], code)
}

// download fetches the package as the person and verifies it: `download CASE LANGUAGE`.
func download(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: download CASE LANGUAGE")
	}
	c := ts.Value(key("company")).(*demo.Company)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	file, err := os.Create(ts.MkAbs("package.zip"))
	ts.Check(err)
	defer func() { ts.Check(file.Close()) }()
	ts.Check(ts.Value(key("person")).(*demo.Person).Download(ctx, args[0], file))
	d, done, err := c.Desk(ctx)
	ts.Check(err)
	defer done()
	info, err := file.Stat()
	ts.Check(err)
	ts.Check(export.VerifyPackage(file, info.Size(), d.Keys.PublicKey()))
	m, err := export.ReadManifest(file, info.Size())
	ts.Check(err)
	if m.Case != args[0] || m.Language != args[1] {
		ts.Fatalf("a package of %s in %q", m.Case, m.Language)
	}
}

// countRows counts what opening a case or proposing a member of staff would leave: `rows VARIABLE`.
func countRows(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: rows VARIABLE")
	}
	c := ts.Value(key("company")).(*demo.Company)
	db, err := sqlx.Connect("postgres", c.Stack.DatabaseURL(stack.RoleOwner, stack.CasefileDatabase))
	ts.Check(err)
	defer func() { _ = db.Close() }()
	var n int
	ts.Check(db.Get(&n, `SELECT (SELECT count(*) FROM habeas.case_file) + (SELECT count(*) FROM habeas.data_key) + (SELECT count(*) FROM habeas.roster_change)`))
	ts.Setenv(args[0], strconv.Itoa(n))
}
