package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// stopGrace is how long a process may take to end by itself. A worker needs up to thirty seconds.
const stopGrace = 40 * time.Second

// Ended says what became of one process.
type Ended struct {
	Name string `json:"name"`
	PID  int    `json:"pid"`
	How  string `json:"how"` // one of Ended…
}

// stopSignal is how a process is asked to end. SIGINT makes PostgreSQL drop its clients; SIGTERM
// would wait for them.
func stopSignal(name string) syscall.Signal {
	if name == "postgres" {
		return syscall.SIGINT
	}
	return syscall.SIGTERM
}

// Down stops the stack: what was started last goes first, so that a worker still has its servers
// while it ends. What does not end in time is killed. Data and ports stay. A folder without a
// stack gives an empty report.
func Down(ctx context.Context, o Options) ([]Ended, error) {
	s, err := open(o, false)
	if errors.Is(err, errNoState) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer s.close()
	var report []Ended
	var problems []error
	for _, p := range slices.Backward(slices.Clone(s.state.Processes)) {
		if ctx.Err() != nil {
			problems = append(problems, ctx.Err())
			break
		}
		ended, err := s.end(p)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		report = append(report, ended)
	}
	for _, p := range strays(s.state.ID) {
		ended, err := s.end(p)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		report = append(report, ended)
	}
	if err := s.save(); err != nil {
		problems = append(problems, err)
	}
	if len(problems) > 0 {
		err := errors.Join(problems...)
		return report, fault.New(contract.ErrUnavailable, "not everything was stopped: "+err.Error(), err)
	}
	return report, nil
}

// end stops one process and forgets it.
func (s *session) end(p Process) (Ended, error) {
	how, err := p.stop(stopSignal(p.Name), stopGrace)
	if err != nil {
		return Ended{}, err
	}
	s.state.drop(p.Name)
	s.opts.Progress(fmt.Sprintf("%s (process %d): %s", p.Name, p.PID, how))
	return Ended{Name: p.Name, PID: p.PID, How: how}, nil
}
