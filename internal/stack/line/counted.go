package line

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"
)

// Counted stands before a PostgreSQL server and counts round trips: what the client sends and then
// waits for, which is a simple query or the Sync behind an extended one.
type Counted struct {
	listener net.Listener
	to       string
	trips    atomic.Int64
}

// NewCounted counts what goes to the PostgreSQL server on a port of this machine, until Close.
func NewCounted(ctx context.Context, port int) (*Counted, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening before PostgreSQL: %w", err)
	}
	p := &Counted{listener: l, to: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	go p.serve(ctx)
	return p, nil
}

// At is the address of our end.
func (p *Counted) At() string { return p.listener.Addr().String() }

// Trips is how many round trips there were.
func (p *Counted) Trips() int64 { return p.trips.Load() }

// Close lets nobody in any more.
func (p *Counted) Close() { _ = p.listener.Close() }

func (p *Counted) serve(ctx context.Context) {
	var dialer net.Dialer
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		go func() {
			defer func() { _ = client.Close() }()
			server, err := dialer.DialContext(ctx, "tcp", p.to)
			if err != nil {
				return
			}
			defer func() { _ = server.Close() }()
			go func() { _, _ = io.Copy(client, server); _ = client.Close() }()
			_ = p.forward(bufio.NewReader(client), server)
		}()
	}
}

// The codes that stand in place of a protocol version in front of the start-up message proper.
const sslRequest, gssRequest = 80877103, 80877104

// forward copies a client's messages, one at a time, and counts. A message is its type, its
// length (which counts itself) and its body; the first ones have no type.
func (p *Counted) forward(from io.Reader, to io.Writer) error {
	for started := false; ; {
		head := make([]byte, 5)
		if !started {
			head = head[1:]
		}
		if _, err := io.ReadFull(from, head); err != nil {
			return err
		}
		size := binary.BigEndian.Uint32(head[len(head)-4:])
		if size < 4 || size > 1<<30 {
			return fmt.Errorf("a message of %d bytes", size)
		}
		body := make([]byte, size-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return err
		}
		if started && (head[0] == 'Q' || head[0] == 'S') {
			p.trips.Add(1)
		}
		if !started && len(body) >= 4 {
			code := binary.BigEndian.Uint32(body)
			started = code != sslRequest && code != gssRequest
		}
		if _, err := to.Write(append(head, body...)); err != nil {
			return err
		}
	}
}
