package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

//go:embed breach.yaml
var breachFile string

// concerned is how many people the small notice tells.
const concerned = 40

// noticeSignings are the answers to the tasks of a notice.
var noticeSignings = map[dsr.TaskKind]signing{
	dsr.TaskNoticeWave:    {dsr.Approve, "", []string{"cao", "dai"}},
	dsr.TaskReport:        {dsr.Complete, "filed, receipt 2026-0001", []string{"cao"}},
	dsr.TaskNoticeStopped: {dsr.Approve, "the mail server takes mail again", []string{"cao"}},
}

// notice carries a small notice of a breach to its end.
func (v *driver) notice(ctx context.Context, p *play, random *rand.Rand) error {
	path, err := v.breach(p)
	if err != nil {
		return err
	}
	var last error
	for {
		closed, err := v.noticeStep(ctx, p, path, random)
		if closed || errors.Is(err, errForeign) {
			return err
		}
		if err != nil {
			last = err
		}
		if !rest(ctx, look) {
			return fmt.Errorf("it did not end in time: %s; the last error: %w", v.stepOf(p), errors.Join(last, ctx.Err()))
		}
	}
}

func (v *driver) noticeStep(ctx context.Context, p *play, path string, random *rand.Rand) (closed bool, err error) {
	if p.ref == "" {
		return false, v.openNotice(ctx, p, path)
	}
	view, err := v.d.ShowNotice(ctx, p.ref)
	if err != nil || view.State == casefile.NoticeClosed {
		return err == nil, err
	}
	v.step(p, view.State+", waits on "+view.WaitingOn)
	tasks, err := v.d.Store.ListTasks(ctx, casefile.TaskFilter{Ref: p.ref, State: casefile.TaskOpen})
	if err != nil {
		return false, err
	}
	for _, task := range tasks {
		s, known := noticeSignings[task.Kind]
		if !known {
			return false, fmt.Errorf("%w: %s", errForeign, task.Kind)
		}
		v.hesitate(ctx, p, task.ID, random)
		if err := v.counted(task, v.sign(ctx, task, s)); err != nil {
			return false, err
		}
	}
	for _, clock := range view.Clocks {
		if asked := "draft " + clock.Authority; clock.FiledAt == nil && !p.hesitated[asked] {
			if err := v.d.DraftReport(ctx, p.ref, clock.Authority); err != nil {
				return false, err
			}
			p.hesitated[asked] = true
		}
	}
	return false, nil
}

// openNotice opens it; one that was written although nobody heard so is the only one that no play knows.
func (v *driver) openNotice(ctx context.Context, p *play, path string) error {
	v.opening.Lock()
	defer v.opening.Unlock()
	list, err := v.d.Store.ListNotices(ctx, true, 100)
	if err != nil {
		return err
	}
	for _, n := range list {
		if !v.notices[n.Ref] {
			p.ref = n.Ref
		}
	}
	if p.ref == "" {
		f, err := v.d.ReadIncident(path, "")
		if err != nil {
			return err
		}
		if p.ref, err = v.d.OpenNotice(ctx, f, "an"); p.ref == "" {
			return err
		}
	}
	v.notices[p.ref] = true
	return nil
}

// breach writes the incident and the list of those concerned.
func (v *driver) breach(p *play) (string, error) {
	dir := filepath.Join(v.dir, fmt.Sprintf("notice-%d", p.n))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("writing an incident: %w", err)
	}
	text := strings.Replace(breachFile, "{{aware}}", time.Now().Add(-time.Minute).Format(time.RFC3339), 1)
	var list strings.Builder
	list.WriteString("email,lang\n")
	for i := range concerned {
		fmt.Fprintf(&list, "p%d.%d@concerned.example,%s\n", p.n, i, []string{"zh", "en"}[i%2])
	}
	path := filepath.Join(dir, "breach.yaml")
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.WriteFile(filepath.Join(dir, "people.csv"), []byte(list.String()), 0o600)); err != nil {
		return "", fmt.Errorf("writing an incident: %w", err)
	}
	return path, nil
}

// swept are the systems in which retention runs: those that were given older rows.
var swept = []string{"accounts", "support"}

// sweep runs retention over the systems, and has each dry run signed.
func (v *driver) sweep(ctx context.Context, p *play, random *rand.Rand) error {
	v.hesitate(ctx, p, "sweep", random)
	for _, system := range swept {
		var last error
		nominal := time.Now().UTC().Truncate(time.Second)
		for {
			over, err := v.sweepStep(ctx, p, system, nominal)
			if errors.Is(err, errForeign) {
				return err
			}
			if over {
				break
			}
			if err != nil {
				last = err
			}
			if !rest(ctx, look) {
				return fmt.Errorf("retention of %s did not end in time; the last error: %w", system, errors.Join(last, ctx.Err()))
			}
		}
	}
	return nil
}

func (v *driver) sweepStep(ctx context.Context, p *play, system string, nominal time.Time) (over bool, err error) {
	runs, err := v.d.Store.ListRuns(ctx, casefile.RunFilter{System: system, Limit: 1000})
	if err != nil {
		return false, err
	}
	ours, ended := 0, 0
	for _, r := range runs {
		if !r.Nominal.Equal(nominal) {
			continue
		}
		ours++
		v.step(p, r.System+"."+r.Rule+" is "+r.State)
		switch {
		case r.EndedAt != nil && r.State != casefile.RunDone:
			return false, fmt.Errorf("%w: the run of %s.%s ended as %s", errForeign, r.System, r.Rule, r.State)
		case r.EndedAt != nil:
			ended++
		case r.State == casefile.RunWaiting:
			if err := v.signRun(ctx, r); err != nil {
				return false, err
			}
		}
	}
	if started := "sweep " + system; ours == 0 && !p.hesitated[started] {
		_, err := v.d.StartRetention(ctx, contract.RetentionInput{System: system, Nominal: nominal, By: "bo"})
		p.hesitated[started] = err == nil
		return false, err
	}
	return ended == rules[system], nil
}

func (v *driver) signRun(ctx context.Context, r casefile.Run) error {
	tasks, err := v.d.Store.ListTasks(ctx, casefile.TaskFilter{Ref: r.Ref, State: casefile.TaskOpen})
	if err != nil || len(tasks) == 0 {
		return err
	}
	return v.counted(tasks[0], v.sign(ctx, tasks[0], signing{dsr.Approve, "", []string{"cao", "dai"}}))
}

// rules is how many rules of retention the example's map has in each of them.
var rules = map[string]int{"accounts": 2, "support": 2}
