package portal

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// lingerTime is how long a finished download waits for the other side to hang up: long enough for
// a slow line to fetch what still lies in the kernel.
const lingerTime = 2 * time.Minute

// watchedConn remembers how its last read failed. net/http reads in the background while a
// handler runs, and tells the handler only that the other side is gone, not how: a program that
// got everything closes its end (io.EOF), one that was cut with bytes unread sends a reset.
type watchedConn struct {
	net.Conn
	mu  sync.Mutex
	err error
}

// Read reads, and remembers a failure.
func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		c.mu.Lock()
		c.err = err
		c.mu.Unlock()
	}
	return n, err
}

func (c *watchedConn) closedInOrder() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return errors.Is(c.err, io.EOF)
}

// watchedListener hands out watched connections.
type watchedListener struct{ net.Listener }

// Accept waits for the next connection.
func (l watchedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &watchedConn{Conn: conn}, nil
}

type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// delivered says whether the answer that was just flushed reached the other side. What we wrote
// may still lie in the kernel, so with a known length ("Connection: close", every byte announced
// was sent) it waits until the other side hangs up and looks at how. A reset is a broken download.
// Who keeps the line open for longer than linger may have stopped reading, so that does not count
// either: a package that stays until it expires does less harm than one destroyed unread. Without
// a known length the other side waits for us, so only a connection that already broke is noticed;
// the same on a server that does not watch its connections.
func delivered(r *http.Request, sized bool, linger time.Duration) bool {
	conn, watched := r.Context().Value(connKey{}).(*watchedConn)
	if !watched || !sized {
		return r.Context().Err() == nil
	}
	timer := time.NewTimer(linger)
	defer timer.Stop()
	select {
	case <-r.Context().Done():
		return conn.closedInOrder()
	case <-timer.C:
		return false
	}
}
