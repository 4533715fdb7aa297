package demo

import (
	"context"
	_ "embed"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/incident"
)

//go:embed breach.yaml
var breachFile string

// Breach carries a small breach notice through: the list is frozen from the data map, cao and dai
// sign the letters, everybody with an address gets one, and the reports to the authority are filed.
func (c *Company) Breach(ctx context.Context, d *desk.Desk) (desk.NoticeView, error) {
	text := strings.Replace(breachFile, "{{aware}}", d.Now().Add(-time.Minute).Format(time.RFC3339), 1)
	f, err := incident.Read("breach.yaml", []byte(text), d.Map)
	if err != nil {
		return desk.NoticeView{}, err
	}
	ref, err := d.OpenNotice(ctx, f, "an")
	if err != nil {
		return desk.NoticeView{}, err
	}
	c.o.Say("notice %s is open; the list of those concerned is frozen from the data map", ref.ID())
	task, err := WaitTask(ctx, d, ref, dsr.TaskNoticeWave)
	if err != nil {
		return desk.NoticeView{}, err
	}
	n, err := d.Store.Notice(ctx, ref)
	if err != nil {
		return desk.NoticeView{}, err
	}
	c.o.Say("%d people are concerned; cao and dai sign the texts and the list", n.People)
	for _, who := range []string{"cao", "dai"} {
		if err := c.sign(ctx, d, task, who); err != nil {
			return desk.NoticeView{}, err
		}
	}
	if err := c.fileReports(ctx, d, ref); err != nil {
		return desk.NoticeView{}, err
	}
	err = until(ctx, func() (bool, error) {
		n, err = d.Store.Notice(ctx, ref)
		return err == nil && n.State == casefile.NoticeClosed, err
	})
	if err != nil {
		return desk.NoticeView{}, err
	}
	return d.ShowNotice(ctx, ref)
}

// fileReports has cao file the report and the closing report as soon as they may be written.
func (c *Company) fileReports(ctx context.Context, d *desk.Desk, ref contract.Ref) error {
	for _, authority := range []string{"cn-cac", "cn-cac-closing"} {
		err := until(ctx, func() (bool, error) { return d.DraftReport(ctx, ref, authority) == nil, nil })
		if err != nil {
			return err
		}
		task, err := WaitTask(ctx, d, ref, dsr.TaskReport)
		if err != nil {
			return err
		}
		if _, err := d.Decide(ctx, task.ID, dsr.Complete, "filed, receipt 2026-0001", c.Staff["cao"]); err != nil {
			return err
		}
		err = until(ctx, func() (bool, error) {
			clock, err := d.Store.Clock(ctx, ref, authority)
			return err == nil && clock.FiledAt != nil, err
		})
		if err != nil {
			return err
		}
		c.o.Say("the report to %s is filed, its receipt signed", authority)
	}
	return nil
}
