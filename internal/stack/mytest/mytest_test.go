package mytest

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

func open(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Not parallel: it restarts the server under everybody.
func TestRestartKeepsData(t *testing.T) { //nolint:paralleltest // see above
	dsn := New(t).DSN
	db := open(t, dsn)
	if _, err := db.Exec("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // the log reaches the disk once a second here
	for _, kill := range []bool{false, true} {
		Restart(t, kill)
		var n int
		if err := open(t, dsn).QueryRow("SELECT count(*) FROM kept").Scan(&n); err != nil || n != 1 {
			t.Fatalf("after a restart (kill %v): %d rows, %v", kill, n, err)
		}
	}
	resume := Stop(t, false)
	if err := open(t, dsn).Ping(); err == nil {
		t.Fatal("a stopped server answered")
	}
	resume()
	if err := open(t, dsn).Ping(); err != nil {
		t.Fatalf("after resuming: %v", err)
	}
}

func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	a, b := open(t, New(t).DSN), open(t, New(t).DSN)
	if _, err := a.Exec("CREATE TABLE mine (n int)"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Exec("SELECT * FROM mine"); err == nil {
		t.Fatal("a table of one database is seen from another")
	}
	var charset, mode string
	if err := a.QueryRow("SELECT @@character_set_database, @@sql_mode").Scan(&charset, &mode); err != nil || charset != "utf8mb4" ||
		!strings.Contains(mode, "ANSI_QUOTES") {
		t.Fatalf("character set %q, mode %q, %v", charset, mode, err)
	}
}

// TestKilledProcessLeavesNoServer runs this test binary as a child, which starts a server and
// waits; the child gets a SIGKILL, and the server must go.
func TestKilledProcessLeavesNoServer(t *testing.T) {
	if os.Getenv("MYTEST_CHILD") != "" {
		s := need(t)
		fmt.Printf("pid %d %s\n", s.process.Pid, s.folder.Path)
		time.Sleep(time.Minute)
		return
	}
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestKilledProcessLeavesNoServer$")
	cmd.Env = append(os.Environ(), "MYTEST_CHILD=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := 0
	for lines := bufio.NewScanner(out); pid == 0 && lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "pid "); ok {
			number, root, _ := strings.Cut(rest, " ")
			pid, _ = strconv.Atoi(number)
			t.Cleanup(func() { _ = os.RemoveAll(root) })
		}
	}
	if pid == 0 {
		t.Fatal("the child started no server")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil || !strings.Contains(string(raw), folderPrefix) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server %d outlived the killed test process", pid)
		}
	}
}
