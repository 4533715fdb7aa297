package endtoend

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/seal"
)

const policyChange = `version: 1
kind: policy-change
title: {zh: 隐私政策变更通知, en: Our privacy policy changes}
what: {zh: 我们修订了隐私政策。, en: We have revised our privacy policy.}
contact: {zh: 400-000-0000, en: 400-000-0000}
concerned: [{csv: people.csv}]
pace: {rate: 0, per_domain: 0, waves: [100], retry: 1s}
ladder: {steps: [], after: 1s}
policy:
  class: major
  effective: "2027-01-01T00:00:00+08:00"
  changes:
    - {clause: "1.2", before: {zh: 旧一, en: the old one}, after: {zh: 新一, en: the new one}, touches: purpose}
    - {clause: "8", before: {zh: 旧八, en: the old eight}, after: {zh: 新八, en: the new eight}, touches: nothing}
`

var checkCode = regexp.MustCompile(`\b[0-9]+-[0-9]{4}-[0-9]{4}\b`)

// counsel enrols somebody as counsel, signed by the two pinned approvers.
func counsel(t *testing.T, s *teller, name string) {
	t.Helper()
	key, err := seal.NewStaffKey(name, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s.c.Staff[name] = key
	ref, err := s.d.Enrol(s.ctx, name, key.Public(), []dsr.Role{dsr.RoleCounsel}, "cao")
	if err != nil {
		t.Fatal(err)
	}
	task, err := demo.WaitTask(s.ctx, s.d, ref, dsr.TaskEnrol)
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"cao", "dai"} {
		if _, err := s.d.Decide(s.ctx, task.ID, dsr.Approve, "", s.c.Staff[who]); err != nil {
			t.Fatal(err)
		}
	}
	s.until(name+" to be enrolled", func() bool {
		_, err := s.d.Store.TrustedStaff(s.ctx, name, s.d.Pins)
		return err == nil
	})
}

// A change of a purpose holds only for those who say so on the portal with the code of their letter;
// everybody else stands on the list of those who have not agreed.
func TestAChangeOfThePolicyAsksForConsent(t *testing.T) {
	c := common(t)
	s := newTeller(t, c, 4*time.Minute)
	dir := t.TempDir()
	path := filepath.Join(dir, "change.yaml")
	for name, text := range map[string]string{"change.yaml": policyChange, "people.csv": "email,lang\nyes@consent.example,en\nsilent@consent.example,zh\nback@consent.example,en\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	counsel(t, s, "eve")
	s.open(path)
	s.sign(dsr.TaskNoticeCounsel, dsr.Approve, "eve")
	s.wave(1)
	s.until("the end", func() bool { return s.notice().State == casefile.NoticeClosed })
	if n := s.notice(); n.Outcome != contract.NoticeTold || n.Sent != 3 {
		t.Fatalf("%+v", n)
	}
	code := func(to string) string {
		l, err := c.Stack.Catcher().Letter(s.ctx, s.copies()[to][0].ID)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(l.Text, "the old one") && !strings.Contains(l.Text, "旧一") {
			t.Errorf("the letter does not show the change: %q", l.Text)
		}
		return checkCode.FindString(l.Text)
	}
	say := func(code string, form url.Values) string {
		form.Set("id", s.ref.ID())
		form.Set("code", code)
		answer, err := http.PostForm(c.Env["HABEAS_PORTAL_URL"]+"/notice?lang=en", form)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	yes, back := code("yes@consent.example"), code("back@consent.example")
	if page := say(yes, url.Values{}); !strings.Contains(page, "the new one") || strings.Contains(page, "the new eight") {
		t.Errorf("what is asked: %s", page)
	}
	save := func(agreed ...string) url.Values { return url.Values{"answer": {"save"}, "agree": agreed} }
	for _, answer := range []struct {
		code   string
		agreed []string
	}{{yes, []string{"0"}}, {back, []string{"0"}}, {back, nil}} { // the last one takes it back
		if page := say(answer.code, save(answer.agreed...)); !strings.Contains(page, "Your choice is saved.") {
			t.Fatalf("not saved: %s", page)
		}
	}
	if page := say("1-0000-0000", save("0")); strings.Contains(page, "Your choice is saved.") {
		t.Error("a made-up code agreed")
	}
	exit, out := habeas(s.ctx, t, c, "notice", "consent", s.ref.ID(), "-o", "json")
	var counts []desk.ConsentCount
	if err := json.Unmarshal([]byte(out), &counts); exit != 0 || err != nil || len(counts) != 1 || counts[0] != (desk.ConsentCount{Clause: "1.2", Touches: "purpose", Agreed: 1, NotAgreed: 2}) {
		t.Errorf("counts: %d %s", exit, out)
	}
	list := filepath.Join(dir, "not-agreed.csv")
	if exit, out := habeas(s.ctx, t, c, "notice", "consent", s.ref.ID(), "--clause", "1.2", "--out", list); exit != 0 || !strings.Contains(out, "2 people") {
		t.Fatalf("%d %s", exit, out)
	}
	raw, err := os.ReadFile(list)
	if err != nil || strings.Contains(string(raw), "yes@") || !strings.Contains(string(raw), "silent@consent.example") || !strings.Contains(string(raw), "back@consent.example") {
		t.Errorf("the list: %q %v", raw, err)
	}
	if exit, out := habeas(s.ctx, t, c, "notice", "consent", s.ref.ID(), "--clause", "8", "--out", filepath.Join(dir, "eight")); exit != 2 {
		t.Errorf("a clause that asks for nothing: %d %s", exit, out)
	}
}
