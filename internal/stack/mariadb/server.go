package mariadb

import (
	"bytes"
	"context"
	"database/sql"
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

// Superuser is the account that every server is born with, without a password. It may come from
// this machine alone.
const Superuser = "root"

// Server is one MariaDB data folder and how it is started.
type Server struct {
	Programs
	Dir      string            // data folder; its parents must be reachable by the user mysql
	Port     int               // on 127.0.0.1
	Settings map[string]string // further options, without the leading dashes
	Password string            // of the superuser; empty: anyone on this machine is let in
}

const madeMark = "habeas.made"

// Exists reports whether the data folder holds a server's data that was made whole: Init leaves
// its mark at the very end.
func (s *Server) Exists() bool {
	_, err := os.Stat(filepath.Join(s.Dir, madeMark))
	return err == nil
}

// Init makes the data folder. What an earlier, interrupted Init left in it is removed first.
// Nothing is done when the data Exists.
func (s *Server) Init(ctx context.Context) error {
	if s.Exists() {
		return nil
	}
	cred, err := Credential()
	if err != nil {
		return err
	}
	if err := s.clear(cred); err != nil {
		return err
	}
	args := []string{"--no-defaults", "--datadir=" + s.Dir, "--auth-root-authentication-method=normal",
		"--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=32M",
		"--tmpdir=" + s.Dir} // a server that starts removes what others have in a folder they share
	if s.Password != "" {
		// A file for a moment: on the command line everybody could read it.
		file := s.Dir + ".password"
		if err := os.WriteFile(file, []byte(passwordSQL(s.Password)), 0o600); err != nil {
			return fmt.Errorf("handing over the password: %w", err)
		}
		defer os.Remove(file)
		if err := own(file, cred); err != nil {
			return err
		}
		args = append(args, "--extra-file="+file)
	}
	cmd := exec.CommandContext(ctx, s.Install, args...)
	cmd.Dir, cmd.Env = "/", Environ()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("making a MariaDB data folder: %w: %s", err, complaint(out.String()))
	}
	mark := filepath.Join(s.Dir, madeMark)
	if err := os.WriteFile(mark, []byte("made by habeas\n"), 0o600); err != nil {
		return fmt.Errorf("marking the data folder as made: %w", err)
	}
	return own(mark, cred)
}

// passwordSQL sets the superuser's password in the tables, as the server that installs knows no
// accounts yet.
func passwordSQL(password string) string {
	return "UPDATE mysql.global_priv SET Priv = JSON_SET(Priv, '$.plugin', 'mysql_native_password', '$.authentication_string', PASSWORD('" +
		strings.NewReplacer(`\`, `\\`, "'", "''").Replace(password) + "')) WHERE User = '" + Superuser + "';\n"
}

// clear leaves an empty data folder that belongs to the user who will run the server. It refuses
// a folder with data of somebody else.
func (s *Server) clear(cred *syscall.Credential) error {
	if entries, err := os.ReadDir(s.Dir); err == nil && len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(s.Dir, startedMark)); err != nil {
			return fmt.Errorf("%s holds data that was not made here; choose another folder", s.Dir)
		}
		if err := os.RemoveAll(s.Dir); err != nil {
			return fmt.Errorf("clearing a half-made data folder: %w", err)
		}
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	mark := filepath.Join(s.Dir, startedMark)
	if err := os.WriteFile(mark, []byte("begun by habeas\n"), 0o600); err != nil {
		return fmt.Errorf("marking the data folder as begun: %w", err)
	}
	return errors.Join(own(mark, cred), own(s.Dir, cred))
}

const startedMark = "habeas.begun"

func own(path string, cred *syscall.Credential) error {
	if cred == nil {
		return nil
	}
	if err := os.Chown(path, int(cred.Uid), int(cred.Gid)); err != nil {
		return fmt.Errorf("giving a file to the user mysql: %w", err)
	}
	return nil
}

// complaint is the line of the installer's output that says what is wrong.
func complaint(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for _, line := range lines {
		if strings.Contains(line, "ERROR") {
			return strings.TrimSpace(line)
		}
	}
	return lines[len(lines)-1]
}

// Argv is the command that runs the server in the foreground. SIGTERM stops it cleanly. The
// socket, which nobody uses, lies in the data folder under a short relative name.
func (s *Server) Argv() []string {
	argv := []string{
		s.Server, "--no-defaults", "--datadir=" + s.Dir, "--tmpdir=" + s.Dir, "--bind-address=127.0.0.1", "--port=" + strconv.Itoa(s.Port),
		"--socket=s", "--pid-file=pid", "--skip-log-bin", "--skip-name-resolve", "--default-time-zone=+00:00",
		"--character-set-server=utf8mb4", "--local-infile=OFF", "--performance-schema=OFF", "--innodb-log-file-size=32M",
	}
	keys := make([]string, 0, len(s.Settings))
	for k := range s.Settings {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		argv = append(argv, "--"+k+"="+s.Settings[k])
	}
	return argv
}

// ErrExited is what WaitReady says of a server that ended before it was ready.
var ErrExited = errors.New("MariaDB ended before it was ready")

// WaitReady waits until the server answers to the DSN. alive tells whether its process still runs.
func (s *Server) WaitReady(ctx context.Context, dsn string, alive func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if !alive() {
			return ErrExited
		}
		err := Do(ctx, dsn, func(*sql.DB) error { return nil })
		if err == nil && alive() {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for MariaDB: %w", errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}
