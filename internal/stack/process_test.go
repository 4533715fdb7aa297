package stack

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func sleeper(t *testing.T) Process {
	t.Helper()
	p, err := spawn("stack-of-"+t.Name(), spec{name: "sleeper", argv: []string{"sleep", "600"}, env: os.Environ(), log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = p.stop(syscall.SIGKILL, time.Second) })
	return p
}

// TestReusedProcessIDIsLeftAlone records a process as it would look if its id had passed to
// another one since: it must be seen as gone, and must not be signalled.
func TestReusedProcessIDIsLeftAlone(t *testing.T) {
	t.Parallel()
	p := sleeper(t)
	for name, change := range map[string]func(*Process){
		"another start time": func(p *Process) { p.Ticks-- },
		"another boot":       func(p *Process) { p.Boot = "another" },
	} {
		reused := p
		change(&reused)
		if reused.Alive() {
			t.Errorf("%s: taken for the same process", name)
		}
		if how, err := reused.stop(syscall.SIGKILL, time.Second); err != nil || how != EndedBefore {
			t.Errorf("%s: %q, %v", name, how, err)
		}
	}
	if !p.Alive() {
		t.Fatal("the innocent process is gone")
	}
	if how, err := p.stop(syscall.SIGTERM, 10*time.Second); err != nil || how != EndedAsked || p.Alive() {
		t.Errorf("stopping it for real: %q, %v, alive %v", how, err, p.Alive())
	}
}

func TestStubbornProcessIsKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mark := filepath.Join(dir, "ready")
	p, err := spawn("stubborn", spec{name: "stubborn", env: os.Environ(), log: filepath.Join(dir, "log"),
		argv: []string{"sh", "-c", "trap '' TERM; touch " + mark + "; while :; do sleep 0.1; done"}})
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the trap to be set", func() bool { return exists(mark) })
	if how, err := p.stop(syscall.SIGTERM, 200*time.Millisecond); err != nil || how != EndedKilled || p.Alive() {
		t.Errorf("%q, %v, alive %v", how, err, p.Alive())
	}
}

func TestZombieIsNotAlive(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(context.Background(), "true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the child to become a zombie", func() bool {
		raw, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/stat")
		return err == nil && strings.Contains(string(raw), ") Z ")
	})
	if _, ok := startTicks(cmd.Process.Pid); ok {
		t.Error("a zombie counts as running")
	}
	_ = cmd.Wait()
}

// TestReusedPIDInPostgresFile: the id in postmaster.pid belongs to an innocent process.
func TestReusedPIDInPostgresFile(t *testing.T) {
	t.Parallel()
	p, dir := sleeper(t), t.TempDir()
	path := filepath.Join(dir, "postmaster.pid")
	rest := "\n/data\n1\n5432\n\n127.0.0.1\n 123 456\nready\n"
	for name, tc := range map[string]struct{ pid, want int }{
		"reused":     {p.PID, impossiblePID},
		"free again": {impossiblePID - 1, impossiblePID - 1},
	} {
		if err := os.WriteFile(path, []byte(strconv.Itoa(tc.pid)+rest), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := defuseReusedPID(dir); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(path)
		if err != nil || string(raw) != strconv.Itoa(tc.want)+rest {
			t.Errorf("%s: %q, %v", name, raw, err)
		}
	}
}
