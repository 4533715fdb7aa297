package activities

import (
	"context"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// AlarmNight gives the alarm that the rules of a system could not be opened: the one that waits, or a new one under a
// reference of its own, of now, so that each night that is given up may have its own.
func (a *Activities) AlarmNight(ctx context.Context, in contract.OpenRunsInput) (contract.OpenedRun, error) {
	run, err := a.Store.OpenRun(ctx, casefile.NewRun{System: in.System, Rule: casefile.WholeNight, Action: "open", Nominal: a.Now().UTC().Truncate(time.Second),
		AskedBy: in.By, Version: make([]byte, 32), MapHash: a.Map.Hash})
	return contract.OpenedRun{Ref: run.Ref, Rule: run.Rule}, err
}

// EndAlarm ends an alarm; it ends no run of a rule.
func (a *Activities) EndAlarm(ctx context.Context, in contract.EndAlarmInput) (contract.Nothing, error) {
	run, err := a.Store.Run(ctx, in.Ref)
	switch {
	case err != nil:
		return contract.Nothing{}, err
	case run.Rule != casefile.WholeNight:
		return contract.Nothing{}, fault.Newf(contract.ErrNotApproved, "%s is no alarm", in.Ref)
	}
	state := casefile.RunRejected
	if in.Again {
		state = casefile.RunStale
	}
	return contract.Nothing{}, a.Store.EndRun(ctx, in.Ref, state, casefile.Remains{})
}
