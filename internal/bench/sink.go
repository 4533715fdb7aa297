package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/emersion/go-smtp"
	"golang.org/x/sync/errgroup"
)

// sink is a mail server that counts letters and throws them away.
type sink struct {
	address string
	server  *smtp.Server

	mu          sync.Mutex
	seen, want  int
	first, done time.Time
	full        chan struct{}
	sample      []byte // the latest letter
}

func newSink() (*sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for letters: %w", err)
	}
	s := &sink{address: l.Addr().String()}
	s.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return sinkSession{s}, nil }))
	s.server.Domain = "sink.example"
	s.server.ErrorLog = quietLog{}
	go func() { _ = s.server.Serve(l) }()
	return s, nil
}

type quietLog struct{}

func (quietLog) Printf(string, ...any) {}
func (quietLog) Println(...any)        {}

func (s *sink) close() { _ = s.server.Close() }

func (s *sink) reset(want int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.want, s.full = 0, want, make(chan struct{})
}

func (s *sink) last() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sample
}

// wait gives the time from the first to the last of the letters wanted.
func (s *sink) wait(ctx context.Context) (time.Duration, error) {
	s.mu.Lock()
	full := s.full
	s.mu.Unlock()
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(time.Hour):
		return 0, fmt.Errorf("%d of %d letters came within an hour", s.seen, s.want)
	case <-full:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done.Sub(s.first), nil
}

type sinkSession struct{ s *sink }

func (sinkSession) Mail(string, *smtp.MailOptions) error { return nil }
func (sinkSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (sinkSession) Reset()                               {}
func (sinkSession) Logout() error                        { return nil }

func (x sinkSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s := x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sample = raw
	if s.seen++; s.seen == 1 {
		s.first = time.Now()
	}
	if s.seen == s.want {
		s.done = time.Now()
		close(s.full)
	}
	return nil
}

// dkimKey is a key of 2048 bits for both sides.
type dkimKey struct {
	path string
	key  crypto.Signer
}

func newDKIM(dir string) (dkimKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return dkimKey{}, fmt.Errorf("making a DKIM key: %w", err)
	}
	d := dkimKey{path: filepath.Join(dir, "dkim.pem"), key: key}
	raw := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	if err := os.WriteFile(d.path, raw, 0o600); err != nil {
		return d, fmt.Errorf("writing a DKIM key: %w", err)
	}
	return d, nil
}

// loop is the floor: as many connections, each signing the same message anew and sending it.
func (d dkimKey) loop(ctx context.Context, s *sink, n int) (time.Duration, error) {
	message := unsigned(s.last())
	options := &dkim.SignOptions{Domain: "yunzhan.example", Selector: "habeas", Signer: d.key,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed}
	s.reset(n)
	group, under := errgroup.WithContext(ctx)
	for i := range noticeConnections {
		share := n / noticeConnections
		if i < n%noticeConnections {
			share++
		}
		group.Go(func() error {
			client, err := smtp.Dial(s.address)
			if err != nil {
				return fmt.Errorf("the bare loop: %w", err)
			}
			defer func() { _ = client.Close() }()
			for k := 0; k < share && under.Err() == nil; k++ {
				var signed bytes.Buffer
				if err := dkim.Sign(&signed, bytes.NewReader(message), options); err != nil {
					return fmt.Errorf("the bare loop: %w", err)
				}
				if err := client.SendMail("bounce@yunzhan.example", []string{fmt.Sprintf("p%d@people.example", k)}, &signed); err != nil {
					return fmt.Errorf("the bare loop: %w", err)
				}
			}
			return client.Quit()
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	return s.wait(ctx)
}

// unsigned takes the signature off a message.
func unsigned(raw []byte) []byte {
	if !bytes.HasPrefix(raw, []byte("DKIM-Signature:")) {
		return raw
	}
	for at := bytes.Index(raw, []byte("\r\n")); at >= 0; {
		next := raw[at+2:]
		if len(next) > 0 && next[0] != ' ' && next[0] != '\t' {
			return next
		}
		step := bytes.Index(next, []byte("\r\n"))
		if step < 0 {
			break
		}
		at += 2 + step
	}
	return raw
}
