package mailing

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/letters"
	"github.com/habeas-dsr/habeas/internal/seal"
	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// catcher is a mail server that counts what each reader got; refuse may say no to one.
type catcher struct {
	addr   string
	refuse func(to string) error

	mu  sync.Mutex
	got map[string]int
}

func newCatcher(t testing.TB) *catcher {
	t.Helper()
	c := &catcher{got: map[string]int{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.addr = l.Addr().String()
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &caught{c: c}, nil }))
	server.Domain, server.ErrorLog = "catcher.example", log.New(io.Discard, "", 0)
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); _ = l.Close(); <-done })
	return c
}

type caught struct {
	c  *catcher
	to string
}

func (*caught) Mail(string, *smtp.MailOptions) error { return nil }
func (*caught) Reset()                               {}
func (*caught) Logout() error                        { return nil }

func (x *caught) Rcpt(to string, _ *smtp.RcptOptions) error {
	x.to = to
	if x.c.refuse != nil {
		return x.c.refuse(to)
	}
	return nil
}

func (x *caught) Data(r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	x.c.mu.Lock()
	defer x.c.mu.Unlock()
	x.c.got[x.to]++
	return nil
}

// newStore is a casefile with one notice to so many people, in two waves of 90 and 10 per cent.
func newStore(t testing.TB, people int) (*casefile.Store, contract.Ref) {
	t.Helper()
	ctx, url := t.Context(), pgtest.URL(t)
	if _, _, err := casefile.Migrate(ctx, url); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "keys")
	if err := seal.Init(dir); err != nil {
		t.Fatal(err)
	}
	keys, err := seal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	store, err := casefile.Open(ctx, url, keys, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	ref, err := store.CreateNotice(ctx, casefile.NewNotice{Kind: "breach", Laws: []string{"cn-pipl"}, OpenedBy: "sue",
		AwareAt: time.Now().Add(-time.Hour), DueAt: time.Now().Add(72 * time.Hour), MapHash: "0badcafe", File: []byte(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	list := make([]casefile.Addressee, people)
	for i := range list {
		list[i] = casefile.Addressee{Email: fmt.Sprintf("p%d@m%d.persons.example", i, i%7), Account: fmt.Sprint(i), Lang: "en"}
	}
	if _, err := store.AddConcerned(ctx, ref, 0, 0, list); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Freeze(ctx, ref, []int{90, 100}, 0, make([]byte, 32)); err != nil {
		t.Fatal(err)
	}
	return store, ref
}

func newKey(t testing.TB) *letters.DKIM {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "dkim.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), 0o600); err != nil {
		t.Fatal(err)
	}
	sign, err := letters.LoadDKIM(path, "cloud.example", "h2026")
	if err != nil {
		t.Fatal(err)
	}
	return sign
}

// newPage is a page as the worker makes it, with a letter of the usual size.
func newPage(t testing.TB, store Store, ref contract.Ref, wave int, server string, sign *letters.DKIM) *Page {
	t.Helper()
	m, err := letters.NewMailer("smtp://"+server, letters.MailerOptions{Size: 4, HELO: "worker.cloud.example"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	text := strings.Repeat("A copy of a table lay in a storage space that anybody could open.\n", 25)
	return &Page{
		Store: store, Ref: ref, Wave: wave, Connections: 4, Send: m.Send, Now: time.Now, Sent: &atomic.Int64{},
		Pace: Pace{Retry: time.Minute, GiveUp: time.Hour},
		Poll: func(context.Context) (bool, int) { return true, 0 },
		Compose: func(r casefile.Recipient) (Letter, error) {
			raw, err := letters.Compose(letters.Envelope{From: "privacy@cloud.example", To: r.Person.Email, Date: time.Now(),
				MessageID: fmt.Sprintf("%d@cloud.example", r.N)}, letters.Message{Subject: "A notice", Text: text, HTML: "<p>" + text + "</p>", Lang: "en"}, sign)
			return Letter{From: "bounce@cloud.example", To: r.Person.Email, Raw: raw}, err
		},
	}
}

// A page of several claims tells everybody of its waves once, stops for a domain that asks for it, and
// leaves the casefile saying what the mail server saw.
func TestPageTellsEverybodyOnce(t *testing.T) {
	t.Parallel()
	const people, first = 3500, 3150
	store, ref := newStore(t, people)
	c := newCatcher(t)
	c.refuse = func(to string) error {
		switch {
		case strings.HasSuffix(to, "@m3.persons.example"):
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "nobody"}
		case strings.HasSuffix(to, "@m4.persons.example"):
			return &smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "later"}
		}
		return nil
	}
	total, err := newPage(t, store, ref, 1, c.addr, nil).Run(t.Context())
	if err != nil || total.Claimed > first || total.Claimed < first-people/7 || total.Unclear+total.Repeated != 0 {
		t.Fatalf("wave 1: %+v, %v", total, err)
	}
	got, err := newPage(t, store, ref, 2, c.addr, nil).Run(t.Context())
	if err != nil || got.Claimed > people-first || got.Claimed < people-first-people/7 {
		t.Fatalf("wave 2: %+v, %v", got, err)
	}
	tally, err := store.Tally(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	n, err := store.Notice(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for to, times := range c.got {
		if times != 1 {
			t.Errorf("%s got %d letters", to, times)
		}
	}
	if want := people - 2*people/7; len(c.got) != want || tally.Mail[casefile.MailSent] != int64(want) || n.Sent != int64(want) || total.Sent+got.Sent != int64(want) {
		t.Errorf("%d got a letter, the casefile says %d and %d, the pages %d; want %d", len(c.got), tally.Mail[casefile.MailSent], n.Sent, total.Sent+got.Sent, want)
	}
	if want := int64(people / 7); tally.Mail[casefile.MailRefused] != want || n.Bad != want {
		t.Errorf("refused: %d and %d, want %d", tally.Mail[casefile.MailRefused], n.Bad, want)
	}
	busy := tally.Mail[casefile.MailDeferred] + tally.Mail[casefile.MailWaiting]
	if busy != people/7 || tally.Mail[casefile.MailWaiting] == 0 {
		t.Errorf("of the busy domain: %+v", tally.Mail)
	}
}

// BenchmarkPage is one notice to two thousand, page by page; `make bench` holds the whole against a floor.
func BenchmarkPage(b *testing.B) {
	const people = 2000
	sign := newKey(b)
	for b.Loop() {
		b.StopTimer()
		store, ref := newStore(b, people)
		c := newCatcher(b)
		p := newPage(b, store, ref, 2, c.addr, sign)
		b.StartTimer()
		for sent := int64(0); sent < people; {
			got, err := p.Run(b.Context())
			if err != nil || got.Claimed == 0 {
				b.Fatal(got, err)
			}
			sent += got.Sent
		}
	}
	b.ReportMetric(float64(people)*float64(b.N)/b.Elapsed().Seconds(), "letters/s")
}
