package stack

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	_ "github.com/lib/pq"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// TestMain lets the test binary stand in for habeas: a stack starts it as its catcher.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "stack" && os.Args[2] == "catcher" {
		if err := CatcherMain(context.Background(), os.Args[3:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// folder is a temporary folder that the user postgres can enter, as that of t.TempDir is not.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "habeas-stack-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("removing the stack's folder: %v", err)
		}
	})
	return dir
}

// up starts a stack that is stopped when the test ends.
func up(t *testing.T, o Options) *Stack {
	t.Helper()
	st, err := Up(t.Context(), o)
	t.Cleanup(func() {
		if _, err := Down(context.Background(), o); err != nil {
			t.Errorf("stopping the stack: %v", err)
		}
	})
	if err != nil {
		t.Fatalf("starting the stack: %v (cause: %v)", err, fault.As(err).Cause())
	}
	return st
}

func openDB(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func sendMail(t *testing.T, st *Stack, to string) {
	t.Helper()
	c, err := smtp.Dial(loopback(st.Ports().SMTP))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SendMail("a@yunzhan.example", []string{to}, strings.NewReader("Subject: kept\r\n\r\nkept\r\n")); err != nil {
		t.Fatal(err)
	}
}

func dialTemporal(t *testing.T, st *Stack) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: st.TemporalAddress(), Namespace: Namespace})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// running lists processes that mention the folder in their command line or carry the stack's tag.
func running(t *testing.T, dir, id string) []string {
	t.Helper()
	var found []string
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		cmdline, _ := os.ReadFile(p)
		environ, _ := os.ReadFile(filepath.Join(filepath.Dir(p), "environ"))
		if strings.Contains(string(cmdline), dir) || strings.Contains(string(environ), id) {
			found = append(found, strings.ReplaceAll(string(cmdline), "\x00", " "))
		}
	}
	return found
}

// TestStackLives goes through a stack's life: up, used, killed whole, up again with its data on
// the same ports, down without a rest.
func TestStackLives(t *testing.T) {
	t.Parallel()
	o := Options{Dir: folder(t), Systems: []string{"accounts", "support-desk"}, MariaDB: []string{"bill_ing"}}
	st := up(t, o)
	ctx := t.Context()
	ports := st.Ports()

	if _, err := openDB(t, st.DatabaseURL(RoleOwner, CasefileDatabase)).Exec("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)"); err != nil {
		t.Fatal(err)
	}
	checkSystemsAccess(t, st)
	checkMariaDB(t, st)
	tc := dialTemporal(t, st)
	_, err := tc.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "case/KEPT", TaskQueue: contract.QueueCore,
		TypedSearchAttributes: temporal.NewSearchAttributes(contract.AttrKind.ValueSet("access")),
	}, contract.Access.Name, contract.CaseInput{Ref: "case/KEPT"})
	if err != nil {
		t.Fatal(err)
	}
	sendMail(t, st, "kept@mail.example")
	if _, err := st.StartProcess("helper", []string{"sleep", "600"}, map[string]string{"A": "b"}, ""); err != nil {
		t.Fatal(err)
	}
	r, err := Status(ctx, o)
	if err != nil || !r.Up || len(r.Parts) != 5 {
		t.Fatalf("status of a running stack: %+v, %v", r, err)
	}
	checkPages(t, r)

	killAll(t, r)
	waitFor(t, "the killed stack to be seen as down", func() bool {
		r, err := Status(ctx, o)
		return err == nil && !r.Up
	})
	up(t, o)
	if r, err = Status(ctx, o); err != nil {
		t.Fatal(err)
	}
	killAll(t, r)
	st = up(t, o) // at once: some of it may still be dying
	if st.Ports() != ports {
		t.Errorf("ports were %+v and are %+v", ports, st.Ports())
	}
	var n int
	if err := openDB(t, st.DatabaseURL(RoleOwner, CasefileDatabase)).QueryRow("SELECT n FROM kept").Scan(&n); err != nil || n != 7 {
		t.Errorf("the row is %d, %v", n, err)
	}
	if err := openMariaDB(t, st.LoadDSNs()["bill_ing"]).QueryRow("SELECT n FROM kept").Scan(&n); err != nil || n != 9 {
		t.Errorf("the row in MariaDB is %d, %v", n, err)
	}
	// As a start-up after a kill is not yet a served history, ask until the shard is there.
	tc = dialTemporal(t, st)
	waitFor(t, "the workflow to be there again", func() bool {
		d, err := tc.DescribeWorkflowExecution(ctx, "case/KEPT", "")
		return err == nil && d.GetWorkflowExecutionInfo().GetType().GetName() == contract.Access.Name
	})
	list, err := tc.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: "HabeasKind = 'access'"})
	if err != nil || len(list.GetExecutions()) != 1 {
		t.Errorf("by its search attribute: %d workflows, %v", len(list.GetExecutions()), err)
	}
	if letters, err := st.Catcher().List(ctx, "kept@"); err != nil || len(letters) != 1 {
		t.Errorf("letters: %+v, %v", letters, err)
	}

	ended, err := Down(ctx, o)
	if err != nil || len(ended) != 5 {
		t.Errorf("down: %+v, %v", ended, err)
	}
	for _, e := range ended {
		if e.How == EndedKilled {
			t.Errorf("%s had to be killed", e.Name)
		}
	}
	if left := running(t, o.Dir, st.state.ID); len(left) != 0 {
		t.Errorf("left running: %q", left)
	}
	if ended, err := Down(ctx, o); err != nil || len(ended) != 0 {
		t.Errorf("down again: %+v, %v", ended, err)
	}
}

// killAll ends what runs of a stack as a power cut would.
func killAll(t *testing.T, r Report) {
	t.Helper()
	for _, p := range r.Parts {
		if !p.Running {
			continue
		}
		if err := syscall.Kill(p.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
}

// checkSystemsAccess loads a system as its owner and reads it as Habeas would.
func checkSystemsAccess(t *testing.T, st *Stack) {
	t.Helper()
	if _, err := openDB(t, st.LoadDSNs()["support-desk"]).Exec("CREATE SCHEMA s; CREATE TABLE s.people (n int); INSERT INTO s.people VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	reader := openDB(t, st.Env(RoleStaff)["HABEAS_DSN_SUPPORT_DESK"])
	var n int
	if err := reader.QueryRow("SELECT n FROM s.people").Scan(&n); err != nil || n != 1 {
		t.Errorf("reading a system: %d, %v", n, err)
	}
	if _, err := reader.Exec("DELETE FROM s.people"); err == nil {
		t.Error("the reader's account deletes")
	}
	eraser := openDB(t, st.Env(RoleApp)["HABEAS_DSN_SUPPORT_DESK"])
	if _, err := eraser.Exec("UPDATE s.people SET n = n; DELETE FROM s.people"); err != nil {
		t.Errorf("the worker's account: %v", err)
	}
	if _, err := eraser.Exec("DROP TABLE s.people"); err == nil {
		t.Error("the worker's account drops a table")
	}
	if err := openDB(t, st.DatabaseURL(RoleReader, CasefileDatabase)).Ping(); err == nil {
		t.Error("the reader of the systems enters the casefile")
	}
	wrong := strings.Replace(st.DatabaseURL(RoleStaff, CasefileDatabase), st.state.Passwords[RoleStaff], "wrong", 1)
	if err := openDB(t, wrong).Ping(); err == nil {
		t.Error("a wrong password is let in")
	}
	script := fmt.Sprintf(`. %s/env.sh && test "$HABEAS_DATABASE_URL" = '%s' && test -s "$HABEAS_SMS_SECRET_FILE"`,
		st.Dir(), st.DatabaseURL(RoleStaff, CasefileDatabase))
	if out, err := exec.CommandContext(t.Context(), "sh", "-ec", script).CombinedOutput(); err != nil {
		t.Errorf("env.sh: %v: %s", err, out)
	}
}

func checkPages(t *testing.T, r Report) {
	t.Helper()
	for _, url := range []string{r.TemporalUI, r.MailPage} {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", url, resp.StatusCode)
		}
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
