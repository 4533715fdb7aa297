package portal

import (
	"net/http"
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/dsr"
)

// Whoever is signed in takes the request back after a question, once; without a session, and when it is too
// late, nothing happens.
func TestAPersonTakesTheRequestBack(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	status := func() Status {
		b.desk.mu.Lock()
		defer b.desk.mu.Unlock()
		return b.desk.cases[b.known].status
	}
	b.desk.mu.Lock()
	c := b.desk.cases[b.known]
	c.status.State, c.status.Downloadable, c.status.Withdrawable = string(dsr.StateCooling), false, true
	b.desk.mu.Unlock()

	for _, page := range []answer{b.post("/case/withdraw"), b.get("/case/withdraw")} {
		if page.Request.URL.RawQuery != "ended=1" || !status().Withdrawable {
			t.Fatalf("without a session it led to %s", page.Request.URL)
		}
	}
	page := b.post("/case/status", "id", b.known, "code", b.desk.code(b.known, dsr.CodeStatus))
	if !strings.Contains(page.body, `href="/case/withdraw"`) {
		t.Fatal("the status page offers no withdrawal")
	}
	if page = b.get("/case/withdraw"); page.StatusCode != http.StatusOK || !strings.Contains(page.body, "Take your request back?") || !status().Withdrawable {
		t.Fatalf("the question: %d at %s", page.StatusCode, page.Request.URL)
	}
	b.desk.mu.Lock()
	c.late = true
	b.desk.mu.Unlock()
	if page = b.post("/case/withdraw"); page.Request.URL.String() != b.url+"/case/status" || !status().Withdrawable || strings.Contains(page.body, "is taken back") {
		t.Errorf("too late, and it led to %s", page.Request.URL)
	}
	b.desk.mu.Lock()
	c.late = false
	b.desk.mu.Unlock()
	if page = b.post("/case/withdraw"); !strings.Contains(page.body, "Your request is taken back") || status().Outcome != string(dsr.Withdrawn) {
		t.Errorf("it led to %s", page.Request.URL)
	}
	if strings.Contains(page.body, `href="/case/withdraw"`) {
		t.Error("it is offered again")
	}
	if page = b.get("/case/withdraw"); page.Request.URL.Path != "/case/status" {
		t.Errorf("asked again, it led to %s", page.Request.URL)
	}
	// Said of a case that was not taken back, it is not repeated.
	b.desk.mu.Lock()
	c.status.Withdrawable = true
	b.desk.mu.Unlock()
	if page = b.get("/case/status?withdrawn=1"); strings.Contains(page.body, "is taken back") {
		t.Error("the page says what is not so")
	}
}
