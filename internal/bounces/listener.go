// Package bounces takes mail back that mass notices sent out: delivery status notifications and
// automatic answers, by SMTP or out of a mailbox, at the return path that each letter has of its own. It promises that
// nothing but a return path of ours is taken, that nobody can bounce for somebody else without the
// installation's keys, and that no text of a message goes anywhere. What does not belong here: what
// follows from a bounce (internal/casefile, the workflow).
package bounces

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/habeas-dsr/habeas/internal/announce"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
)

// Limits of one conversation.
const (
	maxMessage = 1 << 20 // bytes
	maxReaders = 10      // return paths in one message
	patience   = 2 * time.Minute
)

// Listener takes bounces. MAC gives the keyed hash of a return path.
type Listener struct {
	Store  *casefile.Store
	MAC    func(notice string, n int64) []byte
	Domain string // greets with it
	Log    *slog.Logger
}

// Serve takes mail at l until the context ends.
func (b *Listener) Serve(ctx context.Context, l net.Listener) error {
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{b: b, ctx: ctx}, nil }))
	s.Domain, s.MaxMessageBytes, s.MaxRecipients = b.Domain, maxMessage, maxReaders
	s.ReadTimeout, s.WriteTimeout = patience, patience
	s.ErrorLog = silent{}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(l); err != nil && ctx.Err() == nil && !errors.Is(err, smtp.ErrServerClosed) {
		return fault.New(contract.ErrUnavailable, "bounces cannot be taken any more", err)
	}
	return nil
}

// silent drops go-smtp's own log: it quotes addresses.
type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

type session struct {
	b   *Listener
	ctx context.Context
	to  []place
}

type place struct {
	ref contract.Ref
	n   int64
}

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }
func (s *session) Reset()                               { s.to = nil }
func (s *session) Logout() error                        { return nil }

var errNotOurs = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such return path"}

// Rcpt takes return paths of ours and nothing else.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	notice, n, ok := letters.ReadVERP(to, s.b.MAC)
	if !ok {
		return errNotOurs
	}
	s.to = append(s.to, place{contract.NewRef(contract.KindNotice, notice), n})
	return nil
}

// Data classes the message and writes it down. A casefile that does not answer is a temporary error:
// the other side comes again.
func (s *session) Data(r io.Reader) error {
	bounced := letters.ReadBounce(io.LimitReader(r, maxMessage))
	_, _ = io.Copy(io.Discard, r)
	for _, p := range s.to {
		if err := s.b.take(s.ctx, p, bounced, nil); err != nil {
			s.b.Log.Warn("a bounce could not be written down", "ref", p.ref, "type", fault.As(err).Type)
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try again later"}
		}
	}
	return nil
}

// take writes down what came back for one letter; message is it whole, when it may be read again.
func (b *Listener) take(ctx context.Context, p place, bounced letters.Bounced, message []byte) error {
	if bounced.Class == letters.BounceOther || p.n < 1 {
		return nil // a delay, a question, or a canary
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	raw, err := b.Store.NoticeFile(ctx, p.ref)
	if fault.Is(err, contract.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	f, err := announce.ReadFile(raw)
	if err != nil {
		return err
	}
	reply := ""
	if bounced.Reply.Code != 0 {
		reply = bounced.Reply.String()
	}
	_, err = b.Store.Bounce(ctx, p.ref, p.n, bounced.Class, reply, f.Pace.Retry, f.Pace.GiveUp, message)
	if fault.Is(err, contract.ErrNotFound) {
		return nil
	}
	return err
}
