package stack

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// State is what a stack remembers, as state.json in its folder (mode 0600: it holds passwords).
type State struct {
	Version   int               `json:"version"`
	ID        string            `json:"id"` // random; marks the processes of this stack
	Ports     Ports             `json:"ports"`
	Passwords map[string]string `json:"passwords"`         // by database role
	Systems   []string          `json:"systems"`           // on PostgreSQL
	MariaDB   []string          `json:"mariadb,omitempty"` // systems on MariaDB
	Codec     string            `json:"codec_endpoint,omitempty"`
	Processes []Process         `json:"processes"` // in the order in which they were started
}

// Ports are where the parts listen on 127.0.0.1.
type Ports struct {
	Postgres   int `json:"postgres"`
	MariaDB    int `json:"mariadb,omitempty"` // 0 where no system is on it
	Temporal   int `json:"temporal"`
	TemporalUI int `json:"temporal_ui"`
	SMTP       int `json:"smtp"`
	Catcher    int `json:"catcher"` // page, API and SMS webhook
}

const stateVersion = 1

// DefaultDir is where the stack lives unless told: HABEAS_STATE; as root /var/lib/habeas, because
// the user postgres cannot enter root's home; otherwise habeas in the XDG state folder.
func DefaultDir() string {
	if dir := os.Getenv("HABEAS_STATE"); dir != "" {
		return dir
	}
	if os.Geteuid() == 0 {
		return "/var/lib/habeas"
	}
	base := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(base) {
		base = filepath.Join(os.Getenv("HOME"), ".local", "state")
	}
	return filepath.Join(base, "habeas")
}

func resolve(dir string) (string, error) {
	if dir == "" {
		dir = DefaultDir()
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fault.New(contract.ErrBadInput, "the state folder has no absolute path", err)
	}
	return abs, nil
}

// errNoState says that a folder holds no stack.
var errNoState = errors.New("no stack here")

func readState(dir string) (*State, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "state.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoState
	}
	if err != nil {
		return nil, fault.New(contract.ErrBadInput, "cannot read the stack's state in "+dir, err).WithHint("use the account that started the stack")
	}
	var s State
	if err := json.Unmarshal(raw, &s); err != nil || s.Version != stateVersion {
		return nil, fault.New(contract.ErrBadInput, "state.json in "+dir+" is not one of this version", err).
			WithHint("stop the stack with the version that started it, or choose another HABEAS_STATE")
	}
	return &s, nil
}

// write replaces state.json whole, and makes it last: it holds the password of the cluster.
func (s *State) write(dir string) error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the state: %w", err)
	}
	return replaceFile(filepath.Join(dir, "state.json"), append(raw, '\n'))
}

func replaceFile(path string, raw []byte) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	_, err = f.Write(raw)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	return nil
}

// process returns the record of that name.
func (s *State) process(name string) (Process, bool) {
	i := slices.IndexFunc(s.Processes, func(p Process) bool { return p.Name == name })
	if i < 0 {
		return Process{}, false
	}
	return s.Processes[i], true
}

// put records a process as the last one started; an older one of its name is forgotten.
func (s *State) put(p Process) {
	s.drop(p.Name)
	s.Processes = append(s.Processes, p)
}

func (s *State) drop(name string) {
	s.Processes = slices.DeleteFunc(s.Processes, func(p Process) bool { return p.Name == name })
}

// password returns the password of a role, drawn at first use.
func (s *State) password(role string) string {
	if s.Passwords == nil {
		s.Passwords = map[string]string{}
	}
	if s.Passwords[role] == "" {
		s.Passwords[role] = randomHex(16)
	}
	return s.Passwords[role]
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails, by its contract
	return hex.EncodeToString(b)
}

// takeLock keeps other commands away from the folder until the file is closed, or we are killed.
func takeLock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.New(contract.ErrBadInput, "cannot write to the state folder "+dir, err).WithHint("use the account that started the stack, or set HABEAS_STATE")
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fault.New(contract.ErrConflict, "another command is at work on the stack in "+dir, err).WithHint("wait until it has ended, then try again")
	}
	return f, nil
}
