package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	ours "github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/stack"
	"github.com/habeas-dsr/habeas/internal/stack/catcher"
)

// fault is a kind of fault: what it breaks, how, for how long, and how that is mended.
type fault struct {
	name   string
	what   string // faults of one thing come one after the other
	tenths int    // how long it lasts at most, in tenths of the saboteur's scale
	strike func(context.Context, *saboteur) error
	mend   func(context.Context, *saboteur) error
}

// lasts draws how long a fault lasts.
func (f fault) lasts(s *saboteur) time.Duration {
	if f.tenths == 0 {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	most := time.Duration(f.tenths) * s.scale
	return most/3 + time.Duration(s.random.Int64N(int64(most-most/3)))
}

// workersKilled is the fault that a play asks for itself: every worker dies at once.
const workersKilled = "workers-kill"

// The things that faults break.
const (
	onWorkers  = "workers"
	onPostgres = "postgres"
	onTemporal = "temporal"
	onMail     = "mail"
	onBlobs    = "blobs"
	onLine     = "line"
	onPortal   = "portal"
	onMariaDB  = "mariadb"
)

// cutSystem is the system whose line is cut: the one on MariaDB.
const cutSystem = "billing"

// faults are all kinds, in the order in which a report lists them.
var faults = []fault{
	{"worker-kill", onWorkers, 1, func(_ context.Context, s *saboteur) error { return s.endWorker(syscall.SIGKILL) }, mendWorkers},
	{"worker-term", onWorkers, 1, func(_ context.Context, s *saboteur) error { return s.endWorker(syscall.SIGTERM) }, mendWorkers},
	{workersKilled, onWorkers, 1, killWorkers, mendWorkers},
	{"postgres-fast", onPostgres, 1, signalled("postgres", syscall.SIGINT), mendStack},
	{"postgres-kill", onPostgres, 1, signalled("postgres", syscall.SIGKILL), mendStack},
	{"mariadb-kill", onMariaDB, 1, signalled("mariadb", syscall.SIGKILL), mendStack},
	{"temporal-restart", onTemporal, 1, signalled("temporal", syscall.SIGTERM), mendStack},
	{"temporal-kill", onTemporal, 1, signalled("temporal", syscall.SIGKILL), mendStack},
	{"portal-kill", onPortal, 1, signalled("portal", syscall.SIGKILL), mendPortal},
	{"smtp-4xx", onMail, 4, armed(catcher.Fault{Rcpt: "451 4.3.0"}), disarm},
	{"smtp-4xx-data", onMail, 4, armed(catcher.Fault{Data: "452 4.3.1"}), disarm},
	{"smtp-5xx", onMail, 1, armed(catcher.Fault{Rcpt: "550 5.7.1"}), disarm},
	{"smtp-hang", onMail, 4, armed(catcher.Fault{DelayMS: 9000}), disarm},
	{"smtp-drop", onMail, 3, armed(catcher.Fault{DropAfterData: true}), disarm},
	{"sms-503", onMail, 3, armed(catcher.Fault{SMS: 503}), disarm},
	{"blobs-full", onBlobs, 4, fillBlobs, emptyBlobs},
	{"system-cut", onLine, 10, cut, join},
}

func faultNames() []string {
	var names []string
	for _, f := range faults {
		names = append(names, f.name)
	}
	return names
}

// possible are the faults that can be injected here, and the others with why they cannot.
func possible(own map[string]string, blobs string, only []string) (can []fault, cannot []string) {
	foreign := map[string]string{onPostgres: "HABEAS_DATABASE_URL", onTemporal: "TEMPORAL_ADDRESS", onBlobs: "HABEAS_BLOBS", onPortal: "HABEAS_PORTAL_LISTEN"}
	for _, f := range faults {
		why := ""
		if v := foreign[f.what]; v != "" && own[v] != "" {
			why = v + " names somebody else's"
		}
		if f.what == onMail && own["HABEAS_SMTP_URL"]+own["HABEAS_SMS_URL"] != "" {
			why = "the mail server is somebody else's"
		}
		if (f.what == onPostgres || f.what == onLine || f.what == onMariaDB) && own[stack.DSNVariable("accounts")]+own[stack.DSNVariable("support")]+own[stack.DSNVariable(cutSystem)] != "" {
			why = "the systems' databases are somebody else's"
		}
		if f.what == onBlobs && blobs == "" && why == "" {
			why = "no small file system can be mounted here"
		}
		switch {
		case len(only) > 0 && !slices.Contains(only, f.name):
		case why != "":
			cannot = append(cannot, f.name+": "+why)
		default:
			can = append(can, f)
		}
	}
	return can, cannot
}

// endWorker ends one of the workers, drawn by lot.
func (s *saboteur) endWorker(sig syscall.Signal) error {
	s.mu.Lock()
	w := s.workers[s.random.IntN(len(s.workers))]
	s.mu.Unlock()
	return s.signal(w.name, sig)
}

func killWorkers(_ context.Context, s *saboteur) error {
	var errs []error
	for _, w := range s.workers {
		errs = append(errs, s.signal(w.name, syscall.SIGKILL))
	}
	return errors.Join(errs...)
}

// mendWorkers starts every worker that does not run.
func mendWorkers(ctx context.Context, s *saboteur) error {
	return s.again(ctx, func() error {
		for _, w := range s.workers {
			if p, ok := s.c.Stack.Process(w.name); ok && p.Alive() {
				continue
			}
			// What it needs may be down, and is mended only when nobody is at work on the stack: it is not waited
			// for long. One that lives will be ready by itself.
			short, cancel := context.WithTimeout(ctx, 8*time.Second)
			err := s.c.StartWorkerAs(short, w.name, w.metrics)
			cancel()
			if p, ok := s.c.Stack.Process(w.name); err != nil && (!ok || !p.Alive()) {
				return err
			}
		}
		return nil
	})
}

// orderly is how long a process may take to end when it is asked to: more than the worker gives its own steps.
const orderly = 45 * time.Second

// signal ends a process of the stack and waits until it is gone.
func (s *saboteur) signal(name string, sig syscall.Signal) error {
	s.stack.Lock()
	defer s.stack.Unlock()
	now, err := stack.Open(s.c.Stack.Dir())
	if err != nil {
		return err
	}
	p, ok := now.Process(name)
	if !ok {
		return fmt.Errorf("there is no process %s", name)
	}
	if !p.Alive() {
		return nil
	}
	if err := syscall.Kill(p.PID, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signalling %s: %w", name, err)
	}
	for deadline := time.Now().Add(orderly); p.Alive(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			_ = syscall.Kill(p.PID, syscall.SIGKILL) // it has had its time
		}
	}
	return nil
}

func signalled(name string, sig syscall.Signal) func(context.Context, *saboteur) error {
	return func(_ context.Context, s *saboteur) error { return s.signal(name, sig) }
}

// mendStack has every server of the stack run.
func mendStack(ctx context.Context, s *saboteur) error {
	return s.again(ctx, func() error {
		_, err := stack.Up(ctx, stack.Options{Dir: s.c.Stack.Dir(), BinSelf: filepath.Join(s.bin, "habeas")})
		return err
	})
}

func mendPortal(ctx context.Context, s *saboteur) error {
	return s.again(ctx, func() error {
		short, cancel := context.WithTimeout(ctx, 8*time.Second)
		defer cancel()
		return s.c.StartPortal(short)
	})
}

// again tries until it is done, alone on the stack, while something else may be down.
func (s *saboteur) again(ctx context.Context, do func() error) error {
	for {
		s.stack.Lock()
		err := do()
		s.stack.Unlock()
		if err == nil || ours.Is(err, contract.ErrBadInput) || !rest(ctx, time.Second) {
			return err
		}
	}
}

func armed(f catcher.Fault) func(context.Context, *saboteur) error {
	return func(ctx context.Context, s *saboteur) error { return s.mail.Arm(ctx, f) }
}

func disarm(ctx context.Context, s *saboteur) error { return s.mail.Disarm(ctx) }

// mostFilled is more than the small file system holds.
const mostFilled = 80 << 20

// fillBlobs writes a file until the kernel says that the file system is full.
func fillBlobs(_ context.Context, s *saboteur) error {
	file, err := os.OpenFile(s.filler(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("filling the blob store: %w", err)
	}
	defer func() { _ = file.Close() }()
	written := 0
	for _, size := range []int{1 << 20, 4096, 1} {
		for err = nil; err == nil; written += size {
			if _, err = file.Write(make([]byte, size)); written > mostFilled {
				return errors.New("the small file system of the blob store is no longer mounted")
			}
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return fmt.Errorf("filling the blob store: %w", err)
		}
	}
	return nil
}

func (s *saboteur) filler() string { return filepath.Join(filepath.Dir(s.blobs), "filler") }

func emptyBlobs(_ context.Context, s *saboteur) error { return os.Remove(s.filler()) }

func cut(_ context.Context, s *saboteur) error { s.lines[cutSystem].Down(); return nil }

func join(_ context.Context, s *saboteur) error { return s.lines[cutSystem].Up() }
