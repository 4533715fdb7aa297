package endtoend

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	mrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/announce"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/stack/catcher"
	"github.com/habeas-dsr/habeas/internal/stack/mariadb"
)

// teller drives one notice as its staff do.
type teller struct {
	t   *testing.T
	c   *demo.Company
	ctx context.Context
	d   *desk.Desk
	ref contract.Ref
}

const breachHead = `version: 1
kind: breach
title: {zh: 安全事件通知, en: A security incident}
laws: [cn-pipl]
aware_at: %q
aware_by: an
lead: {name: cao, mail: lead@yunzhan.example}
deputy: {name: dai, mail: deputy@yunzhan.example}
what: {zh: 发生了泄露。, en: Data leaked.}
when: {zh: 昨天, en: Yesterday}
cause: {zh: 配置错误。, en: A wrong setting.}
harm: {zh: 可能被用于诈骗。, en: Fraud.}
measures: {zh: 已修复。, en: It was mended.}
advice: {zh: 请修改密码。, en: Change your password.}
remedy: {zh: 请联系我们。, en: Contact us.}
contact: {zh: 400-000-0000, en: 400-000-0000}
authority: {zh: 可向网信部门投诉。, en: You can complain to the authority.}
severity: {risk: high, persons: 200}
`

// breach writes an incident file; rest holds who is concerned, pace and ladder.
func breach(t *testing.T, rest string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "breach.yaml")
	text := fmt.Sprintf(breachHead, time.Now().Add(-time.Minute).Format(time.RFC3339)) + rest
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func newTeller(t *testing.T, c *demo.Company, atMost time.Duration) *teller {
	t.Helper()
	s := &teller{t: t, c: c}
	var cancel context.CancelFunc
	s.ctx, cancel = context.WithTimeout(context.Background(), atMost)
	t.Cleanup(cancel)
	d, done, err := c.Desk(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	s.d = d
	return s
}

func (s *teller) open(path string) {
	s.t.Helper()
	f, err := s.d.ReadIncident(path, "")
	if err != nil {
		s.t.Fatal(err)
	}
	if s.ref, err = s.d.OpenNotice(s.ctx, f, "an"); err != nil {
		s.t.Fatal(err)
	}
}

// sign waits for a task and has each of them sign it.
func (s *teller) sign(kind dsr.TaskKind, verdict dsr.Verdict, who ...string) casefile.Task {
	s.t.Helper()
	task, err := demo.WaitTask(s.ctx, s.d, s.ref, kind)
	if err != nil {
		s.t.Fatalf("%v; the worker's log ends:\n%s", err, tail(s.c, "worker"))
	}
	for _, name := range who {
		for {
			_, err := s.d.Decide(s.ctx, task.ID, verdict, "looked at it", s.c.Staff[name])
			if err == nil {
				break
			}
			if now, readErr := s.d.Store.Task(s.ctx, task.ID); readErr == nil && now.State == casefile.TaskDone {
				break
			}
			if !fault.Is(err, contract.ErrUnavailable) || s.ctx.Err() != nil {
				s.t.Fatalf("%s signs %s: %v", name, kind, err)
			}
		}
	}
	return task
}

// wave has both approvers sign the wave of that number.
func (s *teller) wave(n int) casefile.Task {
	s.t.Helper()
	s.until(fmt.Sprintf("wave %d to be asked for", n), func() bool {
		tasks, err := s.d.Store.ListTasks(s.ctx, casefile.TaskFilter{Ref: s.ref, State: "open", Kind: string(dsr.TaskNoticeWave)})
		return err == nil && slices.ContainsFunc(tasks, func(t casefile.Task) bool { return strings.HasPrefix(t.Occasion, fmt.Sprintf("wave-%d/", n)) })
	})
	return s.sign(dsr.TaskNoticeWave, dsr.Approve, "cao", "dai")
}

func (s *teller) until(what string, so func() bool) {
	s.t.Helper()
	for !so() {
		if s.ctx.Err() != nil {
			v, _ := s.d.ShowNotice(context.Background(), s.ref)
			s.t.Fatalf("waiting for %s: %s, waits on %s, %+v; the worker's log ends:\n%s", what, v.State, v.WaitingOn, v.Tally, tail(s.c, "worker"))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *teller) notice() casefile.Notice {
	s.t.Helper()
	n, err := s.d.Store.Notice(s.ctx, s.ref)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *teller) tally() casefile.Tally {
	s.t.Helper()
	tally, err := s.d.Store.Tally(s.ctx, s.ref)
	if err != nil {
		s.t.Fatal(err)
	}
	return tally
}

// settled waits until no letter is open any more.
func (s *teller) settled() {
	s.t.Helper()
	s.until("every letter to be settled", func() bool {
		open, _, err := s.d.Store.Due(s.ctx, s.ref, 100)
		return err == nil && open == 0
	})
}

// close files the reports and waits for the end.
func (s *teller) close(outcome string) {
	s.t.Helper()
	for _, authority := range []string{"cn-authority", "cn-miit"} {
		s.until("the clock of "+authority, func() bool {
			return s.d.DraftReport(s.ctx, s.ref, authority) == nil
		})
		s.sign(dsr.TaskReport, dsr.Complete, "cao")
		s.until("the report to be filed with "+authority, func() bool {
			c, err := s.d.Store.Clock(s.ctx, s.ref, authority)
			return err == nil && c.FiledAt != nil
		})
	}
	s.until("the end", func() bool { return s.notice().State == casefile.NoticeClosed })
	if n := s.notice(); n.Outcome != outcome {
		s.t.Errorf("it ended as %s, want %s", n.Outcome, outcome)
	}
}

// copies are the letters of this notice in the catcher, by address.
func (s *teller) copies() map[string][]catcher.Summary {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.c.Stack.Dir(), "catcher", "mail", "*.json")) // its page shows a thousand at most
	if err != nil {
		s.t.Fatal(err)
	}
	got := map[string][]catcher.Summary{}
	number := strings.ToLower(strings.ReplaceAll(s.ref.ID(), "-", ""))
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		var l catcher.Summary
		if json.Unmarshal(raw, &l) != nil {
			continue // not whole yet
		}
		if strings.HasPrefix(l.From, "bounce+"+number+".") {
			got[l.To[0]] = append(got[l.To[0]], l)
		}
	}
	return got
}

// query reads one column of the company's own database: what SQL says, beside what Habeas did.
func query(t *testing.T, c *demo.Company, system, text string) []string {
	t.Helper()
	driver, dsn := "postgres", c.Stack.LoadDSNs()[system]
	if mariadb.IsURL(dsn) {
		var err error
		driver = "mysql"
		if dsn, err = mariadb.FromURL(dsn); err != nil {
			t.Fatal(err)
		}
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.Query(text)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// A breach reaches everyone concerned once and nobody else, in their own language, through a server
// that refuses some, delays some, hangs up behind DATA for some and bounces some later.
func TestNoticeReachesEverybodyOnce(t *testing.T) {
	t.Parallel()
	bounces := freeAddress(t)
	c := company(t, map[string]string{"HABEAS_BOUNCE_LISTEN": bounces})
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
	refused, busy, hungUp, slow, later := address(3), address(13), address(23), address(33), address(43)
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
ladder: {steps: [phone, letter, public], after: 6s}
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
	s.wave(3)
	s.until("the letter that comes back", func() bool { return len(s.copies()[later]) == 1 })
	bounce(t, bounces, s.copies()[later][0].From, "5.1.1", "550 5.1.1 <"+later+"> unknown")
	s.until("the bounce to be written down", func() bool { return s.tally().Mail[casefile.MailBounced] == 1 })

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

// Sending without two signatures, with an empty mandatory part, or after an abort is impossible: by
// the command line, by a client that speaks to Temporal itself, and by a private workflow that
// schedules the page activity.
func TestNoticeCannotBeForced(t *testing.T) {
	c := common(t)
	s := newTeller(t, c, 4*time.Minute)
	rest := `
concerned: [{system: accounts, collection: users, where: {column: id, op: le, value: 30}, categories: [{zh: 登录名, en: sign-in name}]}]
pace: {rate: 0, per_domain: 0, waves: [100], retry: 1s}
ladder: {steps: [], after: 1s}
`
	// an empty mandatory part: no wave is ever asked for
	path := breach(t, rest)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	hole := strings.Replace(string(whole), "harm: {zh: 可能被用于诈骗。, en: Fraud.}", `harm: {zh: 可能被用于诈骗。, en: ""}`, 1)
	if err := os.WriteFile(path, []byte(hole), 0o600); err != nil {
		t.Fatal(err)
	}
	s.open(path)
	incomplete, err := demo.WaitTask(s.ctx, s.d, s.ref, dsr.TaskNoticeIncomplete)
	if err != nil {
		t.Fatal(err)
	}
	if shown, err := s.d.Task(s.ctx, incomplete.ID); err != nil || len(shown.Shown.Notice.Missing) != 1 {
		t.Errorf("%+v %v", shown.Shown.Notice, err)
	}
	s.forced("with an empty part", contract.PageInput{Ref: s.ref, Wave: 1, Task: incomplete.ID})
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := s.d.ReadIncident(path, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.d.AmendNotice(s.ctx, s.ref.ID(), f, "an"); err != nil {
		t.Fatal(err)
	}

	// one signature, and that of whoever opened it
	task, err := demo.WaitTask(s.ctx, s.d, s.ref, dsr.TaskNoticeWave)
	if err != nil {
		t.Fatal(err)
	}
	page := contract.PageInput{Ref: s.ref, Wave: 1, Task: task.ID}
	s.forced("without a signature", page)
	if _, err := s.d.Decide(s.ctx, task.ID, dsr.Approve, "", c.Staff["an"]); !fault.Is(err, contract.ErrBadSignature) {
		t.Errorf("whoever opened it signed: %v", err)
	}
	if _, err := s.d.Decide(s.ctx, task.ID, dsr.Approve, "", c.Staff["cao"]); err != nil {
		t.Fatal(err)
	}
	if _, err := s.d.Decide(s.ctx, task.ID, dsr.Approve, "again", c.Staff["cao"]); !fault.Is(err, contract.ErrBadSignature) {
		t.Errorf("the same person signed twice: %v", err)
	}
	s.forced("with one signature", page)

	// aborted, then approved by the second
	if _, err := s.d.ControlNotice(s.ctx, s.ref, "abort", 0, "it was a mistake", c.Staff["an"]); err == nil {
		t.Error("support ended a notice")
	}
	if _, err := s.d.ControlNotice(s.ctx, s.ref, "abort", 0, "it was a mistake", c.Staff["dai"]); err != nil {
		t.Fatal(err)
	}
	_, _ = s.d.Decide(s.ctx, task.ID, dsr.Approve, "", c.Staff["dai"])
	s.forced("after the abort", page)
	if _, err := s.d.ControlNotice(s.ctx, s.ref, "resume", 0, "no", c.Staff["dai"]); err == nil {
		t.Error("an aborted notice was resumed")
	}
	s.close(contract.NoticeAborted)
	s.forced("after its end", page)
}

// forced tries to send a page by a workflow of our own, with our own keys: under a name of its own,
// and as a child of the notice. Nothing goes out.
func (s *teller) forced(when string, in contract.PageInput) {
	s.t.Helper()
	before := len(s.copies())
	for _, id := range []string{"private/" + rand.Text(), string(s.ref) + "/" + rand.Text()} {
		for name, input := range map[string]any{contract.SendPage.Name: in, contract.SendTexts.Name: in} {
			err := scheduled(s, id+name, contract.QueueLetters, name, input)
			if err == nil {
				s.t.Errorf("%s: %s ran under %s", when, name, id)
			}
		}
		for name, input := range map[string]any{
			contract.TakeStep.Name:    contract.StepInput{Ref: in.Ref, Step: "phone", Task: in.Task},
			contract.CloseNotice.Name: contract.CloseInput{Ref: in.Ref, Outcome: contract.NoticeTold},
			contract.MarkClock.Name:   contract.MarkClockInput{Ref: in.Ref, Authority: "cn-authority", What: "filed", Task: in.Task},
		} {
			if s.notice().State == casefile.NoticeClosed {
				continue
			}
			if err := scheduled(s, id+name, contract.QueueCore, name, input); err == nil {
				s.t.Errorf("%s: %s ran under %s", when, name, id)
			}
		}
	}
	if n := len(s.copies()); n != before {
		s.t.Errorf("%s: %d letters went out", when, n-before)
	}
}

// scheduled runs one activity of the real worker from a workflow of a stranger who holds our keys.
func scheduled(s *teller, id, queue, activity string, in any) error {
	private := "private-" + rand.Text()
	w := sdk.New(s.d.Temporal, private, sdk.Options{})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{TaskQueue: queue, StartToCloseTimeout: 20 * time.Second,
			RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1}})
		return workflow.ExecuteActivity(ctx, activity, in).Get(ctx, nil)
	}, workflow.RegisterOptions{Name: private})
	if err := w.Start(); err != nil {
		s.t.Fatal(err)
	}
	defer w.Stop()
	run, err := s.d.Temporal.ExecuteWorkflow(s.ctx, client.StartWorkflowOptions{ID: id, TaskQueue: private}, private)
	if err != nil {
		s.t.Fatal(err)
	}
	return run.Get(s.ctx, nil)
}

// SIGKILL of the worker at seeded moments of a wave of 2,000 (20,000 at thirty in a soak): nobody is
// missed, and whoever got two letters stands in the casefile as undecided, with one Message-ID.
func TestNoticeSurvivesKills(t *testing.T) {
	t.Parallel()
	people, kills := 2_000, 3
	if os.Getenv("HABEAS_SOAK") != "" {
		people, kills = 20_000, 30
	}
	c := company(t, nil)
	s := newTeller(t, c, 9*time.Minute)
	path := breach(t, `
concerned: [{csv: people.csv, categories: [{zh: 登录名, en: sign-in name}]}]
pace: {rate: 0, per_domain: 0, waves: [100], retry: 1s}
ladder: {steps: [], after: 1s}
`)
	var csv strings.Builder
	csv.WriteString("email,lang\n")
	for i := range people {
		fmt.Fprintf(&csv, "p%d@people.example,%s\n", i, []string{"zh", "en"}[i%2])
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "people.csv"), []byte(csv.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s.open(path)
	seed := seeds(t)[0]
	random := mrand.New(mrand.NewPCG(seed, 8))
	moments := make([]int64, kills)
	for i := range moments {
		moments[i] = 1 + random.Int64N(int64(people)-1)
	}
	slices.Sort(moments)
	s.wave(1)
	for _, moment := range moments {
		s.until(fmt.Sprintf("letter %d", moment), func() bool { return s.notice().Sent >= moment })
		p, ok := c.Stack.Process("worker")
		if !ok {
			t.Fatal("no worker")
		}
		t.Logf("seed %d: killed at letter %d", seed, s.notice().Sent)
		if err := syscall.Kill(p.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		for p.Alive() {
			time.Sleep(5 * time.Millisecond)
		}
		if err := c.StartWorker(s.ctx); err != nil {
			t.Fatal(err)
		}
	}
	s.settled()
	copies := s.copies()
	undecided := map[string]bool{}
	if err := s.d.Store.Outcomes(s.ctx, s.ref, 0, func(p casefile.PersonOutcome) error {
		undecided[fmt.Sprint(p.N)] = p.Repeated > 0 || p.Unclear > 0
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	twice := 0
	for i := range people {
		list := copies[fmt.Sprintf("p%d@people.example", i)]
		if len(list) == 0 {
			t.Errorf("person %d got no letter", i)
			continue
		}
		if len(list) == 1 {
			continue
		}
		twice++
		n := strings.Split(list[0].From, ".")[1]
		for _, l := range list[1:] {
			if l.MessageID != list[0].MessageID || l.From != list[0].From {
				t.Errorf("a repeat with another Message-ID")
			}
		}
		if !undecided[n] {
			t.Errorf("letter %s went %d times, and the casefile does not say so", n, len(list))
		}
	}
	tally := s.tally()
	t.Logf("%d got it twice, %d were undecided at a kill", twice, tally.Repeated)
	if len(copies) != people || tally.Mail[casefile.MailSent] != int64(people) || tally.Repeated > int64(kills*16*2) {
		t.Errorf("%d people got a letter; %+v", len(copies), tally)
	}
	if report, err := s.d.Store.VerifyLedger(s.ctx, nil); err != nil || !report.OK() {
		t.Errorf("the ledger: %+v %v", report, err)
	}
}

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
