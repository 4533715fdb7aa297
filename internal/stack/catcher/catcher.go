package catcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options say where a catcher listens and what it checks.
type Options struct {
	Dir       string // its folder; made with mode 0700
	SMTP      string // address to take mail on, such as 127.0.0.1:2525
	HTTP      string // address of webhook, page and API
	SMSSecret []byte // key of the webhook's signature; required
	Username  string // when set, mail needs AUTH PLAIN with these
	Password  string
	Log       *slog.Logger     // nil: none
	Now       func() time.Time // nil: time.Now
	// Ready, when not nil, is called once with the addresses it listens on.
	Ready func(smtp, http net.Addr)
}

type catcher struct {
	opts         Options
	ctx          context.Context // ends when the catcher stops: waits of armed delays end with it
	log          *slog.Logger
	now          func() time.Time
	store        *store
	faults       faults
	smtpListener net.Listener
	httpListener net.Listener
}

// Run catches until the context ends, and then returns nil. Addresses off loopback are refused.
func Run(ctx context.Context, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := newCatcher(ctx, o)
	if err != nil {
		return err
	}
	if o.Ready != nil {
		o.Ready(c.smtpListener.Addr(), c.httpListener.Addr())
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.serveSMTP(gctx) })
	g.Go(func() error { return c.serveHTTP(gctx) })
	return g.Wait()
}

func newCatcher(ctx context.Context, o Options) (*catcher, error) {
	if len(o.SMSSecret) < 16 {
		return nil, errors.New("the catcher needs a secret of at least 16 bytes for the SMS webhook")
	}
	c := &catcher{opts: o, ctx: ctx, log: o.Log, now: o.Now}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	var err error
	if c.store, err = openStore(o.Dir, c.now); err != nil {
		return nil, err
	}
	if c.smtpListener, err = listen(ctx, o.SMTP); err != nil {
		return nil, err
	}
	if c.httpListener, err = listen(ctx, o.HTTP); err != nil {
		return nil, errors.Join(err, c.smtpListener.Close())
	}
	return c, nil
}

// listen opens a TCP port on loopback.
func listen(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("the catcher's address %q: %w", address, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("the catcher listens on loopback only, such as 127.0.0.1, not on %q", host)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("opening the catcher's port: %w", err)
	}
	return l, nil
}

// serveHTTP runs page, API and webhook until the context ends.
func (c *catcher) serveHTTP(ctx context.Context) error {
	s := &http.Server{
		Handler: c.routes(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute,
		WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute,
	}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(c.httpListener); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serving the catcher's page: %w", err)
	}
	return nil
}
