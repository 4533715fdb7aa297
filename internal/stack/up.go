package stack

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Options say which stack is meant and what it shall have.
type Options struct {
	Dir           string       // state folder; "" is DefaultDir()
	Systems       []string     // example systems that get a database each; those of earlier calls stay
	MariaDB       []string     // the same, for systems whose database is in MariaDB
	BinSelf       string       // our own program, which runs the catcher; "" is the running one
	Ports         Ports        // 0: as remembered, or else a free one
	CodecEndpoint string       // for the Temporal UI; "" leaves it as remembered
	Progress      func(string) // one line for each step; nil: none
}

// session is one command at work on a stack, holding its lock.
type session struct {
	opts  Options
	dir   string
	state *State
	lock  *os.File
}

// open takes the lock and reads the state; without create a missing stack is errNoState.
func open(o Options, create bool) (*session, error) {
	dir, err := resolve(o.Dir)
	if err != nil {
		return nil, err
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if create {
		if err := prepareDir(dir); err != nil {
			return nil, err
		}
	} else if !exists(filepath.Join(dir, "state.json")) {
		return nil, errNoState
	}
	lock, err := takeLock(dir)
	if err != nil {
		return nil, err
	}
	state, err := readState(dir)
	if errors.Is(err, errNoState) && create {
		state, err = &State{Version: stateVersion, ID: randomHex(16)}, nil
	}
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	return &session{opts: o, dir: dir, state: state, lock: lock}, nil
}

func (s *session) close() { _ = s.lock.Close() }

func (s *session) save() error { return s.state.write(s.dir) }

// prepareDir makes the state folder. As root the user postgres must be able to pass through it,
// and through every folder above. A folder that exists keeps its mode, but for that.
func prepareDir(dir string) error {
	if !exists(dir) {
		if err := mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	if os.Geteuid() == 0 {
		if err := letThrough(dir); err != nil {
			return err
		}
	}
	return mkdir(filepath.Join(dir, "log"), 0o700)
}

func letThrough(dir string) error {
	st, err := os.Stat(dir)
	if err != nil {
		return fault.New(contract.ErrBadInput, "cannot use the folder "+dir, err)
	}
	if st.Mode()&0o001 == 0 {
		if err := os.Chmod(dir, st.Mode().Perm()|0o011); err != nil {
			return fault.New(contract.ErrBadInput, "cannot set the mode of "+dir, err)
		}
	}
	for p := filepath.Dir(dir); ; p = filepath.Dir(p) {
		if st, err := os.Stat(p); err == nil && st.Mode()&0o001 == 0 {
			return fault.Newf(contract.ErrBadInput, "PostgreSQL cannot run in %s: the user postgres may not enter %s", dir, p).
				WithHint("set HABEAS_STATE to a folder outside it, such as /var/lib/habeas")
		}
		if p == filepath.Dir(p) {
			return nil
		}
	}
}

func mkdir(dir string, mode os.FileMode) error {
	if err := os.MkdirAll(dir, mode); err != nil {
		return fault.New(contract.ErrBadInput, "cannot make the folder "+dir, err).WithHint("choose another HABEAS_STATE")
	}
	if err := os.Chmod(dir, mode); err != nil { // whatever the umask was
		return fault.New(contract.ErrBadInput, "cannot set the mode of "+dir, err).WithHint("choose another HABEAS_STATE")
	}
	return nil
}

// Up starts what does not run, waits until all of it answers, and makes missing databases. It may
// be called on a running stack. When it fails, what it started stays; Down stops it.
func Up(ctx context.Context, o Options) (*Stack, error) {
	if err := checkSystems(slices.Concat(o.Systems, o.MariaDB)); err != nil {
		return nil, err
	}
	s, err := open(o, true)
	if err != nil {
		return nil, err
	}
	defer s.close()
	s.state.adopt(o)
	if o.CodecEndpoint != "" {
		s.state.Codec = o.CodecEndpoint
	}
	for _, account := range append(slices.Clone(roles), mariadbAccount) {
		s.state.password(account)
	}
	s.adoptStrays()
	for _, p := range s.parts() {
		if err := s.ensure(ctx, p); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(s.prepareDatabases(ctx), s.prepareMariaDB(ctx)); err != nil {
		return nil, fault.New(contract.ErrUnavailable, "cannot prepare the databases: "+err.Error(), err)
	}
	st := &Stack{dir: s.dir, state: *s.state}
	return st, st.writeEnv()
}

func (s *session) parts() []part {
	parts := []part{s.postgres(), s.temporal(), s.catcher()}
	if len(s.state.MariaDB) > 0 {
		parts = slices.Insert(parts, 1, s.mariadb())
	}
	return parts
}

// adoptStrays records processes of this stack that run without being recorded, because the
// command that started them was killed. Children of such a process carry its tag as well; they
// are told apart by the session that spawn gave to the first, and for PostgreSQL, whose children
// make sessions of their own, by its pid file.
func (s *session) adoptStrays() {
	for _, found := range strays(s.state.ID) {
		if known, ok := s.state.process(found.Name); ok && known.Alive() {
			continue
		}
		first := leadsSession(found.PID)
		if found.Name == "postgres" {
			first = found.PID == pidInFile(s.dataDir())
		}
		if first {
			found.Log = s.logPath(found.Name)
			s.state.put(found)
		}
	}
}

func (s *session) logPath(name string) string { return filepath.Join(s.dir, "log", name+".log") }
