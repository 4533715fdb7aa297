package stack

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is one process that a stack started. Process ids are used again, so the start time and
// the boot in which it counts belong to its identity.
type Process struct {
	Name      string    `json:"name"`
	PID       int       `json:"pid"`
	Ticks     uint64    `json:"start_ticks"` // field 22 of /proc/PID/stat: since the boot
	Boot      string    `json:"boot"`        // /proc/sys/kernel/random/boot_id
	Argv      []string  `json:"argv"`
	Log       string    `json:"log"`
	StartedAt time.Time `json:"started_at"`
}

// Alive reports whether this very process still runs. A zombie does not.
func (p Process) Alive() bool {
	if p.PID <= 0 || p.Boot != bootID() {
		return false
	}
	ticks, ok := startTicks(p.PID)
	return ok && ticks == p.Ticks
}

// startTicks reads when a running process started; ok is false when there is none, or only its
// zombie.
func startTicks(pid int) (ticks uint64, ok bool) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	// The second field is the name in parentheses and may hold anything, so count from its end.
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return 0, false
	}
	ticks, err = strconv.ParseUint(fields[19], 10, 64)
	return ticks, err == nil
}

func bootID() string {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

// spec is what a process is started from.
type spec struct {
	name string
	argv []string
	env  []string // whole
	dir  string   // "" = the folder of whoever starts it
	log  string
	cred *syscall.Credential
}

// tagVariable marks every process of a stack, and its children, with the stack's random id. It
// finds again what was started by a command that was killed before it could write that down.
const tagVariable = "HABEAS_STACK_PROCESS"

func tag(stackID, name string) string { return tagVariable + "=" + stackID + "/" + name }

// spawn starts a detached process: in a session of its own, so that neither Ctrl-C nor the end of
// the terminal reaches it.
func spawn(stackID string, s spec) (Process, error) {
	log, err := openLog(s.log)
	if err != nil {
		return Process{}, err
	}
	defer log.Close()
	cmd := exec.Command(s.argv[0], s.argv[1:]...)
	cmd.Env = append(without(s.env, tagVariable), tag(stackID, s.name))
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: s.cred}
	if err := cmd.Start(); err != nil {
		return Process{}, fmt.Errorf("starting %s: %w", s.name, err)
	}
	p := Process{Name: s.name, PID: cmd.Process.Pid, Boot: bootID(), Argv: s.argv, Log: s.log, StartedAt: time.Now().UTC()}
	p.Ticks, _ = startTicks(p.PID) // 0 when it has ended already: then it is not alive
	go func() { _ = cmd.Wait() }() // while we live, no zombie is left; how it ended stands in its log
	return p, nil
}

const maxLog = 16 << 20

// openLog appends to a log; one that has grown large makes room first.
func openLog(path string) (*os.File, error) {
	if st, err := os.Stat(path); err == nil && st.Size() > maxLog {
		_ = os.Rename(path, path+".1") // at worst it goes on growing
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening a log: %w", err)
	}
	return f, nil
}

// logTail is the end of a process's log, on one line.
func logTail(path string, from int64) string {
	raw, err := os.ReadFile(path)
	if err != nil || int64(len(raw)) <= from {
		return "nothing"
	}
	lines := strings.Split(strings.TrimSpace(string(raw[from:])), "\n")
	return strings.Join(lines[max(0, len(lines)-4):], " | ")
}

func logSize(path string) int64 {
	st, err := os.Stat(path)
	if err != nil || st.Size() > maxLog {
		return 0
	}
	return st.Size()
}

// without removes a variable from an environment.
func without(env []string, names ...string) []string {
	kept := make([]string, 0, len(env)+1)
	for _, kv := range env {
		k, _, _ := strings.Cut(kv, "=")
		drop := false
		for _, n := range names {
			drop = drop || k == n || strings.HasSuffix(n, "*") && strings.HasPrefix(k, strings.TrimSuffix(n, "*"))
		}
		if !drop {
			kept = append(kept, kv)
		}
	}
	return kept
}

// How a process came to its end.
const (
	EndedBefore = "was not running"
	EndedAsked  = "stopped"
	EndedKilled = "killed"
)

const killTimeout = 10 * time.Second

// stop asks a process to end, and kills it when it has not after grace.
func (p Process) stop(sig syscall.Signal, grace time.Duration) (string, error) {
	// The handle is taken before the check: whatever ends afterwards, it never points elsewhere.
	handle, err := os.FindProcess(p.PID)
	if err != nil || !p.Alive() {
		return EndedBefore, nil
	}
	defer func() { _ = handle.Release() }()
	for _, try := range []struct {
		sig  syscall.Signal
		wait time.Duration
		how  string
	}{{sig, grace, EndedAsked}, {syscall.SIGKILL, killTimeout, EndedKilled}} {
		if err := handle.Signal(try.sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return "", fmt.Errorf("signalling %s (process %d): %w", p.Name, p.PID, err)
		}
		for deadline := time.Now().Add(try.wait); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			if !p.Alive() {
				return try.how, nil
			}
		}
	}
	return "", fmt.Errorf("%s (process %d) does not end", p.Name, p.PID)
}

// strays finds running processes that carry the stack's tag: the name in the tag is theirs.
func strays(stackID string) []Process {
	paths, _ := filepath.Glob("/proc/[0-9]*/environ")
	prefix := []byte(tag(stackID, ""))
	boot := bootID()
	var found []Process
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil { // of another user, or gone
			continue
		}
		for kv := range bytes.SplitSeq(raw, []byte{0}) {
			name, ok := bytes.CutPrefix(kv, prefix)
			if !ok {
				continue
			}
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if ticks, ok := startTicks(pid); ok && pid != os.Getpid() {
				found = append(found, Process{Name: string(name), PID: pid, Ticks: ticks, Boot: boot, Argv: argvOf(pid)})
			}
		}
	}
	return found
}

// leadsSession says whether a process is the first of its session, as spawn makes it.
func leadsSession(pid int) bool {
	sid, _, errno := syscall.Syscall(syscall.SYS_GETSID, uintptr(pid), 0, 0)
	return errno == 0 && int(sid) == pid
}

func argvOf(pid int) []string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimRight(string(raw), "\x00"), "\x00")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
