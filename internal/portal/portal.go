package portal

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"go.temporal.io/sdk/converter"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// Options are what a portal needs.
type Options struct {
	Desk    Desk
	Notices Notices         // without it there is no page on which a notice can be checked
	OptOuts OptOuts         // without it nobody can opt out here
	Proofs  Proofs          // without it nobody can prove more than a code here
	Company datamap.Company // whose name and contact stand on the pages; its first language is the default
	// Codec opens Temporal payloads for operators; without it there is no codec endpoint.
	Codec converter.PayloadCodec
	// UIOrigin is the origin of the Temporal UI, such as "https://temporal.cloud.example": the
	// only one whose pages may call the codec endpoint. Empty: none.
	UIOrigin string
	// SessionKey signs session cookies and operators' tokens: 32 random bytes or more. A new one
	// ends every session.
	SessionKey []byte
	Now        func() time.Time
	// MinDelay is the least time that an answer to a code takes; a longer one is stretched to a
	// whole multiple of it. 0 means DefaultMinDelay.
	MinDelay time.Duration
	// Secure says that people reach the portal over HTTPS: cookies and HSTS follow from it.
	Secure bool
	// TrustedProxies are the reverse proxies whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	Limits         Limits
	Log            *slog.Logger
}

// DefaultMinDelay hides the difference between a case that exists and one that does not behind a
// wait that a person hardly notices.
const DefaultMinDelay = 400 * time.Millisecond

// Time-outs towards the desk.
const (
	askTimeout  = 15 * time.Second
	doneTimeout = 30 * time.Second
)

// codesUnderway bounds how many code requests wait for the desk at once.
const codesUnderway = 128

type server struct {
	Options
	handler   http.Handler
	pages     pages
	langs     languages
	session   signer
	proof     signer
	operator  signer
	addresses *buckets
	cases     *buckets
	requests  chan struct{} // a place for each code request under way
	uploads   chan struct{} // a place for each upload under way
	underway  sync.WaitGroup
	linger    time.Duration
}

// New builds the portal. It panics when Desk, Now or Log is missing or SessionKey is shorter than
// 32 bytes: those are mistakes of the program, not of its user.
func New(o Options) http.Handler {
	if o.Desk == nil || o.Now == nil || o.Log == nil || len(o.SessionKey) < 32 {
		panic("portal: Desk, Now, Log and a SessionKey of 32 bytes are needed")
	}
	if o.MinDelay == 0 {
		o.MinDelay = DefaultMinDelay
	}
	o.Limits = o.Limits.withDefaults()
	s := &server{
		Options:   o,
		langs:     newLanguages(o.Company.Languages),
		session:   newSigner(o.SessionKey, "habeas portal session v1"),
		proof:     newSigner(o.SessionKey, "habeas portal proof v1"),
		operator:  operatorSigner(o.SessionKey),
		addresses: newBuckets(o.Limits.AddressPerMinute*formCost, o.Limits.AddressBurst*formCost),
		cases:     newBuckets(o.Limits.CasePerMinute, o.Limits.CaseBurst),
		requests:  make(chan struct{}, codesUnderway),
		uploads:   make(chan struct{}, uploadsAtOnce),
		linger:    lingerTime,
	}
	s.pages = parsePages()
	s.handler = s.observe(s.withHeaders(s.routes()))
	return s
}

// ServeHTTP answers one request.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Drain waits until the code requests under way have reached the desk, or ctx ends.
func (s *server) Drain(ctx context.Context) {
	done := make(chan struct{})
	go func() { s.underway.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// routes lists every path once, with its one method. Another method on it is 405.
func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	sameSite := http.NewCrossOriginProtection()
	sameSite.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.problem(w, r, http.StatusForbidden, "problem.origin")
	}))
	page := func(method, path string, cost int, h http.HandlerFunc) {
		mux.Handle(method+" "+path, sameSite.Handler(s.limited(cost, h)))
		mux.HandleFunc(path, s.wrongMethod(method))
	}
	page(http.MethodGet, "/{$}", pageCost, s.home)
	page(http.MethodGet, "/case", pageCost, s.casePage)
	page(http.MethodPost, "/case/code", formCost, s.requestCode)
	page(http.MethodPost, "/case/verify", formCost, s.verify)
	page(http.MethodGet, "/case/verified", pageCost, s.verified)
	mux.Handle("GET /case/status", sameSite.Handler(s.limited(pageCost, s.statusPage)))
	mux.Handle("POST /case/status", sameSite.Handler(s.limited(formCost, s.openStatus)))
	mux.HandleFunc("/case/status", s.wrongMethod("GET, POST"))
	page(http.MethodPost, "/case/download", formCost, s.download)
	page(http.MethodPost, "/case/leave", pageCost, s.leave)
	mux.Handle("GET /case/withdraw", sameSite.Handler(s.limited(pageCost, s.withdrawPage)))
	mux.Handle("POST /case/withdraw", sameSite.Handler(s.limited(formCost, s.withdraw)))
	mux.HandleFunc("/case/withdraw", s.wrongMethod("GET, POST"))

	if s.Notices != nil {
		mux.Handle("GET /notice", sameSite.Handler(s.limited(pageCost, s.noticePage)))
		mux.Handle("POST /notice", sameSite.Handler(s.limited(formCost, s.checkNotice)))
		mux.HandleFunc("/notice", s.wrongMethod("GET, POST"))
	}
	if s.Proofs != nil {
		s.proofRoutes(page, mux, sameSite.Handler)
	}
	if s.OptOuts != nil {
		s.optOutRoutes(mux, sameSite)
	}
	mux.HandleFunc("GET "+stylePath, serveAsset(styleSheet, "text/css; charset=utf-8"))
	mux.HandleFunc("GET "+iconPath, serveAsset(icon, "image/svg+xml"))
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("/healthz", s.wrongMethod(http.MethodGet))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.problem(w, r, http.StatusNotFound, "problem.missing")
	})
	if s.Codec != nil {
		s.codecRoutes(mux)
	}
	return mux
}

func (s *server) wrongMethod(allow string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		s.problem(w, r, http.StatusMethodNotAllowed, "problem.method")
	}
}

func healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}
