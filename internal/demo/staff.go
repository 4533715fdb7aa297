package demo

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/config"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/wire"
)

// Desk opens the desk as the company's staff have it. Close it with the function returned.
func (c *Company) Desk(ctx context.Context) (*desk.Desk, func(), error) {
	conf, err := config.Load(func(name string) string { return c.Env[name] })
	if err != nil {
		return nil, nil, err
	}
	house, err := wire.Open(ctx, conf)
	if err != nil {
		return nil, nil, err
	}
	temporal, err := wire.Temporal(ctx, house.Keys, conf.CodecOff, "demo", nil, slog.New(slog.NewTextHandler(io.Discard, nil)), settings(c.Env))
	if err != nil {
		_ = house.Close()
		return nil, nil, err
	}
	return house.Desk(temporal), func() { temporal.Close(); _ = house.Close() }, nil
}

// settings are a company's own, over those of the process: two companies may be up at once.
type settings map[string]string

// LookupEnv is what envconfig asks.
func (s settings) LookupEnv(name string) (string, bool) {
	if value, ok := s[name]; ok {
		return value, true
	}
	return os.LookupEnv(name)
}

// Environ is what envconfig asks.
func (s settings) Environ() []string {
	all := os.Environ()
	for name, value := range s {
		all = append(all, name+"="+value)
	}
	return all
}

// enrolAll has the two pinned approvers enrol whoever is not trusted yet.
func (c *Company) enrolAll(ctx context.Context) error {
	d, done, err := c.Desk(ctx)
	if err != nil {
		return err
	}
	defer done()
	for _, name := range []string{"an", "bo"} {
		if _, err := d.Store.TrustedStaff(ctx, name, d.Pins); err == nil {
			continue
		}
		c.o.Say("enrolling %s (%s), signed by cao and dai", name, enrolled[name])
		var roles []dsr.Role
		for role := range strings.SplitSeq(enrolled[name], ",") {
			roles = append(roles, dsr.Role(role))
		}
		ref, err := d.Enrol(ctx, name, c.Staff[name].Public(), roles, "cao")
		if err != nil {
			return err
		}
		task, err := WaitTask(ctx, d, ref, dsr.TaskEnrol)
		if err != nil {
			return err
		}
		for _, approver := range []string{"cao", "dai"} {
			if _, err := d.Decide(ctx, task.ID, dsr.Approve, "", c.Staff[approver]); err != nil {
				return err
			}
		}
		if err := until(ctx, func() (bool, error) {
			_, err := d.Store.TrustedStaff(ctx, name, d.Pins)
			return err == nil, nil
		}); err != nil {
			return fmt.Errorf("enrolling %s: %w", name, err)
		}
	}
	return nil
}

// WaitTask waits until a reference has an open task of that kind.
func WaitTask(ctx context.Context, d *desk.Desk, ref contract.Ref, kind dsr.TaskKind) (task casefile.Task, err error) {
	err = until(ctx, func() (bool, error) {
		tasks, err := d.Store.ListTasks(ctx, casefile.TaskFilter{Ref: ref, State: "open"})
		if err != nil {
			return false, err
		}
		i := slices.IndexFunc(tasks, func(t casefile.Task) bool { return t.Kind == kind })
		if i >= 0 {
			task = tasks[i]
		}
		return i >= 0, nil
	})
	if err != nil {
		err = fmt.Errorf("waiting for a task %s of %s: %w", kind, ref, err)
	}
	return task, err
}

// WaitState waits until a case is in a state.
func WaitState(ctx context.Context, d *desk.Desk, ref contract.Ref, state dsr.State) error {
	var last casefile.Case
	err := until(ctx, func() (bool, error) {
		var err error
		last, err = d.Store.Case(ctx, ref)
		return err == nil && last.State == state, err
	})
	if err != nil {
		return fmt.Errorf("waiting until %s is %s (it is %s and waits on %q): %w", ref, state, last.State, last.WaitingOn, err)
	}
	return nil
}

// until asks again and again, until it is so, an error that stays, or the context's end. A server
// that does not answer is asked again: the demo and the tests restart them.
func until(ctx context.Context, so func() (bool, error)) error {
	for {
		ok, err := so()
		if ok {
			return nil
		}
		if err != nil && !fault.Is(err, contract.ErrUnavailable) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
