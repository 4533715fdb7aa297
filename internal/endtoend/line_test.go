package endtoend

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/stack"
	"github.com/habeas-dsr/habeas/internal/stack/line"
)

// cable is a line between the worker and a system, which ends the test where it cannot be joined.
type cable struct {
	t testing.TB
	*line.Line
}

// over puts a line between the worker and a system's database until the test ends; the worker is started
// again.
func (s *stubborn) over(system string) *cable {
	s.t.Helper()
	straight := s.c.Stack.Env(stack.RoleApp)[stack.DSNVariable(system)]
	dsn, err := url.Parse(straight)
	if err != nil {
		s.t.Fatal("the system's address cannot be read")
	}
	l, err := line.New(dsn.Host)
	if err != nil {
		s.t.Fatal(err)
	}
	dsn.Host = l.At()
	s.reach(system, dsn.String())
	s.t.Cleanup(func() {
		s.reach(system, straight)
		l.Down()
	})
	return &cable{t: s.t, Line: l}
}

func (c *cable) up() {
	c.t.Helper()
	if err := c.Up(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cable) down() { c.Down() }

func (s *stubborn) reach(system, dsn string) {
	s.t.Helper()
	s.c.Reach(system, dsn)
	if _, err := s.c.Stack.StopProcess("worker"); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := s.c.StartWorker(ctx); err != nil {
		s.t.Fatal(err)
	}
}
