package portal

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// Notices is what the portal asks about mass notices: whether a letter is real.
type Notices interface {
	// CheckNotice says whether a check code stands in a letter of the notice of that number, and
	// whether the notice is an exercise. A wrong code and an unknown notice look the same.
	CheckNotice(ctx context.Context, id, code string) (exercise, right bool, err error)
	// ConsentAsked lists the changes of the policy to which the reader of that letter may agree; none
	// where nothing asks.
	ConsentAsked(ctx context.Context, id, code, lang string) ([]Change, error)
	// Consent writes that the reader agrees to those changes, by their place in the list, and to no
	// other. A wrong code is false.
	Consent(ctx context.Context, id, code string, agreed []int) (bool, error)
}

// Change is one change of the policy that holds for somebody only if they agree.
type Change struct {
	Clause, Before, After string
	Agreed                bool
}

// maxChanges bounds the answers of one form.
const maxChanges = 100

// noticePage asks for the number and the check code of a letter.
func (s *server) noticePage(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "notice", view{Title: "letter.title"})
}

// checkNotice compares a check code and, where the letter asks for consent, shows what for and takes
// the answer. Every answer takes a whole multiple of MinDelay.
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
	code := strings.TrimSpace(clip(r.PostForm.Get("code"), 60))
	v := view{Title: "letter.title", CaseID: id}
	saved := false
	if r.PostForm.Get("answer") != "" {
		saved, err = s.Notices.Consent(ctx, id, code, agreedTo(r.PostForm["agree"]))
	}
	var exercise, right bool
	if err == nil {
		exercise, right, err = s.Notices.CheckNotice(ctx, id, code)
	}
	if err == nil && right {
		v.Code = code
		v.Changes, err = s.Notices.ConsentAsked(ctx, id, code, s.lang(r))
	}
	s.pad(r.Context(), start)
	switch {
	case err != nil:
		s.failed(w, r, err)
		return
	case !right:
		v.Error, v.ErrorNear = "letter.wrong", "code"
		s.render(w, r, http.StatusUnprocessableEntity, "notice", v)
		return
	case saved:
		v.Notice = "consent.saved"
	case exercise:
		v.Notice = "letter.drill"
	default:
		v.Notice = "letter.right"
	}
	s.render(w, r, http.StatusOK, "notice", v)
}

// agreedTo reads the places of the changes that were ticked.
func agreedTo(ticked []string) []int {
	var places []int
	for _, t := range ticked {
		if i, err := strconv.Atoi(t); err == nil && i >= 0 && i < maxChanges && len(places) < maxChanges {
			places = append(places, i)
		}
	}
	return places
}
