package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/habeas-dsr/habeas/internal/stack/cluster"
	"github.com/habeas-dsr/habeas/internal/stack/scratch"
)

const (
	folderPrefix = "habeas-pgtest-"
	startTimeout = time.Minute
	stopTimeout  = 20 * time.Second
)

// server is the cluster of this test process.
type server struct {
	root string
	lock *os.File // held while we live, so that nobody sweeps our folder
	cl   cluster.Cluster

	mu      sync.Mutex
	process *os.Process
	exited  chan struct{} // closed when process has ended
}

// launch makes a cluster and starts it.
func launch() (*server, error) {
	bin, err := cluster.Binaries()
	if err != nil {
		return nil, err
	}
	sweep(tempFolder())
	root, err := os.MkdirTemp(tempFolder(), folderPrefix)
	if err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	s := &server{root: root, cl: cluster.Cluster{Bin: bin, Dir: filepath.Join(root, "data"), Settings: map[string]string{
		"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
		"shared_buffers": "32MB", "max_connections": "200", "max_wal_size": "256MB",
	}}}
	if err := s.launch(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *server) launch() (err error) {
	// The user postgres must pass through the folder, and need not list it.
	if err := os.Chmod(s.root, 0o711); err != nil {
		return fmt.Errorf("opening the folder: %w", err)
	}
	if s.lock, err = lockFile(filepath.Join(s.root, "lock")); err != nil {
		return err
	}
	as, err := cluster.Credential()
	if err != nil {
		return err
	}
	c, err := scratch.NewCertificate(s.root, as)
	if err != nil {
		return err
	}
	s.cl.Settings["ssl"], s.cl.Settings["ssl_cert_file"], s.cl.Settings["ssl_key_file"] = "on", c.Cert, c.Key
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := s.cl.Init(ctx); err != nil {
		return err
	}
	// A free port may be taken by somebody else before the server has it.
	for range 5 {
		if s.cl.Port, err = freePort(); err != nil {
			return err
		}
		if err = s.start(); err == nil {
			return nil
		}
	}
	return err
}

// start runs the server. After a SIGKILL its orphaned children hold the shared memory for a
// moment, so a server that ends at once is tried again.
func (s *server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	var err error
	for range 20 {
		if err = s.startOnce(ctx); err == nil || !errors.Is(err, cluster.ErrExited) || !s.shared() {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("%w (its log ends: %s)", err, s.logTail())
	}
	return nil
}

func (s *server) startOnce(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(s.root, "log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	defer log.Close()
	cred, err := cluster.Credential()
	if err != nil {
		return err
	}
	argv := s.cl.Argv()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = "/", cluster.Environ(), log, log
	// SIGQUIT makes PostgreSQL end at once with all its children. A group of its own keeps the
	// terminal's Ctrl-C away from it: the tests still need it while they clean up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred, Pdeathsig: syscall.SIGQUIT, Setpgid: true}
	started, exited := make(chan error, 1), make(chan struct{})
	go func() {
		// The kernel sends Pdeathsig when the *thread* that started the child ends, so this
		// goroutine keeps its thread until the child is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended stands in its log
		}
		close(exited)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("starting PostgreSQL: %w", err)
	}
	s.process, s.exited = cmd.Process, exited
	return s.cl.WaitReady(ctx, cmd.Process.Pid, s.alive)
}

func (s *server) alive() bool {
	select {
	case <-s.exited:
		return false
	default:
		return s.process != nil
	}
}

// halt stops the server: fast but clean, or by SIGKILL.
func (s *server) halt(kill bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	sig := syscall.SIGINT
	if kill {
		sig = syscall.SIGKILL
	}
	_ = s.process.Signal(sig) // it may have ended already
	select {
	case <-s.exited:
	case <-time.After(stopTimeout):
		_ = s.process.Kill()
		<-s.exited
	}
	s.process = nil
	return nil
}

func (s *server) restart(kill bool) error {
	if err := s.halt(kill); err != nil {
		return err
	}
	return s.start()
}

// close stops the server and removes everything.
func (s *server) close() error {
	err := s.halt(false)
	if rmErr := os.RemoveAll(s.root); err == nil && rmErr != nil {
		err = fmt.Errorf("removing the folder: %w", rmErr)
	}
	if s.lock != nil {
		_ = s.lock.Close()
	}
	return err
}

func (s *server) address() Server {
	return Server{Host: "127.0.0.1", Port: s.cl.Port, User: cluster.Superuser, CA: s.cl.Settings["ssl_cert_file"]}
}

func (s *server) logTail() string {
	raw, err := os.ReadFile(filepath.Join(s.root, "log"))
	if err != nil {
		return "not readable"
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], " | ")
}

func (s *server) shared() bool { return strings.Contains(s.logTail(), "shared memory") }

// sweep removes the folders of test processes that were killed: nobody holds their lock.
func sweep(dir string) {
	stale, err := filepath.Glob(filepath.Join(dir, folderPrefix+"*", "lock"))
	if err != nil {
		return
	}
	for _, path := range stale {
		lock, err := lockFile(path)
		if err != nil {
			continue
		}
		_ = os.RemoveAll(filepath.Dir(path)) // a rest is swept by the next one
		_ = lock.Close()
	}
}

// lockFile takes an exclusive lock, or fails at once when somebody else has it.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("taking the lock: %w", err)
	}
	return f, nil
}

// tempFolder is where the cluster lies. The usual one may be inside a home that the user
// postgres cannot enter; then /tmp.
func tempFolder() string {
	dir := os.TempDir()
	for p := dir; os.Geteuid() == 0; p = filepath.Dir(p) {
		if st, err := os.Stat(p); err != nil || st.Mode()&0o001 == 0 {
			return "/tmp"
		}
		if p == filepath.Dir(p) {
			break
		}
	}
	return dir
}

func freePort() (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
