package letters

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	busy := 7 * time.Second
	cases := []struct {
		name   string
		server *mailServer
		typ    string
		reply  Reply
		delay  time.Duration
	}{
		{"550 to RCPT", &mailServer{onRcpt: func(int, string) error { return answer(550, 5, 1, 1) }}, contract.ErrUndeliverable, Reply{550, "5.1.1"}, 0},
		{"553 to MAIL", &mailServer{onMail: func(int) error { return answer(553) }}, contract.ErrUndeliverable, Reply{553, ""}, 0},
		{"554 to the message", &mailServer{onData: func(int, *smtp.Conn) error { return answer(554, 5, 7, 1) }}, contract.ErrUndeliverable, Reply{554, "5.7.1"}, 0},
		{"451 to the message", &mailServer{onData: func(int, *smtp.Conn) error { return answer(451, 4, 3, 0) }}, contract.ErrBusy, Reply{451, "4.3.0"}, busy},
		{"450 to RCPT", &mailServer{onRcpt: func(int, string) error { return answer(450, 4, 2, 0) }}, contract.ErrBusy, Reply{450, "4.2.0"}, busy},
		{"452 to RCPT", &mailServer{onRcpt: func(int, string) error { return answer(452) }}, contract.ErrBusy, Reply{452, ""}, busy},
		{"421 to MAIL", &mailServer{onMail: func(int) error { return answer(421, 4, 7, 0) }}, contract.ErrBusy, Reply{421, "4.7.0"}, busy},
		{"421 to the message", &mailServer{onData: func(int, *smtp.Conn) error { return answer(421) }}, contract.ErrBusy, Reply{421, ""}, busy},
		{"552 to RCPT", &mailServer{onRcpt: func(int, string) error { return answer(552, 5, 2, 2) }}, contract.ErrUnavailable, Reply{552, "5.2.2"}, 0},
		{"447 to RCPT", &mailServer{onRcpt: func(int, string) error { return answer(447) }}, contract.ErrUnavailable, Reply{447, ""}, 0},
		{"530 to MAIL", &mailServer{onMail: func(int) error { return answer(530, 5, 7, 0) }}, contract.ErrUnavailable, Reply{530, "5.7.0"}, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := plainServer(t, c.server)
			m := newMailer(t, "smtp://"+s.addr, MailerOptions{Busy: busy})
			_, err := m.Send(t.Context(), sender, reader, body)
			f := fault.As(err)
			if f.Type != c.typ || ReplyOf(err) != c.reply || f.RetryAfter != c.delay {
				t.Errorf("got %s %v after %v, want %s %v after %v: %v", f.Type, ReplyOf(err), f.RetryAfter, c.typ, c.reply, c.delay, err)
			}
			if f.Permanent != (c.typ == contract.ErrUndeliverable) {
				t.Errorf("permanent is %v", f.Permanent)
			}
			if Undecided(err) {
				t.Error("a clear answer counts as undecided")
			}
			checkSafe(t, err)
		})
	}
}

// TestFailureDoesNotSpoilTheNext sends again after each kind of refusal, over the same mailer.
func TestFailureDoesNotSpoilTheNext(t *testing.T) {
	t.Parallel()
	once := func(n int, code int) error {
		if n == 2 {
			return answer(code)
		}
		return nil
	}
	for name, s := range map[string]*mailServer{
		"RCPT 550":     {onRcpt: func(n int, _ string) error { return once(n, 550) }},
		"RCPT 450":     {onRcpt: func(n int, _ string) error { return once(n, 450) }},
		"MAIL 451":     {onMail: func(n int) error { return once(n, 451) }},
		"message 554":  {onData: func(n int, _ *smtp.Conn) error { return once(n, 554) }},
		"message 421":  {onData: func(n int, _ *smtp.Conn) error { return once(n, 421) }},
		"message lost": {onData: func(n int, c *smtp.Conn) error { return hangUpAt(2, n, c) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plainServer(t, s)
			m := newMailer(t, "smtp://"+s.addr, MailerOptions{Size: 1})
			for n := 1; n <= 4; n++ {
				to := fmt.Sprintf("reader%d@reader.example", n)
				if _, err := m.Send(t.Context(), sender, to, body); (err != nil) != (n == 2) {
					t.Errorf("letter %d: %v", n, err)
				}
			}
			var got []string
			for _, r := range s.messages() {
				got = append(got, r.to)
			}
			if want := "reader1@reader.example reader3@reader.example reader4@reader.example"; strings.Join(got, " ") != want {
				t.Errorf("the server took %v", got)
			}
		})
	}
}

func hangUpAt(which, n int, c *smtp.Conn) error {
	if n == which {
		c.Conn().Close()
		return errHungUp
	}
	return nil
}

func TestLostAfterTheMessageIsUndecided(t *testing.T) {
	t.Parallel()
	s := plainServer(t, &mailServer{onData: func(n int, c *smtp.Conn) error { return hangUpAt(1, n, c) }})
	m := newMailer(t, "smtp://"+s.addr, MailerOptions{})
	_, err := m.Send(t.Context(), sender, reader, body)
	if !Undecided(err) || !fault.Is(err, contract.ErrUnavailable) || fault.As(err).Permanent {
		t.Errorf("got %v, want unavailable and undecided", err)
	}
	if Undecided(fmt.Errorf("sending: %w", err)) != true {
		t.Error("wrapping hides it")
	}
	if s.datas.Load() != 1 {
		t.Errorf("the message went out %d times within one Send", s.datas.Load())
	}
	checkSafe(t, err)
	if Undecided(nil) || Undecided(errHungUp) {
		t.Error("anything is undecided")
	}
}

func TestSilenceTimesOut(t *testing.T) {
	t.Parallel()
	quick := MailerOptions{Command: 100 * time.Millisecond, Answer: 150 * time.Millisecond, Connect: 200 * time.Millisecond}
	hang := func(s *mailServer) error { <-s.stopped; return errHungUp }
	before, after := &mailServer{}, &mailServer{}
	before.onRcpt = func(int, string) error { return hang(before) }
	after.onData = func(int, *smtp.Conn) error { return hang(after) }
	for s, undecided := range map[*mailServer]bool{before: false, after: true} {
		plainServer(t, s)
		m := newMailer(t, "smtp://"+s.addr, quick)
		start := time.Now()
		_, err := m.Send(t.Context(), sender, reader, body)
		if !fault.Is(err, contract.ErrUnavailable) || Undecided(err) != undecided {
			t.Errorf("got %v, undecided %v, want %v", err, Undecided(err), undecided)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		checkSafe(t, err)
	}
}

// TestServersThatAreNone connects to what is not there, says nothing, or speaks something else.
func TestServersThatAreNone(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"not there":         "smtp://127.0.0.1:1", // nobody listens on tcpmux, and the system gives it to nobody
		"silent":            "smtp://" + saying(t, ""),
		"silent with TLS":   "smtps://" + saying(t, ""),
		"another protocol":  "smtp://" + saying(t, "quoted words of zhang.san@reader.example\r\n"),
		"clear text on TLS": "smtps://" + saying(t, "220 cloud.example ready\r\n"),
		"busy":              "smtp://" + saying(t, "421 4.3.2 quoted words\r\n"),
		"no service":        "smtp://" + saying(t, "554 5.3.2 quoted words\r\n"),
		"STARTTLS, garbage": "smtp+starttls://" + saying(t, "220 a\r\n250-a\r\n250 STARTTLS\r\n220 go\r\nquoted words\r\n"),
	} {
		m := newMailer(t, url, MailerOptions{Connect: 300 * time.Millisecond})
		_, err := m.Send(t.Context(), sender, reader, body)
		want := contract.ErrUnavailable
		if name == "busy" {
			want = contract.ErrBusy
		}
		if !fault.Is(err, want) || Undecided(err) || fault.As(err).Permanent {
			t.Errorf("%s: got %v", name, err)
		}
		checkSafe(t, err)
	}
}

// saying listens and says one thing to whoever connects.
func saying(t *testing.T, words string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				_, _ = c.Write([]byte(words))
				buffer := make([]byte, 1024)
				for {
					if _, err := c.Read(buffer); err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String()
}
