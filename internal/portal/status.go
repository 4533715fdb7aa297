package portal

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// steps are the five steps that a person sees, as keys of words.
var steps = []string{"step.received", "step.identity", "step.gather", "step.review", "step.ready"}

// stepOf is the step under way in each state. A state that is not here stands in the middle.
var stepOf = map[string]int{
	string(dsr.StateReceived):   0,
	string(dsr.StateVerifying):  1,
	string(dsr.StateFinding):    2,
	string(dsr.StateCollecting): 2,
	string(dsr.StateReview):     3,
	string(dsr.StateRelease):    3,
	string(dsr.StatePlanning):   2,
	string(dsr.StatePlan):       3,
	string(dsr.StateApproval):   3,
	string(dsr.StateCooling):    4,
	string(dsr.StateErasing):    4,
	string(dsr.StateChecking):   4,
	string(dsr.StateConfirming): 1,
	string(dsr.StateProving):    1,
	string(dsr.StateCorrecting): 4,
	string(dsr.StateReady):      4,
	string(dsr.StateClosed):     5,
}

// caseView is a case as the page shows it. Texts are keys of words.
type caseView struct {
	CaseID, Kind string
	State        string
	StateText    string
	Steps        []stepView // none when the case ended before the last one
	Received     moment
	Due          *moment // nil once the case is closed
	Expires      *moment
	Downloadable bool
	Withdrawable bool
}

type stepView struct {
	Name string
	At   string // "done", "now" or "todo"
}

// moment is a time in words, and for machines.
type moment struct{ Words, Machine string }

// openStatus takes the status code and starts the session.
func (s *server) openStatus(w http.ResponseWriter, r *http.Request) {
	if got := s.try(w, r, dsr.CodeStatus); got.right {
		s.startSession(w, got.caseID)
		http.Redirect(w, r, "/case/status", http.StatusSeeOther)
	}
}

// statusPage shows the case that the session is for.
func (s *server) statusPage(w http.ResponseWriter, r *http.Request) {
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
	default:
		v := view{Title: "status.title", CaseID: id, Purpose: dsr.CodeDownload, Case: newCaseView(status, s.lang(r))}
		if r.URL.Query().Has("withdrawn") && !status.Withdrawable {
			v.Notice = "notice.withdrawn"
		}
		s.render(w, r, http.StatusOK, "status", v)
	}
}

// leave ends the session, for shared computers.
func (s *server) leave(w http.ResponseWriter, r *http.Request) {
	s.endSession(w)
	http.Redirect(w, r, "/?left=1", http.StatusSeeOther)
}

func newCaseView(c Status, lang string) *caseView {
	v := &caseView{
		CaseID: c.CaseID, Kind: known("kind.", c.Kind, "other"), State: known("state.", c.State, "working"),
		Received: newMoment(c.ReceivedAt, lang), Downloadable: c.Downloadable, Withdrawable: c.Withdrawable,
	}
	if c.State == string(dsr.StateClosed) {
		v.State = known("outcome.", c.Outcome, "closed")
	} else if !c.DueAt.IsZero() {
		due := newMoment(c.DueAt, lang)
		v.Due = &due
	}
	v.StateText = v.State + ".text"
	if c.Downloadable && c.ExpiresAt != nil {
		expires := newMoment(*c.ExpiresAt, lang)
		v.Expires = &expires
	}
	wholeWay := []string{string(dsr.Fulfilled), string(dsr.PartlyDone)}
	if c.State == string(dsr.StateClosed) && !slices.Contains(wholeWay, c.Outcome) {
		return v
	}
	now, ok := stepOf[c.State]
	if !ok {
		now = 2
	}
	for i, name := range steps {
		at := "todo"
		switch {
		case i < now:
			at = "done"
		case i == now:
			at = "now"
		}
		v.Steps = append(v.Steps, stepView{Name: name, At: at})
	}
	return v
}

// known is the key prefix+name where there are words for it, and prefix+otherwise where not: a
// newer desk must not break the page.
func known(prefix, name, otherwise string) string {
	if _, ok := words[prefix+name]; ok {
		return prefix + name
	}
	return prefix + otherwise
}

// newMoment writes a time in its own zone and names the zone's distance from UTC, so that a due
// date means the same to everybody.
func newMoment(t time.Time, lang string) moment {
	zone := "UTC"
	if _, offset := t.Zone(); offset != 0 {
		zone = "UTC" + t.Format("-07:00")
	}
	words := t.Format("2 January 2006, 15:04") + " (" + zone + ")"
	if lang == zh {
		words = fmt.Sprintf("%d年%d月%d日 %s (%s)", t.Year(), t.Month(), t.Day(), t.Format("15:04"), zone)
	}
	return moment{Words: words, Machine: t.Format(time.RFC3339)}
}
