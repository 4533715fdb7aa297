package letters

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Reply is what a mail server answered, without its words: those quote addresses.
type Reply struct {
	Code     int    // RFC 5321, 4.2; 0 when there was no answer
	Enhanced string // RFC 3463, such as "5.1.1"; empty when the server gives none
}

// String is the codes, such as "550 5.1.1".
func (r Reply) String() string {
	if r.Enhanced == "" {
		return fmt.Sprintf("%03d", r.Code)
	}
	return fmt.Sprintf("%03d %s", r.Code, r.Enhanced)
}

// ReplyOf finds the mail server's codes behind an error of Mailer; the zero Reply where it gave none.
func ReplyOf(err error) Reply {
	var r refusal
	if errors.As(err, &r) {
		return r.reply
	}
	return Reply{}
}

// Undecided reports whether err leaves open if the letter was delivered: the connection was lost
// between the end of the message and the answer to it.
func Undecided(err error) bool {
	var u undecided
	return errors.As(err, &u) && u.Undecided()
}

// undecided is the cause of an error after which nobody knows.
type undecided struct{ cause error }

func (u undecided) Error() string   { return "no answer to the message: " + u.cause.Error() }
func (u undecided) Unwrap() error   { return u.cause }
func (u undecided) Undecided() bool { return true }

// refusal is an answer other than yes.
type refusal struct{ reply Reply }

func (r refusal) Error() string { return "SMTP " + r.reply.String() }

// step is a part of the SMTP conversation.
type step string

const (
	stepConnect step = "connecting"
	stepTLS     step = "TLS"
	stepHello   step = "EHLO"
	stepAuth    step = "AUTH"
	stepNoop    step = "NOOP"
	stepMail    step = "MAIL"
	stepRcpt    step = "RCPT"
	stepData    step = "DATA"
	stepBody    step = "the message"
	stepAnswer  step = "the end of the message"
)

// aboutLetter reports whether an answer at this step speaks of the letter, and not of us.
func (s step) aboutLetter() bool {
	return s == stepMail || s == stepRcpt || s == stepData || s == stepBody || s == stepAnswer
}

// classify turns what went wrong at a step into an error that is safe to show and to log. busy is
// how long to wait where the server asks us to come back.
func classify(at step, err error, busy time.Duration) *fault.Error {
	reply, answered := answerIn(err)
	if !answered {
		return silence(at, err)
	}
	cause := refusal{reply}
	text := fmt.Sprintf("the mail server answered %s to %s", reply, at)
	switch code := reply.Code; {
	case code == 421 || code == 450 || code == 451 || code == 452:
		return fault.New(contract.ErrBusy, text, cause).After(busy)
	case code == 530 || code == 534 || code == 535 || code == 538 || at == stepAuth:
		// It does not know us, whatever the letter: every letter waits until that is put right.
		return fault.New(contract.ErrUnavailable, text, cause).
			WithHint("check the user, the password and the scheme of HABEAS_SMTP_URL")
	case code == 552:
		// RFC 5321, 4.5.3.1.10: servers say 552 where they mean 452.
		return fault.New(contract.ErrUnavailable, text, cause)
	case code/100 == 5 && at.aboutLetter():
		return fault.New(contract.ErrUndeliverable, text, cause)
	}
	return fault.New(contract.ErrUnavailable, text, cause)
}

// silence classifies what is not an answer.
func silence(at step, err error) *fault.Error {
	cause := clean(err)
	if at == stepAnswer {
		return fault.New(contract.ErrUnavailable,
			"the connection to the mail server was lost before it answered to the message: it may have it or not",
			undecided{cause})
	}
	text := "the mail server did not answer (" + string(at) + ")"
	switch {
	case errors.Is(err, context.Canceled):
		text = "sending was stopped (" + string(at) + ")"
	case at == stepTLS:
		text = "TLS with the mail server failed"
	}
	return fault.New(contract.ErrUnavailable, text, cause)
}

// answerIn finds the server's codes in an error of go-smtp.
func answerIn(err error) (Reply, bool) {
	var answer *smtp.SMTPError
	if !errors.As(err, &answer) {
		return Reply{}, false
	}
	r := Reply{Code: answer.Code}
	if c := answer.EnhancedCode; c[0] > 0 {
		r.Enhanced = fmt.Sprintf("%d.%d.%d", c[0], c[1], c[2])
	}
	return r, true
}

var enhancedShape = regexp.MustCompile(`^2\.\d{1,3}\.\d{1,3}\b`)

// accepted is the answer to a message that was taken.
func accepted(words string) Reply { return Reply{Code: 250, Enhanced: enhancedShape.FindString(words)} }

// errMalformed stands for whatever a server says that is not SMTP: such an error quotes the line.
var errMalformed = errors.New("the server did not speak SMTP")

// clean keeps a cause only where its text comes from this machine and not from the peer.
func clean(err error) error {
	var network net.Error
	var operation *net.OpError
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return io.EOF
	case errors.Is(err, net.ErrClosed):
		return net.ErrClosed
	case errors.As(err, &certificate), errors.As(err, &authority), errors.As(err, &hostname):
		return errors.New("the server's certificate is not trusted for this host")
	case errors.As(err, &record):
		return errors.New("the server did not speak TLS")
	case errors.As(err, &alert), errors.As(err, &operation), errors.As(err, &network):
		return err
	case errors.Is(err, errNoStartTLS), errors.Is(err, errNoPlain):
		return err
	}
	return errMalformed
}
