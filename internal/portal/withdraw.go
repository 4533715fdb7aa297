package portal

import (
	"context"
	"net/http"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// withdrawPage asks whether the person really wants to take the request back.
func (s *server) withdrawPage(w http.ResponseWriter, r *http.Request) {
	id := s.sessionCase(r)
	if id == "" {
		http.Redirect(w, r, "/?ended=1", http.StatusSeeOther)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	status, err := s.Desk.Status(ctx, id)
	switch {
	case fault.Is(err, contract.ErrNotFound): // forgotten meanwhile
		s.endSession(w)
		http.Redirect(w, r, "/?ended=1", http.StatusSeeOther)
	case err != nil:
		s.failed(w, r, err)
	case !status.Withdrawable:
		http.Redirect(w, r, "/case/status", http.StatusSeeOther)
	default:
		s.render(w, r, http.StatusOK, "withdraw", view{Title: "withdraw.title", CaseID: id, Case: newCaseView(status, s.lang(r))})
	}
}

// withdraw takes the request back. It goes on when the person closes the page.
func (s *server) withdraw(w http.ResponseWriter, r *http.Request) {
	id := s.sessionCase(r)
	if id == "" {
		http.Redirect(w, r, "/?ended=1", http.StatusSeeOther)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), askTimeout)
	defer cancel()
	err := s.Desk.Withdraw(ctx, id)
	switch {
	case fault.Is(err, contract.ErrNotOpen): // too late: the page says how far it is
		http.Redirect(w, r, "/case/status", http.StatusSeeOther)
	case err != nil:
		s.failed(w, r, err)
	default:
		http.Redirect(w, r, "/case/status?withdrawn=1", http.StatusSeeOther)
	}
}
