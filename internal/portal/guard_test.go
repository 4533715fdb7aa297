package portal

import (
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/dsr"
)

func TestFormsFromOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	code := b.desk.code(b.known, dsr.CodeStatus)
	for name, set := range map[string]map[string]string{
		"another site":       {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
		"a sister site":      {"Sec-Fetch-Site": "same-site", "Origin": "https://www.cloud.example"},
		"only the origin":    {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
		"an origin of null":  {"Sec-Fetch-Site": "", "Origin": "null"},
		"an old browser, ok": {"Sec-Fetch-Site": "", "Origin": b.url},
	} {
		for _, path := range []string{"/case/code", "/case/verify", "/case/status", "/case/download", "/case/leave"} {
			r := b.request(http.MethodPost, path, formOf("id", b.known, "purpose", dsr.CodeVerify, "code", "000000"))
			for header, value := range set {
				r.Header.Del(header)
				if value != "" {
					r.Header.Set(header, value)
				}
			}
			if got := b.do(r); (got.StatusCode == http.StatusForbidden) == strings.HasSuffix(name, "ok") {
				t.Errorf("%s, %s: %d", name, path, got.StatusCode)
			}
		}
	}
	if got := b.post("/case/status", "id", b.known, "code", code); got.StatusCode != http.StatusOK {
		t.Errorf("the code was spent by a foreign form: %d", got.StatusCode)
	}
}

func TestMethodsAndPaths(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	for path, allow := range map[string]string{
		"/case": "GET", "/case/code": "POST", "/case/verify": "POST", "/case/status": "GET, POST",
		"/case/download": "POST", "/case/leave": "POST", "/healthz": "GET",
	} {
		got := b.do(b.request(http.MethodDelete, path, nil))
		if got.StatusCode != http.StatusMethodNotAllowed && got.StatusCode != http.StatusForbidden || got.Header.Get("Allow") != allow {
			t.Errorf("DELETE %s: %d, Allow %q", path, got.StatusCode, got.Header.Get("Allow"))
		}
	}
	for _, path := range []string{"/nothing", "/case/", "/codec/decode", "/../etc/passwd", "/assets/style.css"} {
		if got := b.get(path); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.StatusCode)
		}
	}
	if got := b.get("/healthz"); got.StatusCode != http.StatusOK || got.body != "ok\n" {
		t.Errorf("/healthz: %d %q", got.StatusCode, got.body)
	}
	if got := b.do(b.request(http.MethodHead, "/", nil)); got.StatusCode != http.StatusOK || got.body != "" {
		t.Errorf("HEAD /: %d", got.StatusCode)
	}
}

func TestEveryAnswerCarriesTheHeaders(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	for name, got := range map[string]answer{
		"page": b.get("/"), "missing": b.get("/nothing"), "health": b.get("/healthz"),
		"error": b.post("/case/status", "id", b.known, "code", "000000"), "style": b.get(stylePath),
	} {
		csp := got.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: CSP %q lacks %s", name, csp, want)
			}
		}
		for _, bad := range []string{"unsafe", "script-src", "*", "http", "data:"} {
			if strings.Contains(csp, bad) {
				t.Errorf("%s: CSP %q has %s", name, csp, bad)
			}
		}
		for header, want := range headers {
			if name == "style" && header == "Cache-Control" {
				want = "public, max-age=31536000, immutable"
			}
			if got.Header.Get(header) != want {
				t.Errorf("%s: %s is %q", name, header, got.Header.Get(header))
			}
		}
	}
}

func TestLimitsPerCaseAndAddress(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *Options) {
		o.Limits = Limits{AddressPerMinute: 60, AddressBurst: 8, CasePerMinute: 6, CaseBurst: 3}
	})
	for _, id := range []string{b.known, b.unknown} { // both alike
		for i := range 4 {
			got := b.post("/case/status", "id", id, "code", "000000")
			want := http.StatusUnprocessableEntity
			if i == 3 {
				want = http.StatusTooManyRequests
				if s, err := strconv.Atoi(got.Header.Get("Retry-After")); err != nil || s < 1 || s > 10 {
					t.Errorf("Retry-After: %q", got.Header.Get("Retry-After"))
				}
			}
			if got.StatusCode != want {
				t.Errorf("try %d: %d, want %d", i, got.StatusCode, want)
			}
		}
	}
	if got := b.get("/"); got.StatusCode != http.StatusTooManyRequests || !strings.Contains(got.body, "Too many tries") {
		t.Errorf("the address is not limited: %d", got.StatusCode)
	}
	if got := b.get("/healthz"); got.StatusCode != http.StatusOK {
		t.Errorf("health is limited: %d", got.StatusCode)
	}
	b.clock.Add(10 * time.Second)
	if got := b.post("/case/status", "id", b.known, "code", "000000"); got.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("after waiting: %d", got.StatusCode)
	}
}

func TestAddressesAreCountedAsPeopleHoldThem(t *testing.T) {
	t.Parallel()
	o := testOptions()
	o.Desk, o.Now, o.Log = &memoryDesk{}, (&clock{now: testNow}).Now, slog.New(slog.NewTextHandler(io.Discard, nil))
	o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	s := New(o).(*server)
	for _, c := range []struct{ remote, forwarded, want string }{
		{"192.0.2.7:1234", "", "192.0.2.7"},
		{"[::ffff:192.0.2.7]:1234", "", "192.0.2.7"},
		{"[2001:db8:1:2:3:4:5:6]:1", "", "2001:db8:1:2::/64"},
		{"192.0.2.7:1234", "198.51.100.9", "192.0.2.7"},                               // not a proxy: not believed
		{"10.1.1.1:1", "198.51.100.9", "198.51.100.9"},                                // a proxy
		{"10.1.1.1:1", "203.0.113.1, 198.51.100.9, 10.2.2.2", "198.51.100.9"},         // two proxies; the rest is the person's own claim
		{"[fd00::1]:1", "2001:db8:1:2::9", "2001:db8:1:2::/64"},                       //
		{"10.1.1.1:1", "nonsense", "10.1.1.1"},                                        //
		{"10.1.1.1:1", "", "10.1.1.1"},                                                //
		{"@", "", "unknown"},                                                          //
		{"[fe80::1%eth0]:1", "", "fe80::/64"},                                         //
		{"10.1.1.1:1", "192.0.2.1, nonsense, 198.51.100.9, 10.9.9.9", "198.51.100.9"}, //
		{"10.1.1.1:1", "::ffff:198.51.100.9", "198.51.100.9"},                         //
		{"10.1.1.1:1", "192.0.2.1,nonsense", "10.1.1.1"},                              //
	} {
		r, err := http.NewRequest(http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.RemoteAddr = c.remote
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := s.addressKey(r); got != c.want {
			t.Errorf("%s via %q is %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
}

func TestBucketsAreBounded(t *testing.T) {
	t.Parallel()
	b := newBuckets(60, 1)
	b.max = 100
	if b.take("first", 1, testNow) != 0 || b.take("first", 1, testNow) == 0 {
		t.Fatal("a bucket of one does not hold one")
	}
	for i := range 1000 {
		b.take(strconv.Itoa(i), 1, testNow)
		if i%50 == 0 && b.take("first", 1, testNow) == 0 {
			t.Fatal("a bucket in use was forgotten")
		}
	}
	if b.used.Len() != 100 || len(b.byKey) != 100 {
		t.Errorf("%d buckets, %d keys", b.used.Len(), len(b.byKey))
	}
	if wait := b.take("small", 5, testNow); wait != time.Minute {
		t.Errorf("more than a bucket holds: %s", wait)
	}
}

// A panic must show as 500, and its text must not reach the log.
func TestAPanicIsLoggedWithoutItsValue(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	s := &server{Options: Options{Log: slog.New(slog.NewTextHandler(&log, nil))}}
	h := s.observe(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("zhang@cloud.example") }))
	if got := direct(h, http.MethodGet, "/", "192.0.2.1:1", nil); got.Code != http.StatusInternalServerError {
		t.Errorf("%d", got.Code)
	}
	if strings.Contains(log.String(), "zhang") || !strings.Contains(log.String(), "guard_test.go") {
		t.Errorf("the log: %s", log.String())
	}
}
