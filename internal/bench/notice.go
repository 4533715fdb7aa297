package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
)

// noticeConnections is how many connections to the mail server both sides keep open.
const noticeConnections = 4

const noticeFile = `version: 1
kind: breach
title: {zh: 关于您的个人信息安全事件的通知, en: A security incident that concerns your personal information}
laws: [eu-gdpr]
aware_at: %q
aware_by: an
lead: {name: cao, mail: cao@yunzhan.example}
what: {zh: 一份账户资料表的副本被误存放在可公开访问的存储空间。, en: A copy of a table with account details lay in a storage space that anybody could open.}
when: {zh: 2026年11月14日至23日, en: From 14 to 23 November 2026}
cause: {zh: 权限配置错误。, en: The access setting was wrong.}
harm: {zh: 可能被用于诈骗。, en: Others may use the information for fraud.}
measures: {zh: 我们已关闭该存储空间。, en: We closed the storage space.}
advice: {zh: 请修改登录密码。, en: Change your password.}
remedy: {zh: 如有损失请联系我们。, en: If you suffered a loss contact us.}
contact: {zh: 客服热线 400-000-0000, en: Hotline 400-000-0000}
authority: {zh: 可向网信部门投诉。, en: You can complain to the authority.}
severity: {risk: none}
concerned: [{csv: people.csv, categories: [{zh: 手机号码, en: mobile number}]}]
pace: {rate: 0, per_domain: 0, waves: [100]}
ladder: {steps: [], after: 14d}
`

// notices sends a notice to many people through the real worker, beside a bare go-smtp loop.
func notices(ctx context.Context, b *bench) ([]Row, error) {
	many := 10_000
	if b.full {
		many = 100_000
	}
	sink, err := newSink()
	if err != nil {
		return nil, err
	}
	defer sink.close()
	key, err := newDKIM(b.dir)
	if err != nil {
		return nil, err
	}
	h, err := b.houseWith(ctx, "notice", example.Options{People: 200}, map[string]string{
		"HABEAS_SMTP_URL": "smtp://" + sink.address, "HABEAS_SMTP_CONNECTIONS": strconv.Itoa(noticeConnections), "HABEAS_DKIM_KEY": key.path,
	})
	if err != nil {
		return nil, err
	}
	defer h.Close()
	rate := Row{
		Name: "notice", Unit: "letters/s", Goal: Goal{Least: 0.70},
		What:  fmt.Sprintf("letters of a notice to %s people from the first to the last, by the real worker over %d connections, DKIM on", number(float64(many)), noticeConnections),
		Floor: "a bare go-smtp loop of as many connections that signs and sends a message of the same size",
	}
	for n := range pairs {
		var p Pair
		for _, side := range turn(n) {
			if side == 1 {
				took, err := h.tellMany(ctx, sink, many)
				if err != nil {
					return nil, err
				}
				p.Ours = float64(many-1) / took.Seconds()
				continue
			}
			if sink.last() == nil { // the floor goes first and needs a message to send
				if _, err := h.tellMany(ctx, sink, 100); err != nil {
					return nil, err
				}
			}
			took, err := key.loop(ctx, sink, many)
			if err != nil {
				return nil, err
			}
			p.Floor = float64(many-1) / took.Seconds()
		}
		say("notice: %.0f letters/s, floor %.0f", p.Ours, p.Floor)
		rate.Pairs = append(rate.Pairs, p)
	}
	sizes, err := h.noticeSizes(ctx, b, sink)
	return append([]Row{rate}, sizes...), err
}

func now() time.Time { return time.Now() }

// tellMany opens a notice to so many people, has it approved, and gives the time from the first
// letter to the last.
func (h *house) tellMany(ctx context.Context, sink *sink, people int) (time.Duration, error) {
	took, _, err := h.tell(ctx, sink, people)
	return took, err
}

func (h *house) tell(ctx context.Context, sink *sink, people int) (time.Duration, contract.Ref, error) {
	dir, err := os.MkdirTemp(h.Dir, "notice-")
	if err != nil {
		return 0, "", fmt.Errorf("making a folder for the people: %w", err)
	}
	if err := writePeople(filepath.Join(dir, "people.csv"), people); err != nil {
		return 0, "", err
	}
	path := filepath.Join(dir, "breach.yaml")
	if err := os.WriteFile(path, fmt.Appendf(nil, noticeFile, now().Add(-time.Minute).Format(time.RFC3339)), 0o600); err != nil {
		return 0, "", fmt.Errorf("writing the incident: %w", err)
	}
	f, err := h.desk.ReadIncident(path, "breach")
	if err != nil {
		return 0, "", err
	}
	ref, err := h.desk.OpenNotice(ctx, f, "an")
	if err != nil {
		return 0, "", err
	}
	task, err := demo.WaitTask(ctx, h.desk, ref, dsr.TaskNoticeWave)
	if err != nil {
		return 0, "", err
	}
	sink.reset(people)
	for _, who := range []string{"cao", "dai"} {
		if _, err := h.desk.Decide(ctx, task.ID, dsr.Approve, "", h.Staff[who]); err != nil {
			return 0, "", err
		}
	}
	took, err := sink.wait(ctx)
	if err != nil {
		return 0, "", err
	}
	return took, ref, h.allTold(ctx, ref, int64(people))
}

// allTold waits until the casefile knows of the last letters.
func (h *house) allTold(ctx context.Context, ref contract.Ref, people int64) error {
	for {
		t, err := h.desk.Store.Tally(ctx, ref)
		if err != nil {
			return err
		}
		if t.Mail[casefile.MailSent] == people {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func writePeople(path string, n int) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing the people: %w", err)
	}
	w := bufio.NewWriter(file)
	_, _ = w.WriteString("email,lang,who\n")
	for i := range n {
		fmt.Fprintf(w, "person-%d@m%d.people.example,%s,login%d\n", i, i%50, []string{"zh", "en"}[i%2], i)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the people: %w", err)
	}
	return file.Close()
}
