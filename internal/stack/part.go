package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// part is one of the stack's own processes.
type part struct {
	name, title string
	ports       []portUse
	spec        func(context.Context) (spec, error) // makes what it needs, and says how it is started
	beforeStart func() error                        // nil: nothing
	ready       func(context.Context) error         // one try
}

type portUse struct {
	what  string
	port  *int // in the state
	given int
}

const (
	readyTimeout = 90 * time.Second // a loaded machine; two seconds are usual
	probeTimeout = 5 * time.Second
	startTries   = 40 // of a part that ends at once because something of its killed predecessor lingers
)

// ensure has a part running as it should: kept when it runs with the same command line, started
// anew when that has changed, started when it does not run.
func (s *session) ensure(ctx context.Context, p part) error {
	old, known := s.state.process(p.name)
	running := known && old.Alive()
	if running && s.moves(p) {
		if _, err := old.stop(stopSignal(p.name), stopGrace); err != nil {
			return err
		}
		running = false
	}
	if !running {
		for _, u := range p.ports {
			if err := settlePort(ctx, u.what, u.port, u.given, s.usedPorts(), s.opts.Progress); err != nil {
				return err
			}
		}
		if err := s.save(); err != nil { // ports and passwords come before the data they belong to
			return err
		}
	}
	sp, err := p.spec(ctx)
	if err != nil {
		return err
	}
	sp.name, sp.log = p.name, s.logPath(p.name)
	if running && slices.Equal(old.Argv, sp.argv) {
		err := s.await(ctx, p, old, logSize(old.Log))
		if errors.Is(err, errEnded) { // it was about to end when we looked
			return s.ensure(ctx, p)
		}
		return err
	}
	if running {
		if _, err := old.stop(stopSignal(p.name), stopGrace); err != nil {
			return err
		}
	}
	s.opts.Progress("starting " + p.title)
	return s.start(ctx, p, sp)
}

// moves says whether another port than the present one is asked for.
func (s *session) moves(p part) bool {
	return slices.ContainsFunc(p.ports, func(u portUse) bool { return u.given != 0 && u.given != *u.port })
}

func (s *session) usedPorts() []int {
	p := s.state.Ports
	return []int{p.Postgres, p.MariaDB, p.Temporal, p.TemporalUI, p.SMTP, p.Catcher}
}

// errEnded says that a process ended before it answered.
var errEnded = errors.New("it ended at once")

func (s *session) start(ctx context.Context, p part, sp spec) error {
	var err error
	for range startTries {
		if p.beforeStart != nil {
			if err := p.beforeStart(); err != nil {
				return err
			}
		}
		mark := logSize(sp.log)
		proc, spawnErr := spawn(s.state.ID, sp)
		if spawnErr != nil {
			return fault.New(contract.ErrUnavailable, p.title+" does not start", spawnErr)
		}
		s.state.put(proc)
		if err := s.save(); err != nil {
			return err
		}
		if err = s.await(ctx, p, proc, mark); err == nil || !errors.Is(err, errEnded) || !lingers(logTail(sp.log, mark)) {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

// lingers recognises the complaints of a part whose killed predecessor is not quite gone.
func lingers(log string) bool {
	log = strings.ToLower(log)
	return strings.Contains(log, "shared memory") || strings.Contains(log, "address already in use") || strings.Contains(log, "database is locked") ||
		strings.Contains(log, "could not get an exclusive lock") || strings.Contains(log, "unable to lock ./ibdata1")
}

// await waits until the part answers.
func (s *session) await(ctx context.Context, p part, proc Process, mark int64) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	var last error
	for {
		if !proc.Alive() {
			last = fmt.Errorf("%w; its log ends: %s", errEnded, logTail(proc.Log, mark))
			return fault.New(contract.ErrUnavailable, p.title+" did not start: "+last.Error(), last).WithHint("its log is " + proc.Log)
		}
		if last = s.probe(ctx, p); last == nil && proc.Alive() {
			return nil
		}
		if fault.Is(last, contract.ErrConflict) {
			return last
		}
		select {
		case <-ctx.Done():
			return fault.New(contract.ErrUnavailable, p.title+" does not answer", errors.Join(ctx.Err(), last)).WithHint("its log is " + proc.Log)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *session) probe(ctx context.Context, p part) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return p.ready(ctx)
}
