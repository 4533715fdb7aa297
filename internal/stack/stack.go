package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/stack/catcher"
)

// Stack is a stack as it stood when it was read.
type Stack struct {
	dir   string
	state State
}

// Open reads the stack in a folder ("" is DefaultDir()) without starting anything.
func Open(dir string) (*Stack, error) {
	dir, err := resolve(dir)
	if err != nil {
		return nil, err
	}
	state, err := readState(dir)
	if errors.Is(err, errNoState) {
		return nil, fault.New(contract.ErrNotFound, "there is no stack in "+dir, err).WithHint("run: habeas stack up")
	}
	if err != nil {
		return nil, err
	}
	return &Stack{dir: dir, state: *state}, nil
}

// Dir is the state folder.
func (s *Stack) Dir() string { return s.dir }

// Ports are where the parts listen.
func (s *Stack) Ports() Ports { return s.state.Ports }

// DatabaseURL connects a role (Role…) to a database on PostgreSQL: CasefileDatabase, or the name of a
// system that is there.
func (s *Stack) DatabaseURL(role, database string) string { return s.state.databaseURL(role, database) }

// TemporalAddress is host and port of Temporal's frontend.
func (s *Stack) TemporalAddress() string { return loopback(s.state.Ports.Temporal) }

// TemporalUI is the page that lists the workflows.
func (s *Stack) TemporalUI() string {
	return "http://" + loopback(s.state.Ports.TemporalUI) + "/namespaces/" + Namespace + "/workflows"
}

// MailPage is the page that shows caught letters and short messages, and the base of its API.
func (s *Stack) MailPage() string { return "http://" + loopback(s.state.Ports.Catcher) }

// Catcher reads what was caught.
func (s *Stack) Catcher() *catcher.Client { return catcher.NewClient(s.MailPage()) }

// Env is the environment that points a program at this stack. HABEAS_DATABASE_URL is that of the
// role: RoleStaff for command line and portal, RoleApp for the worker, RoleOwner to migrate. Only the
// worker may change the systems.
// HABEAS_SMS_SECRET_FILE names the file whose trimmed content signs the SMS webhook.
func (s *Stack) Env(role string) map[string]string {
	env := map[string]string{
		"HABEAS_STATE":           s.dir,
		"HABEAS_DATABASE_URL":    s.DatabaseURL(role, CasefileDatabase),
		"HABEAS_SMTP_URL":        "smtp://" + loopback(s.state.Ports.SMTP),
		"HABEAS_SMS_URL":         s.MailPage() + "/sms",
		"HABEAS_SMS_SECRET_FILE": smsSecretFile(s.dir),
		"TEMPORAL_ADDRESS":       s.TemporalAddress(),
		"TEMPORAL_NAMESPACE":     Namespace,
	}
	in := RoleReader
	if role == RoleApp {
		in = RoleEraser
	}
	for _, system := range s.state.systems() {
		env[DSNVariable(system)] = s.state.systemURL(in, system)
	}
	return env
}

// DSNVariable is the variable that holds the DSN of a system: HABEAS_DSN_ and its name in upper
// case with _ for -.
func DSNVariable(system string) string {
	return "HABEAS_DSN_" + strings.ToUpper(strings.ReplaceAll(system, "-", "_"))
}

// LoadDSNs are the systems' databases as their owner, by system, for whoever fills them.
func (s *Stack) LoadDSNs() map[string]string {
	dsns := map[string]string{}
	for _, system := range s.state.systems() {
		dsns[system] = s.state.systemURL(RoleExample, system)
	}
	return dsns
}

// writeEnv writes env.sh for staff, env-worker.sh and env-owner.sh, to be sourced by a shell.
func (s *Stack) writeEnv() error {
	for name, role := range map[string]string{"env.sh": RoleStaff, "env-worker.sh": RoleApp, "env-owner.sh": RoleOwner} {
		var b strings.Builder
		fmt.Fprintf(&b, "# Points a shell at this stack as %s. Written by habeas stack up.\n", role)
		env := s.Env(role)
		for _, k := range slices.Sorted(maps.Keys(env)) {
			fmt.Fprintf(&b, "export %s='%s'\n", k, strings.ReplaceAll(env[k], "'", `'\''`))
		}
		if err := replaceFile(filepath.Join(s.dir, name), []byte(b.String())); err != nil {
			return err
		}
	}
	return nil
}

var processName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// StartProcess starts a detached process that Down will stop, before the parts of the stack
// itself. env is added to our own environment. One of the same name that runs is stopped first.
// logfile "" is log/<name>.log in the state folder. It does not wait until the process is ready.
func (s *Stack) StartProcess(name string, argv []string, env map[string]string, logfile string) (Process, error) {
	if !processName.MatchString(name) || slices.Contains([]string{"postgres", mariadbPart, "temporal", "catcher"}, name) || len(argv) == 0 {
		return Process{}, fault.Newf(contract.ErrBadInput, "a process needs a command and a name of its own, not %q", name)
	}
	var proc Process
	err := s.update(func(w *session) error {
		if old, ok := w.state.process(name); ok {
			if _, err := w.end(old); err != nil {
				return err
			}
		}
		sp := spec{name: name, argv: argv, env: os.Environ(), log: logfile}
		if sp.log == "" {
			sp.log = w.logPath(name)
		}
		for _, k := range slices.Sorted(maps.Keys(env)) {
			sp.env = append(without(sp.env, k), k+"="+env[k])
		}
		var err error
		if proc, err = spawn(w.state.ID, sp); err != nil {
			return fault.New(contract.ErrUnavailable, name+" does not start", err)
		}
		w.state.put(proc)
		return nil
	})
	return proc, err
}

// StopProcess stops a process that StartProcess started; one that does not run is no error.
func (s *Stack) StopProcess(name string) (Ended, error) {
	ended := Ended{Name: name, How: EndedBefore}
	err := s.update(func(w *session) error {
		p, ok := w.state.process(name)
		if !ok {
			return nil
		}
		var err error
		ended, err = w.end(p)
		return err
	})
	return ended, err
}

// Process returns what is recorded of a process, also of "postgres", "mariadb", "temporal" and
// "catcher".
func (s *Stack) Process(name string) (Process, bool) { return s.state.process(name) }

// update changes the state under the lock.
func (s *Stack) update(change func(*session) error) error {
	w, err := open(Options{Dir: s.dir}, false)
	if err != nil {
		return err
	}
	defer w.close()
	changeErr := change(w)
	if err := w.save(); err != nil {
		return errors.Join(changeErr, err)
	}
	s.state = *w.state
	return changeErr
}

// PartStatus is one process of a stack.
type PartStatus struct {
	Name      string   `json:"name"`
	PID       int      `json:"pid"`
	Running   bool     `json:"running"`
	Answering bool     `json:"answering"` // of the stack's own parts; as Running for others
	Addresses []string `json:"addresses,omitempty"`
	Log       string   `json:"log"`
}

// Report is how a stack stands.
type Report struct {
	Dir        string       `json:"dir"`
	Up         bool         `json:"up"` // every part of the stack itself answers
	Parts      []PartStatus `json:"parts"`
	TemporalUI string       `json:"temporal_ui,omitempty"`
	MailPage   string       `json:"mail_page,omitempty"`
}

// Status asks every part whether it answers. It takes no lock and changes nothing; a folder
// without a stack gives a report that is not up.
func Status(ctx context.Context, o Options) (Report, error) {
	dir, err := resolve(o.Dir)
	if err != nil {
		return Report{}, err
	}
	state, err := readState(dir)
	if errors.Is(err, errNoState) {
		return Report{Dir: dir}, nil
	}
	if err != nil {
		return Report{}, err
	}
	s := &session{opts: o, dir: dir, state: state}
	st := &Stack{dir: dir, state: *state}
	r := Report{Dir: dir, Up: true, TemporalUI: st.TemporalUI(), MailPage: st.MailPage()}
	for _, p := range s.parts() {
		proc, _ := state.process(p.name)
		ps := PartStatus{Name: p.name, PID: proc.PID, Running: proc.Alive(), Log: s.logPath(p.name)}
		ps.Answering = ps.Running && s.probe(ctx, p) == nil
		for _, u := range p.ports {
			ps.Addresses = append(ps.Addresses, loopback(*u.port))
		}
		r.Up = r.Up && ps.Answering
		r.Parts = append(r.Parts, ps)
	}
	for _, p := range state.Processes {
		if !slices.ContainsFunc(r.Parts, func(have PartStatus) bool { return have.Name == p.Name }) {
			r.Parts = append(r.Parts, PartStatus{Name: p.Name, PID: p.PID, Running: p.Alive(), Answering: p.Alive(), Log: p.Log})
		}
	}
	return r, nil
}
