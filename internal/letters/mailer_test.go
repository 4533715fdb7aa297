package letters

import (
	"bytes"
	"crypto/tls"
	"errors"
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

const (
	sender = "privacy@cloud.example"
	reader = "zhang.san@reader.example"
)

var body = []byte("Subject: x\r\n\r\n.leading dot\r\nlast line\r\n")

func newMailer(t *testing.T, url string, opts MailerOptions) *Mailer {
	t.Helper()
	m, err := NewMailer(url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func plainServer(t *testing.T, s *mailServer) *mailServer {
	return s.start(t, "", tls.Certificate{})
}

// checkSafe looks for what must never stand in an error or its causes.
func checkSafe(t *testing.T, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, never := range []string{"reader.example", "cloud.example", "quoted", "hunter2", "zhang"} {
			if strings.Contains(e.Error(), never) {
				t.Errorf("the error or a cause of it holds %q: %v", never, e)
			}
		}
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	s := plainServer(t, &mailServer{})
	m := newMailer(t, "smtp://"+s.addr, MailerOptions{HELO: "worker.cloud.example"})
	if err := m.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	reply, err := m.Send(t.Context(), "Sample Cloud <"+sender+">", reader, body)
	if err != nil {
		t.Fatal(err)
	}
	if reply.Code != 250 || reply.Enhanced != "2.0.0" {
		t.Errorf("the answer is %v", reply)
	}
	got := s.messages()
	if len(got) != 1 || got[0].from != sender || got[0].to != reader || !bytes.Equal(got[0].data, body) {
		t.Errorf("the server took %+v", got)
	}
}

func TestTLSAndLogin(t *testing.T) {
	t.Parallel()
	cert, pool := certificate(t)
	login := [2]string{"mailer", "hunter2"}
	start := map[string]*mailServer{
		"smtp": (&mailServer{login: login}).start(t, "", cert), "smtps": (&mailServer{login: login}).start(t, "tls", cert),
		"smtp+starttls": (&mailServer{login: login}).start(t, "starttls", cert),
	}
	for scheme, s := range start {
		opts := MailerOptions{TLS: &tls.Config{RootCAs: pool}}
		m := newMailer(t, scheme+"://mailer:hunter2@"+s.addr, opts)
		for range 2 {
			if _, err := m.Send(t.Context(), sender, reader, body); err != nil {
				t.Errorf("%s: %v", scheme, err)
			}
		}
		if n := s.accepted.Load(); n != 1 {
			t.Errorf("%s: %d connections for two letters", scheme, n)
		}
		// A refused login is about us, so the letter waits; it is not undeliverable.
		m = newMailer(t, scheme+"://mailer:hunter22@"+s.addr, opts)
		_, err := m.Send(t.Context(), sender, reader, body)
		if !fault.Is(err, contract.ErrUnavailable) || ReplyOf(err) != (Reply{535, "5.7.8"}) || fault.As(err).Hint == "" {
			t.Errorf("%s, wrong password: got %v with %v", scheme, err, ReplyOf(err))
		}
		checkSafe(t, err)
		if n := len(s.messages()); n != 2 {
			t.Errorf("%s: the server has %d messages, want 2", scheme, n)
		}
		if scheme == "smtp" {
			continue
		}
		// Nobody vouches for the certificate: nothing is said, the password least of all.
		m = newMailer(t, scheme+"://mailer:hunter2@"+s.addr, MailerOptions{})
		err = m.Ping(t.Context())
		if !fault.Is(err, contract.ErrUnavailable) || !strings.Contains(err.Error(), "TLS") {
			t.Errorf("%s, unknown authority: got %v", scheme, err)
		}
		checkSafe(t, err)
	}
}

func TestNoClearTextFallback(t *testing.T) {
	t.Parallel()
	s := plainServer(t, &mailServer{login: [2]string{"mailer", "hunter2"}})
	m := newMailer(t, "smtp+starttls://mailer:hunter2@"+s.addr, MailerOptions{})
	_, err := m.Send(t.Context(), sender, reader, body)
	if !fault.Is(err, contract.ErrUnavailable) || !strings.Contains(err.Error(), "STARTTLS") {
		t.Errorf("without STARTTLS: got %v", err)
	}
	if s.mails.Load() != 0 {
		t.Error("the letter went on in clear")
	}
	s = plainServer(t, &mailServer{})
	m = newMailer(t, "smtp://mailer:hunter2@"+s.addr, MailerOptions{})
	if err := m.Ping(t.Context()); !fault.Is(err, contract.ErrUnavailable) || !strings.Contains(err.Error(), "AUTH") {
		t.Errorf("without AUTH: got %v", err)
	}
}

func TestServerURLs(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]server{
		"smtp://mail.example":                  {host: "mail.example", port: "25"},
		"smtp://[::1]:2525/":                   {host: "::1", port: "2525"},
		"smtp://u:p@localhost":                 {host: "localhost", port: "25", user: "u", password: "p"},
		"smtps://u%40x:p%3A@mail.example":      {host: "mail.example", port: "465", implicit: true, user: "u@x", password: "p:"},
		"smtp+starttls://u:p@mail.example:588": {host: "mail.example", port: "588", startTLS: true, user: "u", password: "p"},
	} {
		if got, err := parseServer(url); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", url, got, err)
		}
	}
	for _, url := range []string{
		"", "mail.example:25", "http://mail.example", "smtp://", "smtp:mail.example", "smtp://mail.example/x",
		"smtp://mail.example?tls=no", "smtp://u:hunter2@mail.example", "smtps://u@mail.example",
		"smtps://:hunter2@mail.example", "smtps://u:hunter2%zz@mail.example", "smtp://mail.example:port",
	} {
		_, err := NewMailer(url, MailerOptions{})
		if !fault.Is(err, contract.ErrBadInput) {
			t.Errorf("%s: got %v, want a bad input", url, err)
			continue
		}
		checkSafe(t, err)
	}
	if _, err := NewMailer("smtp://mail.example", MailerOptions{HELO: "a\r\nMAIL"}); !fault.Is(err, contract.ErrBadInput) {
		t.Errorf("a greeting with a line break: %v", err)
	}
}

func TestSendRefusesAddresses(t *testing.T) {
	t.Parallel()
	s := plainServer(t, &mailServer{})
	m := newMailer(t, "smtp://"+s.addr, MailerOptions{})
	for _, to := range []string{"", "x", "a@b.example\r\nRCPT TO:<c@d.example>", "a@b.example> NOTIFY=NEVER", "a@b.example,c@d.example"} {
		if _, err := m.Send(t.Context(), sender, to, body); !fault.Is(err, contract.ErrUndeliverable) {
			t.Errorf("%q: %v", to, err)
		}
	}
	if _, err := m.Send(t.Context(), "a@b.example> SIZE=1", reader, body); !fault.Is(err, contract.ErrBadInput) {
		t.Errorf("the sender: %v", err)
	}
	if s.accepted.Load() != 0 {
		t.Error("the server heard of it")
	}
}

// TestWholeLetter sends a signed letter and checks it as its reader's server would.
func TestWholeLetter(t *testing.T) {
	t.Parallel()
	s := plainServer(t, &mailServer{})
	m := newMailer(t, "smtp://"+s.addr, MailerOptions{})
	sign := testKey(t)
	raw, err := Compose(envelope(), letter(t, "zh"), sign)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Send(t.Context(), envelope().From, envelope().To, raw); err != nil {
		t.Fatal(err)
	}
	got := s.messages()[0].data
	if !bytes.Equal(got, raw) {
		t.Error("the letter changed on its way")
	}
	if err := verify(got, sign); err != nil {
		t.Error(err)
	}
}
