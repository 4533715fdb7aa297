package letters

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// MailerOptions tune a Mailer. The zero value is right for most.
type MailerOptions struct {
	Size int         // how many connections at most; 4
	HELO string      // the name we greet with; the host's
	TLS  *tls.Config // trusted authorities and the like; the system's. ServerName is set from the URL

	// Time-outs. RFC 5321, 4.5.3.2 wants five minutes for a command, three for a block of data and
	// ten for the answer to a message. The first two are shorter here, as a letter that waits is
	// tried again anyway; the last is not, as giving up there is what repeats letters (RFC 1047).
	Connect time.Duration // until the server is ready for us, TLS and AUTH included; 1 minute
	Command time.Duration // 2 minutes
	Block   time.Duration // 3 minutes
	Answer  time.Duration // 10 minutes

	Idle time.Duration // after which an unused connection is closed; 30 seconds
	Busy time.Duration // RetryAfter of a contract.ErrBusy: SMTP has no way to say it; 30 seconds
}

func (o MailerOptions) withDefaults() MailerOptions {
	if o.Size <= 0 {
		o.Size = 4
	}
	if o.HELO == "" {
		o.HELO = "localhost"
		if name, err := os.Hostname(); err == nil && domainShape.MatchString(name) {
			o.HELO = name
		}
	}
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&o.Connect, time.Minute}, {&o.Command, 2 * time.Minute}, {&o.Block, 3 * time.Minute},
		{&o.Answer, 10 * time.Minute}, {&o.Idle, 30 * time.Second}, {&o.Busy, 30 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.fallback
		}
	}
	return o
}

// Mailer hands letters to one mail server over connections that it keeps open. It is safe for use
// by many goroutines.
type Mailer struct {
	server  server
	options MailerOptions
	slots   chan struct{} // one for each Send at work; full when Size are

	mu     sync.Mutex
	idle   []*conn // the one used last is taken first, so that the others can fall idle
	closed bool
}

// server is where and how to connect.
type server struct {
	host, port     string
	implicit       bool // TLS from the first byte
	startTLS       bool
	user, password string
}

// NewMailer reads the server's URL and connects to nothing yet (see Ping):
//
//	smtp://host[:25]                          no TLS; user:password@ only to loopback
//	smtps://user:password@host[:465]          TLS from the first byte
//	smtp+starttls://user:password@host[:587]  TLS or nothing
//
// What is wrong with it is a contract.ErrBadInput that does not quote the URL.
func NewMailer(rawURL string, opts MailerOptions) (*Mailer, error) {
	s, err := parseServer(rawURL)
	if err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	if !domainShape.MatchString(opts.HELO) && net.ParseIP(opts.HELO) == nil {
		return nil, fault.Newf(contract.ErrBadInput, "the name to greet the mail server with is not a host name")
	}
	config := &tls.Config{}
	if opts.TLS != nil {
		config = opts.TLS.Clone()
	}
	config.ServerName = s.host
	if config.MinVersion < tls.VersionTLS12 {
		config.MinVersion = tls.VersionTLS12
	}
	opts.TLS = config
	return &Mailer{server: s, options: opts, slots: make(chan struct{}, opts.Size)}, nil
}

func parseServer(rawURL string) (server, error) {
	bad := func(why string) (server, error) {
		return server{}, fault.Newf(contract.ErrBadInput, "the mail server's URL is wrong: %s", why).
			WithHint("write smtp+starttls://user:password@host:587, smtps://… or smtp://host:25; percent-encode special characters")
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return bad("it is not a URL") // err quotes it, and with it the password
	}
	s := server{host: u.Hostname(), port: u.Port()}
	fallback := ""
	switch u.Scheme {
	case "smtp":
		fallback = "25"
	case "smtps":
		fallback, s.implicit = "465", true
	case "smtp+starttls":
		fallback, s.startTLS = "587", true
	default:
		return bad("the scheme is none of smtp, smtps, smtp+starttls")
	}
	if s.port == "" {
		s.port = fallback
	}
	if s.host == "" || u.Opaque != "" {
		return bad("it names no host")
	}
	if (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		return bad("nothing may follow the port")
	}
	if u.User == nil {
		return s, nil
	}
	s.user = u.User.Username()
	s.password, _ = u.User.Password()
	if s.user == "" || s.password == "" {
		return bad("it needs both user and password, or neither")
	}
	if !s.implicit && !s.startTLS && !loopbackName(s.host) {
		return bad("a password may not travel without TLS")
	}
	return s, nil
}

func loopbackName(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// Send hands one message to the server for one reader and returns its answer. It waits while Size
// others are at it. from and to are addresses; from may be a mailbox with a name.
//
// Every error is a *fault.Error that is safe to show and to log:
//   - contract.ErrBusy, with a delay: the server asked us to come back (421, 450, 451, 452);
//   - contract.ErrUndeliverable: it refused this sender, reader or message for good (5xx);
//   - contract.ErrUnavailable: anything else, a refused login and 552 included. When Undecided(err)
//     the letter may have been delivered all the same.
//
// ReplyOf gives the codes behind an error.
func (m *Mailer) Send(ctx context.Context, from, to string, msg []byte) (Reply, error) {
	sender, err := address(from)
	if err != nil {
		return Reply{}, fault.Newf(contract.ErrBadInput, "a letter cannot be sent: the sender: %v", err)
	}
	if !bare(to) {
		return Reply{}, fault.Newf(contract.ErrUndeliverable, "a letter cannot be sent: the reader: %v", errAddress)
	}
	if err := m.acquire(ctx); err != nil {
		return Reply{}, err
	}
	defer m.release()

	for {
		c, err := m.take(ctx)
		if err != nil {
			return Reply{}, err
		}
		used := c.used
		reply, at, err := c.deliver(ctx, sender.Address, to, msg)
		if err == nil {
			m.put(c)
			return reply, nil
		}
		m.afterFailure(ctx, c, at, err)
		// A server that closed a kept connection says so, or nothing, to the first command. That
		// is no news about the letter: try the next connection, in the end a new one.
		reply, answered := answerIn(err)
		if used && at == stepMail && ctx.Err() == nil && (!answered || reply.Code == 421) {
			continue
		}
		return reply, classify(at, err, m.options.Busy)
	}
}

// afterFailure keeps the connection where the conversation can go on, and closes it elsewhere.
func (m *Mailer) afterFailure(ctx context.Context, c *conn, at step, err error) {
	reply, answered := answerIn(err)
	switch {
	case !answered || reply.Code == 421:
		c.abandon()
	case at == stepAnswer: // the transaction is over, with a no
		m.put(c)
	case at == stepMail:
		// It may mean the connection ("too many messages"), and a new one may be welcome.
		c.quit()
	default:
		if c.reset(ctx) == nil {
			m.put(c)
		} else {
			c.abandon()
		}
	}
}

// Ping finds out whether the server takes letters from us: it connects, or asks an idle connection,
// and logs in. Errors are those of Send.
func (m *Mailer) Ping(ctx context.Context) error {
	if err := m.acquire(ctx); err != nil {
		return err
	}
	defer m.release()
	c, err := m.take(ctx)
	if err != nil {
		return err
	}
	if err := c.noop(ctx); err != nil {
		c.abandon()
		return classify(stepNoop, err, m.options.Busy)
	}
	m.put(c)
	return nil
}

// Close closes the idle connections with QUIT. A Send at work ends as it would, and its connection
// closes then; later ones fail.
func (m *Mailer) Close() error {
	m.mu.Lock()
	idle := m.idle
	m.idle, m.closed = nil, true
	m.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range idle {
		c.expiry.Stop()
		wg.Go(c.quit)
	}
	wg.Wait()
	return nil
}

var (
	errNoStartTLS = errors.New("the server does not offer STARTTLS")
	errNoPlain    = errors.New("the server does not offer AUTH PLAIN here")
)
