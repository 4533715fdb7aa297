package endtoend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/announce"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/stack/catcher"
)

// One company takes bounces back, holds an exercise, and lives through the kills.
func TestNotice(t *testing.T) {
	t.Parallel()
	bounces := freeAddress(t)
	drill, drillURL := newDrillServer(t)
	c := company(t, map[string]string{"HABEAS_BOUNCE_LISTEN": bounces, "HABEAS_EXERCISE_SMTP_URL": drillURL})
	t.Run("reaches everybody once", func(t *testing.T) { reachesEverybodyOnce(t, c, bounces) })
	t.Run("exercise", func(t *testing.T) { exercise(t, c, drill) })
	t.Run("survives kills", func(t *testing.T) { survivesKills(t, c) })
}

// A breach reaches everyone concerned once and nobody else, in their own language, through a server
// that refuses some, delays some, hangs up behind DATA for some and bounces some later.
func reachesEverybodyOnce(t *testing.T, c *demo.Company, bounces string) {
	s := newTeller(t, c, 5*time.Minute)

	payers := query(t, c, "billing", `SELECT DISTINCT CAST(o.account_id AS char(20)) FROM invoices i JOIN orders o ON o.id = i.order_id`)
	concerned := fmt.Sprintf(`SELECT %%s FROM accounts.users WHERE id <= 60 OR id IN (%s)`, strings.Join(payers, ","))
	withMail := query(t, c, "accounts", strings.Replace(fmt.Sprintf(concerned, "email || ' ' || language"), "WHERE ", "WHERE email IS NOT NULL AND (", 1)+")")
	without := query(t, c, "accounts", strings.Replace(fmt.Sprintf(concerned, "id::text"), "WHERE ", "WHERE email IS NULL AND (", 1)+")")
	if len(withMail) < 40 || len(without) == 0 {
		t.Fatalf("the example has %d people with an address and %d without", len(withMail), len(without))
	}
	slices.Sort(withMail)
	withMail = slices.CompactFunc(withMail, func(a, b string) bool { return strings.Fields(a)[0] == strings.Fields(b)[0] })
	address := func(i int) string { // the catcher matches parts of addresses: one that is part of no other
		for ; ; i++ {
			a := strings.Fields(withMail[i])[0]
			if strings.Count(strings.ToLower(strings.Join(withMail, "\n")), strings.ToLower(a)) == 1 {
				return a
			}
		}
	}
	refused, busy, hungUp, slow := address(3), address(13), address(23), address(33)
	for _, f := range []catcher.Fault{
		{Rcpt: "550 5.1.1", Match: refused}, {Rcpt: "450 4.2.1", Match: busy, Count: 2},
		{DropAfterData: true, Match: hungUp, Count: 1}, {DelayMS: 700, Match: slow},
	} {
		if err := c.Stack.Catcher().Arm(s.ctx, f); err != nil {
			t.Fatal(err)
		}
	}

	s.open(breach(t, `
concerned:
  - {system: accounts, collection: users, where: {column: id, op: le, value: 60}, categories: [{zh: 登录名, en: sign-in name}]}
  - {system: billing, collection: invoices, categories: [{zh: 发票抬头, en: invoice title}]}
canaries: [seed@yunzhan.example]
pace: {rate: 400, per_domain: 0, waves: [1, 30, 100], stop_at: 100, retry: 1s}
ladder: {steps: [phone, letter, public], after: 1s}
`))
	first := s.wave(1)
	shown, err := s.d.Task(s.ctx, first.ID)
	if err != nil {
		t.Fatal(err)
	}
	if n := shown.Shown.Notice; n.People != int64(len(withMail)+len(without)) || n.NoMail != int64(len(without)) || len(n.Samples) == 0 ||
		len(n.Canaries) != 2 || !strings.Contains(n.Canaries[0], "250") || !strings.Contains(n.Texts["zh"], "可能被用于诈骗") || !strings.Contains(n.Texts["en"], "Fraud") {
		t.Errorf("the approval shows %+v", n)
	}
	s.wave(2)
	later := s.takenBut(refused, busy, hungUp, slow)
	bounce(t, bounces, s.copies()[later][0].From, "5.1.1", "550 5.1.1 <"+later+"> unknown")
	s.until("the bounce to be written down", func() bool { return s.tally().Mail[casefile.MailBounced] == 1 })
	s.wave(3)

	phone, err := demo.WaitTask(s.ctx, s.d, s.ref, dsr.TaskPhoneRound)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.d.Task(s.ctx, phone.ID); err != nil || n.Shown.Notice.Tally["unreached"] != int64(len(without)+2) {
		t.Errorf("the fallback list: %+v, %v; want %d", n.Shown.Notice, err, len(without)+2)
	}
	fallback := 0
	if err := s.d.Fallback(s.ctx, s.ref, func(p desk.FallbackPage) error { fallback++; return nil }); err != nil || fallback != len(without)+2 {
		t.Errorf("%d on the fallback list, %v", fallback, err)
	}
	s.sign(dsr.TaskPhoneRound, dsr.Partial, "bo")
	s.sign(dsr.TaskLetterRound, dsr.Complete, "bo")
	s.close(contract.NoticeTold)
	s.everybodyOnce(withMail, refused, hungUp)
	s.checkCode()
	s.evidenceHolds(later)
	s.forgotten()
}

// forgotten lets the record-keeping time of the notice pass: five years for the log of a leak.
func (s *teller) forgotten() {
	s.t.Helper()
	if kept := forgetAt(s.t, s.c, s.ctx, s.d, 4); kept.Forgotten != 0 {
		s.t.Fatalf("forgotten too early: %+v", kept)
	}
	if done := forgetAt(s.t, s.c, s.ctx, s.d, 6); done.Forgotten != 1 || done.Kept != 0 {
		s.t.Fatalf("forgetting: %+v", done)
	}
	for _, id := range []string{string(s.ref), string(s.ref) + "/clock/cn-authority"} {
		s.until("the history of "+id+" to be gone", func() bool {
			_, err := s.d.Temporal.DescribeWorkflowExecution(s.ctx, id, "")
			return err != nil && notThere(err)
		})
	}
	if _, err := s.d.Store.Notice(s.ctx, s.ref); !fault.Is(err, contract.ErrNotFound) {
		s.t.Errorf("a forgotten notice is still there: %v", err)
	}
	if code, out := habeas(s.ctx, s.t, s.c, "notice", "show", s.ref.ID()); code != 0 || !strings.Contains(out, "forgotten") || !strings.Contains(out, "told") {
		s.t.Errorf("notice show: %s", out)
	}
	if report, err := s.d.Store.VerifyLedger(s.ctx, nil); err != nil || !report.OK() {
		s.t.Errorf("the ledger: %+v %v", report, err)
	}
}

// takenBut waits until the third wave is asked for, and gives somebody whose letter was taken without
// trouble: what comes back for them later is a bounce.
func (s *teller) takenBut(trouble ...string) string {
	s.t.Helper()
	s.asked(3)
	for to, list := range s.copies() {
		if to != "seed@yunzhan.example" && len(list) == 1 && !slices.Contains(trouble, to) {
			return to
		}
	}
	s.t.Fatal("nobody got a letter in two waves")
	return ""
}

// everybodyOnce holds the catcher against SQL.
func (s *teller) everybodyOnce(withMail []string, refused, hungUp string) {
	s.t.Helper()
	copies := s.copies()
	delete(copies, "seed@yunzhan.example")
	var got, want []string
	for to := range copies {
		got = append(got, to)
	}
	language := map[string]string{}
	for _, line := range withMail {
		f := strings.Fields(line)
		if language[f[0]] = f[1]; f[0] != refused {
			want = append(want, f[0])
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	want = slices.Compact(want)
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("who got a letter (-SQL, +catcher): %s", diff)
	}
	for to, list := range copies {
		if len(list) != 1 && (to != hungUp || len(list) != 2 || list[0].MessageID != list[1].MessageID) {
			s.t.Errorf("%d letters to one address", len(list))
		}
		l, err := s.c.Stack.Catcher().Letter(s.ctx, list[0].ID)
		if err != nil {
			s.t.Fatal(err)
		}
		if lang := l.Header("Content-Language"); !strings.HasPrefix(lang, language[to]) {
			s.t.Errorf("a letter in %q for somebody who reads %q", lang, language[to])
		}
		if l.Header("Auto-Submitted") != "auto-generated" || strings.Contains(l.Text+l.HTML, "HabeasMark") || strings.Contains(l.Text+l.HTML, "://") || len(l.Attachments) > 0 {
			s.t.Errorf("a letter that does not look right: %q", l.Text)
		}
	}
	var listed []struct {
		HungUp int `json:"hung_up"`
	}
	if code, out := habeas(s.ctx, s.t, s.c, "notice", "undecided", s.ref.ID(), "-o", "json"); code != 0 || json.Unmarshal([]byte(out), &listed) != nil || len(listed) != 1 || listed[0].HungUp != 1 {
		s.t.Errorf("what may have gone twice: %d %s", code, out)
	}
	if t := s.tally(); t.Unclear != 1 || t.Open != 0 || t.Mail[casefile.MailRefused] != 1 || t.Mail[casefile.MailSent] != int64(len(withMail)-2) {
		s.t.Errorf("%+v", t)
	}
}

// checkCode compares the code of a letter as the portal does.
func (s *teller) checkCode() {
	s.t.Helper()
	key, err := s.d.Store.Key(s.ctx, s.ref)
	if err != nil {
		s.t.Fatal(err)
	}
	code := announce.CheckCode(key, 2)
	for typed, want := range map[string]bool{code: true, strings.ReplaceAll(code, "-", " "): true, "3" + code[1:]: false, "": false} {
		if _, ok, err := s.d.CheckNotice(s.ctx, s.ref.ID(), typed); err != nil || ok != want {
			s.t.Errorf("%q: %t %v", typed, ok, err)
		}
	}
}

// evidenceHolds writes both packs by the command line and verifies them, whole and with a byte changed.
func (s *teller) evidenceHolds(who string) {
	s.t.Helper()
	dir := s.t.TempDir()
	mail := filepath.Join(dir, "mail.txt")
	if err := os.WriteFile(mail, []byte(who), 0o600); err != nil {
		s.t.Fatal(err)
	}
	run := func(args ...string) (string, error) {
		cmd := exec.Command(filepath.Join(bin, "habeas"), args...)
		cmd.Env = os.Environ()
		for k, v := range s.c.Env {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	all, one := filepath.Join(dir, "all"), filepath.Join(dir, "one")
	if out, err := run("notice", "evidence", s.ref.ID(), "--all", "--out", all); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	out, err := run("notice", "evidence", s.ref.ID(), "--person", "@"+mail, "--out", one)
	if err != nil || !strings.Contains(out, "came back: hard") || !strings.Contains(out, "told by letter") {
		s.t.Fatalf("%v\n%s", err, out)
	}
	for _, file := range []string{all, one} {
		if out, err := run("notice", "verify", file); err != nil || !strings.Contains(out, "holds: notice "+s.ref.ID()) {
			s.t.Errorf("%v\n%s", err, out)
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		if bytes.Contains(raw, []byte(who)) {
			s.t.Error("an address stands in the evidence")
		}
		raw[len(raw)-9] ^= 1
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			s.t.Fatal(err)
		}
		if out, err := run("notice", "verify", file); err == nil {
			s.t.Errorf("evidence with a byte changed holds:\n%s", out)
		}
	}
}

// bounce sends a delivery status notification to a return path.
func bounce(t *testing.T, at, to, status, diagnostic string) {
	t.Helper()
	conn, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	client := smtp.NewClient(conn)
	defer func() { _ = client.Close() }()
	text := "From: <>\r\nSubject: failed\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/plain\r\n\r\nsorry\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n" +
		"Final-Recipient: rfc822; x@q.example\r\nAction: failed\r\nStatus: " + status + "\r\nDiagnostic-Code: smtp; " + diagnostic + "\r\n\r\n--b--\r\n"
	if err := client.SendMail("", []string{to}, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	if err := client.SendMail("", []string{"bounce+0000000000.1.0000000000000000@yunzhan.example"}, strings.NewReader(text)); err == nil {
		t.Error("a return path of nobody was taken")
	}
}
