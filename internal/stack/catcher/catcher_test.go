package catcher

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
)

var secret = []byte("a secret of the test, long enough")

type running struct {
	*Client
	base, smtp string
	stop       func()
}

// run starts a catcher in this process; stop may be called early to restart on the same folder.
func run(t *testing.T, o Options) running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	type addresses struct{ smtp, http string }
	ready, done := make(chan addresses, 1), make(chan error, 1)
	o.SMTP, o.HTTP, o.SMSSecret = "127.0.0.1:0", "127.0.0.1:0", secret
	o.Ready = func(s, h net.Addr) { ready <- addresses{s.String(), h.String()} }
	go func() { done <- Run(ctx, o) }()
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("the catcher ended with %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the catcher does not stop")
		}
	}
	t.Cleanup(stop)
	select {
	case a := <-ready:
		return running{Client: NewClient("http://" + a.http), base: "http://" + a.http, smtp: a.smtp, stop: stop}
	case err := <-done:
		t.Fatalf("the catcher did not start: %v", err)
	}
	panic("unreachable")
}

// gbk is "数据" in GBK, as an old mail program would send it.
const gbk = "\xca\xfd\xbe\xdd"

func letter(to, id string) string {
	return strings.ReplaceAll(`From: =?utf-8?q?=E4=BA=91=E6=A0=88?= <privacy@yunzhan.example>
To: `+to+`
Subject: =?utf-8?b?5oKo55qE5Liq5Lq65L+h5oGv5bey5YeG5aSH5aW9?=
Message-ID: <`+id+`@yunzhan.example>
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=o

--o
Content-Type: multipart/alternative; boundary=i

--i
Content-Type: text/plain; charset=gbk
Content-Transfer-Encoding: 8bit

`+gbk+`
--i
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

PHA+5oKo5aW9PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0PjwvcD4=
--i--
--o
Content-Type: application/zip
Content-Disposition: attachment; filename*=utf-8''%E8%B5%84%E6%96%99.zip

PK
--o--
`, "\n", "\r\n")
}

func send(t *testing.T, addr, to, id string) error {
	t.Helper()
	return deliver(addr, to, letter(to, id))
}

// deliver is a whole SMTP conversation; smtp.SendMail would insist on STARTTLS.
func deliver(addr, to, raw string) error {
	c, err := smtp.Dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.SendMail("bounce@yunzhan.example", []string{to}, strings.NewReader(raw))
}

func TestLetterAsItsReaderSeesIt(t *testing.T) {
	t.Parallel()
	c := run(t, Options{Dir: t.TempDir()})
	ctx := t.Context()
	for i, to := range []string{"one@mail.example", "two@mail.example"} {
		if err := send(t, c.smtp, to, fmt.Sprint("m", i)); err != nil {
			t.Fatal(err)
		}
	}
	list, err := c.List(ctx, "")
	if err != nil || len(list) != 2 || list[0].MessageID != "<m1@yunzhan.example>" {
		t.Fatalf("want two letters, the newest first; got %+v, %v", list, err)
	}
	if list, err = c.List(ctx, "ONE@"); err != nil || len(list) != 1 {
		t.Fatalf("one letter went to one@: got %d, %v", len(list), err)
	}
	l, err := c.Letter(ctx, list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if l.Subject != "您的个人信息已准备好" || l.Text != "数据" || !strings.HasPrefix(l.HTML, "<p>您好") || len(l.Problems) != 0 {
		t.Errorf("decoded wrongly: subject %q, text %q, html %q, problems %v", l.Subject, l.Text, l.HTML, l.Problems)
	}
	if diff := cmp.Diff([]Attachment{{Name: "资料.zip", Type: "application/zip", Size: 2}}, l.Attachments); diff != "" {
		t.Errorf("attachments (-want +got):\n%s", diff)
	}
	if l.Header("from") != "云栈 <privacy@yunzhan.example>" || l.Header("Auto-Submitted") != "auto-generated" {
		t.Errorf("headers %+v", l.Headers)
	}
	page, h := get(t, c.base+"/messages/"+l.ID)
	if !strings.Contains(page, "<iframe sandbox src=") || !strings.Contains(page, "数据") || strings.Contains(page, "alert(1)") {
		t.Errorf("the letter's page is wrong:\n%s", page)
	}
	if !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("the page has no strict policy")
	}
	if _, h = get(t, c.base+"/messages/"+l.ID+"/html"); !strings.Contains(h.Get("Content-Security-Policy"), "; sandbox;") {
		t.Error("the HTML part may run scripts")
	}
	if page, _ = get(t, c.base+"/"); strings.Count(page, "您的个人信息已准备好") != 2 {
		t.Errorf("the list does not show both letters:\n%s", page)
	}
}

func get(t *testing.T, url string) (string, http.Header) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", url, resp.StatusCode, err)
	}
	return string(body), resp.Header
}

func TestBrokenLetterIsShownWithItsProblem(t *testing.T) {
	t.Parallel()
	c := run(t, Options{Dir: t.TempDir()})
	raw := "Subject: x\r\nContent-Type: text/plain; charset=no-such-charset\r\n\r\nhello\r\n"
	if err := deliver(c.smtp, "b@b.example", raw); err != nil {
		t.Fatal(err)
	}
	list, err := c.List(t.Context(), "")
	if err != nil || len(list) != 1 {
		t.Fatalf("%d letters, %v", len(list), err)
	}
	l, err := c.Letter(t.Context(), list[0].ID)
	if err != nil || len(l.Problems) == 0 || l.Raw == "" {
		t.Fatalf("want the letter with a problem; got %+v, %v", l, err)
	}
}

func TestLettersOutliveTheCatcher(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := run(t, Options{Dir: dir})
	for i := range 3 {
		if err := send(t, c.smtp, "a@a.example", fmt.Sprint("m", i)); err != nil {
			t.Fatal(err)
		}
	}
	c.stop()
	// What a killed catcher leaves: a letter without its head, and a half-written head.
	for _, rest := range []string{"000000009.eml", "000000010.json.tmp"} {
		if err := os.WriteFile(dir+"/mail/"+rest, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c = run(t, Options{Dir: dir})
	if err := send(t, c.smtp, "a@a.example", "m3"); err != nil {
		t.Fatal(err)
	}
	list, err := c.List(t.Context(), "")
	if err != nil || len(list) != 4 || list[0].MessageID != "<m3@yunzhan.example>" || list[3].MessageID != "<m0@yunzhan.example>" {
		t.Fatalf("want four letters in order; got %+v, %v", list, err)
	}
	if err := c.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir + "/mail"); len(left) != 0 {
		t.Errorf("%d files are left after clearing", len(left))
	}
}

func TestOnlyLoopbackIsServed(t *testing.T) {
	t.Parallel()
	if err := Run(t.Context(), Options{Dir: t.TempDir(), SMTP: "0.0.0.0:0", HTTP: "127.0.0.1:0", SMSSecret: secret}); err == nil {
		t.Error("it listened on every address")
	}
	c := run(t, Options{Dir: t.TempDir()})
	for _, change := range []func(*http.Request){
		func(r *http.Request) { r.Host = "evil.example" },
		func(r *http.Request) { r.Method = http.MethodDelete; r.Header.Set("Origin", "https://evil.example") },
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.base+"/api/messages", nil)
		if err != nil {
			t.Fatal(err)
		}
		change(req)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("a request of another page got %d", resp.StatusCode)
		}
	}
}
