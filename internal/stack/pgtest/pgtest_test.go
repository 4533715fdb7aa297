package pgtest

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

func open(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Not parallel: it restarts the cluster under everybody.
func TestRestartKeepsData(t *testing.T) {
	url := URL(t)
	db := open(t, url)
	if _, err := db.Exec("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	for _, kill := range []bool{false, true, true} {
		Restart(t, kill)
		var n int
		if err := open(t, url).QueryRow("SELECT count(*) FROM kept").Scan(&n); err != nil || n != 1 {
			t.Fatalf("after a restart (kill %v): %d rows, %v", kill, n, err)
		}
	}
	resume := Stop(t, false)
	if err := open(t, url).Ping(); err == nil {
		t.Fatal("a stopped server answered")
	}
	resume()
	if err := open(t, url).Ping(); err != nil {
		t.Fatalf("after resuming: %v", err)
	}
}

func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	a, b := open(t, URL(t)), open(t, URL(t))
	if _, err := a.Exec("CREATE TABLE mine (n int)"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Exec("SELECT * FROM mine"); err == nil {
		t.Fatal("a table of one database is seen from another")
	}
	var encoding string
	if err := a.QueryRow("SHOW server_encoding").Scan(&encoding); err != nil || encoding != "UTF8" {
		t.Fatalf("encoding %q, %v", encoding, err)
	}
}

// TestKilledProcessLeavesNoServer runs this test binary as a child, which starts a cluster and
// waits; the child gets a SIGKILL, and the server must go.
func TestKilledProcessLeavesNoServer(t *testing.T) {
	if os.Getenv("PGTEST_CHILD") != "" {
		s := need(t)
		fmt.Printf("pid %d %s\n", s.process.Pid, s.root)
		time.Sleep(time.Minute)
		return
	}
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestKilledProcessLeavesNoServer$")
	cmd.Env = append(os.Environ(), "PGTEST_CHILD=1")
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
