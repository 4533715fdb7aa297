package letters

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

const (
	mobile = "+8613800000000"
	smsKey = "case/7QK2M-9XH4T:verify_code:1"
)

var (
	secret  = []byte("a secret of thirty-two characters")
	smsTime = time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
)

// gateway is a real webhook that checks the signature before anything else.
func gateway(t *testing.T, then http.HandlerFunc) *SMSGateway {
	t.Helper()
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(r.Header.Get("X-Habeas-Timestamp") + "." + string(body)))
		if r.Header.Get("X-Habeas-Signature") != "v1="+hex.EncodeToString(mac.Sum(nil)) {
			t.Error("the signature does not fit")
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		then(w, r)
	}))
	t.Cleanup(hook.Close)
	g, err := NewSMSGateway(hook.URL+"/hook?token=hunter2", secret, SMSOptions{
		Client: hook.Client(), Now: func() time.Time { return smsTime },
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestSMSSend(t *testing.T) {
	t.Parallel()
	text, err := SMS(VerifyCode, "zh", full())
	if err != nil {
		t.Fatal(err)
	}
	g := gateway(t, func(w http.ResponseWriter, r *http.Request) {
		var got map[string]string
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(map[string]string{"to": mobile, "text": text, "key": smsKey}, got); diff != "" {
			t.Errorf("the body differs (-want +got):\n%s", diff)
		}
		if r.Method != http.MethodPost || r.URL.RawQuery != "token=hunter2" || r.Header.Get("Idempotency-Key") != smsKey ||
			r.Header.Get("X-Habeas-Timestamp") != strconv.FormatInt(smsTime.Unix(), 10) ||
			!strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			t.Errorf("the request is %s %s %v", r.Method, r.URL, r.Header)
		}
		w.WriteHeader(http.StatusAccepted)
	})
	if err := g.Send(t.Context(), mobile, text, smsKey); err != nil {
		t.Error(err)
	}
}

func TestSMSAnswers(t *testing.T) {
	t.Parallel()
	cases := []struct {
		code  int
		after string
		typ   string
		delay time.Duration
	}{
		{429, "17", contract.ErrBusy, 17 * time.Second},
		{429, "", contract.ErrBusy, 0},
		{429, smsTime.Add(time.Minute).Format(http.TimeFormat), contract.ErrBusy, time.Minute},
		{429, smsTime.Add(-time.Minute).Format(http.TimeFormat), contract.ErrBusy, 0},
		{429, "99999999", contract.ErrBusy, time.Hour},
		{429, "-5", contract.ErrBusy, 0},
		{503, "5", contract.ErrBusy, 5 * time.Second},
		{503, "", contract.ErrUnavailable, 0},
		{500, "", contract.ErrUnavailable, 0},
		{408, "", contract.ErrUnavailable, 0},
		{400, "", contract.ErrUndeliverable, 0},
		{403, "", contract.ErrUnavailable, 0}, // our secret is wrong, not the number
		{404, "", contract.ErrUnavailable, 0},
		{422, "9", contract.ErrUndeliverable, 0},
	}
	for _, c := range cases {
		g := gateway(t, func(w http.ResponseWriter, _ *http.Request) {
			if c.after != "" {
				w.Header().Set("Retry-After", c.after)
			}
			w.WriteHeader(c.code)
			_, _ = io.WriteString(w, "quoted "+mobile+strings.Repeat("x", 1<<20))
		})
		err := g.Send(t.Context(), mobile, "text", smsKey)
		f := fault.As(err)
		if err == nil || f.Type != c.typ || f.RetryAfter != c.delay {
			t.Errorf("%d %q: got %s after %v, want %s after %v: %v", c.code, c.after, f.Type, f.RetryAfter, c.typ, c.delay, err)
		}
		checkSMSSafe(t, err)
	}
}

func checkSMSSafe(t *testing.T, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, never := range []string{"quoted", mobile, "hunter2", "token", "secret"} {
			if strings.Contains(e.Error(), never) {
				t.Errorf("the error or a cause of it holds %q: %v", never, e)
			}
		}
	}
}

func TestSMSFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	t.Cleanup(other.Close)
	for _, code := range []int{301, 302, 307, 308} {
		g := gateway(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, code) })
		err := g.Send(t.Context(), mobile, "text", smsKey)
		if !fault.Is(err, contract.ErrUnavailable) {
			t.Errorf("%d: got %v", code, err)
		}
		checkSMSSafe(t, err)
	}
	if reached.Load() {
		t.Error("the message went to another server")
	}
}

func TestSMSNoAnswer(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	hang := gateway(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	hang.client.Timeout = 50 * time.Millisecond
	err := hang.Send(t.Context(), mobile, "text", smsKey)
	if !fault.Is(err, contract.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a webhook that hangs: %v", err)
	}
	checkSMSSafe(t, err)
	hang.client.Timeout = time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := hang.Send(ctx, mobile, "text", smsKey); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}

	for name, address := range map[string]string{
		"not HTTP": saying(t, "quoted words\r\n\r\n"), "cut off": saying(t, "HTTP/1.1 200 quoted\r\nContent-Le"),
	} {
		g, err := NewSMSGateway("http://"+address+"/?token=hunter2", secret, SMSOptions{
			Client: &http.Client{Timeout: 300 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true}},
		})
		if err != nil {
			t.Fatal(err)
		}
		err = g.Send(t.Context(), mobile, "text", smsKey)
		if !fault.Is(err, contract.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
		checkSMSSafe(t, err)
	}
}

func TestSMSBadInput(t *testing.T) {
	t.Parallel()
	g := gateway(t, func(http.ResponseWriter, *http.Request) { t.Error("the webhook heard of it") })
	for _, c := range []struct{ to, text, key, want string }{
		{"13800000000", "text", smsKey, contract.ErrUndeliverable},
		{"+86 138", "text", smsKey, contract.ErrUndeliverable},
		{"", "text", smsKey, contract.ErrUndeliverable},
		{mobile, "", smsKey, contract.ErrBadInput},
		{mobile, "\xff", smsKey, contract.ErrBadInput},
		{mobile, strings.Repeat("长", 601), smsKey, contract.ErrBadInput},
		{mobile, "text", "", contract.ErrBadInput},
		{mobile, "text", "a\r\nX-Other: b", contract.ErrBadInput},
	} {
		if err := g.Send(t.Context(), c.to, c.text, c.key); !fault.Is(err, c.want) {
			t.Errorf("%q %q: got %v, want %s", c.to, c.key, err, c.want)
		}
	}
	for _, url := range []string{"", "hook", "ftp://h.example/", "file:///etc/passwd", "https://", "http://h.example/#x", "https://h.example:hunter2/"} {
		_, err := NewSMSGateway(url, secret, SMSOptions{})
		if !fault.Is(err, contract.ErrBadInput) {
			t.Errorf("%q: %v", url, err)
		}
		checkSMSSafe(t, err)
	}
	if _, err := NewSMSGateway("https://h.example/", []byte("short"), SMSOptions{}); !fault.Is(err, contract.ErrBadInput) {
		t.Errorf("a short secret: %v", err)
	}
}
