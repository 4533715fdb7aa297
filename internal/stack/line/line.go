package line

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
)

// Line is a way to a server. While it is down, connecting is refused, as where the server does not run.
type Line struct {
	at, to string
	mu     sync.Mutex
	door   net.Listener
	open   map[net.Conn]bool
}

// New joins a line to a server at host:port. It is reached at At.
func New(to string) (*Line, error) {
	l := &Line{at: "127.0.0.1:0", to: to, open: map[net.Conn]bool{}}
	if err := l.Up(); err != nil {
		return nil, err
	}
	l.at = l.door.Addr().String()
	return l, nil
}

// At is the address of our end, the same from the first Up on.
func (l *Line) At() string { return l.at }

// Up joins the line; one that is up stays so.
func (l *Line) Up() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.door != nil {
		return nil
	}
	door, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", l.at)
	if err != nil {
		return fmt.Errorf("joining a line: %w", err)
	}
	l.door = door
	go l.serve(door)
	return nil
}

// Down cuts the line, and whatever is on it.
func (l *Line) Down() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.door != nil {
		_ = l.door.Close()
	}
	for conn := range l.open {
		_ = conn.Close()
	}
	l.door, l.open = nil, map[net.Conn]bool{}
}

func (l *Line) serve(door net.Listener) {
	for {
		near, err := door.Accept()
		if err != nil {
			return // cut
		}
		go l.carry(door, near)
	}
}

func (l *Line) carry(door net.Listener, near net.Conn) {
	far, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", l.to)
	if err != nil {
		_ = near.Close()
		return
	}
	l.mu.Lock()
	cut := l.door != door // meanwhile
	if !cut {
		l.open[near], l.open[far] = true, true
	}
	l.mu.Unlock()
	if cut {
		_, _ = near.Close(), far.Close()
		return
	}
	go l.pass(near, far)
	l.pass(far, near)
}

// pass copies one way until either end is closed, and then closes both.
func (l *Line) pass(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_, _ = to.Close(), from.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, to)
	delete(l.open, from)
}
