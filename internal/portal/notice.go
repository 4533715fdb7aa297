package portal

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// Notices is what the portal asks about mass notices: whether a letter is real.
type Notices interface {
	// CheckNotice says whether a check code stands in a letter of the notice of that number, and
	// whether the notice is an exercise. A wrong code and an unknown notice look the same.
	CheckNotice(ctx context.Context, id, code string) (exercise, right bool, err error)
}

// noticePage asks for the number and the check code of a letter.
func (s *server) noticePage(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "notice", view{Title: "letter.title"})
}

// checkNotice compares a check code. Every answer takes a whole multiple of MinDelay.
func (s *server) checkNotice(w http.ResponseWriter, r *http.Request) {
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
	id, err := contract.ParseID(r.PostForm.Get("id"))
	if err != nil {
		v := view{Title: "letter.title", Error: "letter.noid", ErrorNear: "id", CaseID: clip(r.PostForm.Get("id"), 40)}
		s.render(w, r, http.StatusUnprocessableEntity, "notice", v)
		return
	}
	if s.caseLimited(w, r, id) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), askTimeout)
	defer cancel()
	exercise, right, err := s.Notices.CheckNotice(ctx, id, strings.TrimSpace(clip(r.PostForm.Get("code"), 60)))
	s.pad(r.Context(), start)
	v := view{Title: "letter.title", CaseID: id}
	switch {
	case err != nil:
		s.failed(w, r, err)
		return
	case !right:
		v.Error, v.ErrorNear = "letter.wrong", "code"
		s.render(w, r, http.StatusUnprocessableEntity, "notice", v)
		return
	case exercise:
		v.Notice = "letter.drill"
	default:
		v.Notice = "letter.right"
	}
	s.render(w, r, http.StatusOK, "notice", v)
}
