package letters

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func TestPoolIsReusedAndBounded(t *testing.T) {
	t.Parallel()
	s := plainServer(t, &mailServer{})
	m := newMailer(t, "smtp://"+s.addr, MailerOptions{Size: 3})
	const letters = 2000
	work := make(chan int)
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			for n := range work {
				if _, err := m.Send(t.Context(), sender, fmt.Sprintf("r%d@reader.example", n), body); err != nil {
					t.Errorf("letter %d: %v", n, err)
				}
			}
		})
	}
	start := time.Now()
	for n := range letters {
		work <- n
	}
	close(work)
	wg.Wait()
	t.Logf("%d letters in %v over %d connections", letters, time.Since(start), s.accepted.Load())
	seen := map[string]bool{}
	for _, r := range s.messages() {
		seen[r.to] = true
	}
	if len(seen) != letters || len(s.messages()) != letters {
		t.Errorf("the server took %d letters to %d readers, want %d", len(s.messages()), len(seen), letters)
	}
	if n := s.accepted.Load(); n > 3 {
		t.Errorf("%d connections were opened, want 3 at most", n)
	}
}

func TestKeptConnectionThatDied(t *testing.T) {
	t.Parallel()
	// The server says 421 to the second letter of a connection, as one that timed out does.
	s := &mailServer{}
	s.onMail = func(n int) error {
		if n == 2 {
			return answer(421, 4, 4, 2)
		}
		return nil
	}
	plainServer(t, s)
	m := newMailer(t, "smtp://"+s.addr, MailerOptions{Size: 1})
	for n := range 2 {
		if _, err := m.Send(t.Context(), sender, reader, body); err != nil {
			t.Fatalf("letter %d: %v", n+1, err)
		}
	}
	if s.accepted.Load() != 2 || len(s.messages()) != 2 {
		t.Errorf("%d connections, %d messages, want 2 and 2", s.accepted.Load(), len(s.messages()))
	}
	// And one that hung up without a word while the connection was idle.
	m.mu.Lock()
	m.idle[0].raw.Close()
	m.mu.Unlock()
	if _, err := m.Send(t.Context(), sender, reader, body); err != nil {
		t.Errorf("after the connection died: %v", err)
	}
	// One that is idle for longer is asked first.
	m.mu.Lock()
	m.idle[0].since = time.Now().Add(-time.Minute)
	m.idle[0].raw.Close()
	m.mu.Unlock()
	if _, err := m.Send(t.Context(), sender, reader, body); err != nil {
		t.Errorf("after a long idle time: %v", err)
	}
	if len(s.messages()) != 4 {
		t.Errorf("%d messages, want 4", len(s.messages()))
	}
}

func TestIdleConnectionsClose(t *testing.T) {
	t.Parallel()
	s := plainServer(t, &mailServer{})
	m := newMailer(t, "smtp://"+s.addr, MailerOptions{Idle: 20 * time.Millisecond})
	if err := m.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the idle connection to close", func() bool { return s.open.Load() == 0 })
	if _, err := m.Send(t.Context(), sender, reader, body); err != nil {
		t.Error(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	waitFor(t, "the last connection to close", func() bool { return s.open.Load() == 0 })
	if _, err := m.Send(t.Context(), sender, reader, body); !fault.Is(err, contract.ErrUnavailable) {
		t.Errorf("a closed mailer: %v", err)
	}
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s, reached := &mailServer{}, make(chan struct{}, 1)
	s.onRcpt = func(n int, _ string) error {
		if n == 1 {
			reached <- struct{}{}
			<-s.stopped
		}
		return nil
	}
	plainServer(t, s)
	m := newMailer(t, "smtp://"+s.addr, MailerOptions{Size: 1})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := m.Send(ctx, sender, reader, body)
		if !errors.Is(err, context.Canceled) || !fault.Is(err, contract.ErrUnavailable) || Undecided(err) {
			t.Errorf("cancelled in the middle: %v", err)
		}
	})
	<-reached
	// The only connection is taken: a second letter waits for it no longer than it may.
	short, done := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer done()
	if _, err := m.Send(short, sender, reader, body); !errors.Is(err, context.DeadlineExceeded) || !fault.Is(err, contract.ErrUnavailable) {
		t.Errorf("no free connection: %v", err)
	}
	cancel()
	wg.Wait()
	if _, err := m.Send(ctx, sender, reader, body); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
	if _, err := m.Send(t.Context(), sender, reader, body); err != nil {
		t.Errorf("after a cancelled one: %v", err)
	}
	if len(s.messages()) != 1 {
		t.Errorf("the server took %d messages, want 1", len(s.messages()))
	}
}
