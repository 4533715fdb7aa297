package letters

import (
	"context"
	"net"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func (m *Mailer) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return silence(stepConnect, err)
	}
	select {
	case m.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fault.New(contract.ErrUnavailable, "no connection to the mail server became free", ctx.Err())
	}
}

func (m *Mailer) release() { <-m.slots }

// take gives a connection that works: an idle one, or a new one. As a slot is held for each
// connection in use and idle ones go first, there are never more than Size.
func (m *Mailer) take(ctx context.Context) (*conn, error) {
	for {
		m.mu.Lock()
		if m.closed {
			m.mu.Unlock()
			return nil, fault.New(contract.ErrUnavailable, "the mailer is closed", net.ErrClosed)
		}
		last := len(m.idle) - 1
		if last < 0 {
			m.mu.Unlock()
			return m.dial(ctx)
		}
		c := m.idle[last]
		m.idle = m.idle[:last]
		m.mu.Unlock()
		c.expiry.Stop()
		if time.Since(c.since) < trusted || c.noop(ctx) == nil {
			return c, nil
		}
		c.abandon()
		if err := ctx.Err(); err != nil {
			return nil, silence(stepNoop, err)
		}
	}
}

// trusted is how long a connection is used again without asking first whether it is alive.
const trusted = 5 * time.Second

// put keeps a connection for the next letter, until it has been idle for too long.
func (m *Mailer) put(c *conn) {
	c.since, c.used = time.Now(), true
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		c.quit()
		return
	}
	c.expiry = time.AfterFunc(m.options.Idle, func() { m.expire(c) })
	m.idle = append(m.idle, c)
	m.mu.Unlock()
}

func (m *Mailer) expire(c *conn) {
	m.mu.Lock()
	for i, other := range m.idle {
		if other == c {
			m.idle = append(m.idle[:i], m.idle[i+1:]...)
			m.mu.Unlock()
			c.quit()
			return
		}
	}
	m.mu.Unlock() // somebody took it in this moment
}
