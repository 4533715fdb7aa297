package endtoend

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/stack/catcher"
)

// Pause and rate take effect between letters, and a notice whose letters are refused stops by itself.
func TestNoticeIsControlled(t *testing.T) {
	c := common(t)
	s := newTeller(t, c, 4*time.Minute)
	path := breach(t, `
concerned: [{csv: people.csv, categories: [{zh: 登录名, en: sign-in name}]}]
pace: {rate: 20, per_domain: 0, waves: [100], retry: 1s, stop_at: 30}
ladder: {steps: [], after: 1s}
`)
	var csv strings.Builder
	csv.WriteString("email,lang\n")
	for i := range 300 {
		fmt.Fprintf(&csv, "q%d@stop.example,en\n", i)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "people.csv"), []byte(csv.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s.open(path)
	s.wave(1)
	s.until("ten letters", func() bool { return s.notice().Sent >= 10 })
	if _, err := s.d.ControlNotice(s.ctx, s.ref, "pause", 0, "wait", c.Staff["dai"]); err != nil {
		t.Fatal(err)
	}
	s.until("it to rest", func() bool { return strings.HasPrefix(s.notice().WaitingOn, "paused:") })
	resting := s.notice().Sent
	time.Sleep(1500 * time.Millisecond)
	if n := s.notice().Sent; n != resting || n > 200 {
		t.Errorf("paused at %d letters, %d later", resting, n)
	}
	if err := c.Stack.Catcher().Arm(s.ctx, catcher.Fault{Rcpt: "550 5.1.1", Match: "@stop.example"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.d.ControlNotice(s.ctx, s.ref, "set-rate", 500, "faster", c.Staff["dai"]); err != nil {
		t.Fatal(err)
	}
	if _, err := s.d.ControlNotice(s.ctx, s.ref, "resume", 0, "go on", c.Staff["dai"]); err != nil {
		t.Fatal(err)
	}
	stopped, err := demo.WaitTask(s.ctx, s.d, s.ref, dsr.TaskNoticeStopped)
	if err != nil {
		t.Fatal(err)
	}
	bad := s.notice().Bad
	if n := s.notice(); n.Paused != "stopped" || n.Rate != 500 || bad >= 290 {
		t.Errorf("%+v", n)
	}
	if err := c.Stack.Catcher().Disarm(s.ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := s.d.Decide(s.ctx, stopped.ID, dsr.Approve, "the relay was wrong", c.Staff["dai"]); err != nil {
		t.Fatal(err)
	}
	s.settled()
	if n := s.notice(); n.Bad != bad || n.Sent+n.Bad != 300 {
		t.Errorf("%d sent, %d refused, %d were before", n.Sent, n.Bad, bad)
	}
}
