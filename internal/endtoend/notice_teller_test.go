package endtoend

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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

// asked waits until the wave of that number is asked for: those before are settled.
func (s *teller) asked(n int) {
	s.t.Helper()
	s.until(fmt.Sprintf("wave %d to be asked for", n), func() bool {
		tasks, err := s.d.Store.ListTasks(s.ctx, casefile.TaskFilter{Ref: s.ref, State: "open", Kind: string(dsr.TaskNoticeWave)})
		return err == nil && slices.ContainsFunc(tasks, func(t casefile.Task) bool { return strings.HasPrefix(t.Occasion, fmt.Sprintf("wave-%d/", n)) })
	})
}

// wave has both approvers sign the wave of that number.
func (s *teller) wave(n int) casefile.Task {
	s.t.Helper()
	s.asked(n)
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
