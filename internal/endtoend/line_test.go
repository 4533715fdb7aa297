package endtoend

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/stack"
)

// line is a TCP line to a server that can be cut: while it is down, connecting is refused, as where the
// server does not run.
type line struct {
	t      testing.TB
	at, to string
	mu     sync.Mutex
	door   net.Listener
	open   []net.Conn
}

// over puts a line between the worker and a system's database until the test ends; the worker is started
// again.
func (s *stubborn) over(system string) *line {
	s.t.Helper()
	straight := s.c.Stack.Env(stack.RoleApp)[stack.DSNVariable(system)]
	dsn, err := url.Parse(straight)
	if err != nil {
		s.t.Fatal("the system's address cannot be read")
	}
	l := &line{t: s.t, at: freeAddress(s.t), to: dsn.Host}
	l.up()
	dsn.Host = l.at
	s.reach(system, dsn.String())
	s.t.Cleanup(func() {
		s.reach(system, straight)
		l.down()
	})
	return l
}

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

func (l *line) up() {
	door, err := net.Listen("tcp", l.at)
	if err != nil {
		l.t.Fatal(err)
	}
	l.mu.Lock()
	l.door = door
	l.mu.Unlock()
	go func() {
		for {
			near, err := door.Accept()
			if err != nil {
				return
			}
			far, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", l.to)
			if err != nil {
				_ = near.Close()
				continue
			}
			l.mu.Lock()
			l.open = append(l.open, near, far)
			l.mu.Unlock()
			go pass(near, far)
			go pass(far, near)
		}
	}()
}

func pass(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = from.Close()
}

// down cuts the line, and whatever was on it.
func (l *line) down() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.door.Close()
	for _, conn := range l.open {
		_ = conn.Close()
	}
	l.open = nil
}
