package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Superuser is the role that every cluster is born with.
const Superuser = "postgres"

// Cluster is one PostgreSQL data folder and how it is started.
type Cluster struct {
	Bin      string            // folder of the binaries, from Binaries
	Dir      string            // data folder; its parents must be reachable by the user postgres
	Port     int               // on 127.0.0.1
	Settings map[string]string // further lines of postgresql.conf
	Password string            // of the superuser; empty: anyone on this machine is let in
}

// Exists reports whether the data folder holds a cluster that was made whole. A folder in which
// initdb was killed half-way does not count: initdb writes the version first, the control file
// late, and Init adds its own mark at the very end.
func (c *Cluster) Exists() bool {
	_, err := os.Stat(filepath.Join(c.Dir, madeMark))
	return err == nil
}

const madeMark = "habeas.made"

// Init makes the cluster with UTF-8 and a locale that sorts alike everywhere. What an earlier,
// interrupted Init left in the folder is removed first. Nothing is done when the cluster Exists.
func (c *Cluster) Init(ctx context.Context) error {
	if c.Exists() {
		return nil
	}
	if err := c.clear(); err != nil {
		return err
	}
	cred, err := Credential()
	if err != nil {
		return err
	}
	args := []string{"-D", c.Dir, "-U", Superuser, "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"}
	if c.Password == "" {
		args = append(args, "--auth=trust")
	} else {
		// A file for a moment: on the command line everybody could read it.
		file := c.Dir + ".password"
		if err := os.WriteFile(file, []byte(c.Password+"\n"), 0o600); err != nil {
			return fmt.Errorf("handing over the password: %w", err)
		}
		defer os.Remove(file)
		if err := own(file, cred); err != nil {
			return err
		}
		args = append(args, "--auth=scram-sha-256", "--pwfile="+file)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(c.Bin, "initdb"), args...)
	cmd.Dir = "/"
	cmd.Env = Environ()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("making a PostgreSQL cluster: %w: %s", err, lastLine(out.String()))
	}
	mark := filepath.Join(c.Dir, madeMark)
	if err := os.WriteFile(mark, []byte("made by habeas\n"), 0o600); err != nil {
		return fmt.Errorf("marking the cluster as made: %w", err)
	}
	return own(mark, cred)
}

// clear leaves an empty data folder that belongs to the user who will run the cluster. It refuses
// a folder with a cluster of somebody else.
func (c *Cluster) clear() error {
	if _, err := os.Stat(filepath.Join(c.Dir, "global", "pg_control")); err == nil {
		if _, err := os.Stat(filepath.Join(c.Dir, "postmaster.opts")); err == nil {
			return fmt.Errorf("%s holds a PostgreSQL cluster that was not made here; choose another folder", c.Dir)
		}
	}
	if err := os.RemoveAll(c.Dir); err != nil {
		return fmt.Errorf("clearing a half-made cluster: %w", err)
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	cred, err := Credential()
	if err != nil {
		return err
	}
	return own(c.Dir, cred)
}

func own(path string, cred *syscall.Credential) error {
	if cred == nil {
		return nil
	}
	if err := os.Chown(path, int(cred.Uid), int(cred.Gid)); err != nil {
		return fmt.Errorf("giving a file to the user postgres: %w", err)
	}
	return nil
}

// Argv is the command that runs the cluster in the foreground. It is the server itself and not
// pg_ctl, so that whoever starts it knows its process. SIGINT stops it fast and cleanly.
func (c *Cluster) Argv() []string {
	argv := []string{
		filepath.Join(c.Bin, "postgres"), "-D", c.Dir, "-p", strconv.Itoa(c.Port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "timezone=UTC", "-c", "log_timezone=UTC",
	}
	keys := make([]string, 0, len(c.Settings))
	for k := range c.Settings {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		argv = append(argv, "-c", k+"="+c.Settings[k])
	}
	return argv
}

// Environ is our environment without PG… variables, which would bend the server's defaults, and
// with messages in English.
func Environ() []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "PG") || strings.HasPrefix(kv, "LC_") || strings.HasPrefix(kv, "LANG=")
	})
	return append(env, "LANG=C.UTF-8", "LC_ALL=C.UTF-8")
}

// ErrExited is what WaitReady says of a server that ended before it was ready.
var ErrExited = errors.New("PostgreSQL ended before it was ready")

// WaitReady waits until the server with that process id takes connections: line 8 of its
// postmaster.pid says "ready". Line 1 must be the pid, because the file of a killed server may
// still lie there. alive tells whether the process still runs.
func (c *Cluster) WaitReady(ctx context.Context, pid int, alive func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if c.ready(pid) {
			return nil
		}
		if !alive() {
			return ErrExited
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for PostgreSQL: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

func (c *Cluster) ready(pid int) bool {
	raw, err := os.ReadFile(filepath.Join(c.Dir, "postmaster.pid"))
	if err != nil {
		return false
	}
	lines := strings.Split(string(raw), "\n")
	return len(lines) >= 8 && strings.TrimSpace(lines[0]) == strconv.Itoa(pid) && strings.HasPrefix(lines[7], "ready")
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
