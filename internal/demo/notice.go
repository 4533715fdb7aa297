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
	return d.ShowNotice(ctx, ref)
}

// fileReports has cao file every report to an authority as soon as it is written, until the notice
// is closed: closing reports come last.
func (c *Company) fileReports(ctx context.Context, d *desk.Desk, ref contract.Ref) error {
	asked := map[string]bool{}
	return until(ctx, func() (bool, error) {
		view, err := d.ShowNotice(ctx, ref)
		if err != nil || view.State == casefile.NoticeClosed {
			return err == nil, err
		}
		for _, clock := range view.Clocks {
			if clock.FiledAt == nil && !asked[clock.Authority] {
				asked[clock.Authority] = d.DraftReport(ctx, ref, clock.Authority) == nil
			}
		}
		tasks, err := d.Store.ListTasks(ctx, casefile.TaskFilter{Ref: ref, State: casefile.TaskOpen, Kind: string(dsr.TaskReport)})
		if err != nil || len(tasks) == 0 {
			return false, err
		}
		c.o.Say("a report to an authority is written; cao files it and signs the receipt")
		_, err = d.Decide(ctx, tasks[0].ID, dsr.Complete, "filed, receipt 2026-0001", c.Staff["cao"])
		return false, err
	})
}
