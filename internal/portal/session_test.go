package portal

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/dsr"
)

func TestASessionIsSignedBoundAndShort(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	got := b.post("/case/status", "id", b.known, "code", b.desk.code(b.known, dsr.CodeStatus))
	if len(got.Cookies()) != 1 {
		t.Fatalf("cookies: %v", got.Cookies())
	}
	c := got.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.MaxAge != 900 || c.Path != "/" || c.Domain != "" || c.Secure {
		t.Errorf("the cookie: %v", c)
	}
	b.browser.Jar = nil
	status := func(value string) int {
		r := b.request(http.MethodGet, "/case/status", nil)
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: value})
		return b.do(r).StatusCode
	}
	if status(c.Value) != http.StatusOK {
		t.Error("the cookie as set does not open the page")
	}
	until, _, _ := strings.Cut(c.Value, ".")
	tag := c.Value[strings.LastIndexByte(c.Value, '.'):]
	later := strconv.FormatInt(testNow.Add(time.Hour).Unix(), 10)
	for name, forged := range map[string]string{
		"another case":     until + "." + b.unknown + tag,
		"a later end":      later + "." + b.known + tag,
		"no tag":           until + "." + b.known,
		"an empty tag":     until + "." + b.known + ".",
		"capitals":         strings.ToUpper(c.Value),
		"one more digit":   c.Value + "0",
		"an operator's":    NewOperatorToken(testKey, b.known, testNow.Add(time.Hour)),
		"another key":      newSigner([]byte(strings.Repeat("x", 32)), "habeas portal session v1").sign(b.known, testNow.Add(time.Hour)),
		"nothing":          "",
		"signed, no case":  newSigner(testKey, "habeas portal session v1").sign("everything", testNow.Add(time.Hour)),
		"signed, no parts": strings.TrimPrefix(tag, "."),
	} {
		if code := status(forged); code != http.StatusSeeOther {
			t.Errorf("%s: %d", name, code)
		}
	}
	b.clock.Add(sessionTime - time.Second)
	if status(c.Value) != http.StatusOK {
		t.Error("the session ended too early")
	}
	b.clock.Add(time.Second)
	if status(c.Value) != http.StatusSeeOther {
		t.Error("the session did not end")
	}
}

func TestASessionOfAForgottenCaseEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.post("/case/status", "id", b.known, "code", b.desk.code(b.known, dsr.CodeStatus))
	b.desk.mu.Lock()
	delete(b.desk.cases, b.known)
	b.desk.mu.Unlock()
	if got := b.get("/case/status"); got.Request.URL.RawQuery != "ended=1" {
		t.Errorf("led to %s", got.Request.URL)
	}
}

func TestSecureCookiesAndHSTS(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *Options) { o.Secure = true })
	b.browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	got := b.post("/case/status", "id", b.known, "code", b.desk.code(b.known, dsr.CodeStatus))
	c := got.Cookies()[0]
	if !c.Secure || !strings.HasPrefix(c.Name, "__Host-") || got.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("cookie %v, HSTS %q", c, got.Header.Get("Strict-Transport-Security"))
	}
	plain := newBench(t, nil).get("/")
	if plain.Header.Get("Strict-Transport-Security") != "" {
		t.Error("HSTS over plain HTTP")
	}
}
