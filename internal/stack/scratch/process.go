package scratch

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Process is a server that ends with us.
type Process struct {
	*os.Process
	exited chan struct{} // closed when it has ended
}

// Spec is how a Process is started.
type Spec struct {
	Argv []string
	Env  []string
	Dir  string
	As   *syscall.Credential // nil: ourselves
	Log  string              // file for its output, emptied first
	// LastWill is the signal that the kernel sends it when this process ends.
	LastWill syscall.Signal
}

// Start starts a server. It does not wait until it is ready.
func Start(s Spec) (*Process, error) {
	log, err := os.OpenFile(s.Log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(s.Argv[0], s.Argv[1:]...) // it outlives every context: the kernel ends it with us
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.Dir, s.Env, log, log
	// A group of its own keeps the terminal's Ctrl-C away from it: the tests still need it while
	// they clean up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.As, Pdeathsig: s.LastWill, Setpgid: true}
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
		return nil, fmt.Errorf("starting %s: %w", s.Argv[0], err)
	}
	return &Process{Process: cmd.Process, exited: exited}, nil
}

// Alive reports whether it still runs.
func (p *Process) Alive() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// Stop sends the signal, waits for the end, and kills what does not end in time.
func (p *Process) Stop(sig syscall.Signal, patience time.Duration) {
	_ = p.Signal(sig) // it may have ended already
	select {
	case <-p.exited:
	case <-time.After(patience):
		_ = p.Kill()
		<-p.exited
	}
}
