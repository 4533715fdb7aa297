package catcher

import (
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const maxLetter = 32 << 20

// newSMTP makes the mail server. With a user name, mail is taken only after AUTH PLAIN; without
// TLS, because it listens on loopback.
func (c *catcher) newSMTP() *smtp.Server {
	s := smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) {
		return &session{c: c, conn: conn}, nil
	}))
	s.Domain = "catcher.example"
	s.AllowInsecureAuth = true
	s.EnableSMTPUTF8 = true
	s.MaxMessageBytes = maxLetter
	s.MaxRecipients = 100
	s.ReadTimeout = 5 * time.Minute // RFC 5321 4.5.3.2.7
	s.WriteTimeout = time.Minute
	s.ErrorLog = silent{}
	return s
}

// silent drops go-smtp's own log: it quotes addresses.
type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

// session is one connection.
type session struct {
	c    *catcher
	conn *smtp.Conn
	auth bool
	from string
	to   []string
}

func (s *session) AuthMechanisms() []string {
	if s.c.opts.Username == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// errBadLogin must be an SMTPError: a plain error would reach the client as the temporary 454.
var errBadLogin = &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "wrong user name or password"}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		okUser := subtle.ConstantTimeCompare([]byte(user), []byte(s.c.opts.Username))
		okPassword := subtle.ConstantTimeCompare([]byte(password), []byte(s.c.opts.Password))
		if okUser&okPassword != 1 {
			return errBadLogin
		}
		s.auth = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.c.opts.Username != "" && !s.auth {
		return smtp.ErrAuthRequired
	}
	if f, ok := s.c.faults.take(s.c.ctx, atMail, from); ok {
		return answer(f.Mail)
	}
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if f, ok := s.c.faults.take(s.c.ctx, atRcpt, to); ok {
		return answer(f.Rcpt)
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	f, hit := s.c.faults.take(s.c.ctx, atData, s.to...)
	if hit && f.Data != "" {
		return answer(f.Data)
	}
	if err := s.c.store.putLetter(s.from, s.to, raw); err != nil {
		s.c.log.Error("storing a letter failed", "error", err)
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "no room to store the letter"}
	}
	if hit && f.DropAfterData {
		_ = s.conn.Conn().Close()
		return errors.New("hung up, as armed")
	}
	return nil
}

func (s *session) Reset()        { s.from, s.to = "", nil }
func (s *session) Logout() error { return nil }

// answer turns a fault's answer into the error that go-smtp writes; it was checked when armed.
func answer(text string) error {
	e, err := parseAnswer(text)
	if err != nil {
		return err
	}
	return e
}

// serveSMTP runs the mail server until the context ends.
func (c *catcher) serveSMTP(ctx context.Context) error {
	s := c.newSMTP()
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(c.smtpListener); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}
