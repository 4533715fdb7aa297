package portal

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// OptOuts takes wishes to be left alone.
type OptOuts interface {
	// OptOut writes that an address wants no more of a scope, dsr.ScopeMarketing or dsr.ScopeTracking,
	// and tells nothing: not whether anybody is known under it. An address that cannot be one is a
	// contract.ErrBadInput.
	OptOut(ctx context.Context, kind, address, scope, lang string) error
	// Unsubscribe does it for the reader of a letter, by the token that stands in it. A token of no
	// letter is false.
	Unsubscribe(ctx context.Context, token string) (bool, error)
}

// oneClick is the body of a one-click POST (RFC 8058, 3.2).
const oneClick = "One-Click"

func (s *server) optOutRoutes(mux *http.ServeMux, sameSite *http.CrossOriginProtection) {
	mux.Handle("GET /opt-out", sameSite.Handler(s.limited(pageCost, s.optOutPage)))
	mux.Handle("POST /opt-out", sameSite.Handler(s.limited(formCost, s.optOut)))
	mux.HandleFunc("/opt-out", s.wrongMethod("GET, POST"))
	// A mailbox provider posts for its reader, from where it likes and without a cookie: what makes it
	// good is the token alone. One provider posts for many readers.
	mux.Handle("GET /unsubscribe/{token}", s.limited(pageCost, s.unsubscribePage))
	mux.Handle("POST /unsubscribe/{token}", s.limited(pageCost, s.unsubscribe))
	mux.HandleFunc("/unsubscribe/{token}", s.wrongMethod("GET, POST"))
	mux.HandleFunc("GET /.well-known/gpc.json", gpcSupport)
}

// gpcSupport says that Sec-GPC is honoured (Global Privacy Control, 4).
func gpcSupport(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"gpc":true,"lastUpdate":"2026-11-25"}` + "\n"))
}

// wishesGPC says whether the browser says by itself that its user does not want to be tracked.
func wishesGPC(r *http.Request) bool { return r.Header.Get("Sec-GPC") == "1" }

// optOutPage asks for an address and what it does not want. Looking at it changes nothing.
func (s *server) optOutPage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Sec-GPC")
	s.render(w, r, http.StatusOK, "optout", view{Title: "optout.title", GPC: wishesGPC(r)})
}

// optOut takes the wish. Whoever is behind the address, the answer is the same and takes a whole
// multiple of MinDelay. Where the browser sends Sec-GPC: 1, tracking ends whatever is ticked.
func (s *server) optOut(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		status := http.StatusBadRequest
		if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
			status = http.StatusRequestEntityTooLarge
		}
		s.problem(w, r, status, "problem.form")
		return
	}
	v := view{Title: "optout.title", GPC: wishesGPC(r)}
	address := strings.TrimSpace(clip(r.PostForm.Get("address"), 300))
	scopes := wanted(r.PostForm["stop"], v.GPC)
	sum := sha256.Sum256([]byte(strings.ToLower(address)))
	if s.caseLimited(w, r, "opt-out "+string(sum[:])) {
		return
	}
	if len(scopes) == 0 || address == "" {
		v.Error, v.ErrorNear = "optout.nothing", "address"
		s.render(w, r, http.StatusUnprocessableEntity, "optout", v)
		return
	}
	kind := "mobile"
	if strings.Contains(address, "@") {
		kind = "email"
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), askTimeout)
	defer cancel()
	var err error
	for _, scope := range scopes {
		if err = s.OptOuts.OptOut(ctx, kind, address, scope, s.lang(r)); err != nil {
			break
		}
	}
	s.pad(r.Context(), start)
	switch {
	case fault.Is(err, contract.ErrBadInput):
		v.Error, v.ErrorNear = "optout.malformed", "address"
		s.render(w, r, http.StatusUnprocessableEntity, "optout", v)
	case err != nil:
		s.failed(w, r, err)
	default:
		v.Notice = "optout.done"
		s.render(w, r, http.StatusOK, "optout", v)
	}
}

// wanted are the scopes that somebody ticked; the browser's own word counts as well.
func wanted(ticked []string, gpc bool) []string {
	var scopes []string
	for _, scope := range []string{dsr.ScopeMarketing, dsr.ScopeTracking} {
		for _, t := range ticked {
			if t == scope {
				scopes = append(scopes, scope)
				break
			}
		}
		if scope == dsr.ScopeTracking && gpc && (len(scopes) == 0 || scopes[len(scopes)-1] != scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// unsubscribePage shows a button: programs that follow every link of a letter change nothing (RFC 8058,
// 1). It does not say whether the token is one of ours.
func (s *server) unsubscribePage(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "unsubscribe", view{Title: "unsubscribe.title", Code: clip(r.PathValue("token"), 100)})
}

// unsubscribe takes the one click of a mailbox provider, and that of our own button. A token of no
// letter gets the same answer.
func (s *server) unsubscribe(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseMultipartForm(maxForm); err != nil && !errors.Is(err, http.ErrNotMultipart) || r.PostForm.Get("List-Unsubscribe") != oneClick {
		s.problem(w, r, http.StatusBadRequest, "problem.form")
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), askTimeout)
	defer cancel()
	_, err := s.OptOuts.Unsubscribe(ctx, clip(r.PathValue("token"), 100))
	s.pad(r.Context(), start)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, "unsubscribe", view{Title: "unsubscribe.title", Notice: "unsubscribe.done"})
}
