package endtoend

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
)

// startRun starts the rules of a system for a nominal time, and waits until each has run or waits.
func (s *stubborn) startRun(in contract.RetentionInput) contract.RetentionResult {
	s.t.Helper()
	var out contract.RetentionResult
	s.until("running the rules of "+in.System, func(ctx context.Context) (bool, error) {
		run, err := s.d.StartRetention(ctx, in)
		if err == nil {
			err = run.Get(s.ctx, &out)
		}
		return err == nil, err
	})
	return out
}

// runsEnded waits until no run of a system is open, and gives those for a nominal time by rule.
func (s *stubborn) runsEnded(system string, nominal time.Time) map[string]casefile.Run {
	s.t.Helper()
	s.until("the runs of "+system+" being over", func(ctx context.Context) (bool, error) {
		open, err := s.d.Store.ListRuns(ctx, casefile.RunFilter{System: system, Open: true, Limit: 1000})
		if err == nil && len(open) > 0 {
			err = fmt.Errorf("%s.%s is %s", open[0].System, open[0].Rule, open[0].State)
		}
		return err == nil, err
	})
	all, err := s.d.Store.ListRuns(s.ctx, casefile.RunFilter{System: system, Limit: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[string]casefile.Run{}
	for _, r := range all {
		if r.Nominal.Equal(nominal) {
			out[r.System+"."+r.Rule] = r
		}
	}
	return out
}

func nominal() time.Time { return time.Now().UTC().Truncate(time.Second) }

// Data whose time is up goes by itself, and nothing else does. One company lives through all of it.
func TestRetention(t *testing.T) {
	t.Parallel()
	c := company(t, nil)
	if err := example.Age(t.Context(), c.Stack.LoadDSNs()); err != nil {
		t.Fatal(err)
	}
	cast := example.Cast()
	t.Run("apply", func(t *testing.T) { retentionApply(newStubborn(t, c, cast.Plain, 4*time.Minute)) })
	t.Run("by hand", func(t *testing.T) { scriptsOn(t, c, "testdata/retention") })
	t.Run("sweep", func(t *testing.T) { retentionSweep(newStubborn(t, c, cast.English, 5*time.Minute)) })
	t.Run("backfill", func(t *testing.T) { retentionBackfill(newStubborn(t, c, cast.Plain, 4*time.Minute)) })
	t.Run("extended", func(t *testing.T) { retentionExtended(newStubborn(t, c, cast.NoEmail, 4*time.Minute)) })
	t.Run("killed", func(t *testing.T) { retentionKilled(t, c) })
}

// The schedules become what the map wants, whoever applies it and however often.
func retentionApply(s *stubborn) {
	plan, err := s.d.PlanRetention(s.ctx)
	if err != nil || len(plan) != 3 || plan[0].Change != desk.ScheduleCreate {
		s.t.Fatalf("the plan: %+v, %v", plan, err)
	}
	var two sync.WaitGroup
	for range 2 {
		two.Go(func() {
			if err := s.d.ApplyRetention(s.ctx, plan); err != nil {
				s.t.Error(err)
			}
		})
	}
	two.Wait()
	s.until("the schedules being the same", func(ctx context.Context) (bool, error) {
		plan, err := s.d.PlanRetention(ctx)
		return err == nil && !slices.ContainsFunc(plan, func(c desk.ScheduleChange) bool { return c.Change != desk.ScheduleSame }), err
	})
	// Somebody changes a schedule by hand, and makes one for a system that is not there.
	handle := s.d.Temporal.ScheduleClient().GetHandle(s.ctx, contract.RetentionSchedule("accounts"))
	err = handle.Update(s.ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		now := in.Description.Schedule
		now.Spec.TimeZoneName = "UTC"
		return &client.ScheduleUpdate{Schedule: &now}, nil
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	_, err = s.d.Temporal.ScheduleClient().Create(s.ctx, client.ScheduleOptions{ID: contract.RetentionSchedule("gone"), Paused: true,
		Spec:   client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: time.Hour}}},
		Action: &client.ScheduleWorkflowAction{ID: "x", Workflow: contract.Retention.Name, TaskQueue: contract.QueueCore}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.until("the differences being seen", func(ctx context.Context) (bool, error) {
		plan, err = s.d.PlanRetention(ctx)
		return len(plan) == 4 && plan[0].Change == desk.ScheduleUpdate && plan[3].Change == desk.ScheduleRemove, err
	})
	if err := s.d.ApplyRetention(s.ctx, plan); err != nil {
		s.t.Fatal(err)
	}
	for _, paused := range []bool{true, false} {
		if err := s.d.PauseRetention(s.ctx, "accounts", paused, "bo", "the database moves"); err != nil {
			s.t.Fatal(err)
		}
		states, err := s.d.RetentionStates(s.ctx)
		if err != nil || len(states) < 3 || states[0].Pause.Paused != paused || (states[0].Next == nil) != paused {
			s.t.Errorf("paused %v: %+v, %v", paused, states, err)
		}
	}
}

// The first run waits for two people; then exactly those rows go that the databases themselves call
// due, but for people under a hold or with an open case; and who is freed goes the next time.
func retentionSweep(s *stubborn) {
	before := s.rows()
	at := nominal()
	due := map[string]map[string]bool{}
	for rule := range dueSQL {
		due[rule] = s.due(rule, at)
		if len(due[rule]) < 10 {
			s.t.Fatalf("only %d rows of %s are due", len(due[rule]), rule)
		}
	}
	for _, system := range []string{"accounts", "billing", "support"} { // dry: nothing but counts
		s.startRun(contract.RetentionInput{System: system, Nominal: at, Dry: true, By: "bo"})
	}
	dry, err := s.d.Store.ListRuns(s.ctx, casefile.RunFilter{Dry: true, Limit: 100})
	dry = slices.DeleteFunc(dry, func(r casefile.Run) bool { return !r.Nominal.Equal(at) }) // others were made by hand
	if err != nil || len(dry) != len(dueSQL) {
		s.t.Fatalf("%d dry runs, %v", len(dry), err)
	}
	for _, r := range dry {
		if rule := r.System + "." + r.Rule; r.Due != int64(len(due[rule])) || r.State != casefile.RunDone {
			s.t.Errorf("dry run of %s: %d rows (%s), and the database says %d", rule, r.Due, r.State, len(due[rule]))
		}
		report, err := s.d.RetentionRun(s.ctx, r.Ref)
		if err != nil || report.Report == nil || len(report.Report.Sample) == 0 || report.Report.Before == "" {
			s.t.Errorf("the report of %s: %+v, %v", r.Rule, report.Report, err)
		}
	}
	if diff := changed(before, s.rows()); diff != "" {
		s.t.Fatalf("a dry run changed %s", diff)
	}

	held, err := s.d.AddHold(s.ctx, desk.HoldOrder{Matter: "audit", Person: &dsr.Identity{Kind: "account", Value: s.p.Login}, Reason: "letter of the court"}, s.c.Staff["cao"])
	if err != nil {
		s.t.Fatal(err)
	}
	asks := newStubborn(s.t, s.c, example.Cast().CaseTwinA, 4*time.Minute)
	open := asks.open() // not even verified yet
	spared := map[string]map[string]bool{}
	for _, who := range []*stubborn{s, asks} {
		for table, keys := range who.mine() {
			if spared[table] == nil {
				spared[table] = map[string]bool{}
			}
			maps.Copy(spared[table], keys)
		}
	}
	for _, system := range []string{"accounts", "billing", "support"} {
		got := s.startRun(contract.RetentionInput{System: system, Nominal: at, By: "bo"})
		if got.Waiting == 0 || got.Swept != 0 {
			s.t.Errorf("the first run of %s: %+v", system, got)
		}
	}
	if diff := changed(before, s.rows()); diff != "" {
		s.t.Fatalf("changed before anybody signed: %s", diff)
	}
	for _, system := range []string{"accounts", "support", "billing"} {
		s.until("signing the runs", func(ctx context.Context) (bool, error) {
			err := s.c.SignRuns(ctx, s.d, system)
			return err == nil, err
		})
	}
	s.wantSwept(before, due, spared, at)

	// The hold is released, the case ends: the next run takes their rows, unattended where they are few.
	s.release(held)
	asks.closeBy(open)
	later := nominal()
	for _, system := range []string{"accounts", "support", "billing"} {
		s.startRun(contract.RetentionInput{System: system, Nominal: later, By: "bo"})
		s.until("signing what is more than usual", func(ctx context.Context) (bool, error) {
			err := s.c.SignRuns(ctx, s.d, system)
			return err == nil, err
		})
	}
	s.wantSwept(before, due, nil, later)
	if report, err := s.d.Store.VerifyLedger(s.ctx, nil); err != nil || !report.OK() {
		s.t.Errorf("the ledger: %+v %v", report, err)
	}
}

// release has a hold released by two people.
func (s *stubborn) release(hold contract.Ref) {
	s.t.Helper()
	if err := s.d.ReleaseHold(s.ctx, hold, "cao"); err != nil {
		s.t.Fatal(err)
	}
	task := s.task(hold, dsr.TaskReleaseHold)
	for _, name := range []string{"cao", "dai"} {
		if _, err := s.d.Decide(s.ctx, task.ID, dsr.Approve, "", s.c.Staff[name]); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := s.d.Temporal.GetWorkflow(s.ctx, string(hold), "").Get(s.ctx, nil); err != nil {
		s.t.Fatal(err)
	}
}

// closeBy has a case refused in its review, which ends it.
func (s *stubborn) closeBy(ref contract.Ref) {
	s.t.Helper()
	s.verify(ref)
	s.sign(ref, dsr.TaskReview, "bo", dsr.Reject, "asked for by mistake")
	s.state(ref, dsr.StateClosed)
}

// wantSwept holds every row of the company against what the rules say: due rows are gone but for those
// spared and for parents of what is left, and all others stand byte for byte.
func (s *stubborn) wantSwept(before map[string]map[string]string, due, spared map[string]map[string]bool, at time.Time) {
	s.t.Helper()
	var runs = map[string]casefile.Run{}
	for _, system := range []string{"accounts", "support", "billing"} {
		maps.Copy(runs, s.runsEnded(system, at))
	}
	after := s.rows()
	stays := func(table, key string) bool { return !due[table][key] || spared[table][key] }
	parents := map[string]map[string]bool{"support.tickets": {}, "billing.orders": {}} // of rows that stay
	for child, column := range map[string]string{"support.messages": "ticket_id", "billing.order_items": "order_id", "billing.invoices": "order_id"} {
		parent := map[bool]string{true: "support.tickets", false: "billing.orders"}[child == "support.messages"]
		for key, row := range before[child] {
			var fields map[string]any
			if err := json.Unmarshal([]byte(row), &fields); err != nil {
				s.t.Fatal(err)
			}
			if stays(child, key) {
				parents[parent][fmt.Sprintf("%.0f", fields[column])] = true
			}
		}
	}
	for table, rows := range before {
		gone := int64(0)
		for key, was := range rows {
			want := stays(table, key) || parents[table][key]
			now, there := after[table][key]
			if there != want || (there && now != was) {
				s.t.Errorf("%s %s: there %v, want %v", table, key, there, want)
			}
			if !there {
				gone++
			}
		}
		if len(due[table]) > 0 && gone == 0 {
			s.t.Errorf("no row of %s is gone", table)
		}
		if r, ran := runs[table]; ran && (r.State != casefile.RunDone || r.LeftOther != 0 || r.Done+r.LeftHeld+r.LeftReferred != r.Due) {
			s.t.Errorf("%s: %s, %d due, %d done, %d held, %d referred to, %d other", table, r.State, r.Due, r.Done, r.LeftHeld, r.LeftReferred, r.LeftOther)
		} else if ran {
			s.t.Logf("%s: %d due, %d done, %d held, %d referred to", table, r.Due, r.Done, r.LeftHeld, r.LeftReferred)
		}
	}
}
