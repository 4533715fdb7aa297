package desk

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/retention"
)

// catchUp is how long after its time a missed run is still made: a night that was missed longer ago
// has had a night after it, which found the same rows and more.
const catchUp = 24 * time.Hour

// What happens to a schedule so that it fits the map.
const (
	ScheduleCreate = "create"
	ScheduleUpdate = "update"
	ScheduleRemove = "remove"
	ScheduleSame   = "same"
)

// ScheduleChange is what `retention apply` does to the schedule of one system.
type ScheduleChange struct {
	System string   `json:"system"`
	Change string   `json:"change"` // one of Schedule…
	Is     string   `json:"is,omitempty"`
	Wanted string   `json:"wanted,omitempty"`
	Rules  []string `json:"rules,omitempty"`
}

// schedule is what a system's schedule should be.
func schedule(s *datamap.System) client.ScheduleOptions {
	at, _ := time.Parse("15:04", s.Sweep.At) // the map was checked when it was read
	return client.ScheduleOptions{
		ID: contract.RetentionSchedule(s.Name), Note: "retention of " + s.Name + " by the data map", Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: catchUp,
		Spec: client.ScheduleSpec{Calendars: []client.ScheduleCalendarSpec{{Hour: []client.ScheduleRange{{Start: at.Hour()}}, Minute: []client.ScheduleRange{{Start: at.Minute()}},
			Comment: "nightly"}}, TimeZoneName: s.Sweep.Zone},
		Action: &client.ScheduleWorkflowAction{ID: contract.RetentionID(s.Name), Workflow: contract.Retention.Name, TaskQueue: contract.QueueCore,
			Args: []any{contract.RetentionInput{System: s.Name}}, StaticSummary: "retention of " + s.Name},
	}
}

// written says a schedule in words, so that two can be compared and shown.
func written(spec *client.ScheduleSpec, policy *client.SchedulePolicies, action client.ScheduleAction) string {
	var times []string
	for _, c := range spec.Calendars {
		var hours, minutes []string
		for _, r := range c.Hour {
			hours = append(hours, fmt.Sprint(r.Start))
		}
		for _, r := range c.Minute {
			minutes = append(minutes, fmt.Sprintf("%02d", r.Start))
		}
		times = append(times, strings.Join(hours, ",")+":"+strings.Join(minutes, ","))
	}
	zone := spec.TimeZoneName
	if zone == "" {
		zone = "UTC"
	}
	what := ""
	if w, ok := action.(*client.ScheduleWorkflowAction); ok {
		what = fmt.Sprintf(", %v as %s on %s", w.Workflow, w.ID, w.TaskQueue)
	}
	if len(spec.Intervals)+len(spec.CronExpressions)+len(spec.Skip) > 0 {
		what += ", and other times"
	}
	return fmt.Sprintf("daily at %s %s, overlap %s, catch-up %s%s", strings.Join(times, " "), zone, policy.Overlap, policy.CatchupWindow, what)
}

// PlanRetention says what `retention apply` would do: nothing is changed.
func (d *Desk) PlanRetention(ctx context.Context) ([]ScheduleChange, error) {
	had, err := d.retentionSchedules(ctx)
	if err != nil {
		return nil, err
	}
	var plan []ScheduleChange
	for _, s := range d.Map.Systems {
		change := ScheduleChange{System: s.Name, Change: ScheduleSame}
		for _, r := range retention.Rules(s) {
			change.Rules = append(change.Rules, r.Name())
		}
		there := slices.Contains(had, s.Name)
		if there {
			desc, err := d.Temporal.ScheduleClient().GetHandle(ctx, contract.RetentionSchedule(s.Name)).Describe(ctx)
			if err != nil {
				return nil, d.temporalError(err)
			}
			change.Is = written(desc.Schedule.Spec, desc.Schedule.Policy, desc.Schedule.Action)
		}
		if len(change.Rules) > 0 {
			want := schedule(s)
			change.Wanted = written(&want.Spec, &client.SchedulePolicies{Overlap: want.Overlap, CatchupWindow: want.CatchupWindow}, want.Action)
		}
		switch {
		case change.Wanted == "" && !there:
			continue
		case change.Wanted == "":
			change.Change = ScheduleRemove
		case !there:
			change.Change = ScheduleCreate
		case change.Is != change.Wanted:
			change.Change = ScheduleUpdate
		}
		plan = append(plan, change)
	}
	for _, name := range had {
		if d.Map.System(name) == nil {
			plan = append(plan, ScheduleChange{System: name, Change: ScheduleRemove})
		}
	}
	return plan, nil
}

func (d *Desk) retentionSchedules(ctx context.Context) ([]string, error) {
	list, err := d.Temporal.ScheduleClient().List(ctx, client.ScheduleListOptions{PageSize: 100})
	if err != nil {
		return nil, d.temporalError(err)
	}
	var names []string
	for list.HasNext() {
		entry, err := list.Next()
		if err != nil {
			return nil, d.temporalError(err)
		}
		if name, ours := strings.CutPrefix(entry.ID, contract.RetentionSchedule("")); ours {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// ApplyRetention makes the schedules what the map wants. It may be run twice, or by two people at once:
// each command is followed by a look, as two that are sent back to back can lose one, and what is
// there already is no error. A pause stays.
func (d *Desk) ApplyRetention(ctx context.Context, plan []ScheduleChange) error {
	for _, change := range plan {
		if err := d.applySchedule(ctx, change); err != nil {
			return err
		}
	}
	// The list of schedules is behind by a moment: each is asked for by its name.
	for _, change := range plan {
		if change.Change == ScheduleSame || change.Change == ScheduleRemove {
			continue
		}
		desc, err := d.Temporal.ScheduleClient().GetHandle(ctx, contract.RetentionSchedule(change.System)).Describe(ctx)
		if err != nil {
			return d.temporalError(err)
		}
		if is := written(desc.Schedule.Spec, desc.Schedule.Policy, desc.Schedule.Action); is != change.Wanted {
			return fault.Newf(contract.ErrConflict, "the schedule of %s is not what the map wants: somebody else changed it meanwhile", change.System).
				WithHint("run `habeas retention apply` again")
		}
	}
	return nil
}

func (d *Desk) applySchedule(ctx context.Context, change ScheduleChange) error {
	id := contract.RetentionSchedule(change.System)
	handle := d.Temporal.ScheduleClient().GetHandle(ctx, id)
	var missing *serviceerror.NotFound
	switch change.Change {
	case ScheduleRemove:
		if err := handle.Delete(ctx); err != nil && !errors.As(err, &missing) {
			return d.temporalError(err)
		}
	case ScheduleCreate:
		want := schedule(d.Map.System(change.System))
		pause, err := d.Store.RetentionPause(ctx, change.System)
		if err != nil {
			return err
		}
		want.Paused = pause.Paused
		_, err = d.Temporal.ScheduleClient().Create(ctx, want)
		if err == nil {
			return nil
		}
		if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
			return d.temporalError(err)
		}
		fallthrough // somebody else was quicker: make it what it should be
	case ScheduleUpdate:
		want := schedule(d.Map.System(change.System))
		err := handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			now := in.Description.Schedule
			now.Spec, now.Action = &want.Spec, want.Action
			now.Policy.Overlap, now.Policy.CatchupWindow = want.Overlap, want.CatchupWindow
			return &client.ScheduleUpdate{Schedule: &now}, nil
		}})
		return d.temporalError(err)
	}
	return nil
}

// PauseRetention pauses or resumes the retention of a system: its schedule, and a sweep under way at
// its next batch. The casefile has the last word; the schedule shows it.
func (d *Desk) PauseRetention(ctx context.Context, system string, paused bool, by, reason string) error {
	if d.Map.System(system) == nil {
		return fault.Newf(contract.ErrBadInput, "the data map has no system %q", system)
	}
	if reason == "" || len(reason) > 4000 {
		return fault.New(contract.ErrBadInput, "say with --reason, in at most 4,000 bytes, why", nil)
	}
	if err := d.Store.PutPause(ctx, casefile.Pause{System: system, Paused: paused, By: by, Reason: reason}); err != nil {
		return err
	}
	handle := d.Temporal.ScheduleClient().GetHandle(ctx, contract.RetentionSchedule(system))
	for range 5 { // a command sent right behind another one may be lost: look, and say it again
		var err error
		if paused {
			err = handle.Pause(ctx, client.SchedulePauseOptions{Note: "paused by " + by})
		} else {
			err = handle.Unpause(ctx, client.ScheduleUnpauseOptions{Note: "resumed by " + by})
		}
		var missing *serviceerror.NotFound
		if errors.As(err, &missing) {
			return nil // not applied yet: apply creates it as the casefile says
		}
		if err != nil {
			return d.temporalError(err)
		}
		desc, err := handle.Describe(ctx)
		if err != nil {
			return d.temporalError(err)
		}
		if desc.Schedule.State.Paused == paused {
			return nil
		}
	}
	return fault.Newf(contract.ErrUnavailable, "the casefile says so, but the schedule of %s does not show it yet", system).WithHint("run the same command again")
}

// StartRetention starts a run of a system outside its schedule, for the time of now, and gives its
// workflow's id.
func (d *Desk) StartRetention(ctx context.Context, in contract.RetentionInput) (client.WorkflowRun, error) {
	s := d.Map.System(in.System)
	switch {
	case s == nil:
		return nil, fault.Newf(contract.ErrBadInput, "the data map has no system %q", in.System)
	case len(retention.Rules(s)) == 0:
		return nil, fault.Newf(contract.ErrBadInput, "the data map has no rule of retention for %s", in.System).WithHint("docs/data-map.md#expiry tells how one is written")
	}
	if in.Nominal.IsZero() {
		in.Nominal = d.Now().UTC().Truncate(time.Second)
	}
	word := "now"
	if in.Dry {
		word = "dry"
	}
	run, err := d.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: contract.RetentionID(in.System) + "-" + word + "-" + strings.ToLower(rand.Text()[:8]),
		TaskQueue: contract.QueueCore, StaticSummary: "retention of " + in.System + ", " + word}, contract.Retention.Name, in)
	return run, d.temporalError(err)
}

// RetentionState is a system's schedule.
type RetentionState struct {
	System   string         `json:"system"`
	Schedule string         `json:"schedule"`
	Next     *time.Time     `json:"next,omitempty"`
	Last     *time.Time     `json:"last,omitempty"`
	Running  bool           `json:"running"`
	Pause    casefile.Pause `json:"pause"`
}

// RetentionStates describes the schedules of the systems that have one.
func (d *Desk) RetentionStates(ctx context.Context) ([]RetentionState, error) {
	states := []RetentionState{}
	names, err := d.retentionSchedules(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		desc, err := d.Temporal.ScheduleClient().GetHandle(ctx, contract.RetentionSchedule(name)).Describe(ctx)
		if err != nil {
			return nil, d.temporalError(err)
		}
		state := RetentionState{System: name, Schedule: written(desc.Schedule.Spec, desc.Schedule.Policy, desc.Schedule.Action), Running: len(desc.Info.RunningWorkflows) > 0}
		if len(desc.Info.NextActionTimes) > 0 && !desc.Schedule.State.Paused {
			state.Next = &desc.Info.NextActionTimes[0]
		}
		if n := len(desc.Info.RecentActions); n > 0 {
			state.Last = &desc.Info.RecentActions[n-1].ScheduleTime
		}
		if state.Pause, err = d.Store.RetentionPause(ctx, name); err != nil {
			return nil, err
		}
		states = append(states, state)
	}
	return states, nil
}

// RunReport is a run with what its dry run found.
type RunReport struct {
	casefile.Run
	Report *dsr.ShownRetention `json:"report,omitempty"`
}

// RetentionRun reads one run.
func (d *Desk) RetentionRun(ctx context.Context, ref contract.Ref) (RunReport, error) {
	run, err := d.Store.Run(ctx, ref)
	if err != nil {
		return RunReport{}, err
	}
	out := RunReport{Run: run}
	raw, err := d.Store.RunReport(ctx, ref)
	if fault.Is(err, contract.ErrNotFound) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	out.Report = &dsr.ShownRetention{}
	if err := json.Unmarshal(raw, out.Report); err != nil {
		return out, fault.New(contract.ErrTampered, "the report of a dry run cannot be read", err)
	}
	return out, nil
}
