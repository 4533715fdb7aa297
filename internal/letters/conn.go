package letters

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// conn is one open conversation with the mail server.
type conn struct {
	raw    net.Conn // below TLS: closing it ends whatever go-smtp waits for
	client *smtp.Client
	block  time.Duration
	used   bool        // a letter or a ping went through it before
	since  time.Time   // idle since
	expiry *time.Timer // closes it when idle for too long
}

// during runs f and closes the connection when ctx ends before f does. go-smtp knows no contexts,
// and its own deadlines replace ours, so closing is the only way in.
func during(ctx context.Context, raw net.Conn, f func() error) error {
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	err := f()
	if !stop() && err != nil {
		if _, answered := answerIn(err); !answered {
			return ctx.Err()
		}
	}
	return err
}

// dial connects, and gets ready for the first MAIL.
func (m *Mailer) dial(ctx context.Context) (*conn, error) {
	ready, cancel := context.WithTimeout(ctx, m.options.Connect)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(ready, "tcp", net.JoinHostPort(m.server.host, m.server.port))
	if err != nil {
		return nil, silence(stepConnect, err).
			WithHint("check that the mail server of HABEAS_SMTP_URL runs and can be reached from here")
	}
	c := &conn{raw: raw, block: m.options.Block}
	at := stepConnect
	err = during(ready, raw, func() error { return m.greet(ready, c, &at) })
	if err == nil && ready.Err() != nil { // closed in the very last moment
		err = ready.Err()
	}
	if err != nil {
		c.abandon()
		return nil, unready(at, err, m.options.Busy)
	}
	return c, nil
}

// greet does the part of the conversation that comes before any letter; at says how far it came.
func (m *Mailer) greet(ctx context.Context, c *conn, at *step) error {
	switch {
	case m.server.implicit:
		*at = stepTLS
		secured := tls.Client(c.raw, m.options.TLS)
		if err := secured.HandshakeContext(ctx); err != nil {
			return err
		}
		c.client = smtp.NewClient(secured)
	case m.server.startTLS:
		*at = stepTLS
		client, err := smtp.NewClientStartTLS(c.raw, m.options.TLS)
		if err != nil {
			if strings.Contains(err.Error(), "support STARTTLS") { // go-smtp has no name for it
				return errNoStartTLS
			}
			return err
		}
		c.client = client
	default:
		c.client = smtp.NewClient(c.raw)
	}
	c.client.CommandTimeout = m.options.Command
	c.client.SubmissionTimeout = m.options.Answer
	if !m.server.startTLS {
		*at = stepHello // with STARTTLS the handshake happens inside this very command
	}
	if err := c.client.Hello(m.options.HELO); err != nil {
		return err
	}
	if m.server.user == "" {
		return nil
	}
	*at = stepAuth
	remote, _ := c.raw.RemoteAddr().(*net.TCPAddr)
	plain := !m.server.implicit && !m.server.startTLS
	if plain && (remote == nil || !remote.IP.IsLoopback()) {
		return errNoPlain // "localhost" may be anywhere
	}
	if !c.client.SupportsAuth(sasl.Plain) {
		return errNoPlain
	}
	return c.client.Auth(sasl.NewPlainClient("", m.server.user, m.server.password))
}

// unready classifies what went wrong before the first MAIL.
func unready(at step, err error, busy time.Duration) error {
	switch {
	case errors.Is(err, errNoStartTLS):
		return fault.New(contract.ErrUnavailable, "the mail server does not offer STARTTLS", err).
			WithHint("nothing was sent in clear; check the port, or use smtps:// in HABEAS_SMTP_URL")
	case errors.Is(err, errNoPlain):
		return fault.New(contract.ErrUnavailable, "the mail server does not offer AUTH PLAIN over this connection", err).
			WithHint("use smtp+starttls:// or smtps:// in HABEAS_SMTP_URL, or leave user and password out")
	}
	return classify(at, err, busy)
}

// deliver runs one transaction. at is the step of err.
func (c *conn) deliver(ctx context.Context, from, to string, msg []byte) (reply Reply, at step, err error) {
	err = during(ctx, c.raw, func() error {
		at = stepMail
		if err := c.client.Mail(from, &smtp.MailOptions{Size: int64(len(msg))}); err != nil {
			return err
		}
		at = stepRcpt
		if err := c.client.Rcpt(to, nil); err != nil {
			return err
		}
		at = stepData
		w, err := c.client.Data()
		if err != nil {
			return err
		}
		at = stepBody
		for len(msg) > 0 {
			n := min(len(msg), 64<<10)
			if err := c.raw.SetDeadline(time.Now().Add(c.block)); err != nil {
				return err
			}
			if _, err := w.Write(msg[:n]); err != nil {
				return err
			}
			msg = msg[n:]
		}
		// Up to here the final dot has not been written, so an error means: not delivered.
		if err := c.raw.SetDeadline(time.Now().Add(c.block)); err != nil {
			return err
		}
		at = stepAnswer
		answer, err := w.CloseWithResponse()
		if err != nil {
			if r, answered := answerIn(err); answered && r.Code/100 == 2 {
				reply = r // 250 is usual, any 2xx is a yes (RFC 5321, 4.2.1)
				return nil
			}
			return err
		}
		reply = accepted(answer.StatusText)
		return nil
	})
	return reply, at, err
}

func (c *conn) noop(ctx context.Context) error {
	return during(ctx, c.raw, c.client.Noop)
}

func (c *conn) reset(ctx context.Context) error {
	return during(ctx, c.raw, c.client.Reset)
}

// goodbye is how long a server may take to answer QUIT.
const goodbye = 2 * time.Second

// quit ends the conversation in good manners.
func (c *conn) quit() {
	c.client.CommandTimeout = goodbye
	if c.client.Quit() != nil {
		c.abandon()
	}
}

// abandon hangs up.
func (c *conn) abandon() { c.raw.Close() }
