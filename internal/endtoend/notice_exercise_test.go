package endtoend

import (
	"io"
	"mime"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/habeas-dsr/habeas/internal/announce"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
)

// drillServer is the mail server of exercises: it keeps what it gets, by reader.
type drillServer struct {
	mu  sync.Mutex
	got map[string]string
}

func newDrillServer(t *testing.T) (*drillServer, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &drillServer{got: map[string]string{}}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &drillSession{d: d}, nil }))
	server.Domain = "drill.example"
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return d, "smtp://" + l.Addr().String()
}

type drillSession struct {
	d  *drillServer
	to string
}

func (*drillSession) Mail(string, *smtp.MailOptions) error        { return nil }
func (s *drillSession) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = to; return nil }
func (*drillSession) Reset()                                      {}
func (*drillSession) Logout() error                               { return nil }

func (s *drillSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	s.d.got[s.to] = string(raw)
	return err
}

// An exercise runs everything, into its own catcher and nowhere else, and says so in each letter and
// report.
func exercise(t *testing.T, c *demo.Company, drill *drillServer) {
	s := newTeller(t, c, 4*time.Minute)
	path := breach(t, `
exercise: true
concerned: [{csv: people.csv, categories: [{zh: 登录名, en: sign-in name}]}]
canaries: [seed@yunzhan.example]
pace: {rate: 0, per_domain: 0, waves: [100], retry: 1s}
ladder: {steps: [sms], after: 1s}
`)
	people := "email,mobile,lang\na@drill.example,,en\nb@drill.example,,zh\n,+8619900000001,zh\n"
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "people.csv"), []byte(people), 0o600); err != nil {
		t.Fatal(err)
	}
	s.open(path)
	s.wave(1)
	s.settled()
	if err := s.d.DraftReport(s.ctx, s.ref, "cn-authority"); err != nil {
		t.Fatal(err)
	}
	subject, text, _, err := s.d.NoticeReport(s.ctx, s.ref, "cn-authority", "en", announce.House{Company: s.d.Map.Company, PortalHost: "privacy.example"})
	if err != nil || !strings.Contains(subject+text, "EXERCISE") {
		t.Errorf("the report of an exercise: %q %v", subject, err)
	}
	s.close(contract.NoticeTold)
	if n := s.notice(); !n.Exercise || n.Sent != 2 || s.tally().Mail[casefile.MailNone] != 1 {
		t.Errorf("%+v", n)
	}
	if n := len(s.copies()); n != 0 {
		t.Errorf("%d letters of an exercise went to the real mail server", n)
	}
	drill.mu.Lock()
	defer drill.mu.Unlock()
	for _, to := range []string{"a@drill.example", "b@drill.example", "seed@yunzhan.example"} {
		letter, err := mail.ReadMessage(strings.NewReader(drill.got[to]))
		if err != nil {
			t.Errorf("the letter to %s: %v", to, err)
			continue
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(letter.Header.Get("Subject"))
		if err != nil || !strings.Contains(subject, "EXERCISE") {
			t.Errorf("the letter to %s does not say EXERCISE: %q %v", to, subject, err)
		}
	}
}
