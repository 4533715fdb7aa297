package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// maxForm bounds the body of a form.
const maxForm = 4 << 10

var purposes = []string{dsr.CodeVerify, dsr.CodeStatus, dsr.CodeDownload}

// home asks for the case number.
func (s *server) home(w http.ResponseWriter, r *http.Request) {
	v := view{Title: "home.title"}
	switch {
	case r.URL.Query().Has("ended"):
		v.Notice = "notice.ended"
	case r.URL.Query().Has("left"):
		v.Notice = "notice.left"
	}
	s.render(w, r, http.StatusOK, "home", v)
}

// casePage shows the forms of one case. It never asks the desk, so it cannot tell whether there
// is such a case.
func (s *server) casePage(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	id, err := contract.ParseID(query.Get("id"))
	if err != nil {
		s.badID(w, r, query.Get("id"))
		return
	}
	v := view{Title: "case.title", CaseID: id, Purpose: purposeOr(query.Get("purpose"), dsr.CodeVerify)}
	if query.Has("sent") {
		v.Notice = "notice.sent"
	}
	s.render(w, r, http.StatusOK, "case", v)
}

func purposeOr(purpose, otherwise string) string {
	if slices.Contains(purposes, purpose) {
		return purpose
	}
	return otherwise
}

// badID answers a case number whose check character is wrong. It says so without asking the desk.
func (s *server) badID(w http.ResponseWriter, r *http.Request, typed string) {
	v := view{Title: "home.title", Error: "error.id", ErrorNear: "id", CaseID: clip(typed, 40)}
	if strings.TrimSpace(typed) == "" {
		v.Error = "error.noid"
	}
	s.render(w, r, http.StatusUnprocessableEntity, "home", v)
}

func clip(text string, runes int) string {
	if all := []rune(text); len(all) > runes {
		return string(all[:runes])
	}
	return text
}

// form reads the posted case number and spends one form of that case. When it reports false, the
// answer has been written.
func (s *server) form(w http.ResponseWriter, r *http.Request) (caseID string, ok bool) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
			s.problem(w, r, http.StatusRequestEntityTooLarge, "problem.form")
		} else {
			s.problem(w, r, http.StatusBadRequest, "problem.form")
		}
		return "", false
	}
	id, err := contract.ParseID(r.PostForm.Get("id"))
	if err != nil {
		s.badID(w, r, r.PostForm.Get("id"))
		return "", false
	}
	return id, !s.caseLimited(w, r, id)
}

// requestCode passes the wish for a code on. The answer does not wait for the desk, only for
// MinDelay: how long the desk takes may depend on whether the case exists.
func (s *server) requestCode(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	id, ok := s.form(w, r)
	if !ok {
		return
	}
	purpose := purposeOr(r.PostForm.Get("purpose"), "")
	if purpose == "" {
		s.problem(w, r, http.StatusBadRequest, "problem.form")
		return
	}
	select {
	case s.requests <- struct{}{}:
	default:
		s.problem(w, r, http.StatusServiceUnavailable, "problem.busy")
		return
	}
	s.underway.Go(func() {
		defer func() { <-s.requests }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), askTimeout)
		defer cancel()
		s.Desk.RequestCode(ctx, id, purpose)
	})
	s.pad(r.Context(), start)
	query := url.Values{"id": {id}, "purpose": {purpose}, "sent": {"1"}}
	http.Redirect(w, r, "/case?"+query.Encode(), http.StatusSeeOther)
}

// tried is a form with a code on it, after the desk looked at it.
type tried struct {
	caseID string
	right  bool // when false, the answer has been written
}

// try reads a form with a code and asks the desk. Every answer takes a whole multiple of
// MinDelay, and the try counts even when the person hangs up.
func (s *server) try(w http.ResponseWriter, r *http.Request, purpose string) tried {
	start := time.Now()
	id, ok := s.form(w, r)
	if !ok {
		return tried{}
	}
	again := view{Title: "case.title", CaseID: id, Purpose: purpose, ErrorNear: "code"}
	code, ok := readCode(r.PostForm.Get("code"))
	if !ok {
		again.Error = "error.codeform"
		s.render(w, r, http.StatusUnprocessableEntity, "case", again)
		return tried{}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), askTimeout)
	defer cancel()
	right, err := s.Desk.TryCode(ctx, id, purpose, code)
	s.pad(r.Context(), start)
	switch {
	case err != nil:
		s.failed(w, r, err)
		return tried{}
	case !right:
		again.Error = "error.code"
		s.render(w, r, http.StatusUnprocessableEntity, "case", again)
		return tried{}
	}
	return tried{caseID: id, right: true}
}

// readCode takes a code as people type it: with spaces or hyphens, or in full-width digits.
func readCode(typed string) (string, bool) {
	var code []byte
	for _, c := range typed {
		switch {
		case c >= '0' && c <= '9':
			code = append(code, byte(c))
		case c >= '０' && c <= '９':
			code = append(code, byte(c-'０'+'0'))
		case c == ' ' || c == '-' || c == '\u3000':
		default:
			return "", false
		}
	}
	return string(code), len(code) >= 4 && len(code) <= 18
}

// pad waits until the next whole multiple of MinDelay after start, without jitter: a jitter can
// be averaged away, a step cannot.
func (s *server) pad(ctx context.Context, start time.Time) {
	if s.MinDelay < 0 {
		return
	}
	taken := time.Since(start)
	timer := time.NewTimer((taken/s.MinDelay+1)*s.MinDelay - taken)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// failed answers a failure behind the portal. The log gets its type alone: the text names a
// reference.
func (s *server) failed(w http.ResponseWriter, r *http.Request, err error) {
	s.Log.Warn("portal: the desk failed", "route", route(r), "type", fault.As(err).Type)
	w.Header().Set("Retry-After", "60")
	s.problem(w, r, http.StatusServiceUnavailable, "problem.down")
}

// verify takes the verification code.
func (s *server) verify(w http.ResponseWriter, r *http.Request) {
	if got := s.try(w, r, dsr.CodeVerify); got.right {
		s.afterVerify(w, r, got.caseID)
	}
}

// verified says what happens next. It is the same for everybody and proves nothing.
func (s *server) verified(w http.ResponseWriter, r *http.Request) {
	v := view{Title: "verified.title"}
	if id, err := contract.ParseID(r.URL.Query().Get("id")); err == nil {
		v.CaseID = id
	}
	s.render(w, r, http.StatusOK, "verified", v)
}
