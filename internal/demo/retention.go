package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
)

// Retention gives the company years of older rows, makes the schedules what the map wants, and runs
// the rules of every system once: the dry run is shown, cao and dai sign it, and the sweeps are
// proved. It gives the runs that touched rows.
func (c *Company) Retention(ctx context.Context, d *desk.Desk) ([]casefile.Run, error) {
	dsns, err := c.LoadDSNs()
	if err != nil {
		return nil, err
	}
	if err := example.Age(ctx, dsns); err != nil {
		return nil, err
	}
	plan, err := d.PlanRetention(ctx)
	if err != nil {
		return nil, err
	}
	for _, change := range plan {
		c.o.Say("  schedule %-7s %s: %s", change.Change, change.System, change.Wanted)
	}
	if err := d.ApplyRetention(ctx, plan); err != nil {
		return nil, err
	}
	var runs []casefile.Run
	for _, change := range plan {
		some, err := c.sweep(ctx, d, change.System)
		if err != nil {
			return nil, fmt.Errorf("retention of %s: %w", change.System, err)
		}
		runs = append(runs, some...)
	}
	return runs, nil
}

// sweep runs the rules of a system for now, and has every dry run that waits signed.
func (c *Company) sweep(ctx context.Context, d *desk.Desk, system string) ([]casefile.Run, error) {
	in := contract.RetentionInput{System: system, Nominal: time.Now().UTC().Truncate(time.Second), By: "bo"}
	run, err := d.StartRetention(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := run.Get(ctx, nil); err != nil {
		return nil, err
	}
	if err := c.SignRuns(ctx, d, system); err != nil {
		return nil, err
	}
	var runs []casefile.Run
	err = until(ctx, func() (bool, error) {
		runs, err = d.Store.ListRuns(ctx, casefile.RunFilter{System: system, Limit: 1000})
		for _, r := range runs {
			if r.EndedAt == nil {
				return false, err
			}
		}
		return err == nil, err
	})
	return runs, err
}

// SignRuns has cao and dai sign every dry run of a system that waits for them.
func (c *Company) SignRuns(ctx context.Context, d *desk.Desk, system string) error {
	open, err := d.Store.ListRuns(ctx, casefile.RunFilter{System: system, Open: true, Limit: 1000})
	if err != nil {
		return err
	}
	for _, r := range open {
		if r.State != casefile.RunWaiting {
			continue
		}
		task, err := WaitTask(ctx, d, r.Ref, dsr.TaskRetention)
		if err != nil {
			return err
		}
		c.o.Say("  %-24s %6d of %d rows are due; cao and dai sign the dry run (%s)", r.System+"."+r.Rule, r.Due, r.Total, r.Why)
		for _, who := range []string{"cao", "dai"} {
			if err := c.sign(ctx, d, task, who); err != nil {
				return err
			}
		}
	}
	return nil
}
