package portal

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

func TestAPersonGoesTheWholeWay(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)

	page := b.get("/case?id=" + strings.ToLower(b.known))
	if page.StatusCode != http.StatusOK || !strings.Contains(page.body, b.known) {
		t.Fatalf("the case's page: %d\n%s", page.StatusCode, page.body)
	}
	page = b.post("/case/code", "id", b.known, "purpose", dsr.CodeVerify)
	if page.StatusCode != http.StatusOK || page.Request.URL.Query().Get("sent") == "" || !strings.Contains(page.body, "a code is on its way") {
		t.Fatalf("asking for a code: %d at %s", page.StatusCode, page.Request.URL)
	}
	var code string
	eventually(t, "the letter", func() bool {
		b.desk.mu.Lock()
		defer b.desk.mu.Unlock()
		code = b.desk.cases[b.known].codes[dsr.CodeVerify]
		return code != ""
	})
	typed := code[:3] + " " + code[3:] // as people type it
	page = b.post("/case/verify", "id", b.known, "code", typed)
	if page.Request.URL.Path != "/case/verified" || !strings.Contains(page.body, "Thank you") {
		t.Fatalf("verifying led to %s", page.Request.URL)
	}

	page = b.post("/case/status", "id", b.known, "code", b.desk.code(b.known, dsr.CodeStatus))
	if page.Request.URL.Path != "/case/status" {
		t.Fatalf("the status code led to %s", page.Request.URL)
	}
	for _, want := range []string{"Your copy is ready", "17 March 2026, 18:00 (UTC+08:00)", "12 March 2026", `aria-current="step"`} {
		if !strings.Contains(html.UnescapeString(page.body), want) {
			t.Errorf("the status page lacks %q", want)
		}
	}

	got := b.post("/case/download", "id", b.known, "code", b.desk.code(b.known, dsr.CodeDownload))
	if got.body != "PK a small package" || got.Header.Get("Content-Type") != "application/zip" ||
		got.Header.Get("Content-Disposition") != "attachment; filename=habeas-"+b.known+".zip" ||
		got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the download: %q, %v", got.body, got.Header)
	}
	eventually(t, "the record of the download", func() bool { return b.desk.fetched(b.known) == 1 })

	b.post("/case/leave")
	if page = b.get("/case/status"); page.Request.URL.RawQuery != "ended=1" {
		t.Errorf("after leaving, the status page is still at %s", page.Request.URL)
	}
}

// A known and an unknown case must look the same until a right code was typed.
func TestKnownAndUnknownCasesGiveTheSameBytes(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	ask := map[string]func(id string) answer{
		"page":     func(id string) answer { return b.get("/case?id=" + id) },
		"sent":     func(id string) answer { return b.get("/case?id=" + id + "&purpose=status&sent=1") },
		"verified": func(id string) answer { return b.get("/case/verified?id=" + id) },
	}
	for _, purpose := range purposes {
		ask["code "+purpose] = func(id string) answer { return b.post("/case/code", "id", id, "purpose", purpose) }
		ask["try "+purpose] = func(id string) answer { return b.post("/case/"+purpose, "id", id, "code", "000000") }
		ask["letters "+purpose] = func(id string) answer { return b.post("/case/"+purpose, "id", id, "code", "abc") }
	}
	for name, get := range ask {
		known, unknown := get(b.known), get(b.unknown)
		if known.StatusCode != unknown.StatusCode || flat(known, b.known) != flat(unknown, b.unknown) {
			t.Errorf("%s differs:\n%s\n---\n%s", name, flat(known, b.known), flat(unknown, b.unknown))
		}
	}
	eventually(t, "the wishes for unknown cases reach the desk too", func() bool {
		b.desk.mu.Lock()
		defer b.desk.mu.Unlock()
		return len(b.desk.asked) == 2*len(purposes)
	})
}

// flat is everything of an answer but the date and the case number itself.
func flat(a answer, id string) string {
	var head strings.Builder
	a.Header.Del("Date")
	_ = a.Header.Write(&head)
	return strings.ReplaceAll(a.Status+"\n"+head.String()+a.body, id, "<id>")
}

func TestAnswersToCodesTakeTheLeastDelay(t *testing.T) {
	t.Parallel()
	const least = 150 * time.Millisecond
	b := newBench(t, func(o *Options) { o.MinDelay = least })
	b.desk.slow = 40 * time.Millisecond
	b.browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, id := range []string{b.known, b.unknown} {
		for _, path := range []string{"/case/code", "/case/verify", "/case/status", "/case/download"} {
			start := time.Now()
			b.post(path, "id", id, "purpose", dsr.CodeVerify, "code", "000000")
			if took := time.Since(start); took < least {
				t.Errorf("%s took %s, less than %s", path, took, least)
			}
		}
	}
}

// A desk that is slow about cases that exist must not slow the answer to a wish for a code.
func TestAskingForACodeDoesNotWaitForTheDesk(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.desk.mu.Lock() // the desk hangs
	done := make(chan answer)
	go func() { done <- b.post("/case/code", "id", b.known, "purpose", dsr.CodeVerify) }()
	select {
	case got := <-done:
		if got.Request.URL.Query().Get("sent") == "" {
			t.Errorf("led to %s", got.Request.URL)
		}
	case <-time.After(10 * time.Second):
		t.Error("the answer waits for the desk")
	}
	b.desk.mu.Unlock()
	eventually(t, "the wish reaches the desk", func() bool {
		b.desk.mu.Lock()
		defer b.desk.mu.Unlock()
		return len(b.desk.asked) == 1
	})
}

func TestWhatIsTypedWronglyIsSaidKindly(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	wrong := "0000" + b.known[4:]
	if wrong == b.known {
		wrong = "1111" + b.known[4:]
	}
	for name, got := range map[string]answer{
		"page":     b.get("/case?id=" + wrong),
		"code":     b.post("/case/code", "id", wrong, "purpose", dsr.CodeVerify),
		"try":      b.post("/case/status", "id", wrong, "code", "123456"),
		"nothing":  b.get("/case"),
		"too long": b.get("/case?id=" + strings.Repeat("Z", 3000)),
		"markup":   b.get("/case?id=" + url.QueryEscape(`"><script>alert(1)</script>`)),
	} {
		if got.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(got.body, `aria-invalid="true"`) {
			t.Errorf("%s: %d", name, got.StatusCode)
		}
		if strings.Contains(got.body, "<script") || len(got.body) > 8000 {
			t.Errorf("%s: the page gives back what was typed as it was", name)
		}
	}
	if len(b.desk.asked) != 0 {
		t.Errorf("the desk was asked about an impossible number: %v", b.desk.asked)
	}
	if got := b.post("/case/code", "id", b.known, "purpose", "everything"); got.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown purpose: %d", got.StatusCode)
	}
	if got := b.post("/case/status", "id", b.known, "code", strings.Repeat("1", 5000)); got.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of 5 kB: %d", got.StatusCode)
	}
}

func TestReadCode(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"123456": "123456", " 123-456 ": "123456", "１２３　４５６": "123456", "123456789012": "123456789012",
		"123": "", "12345a": "", "": "", "1234567890123456789": "", "١٢٣٤٥٦": "",
	} {
		got, ok := readCode(typed)
		if ok != (want != "") || (ok && got != want) {
			t.Errorf("readCode(%q) = %q, %v", typed, got, ok)
		}
	}
}

func TestAFailureBehindIsA503WithoutWords(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.desk.broken = true
	got := b.post("/case/status", "id", b.known, "code", "123456")
	if got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" || strings.Contains(got.body, "casefile") {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	if !strings.Contains(b.log.String(), contract.ErrUnavailable) {
		t.Errorf("the log does not name the type: %s", b.log)
	}
}

func TestTheLogHoldsNothingOfAPerson(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.get("/case?id=" + b.known)
	b.get("/case/" + b.known)
	b.post("/case/status", "id", b.known, "code", b.desk.code(b.known, dsr.CodeStatus))
	b.post("/case/download", "id", b.known, "code", "987654321012")
	b.desk.broken = true
	b.post("/case/verify", "id", b.known, "code", "987654321012")
	b.do(b.request(b.known, "/case", nil)) // a method may be any word
	eventually(t, "seven lines", func() bool { return strings.Count(b.log.String(), "msg=portal ") >= 7 })
	log := b.log.String()
	for _, secret := range []string{b.known, strings.ToLower(b.known), "987654321012", "127.0.0.1", "id=", "?"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q:\n%s", secret, log)
		}
	}
	if !regexp.MustCompile(`method=POST route="POST /case/download" status=422 duration=\d`).MatchString(log) {
		t.Errorf("the log lacks a line for the download:\n%s", log)
	}
}
