package endtoend

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack/mariadb"
)

// dueSQL are the rules of the example's map, written by hand for each rule as the condition that a row
// is due at $1; of parents without regard to who refers to them. The day of a time in Shanghai plus
// the span must lie before the day of the run there. Invoices are counted in UTC.
var dueSQL = map[string]string{
	"accounts.login_logs":   `SELECT id FROM accounts.login_logs WHERE (at AT TIME ZONE 'Asia/Shanghai')::date + interval '6 months' < ($1::timestamptz AT TIME ZONE 'Asia/Shanghai')::date`,
	"accounts.request_logs": `SELECT id FROM accounts.request_logs WHERE (at AT TIME ZONE 'Asia/Shanghai')::date + interval '6 months' < ($1::timestamptz AT TIME ZONE 'Asia/Shanghai')::date`,
	"support.tickets": `SELECT id FROM support.tickets WHERE status = 'closed' AND (closed_at AT TIME ZONE 'Asia/Shanghai')::date + interval '2 years'
		< ($1::timestamptz AT TIME ZONE 'Asia/Shanghai')::date`,
	"support.messages": `SELECT m.id FROM support.messages m JOIN support.tickets t ON t.id = m.ticket_id WHERE (t.closed_at AT TIME ZONE 'Asia/Shanghai')::date + interval '2 years'
		< ($1::timestamptz AT TIME ZONE 'Asia/Shanghai')::date`,
	"billing.orders": `SELECT id FROM orders WHERE DATE(CONVERT_TZ(created_at, '+00:00', '+08:00')) + INTERVAL 10 YEAR < DATE(CONVERT_TZ(?, '+00:00', '+08:00'))`,
	"billing.order_items": `SELECT CONCAT(i.order_id, '/', i.line_no) FROM order_items i JOIN orders o ON o.id = i.order_id
		WHERE DATE(CONVERT_TZ(o.created_at, '+00:00', '+08:00')) + INTERVAL 10 YEAR < DATE(CONVERT_TZ(?, '+00:00', '+08:00'))`,
	"billing.invoices": `SELECT id FROM invoices WHERE DATE(issued_at) + INTERVAL 10 YEAR < DATE(?)`,
}

// due asks the databases themselves which rows are due.
func (s *stubborn) due(rule string, at time.Time) map[string]bool {
	s.t.Helper()
	system, _, _ := cutRule(rule)
	db, arg := s.database(system), any(at)
	if system == "billing" {
		arg = at.UTC().Format("2006-01-02 15:04:05")
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(s.ctx, dueSQL[rule], arg)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]bool{}
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			s.t.Fatal(err)
		}
		out[key] = true
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return out
}

func cutRule(rule string) (system, collection string, ok bool) {
	for i := range rule {
		if rule[i] == '.' {
			return rule[:i], rule[i+1:], true
		}
	}
	return rule, "", false
}

func (s *stubborn) database(system string) *sql.DB {
	s.t.Helper()
	url := s.c.Stack.LoadDSNs()[system]
	driver := "postgres"
	if mariadb.IsURL(url) {
		dsn, err := mariadb.FromURL(url)
		if err != nil {
			s.t.Fatal(err)
		}
		driver, url = "mysql", dsn
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		s.t.Fatal(err)
	}
	return db
}

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
	t.Run("killed", func(t *testing.T) {
		for _, seed := range seeds(t) {
			t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) { retentionKilled(newStubborn(t, c, cast.Plain, 6*time.Minute), seed) })
		}
	})
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

// Three nights that were missed are made up by a backfill: each for its own nominal time.
func retentionBackfill(s *stubborn) {
	handle := s.d.Temporal.ScheduleClient().GetHandle(s.ctx, contract.RetentionSchedule("accounts"))
	until := time.Now().Add(-10 * time.Minute)
	err := handle.Backfill(s.ctx, client.ScheduleBackfillOptions{Backfill: []client.ScheduleBackfill{{Start: until.Add(-72 * time.Hour), End: until, Overlap: enums.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL}}})
	if err != nil {
		s.t.Fatal(err)
	}
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		s.t.Fatal(err)
	}
	s.until("three nights being made up", func(ctx context.Context) (bool, error) {
		all, err := s.d.Store.ListRuns(ctx, casefile.RunFilter{System: "accounts", Limit: 1000})
		nights := map[time.Time]bool{}
		for _, r := range all {
			if at := r.Nominal.In(shanghai); r.AskedBy == "" && at.Hour() == 3 && at.Minute() == 30 && at.Second() == 0 && r.State == casefile.RunDone {
				nights[r.Nominal] = true
			}
		}
		if err == nil && len(nights) < 3 {
			err = fmt.Errorf("%d nights of %d runs", len(nights), len(all))
		}
		return err == nil, err
	})
}

// killedRows is how many rows are due in the sweep that is killed.
const killedRows = 20_000

// A sweep that is killed at any moment ends as one that was not: exactly the due rows are gone, each
// was touched once, and the counts are right.
func retentionKilled(s *stubborn, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 7))
	s.onSystem("accounts", `CREATE TABLE IF NOT EXISTS accounts.touched (id bigint NOT NULL)`)
	s.onSystem("accounts", `CREATE OR REPLACE FUNCTION accounts.touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
		$$ BEGIN INSERT INTO accounts.touched VALUES (OLD.id); RETURN OLD; END $$`)
	s.onSystem("accounts", `DROP TRIGGER IF EXISTS touch ON accounts.request_logs`)
	s.onSystem("accounts", `TRUNCATE accounts.touched`)
	s.onSystem("accounts", fmt.Sprintf(`INSERT INTO accounts.request_logs (id, user_id, at, ip, method, path, status, user_agent, cookie_id)
		SELECT 90000000 + n, u.id, now() - interval '2 years' + n * interval '1 minute', '192.0.2.1', 'GET', '/', 200, 'x', u.cookie_id
		FROM generate_series(1, %d) AS g (n), LATERAL (SELECT id, cookie_id FROM accounts.users ORDER BY id LIMIT 1) AS u`, killedRows))
	s.onSystem("accounts", `CREATE TRIGGER touch BEFORE UPDATE OR DELETE ON accounts.request_logs FOR EACH ROW EXECUTE FUNCTION accounts.touch()`)
	defer s.onSystem("accounts", `DROP TRIGGER touch ON accounts.request_logs`)
	others := s.rows()["accounts.request_logs"]
	at := nominal()
	due := s.due("accounts.request_logs", at)
	if len(due) != killedRows {
		s.t.Fatalf("%d rows are due", len(due))
	}
	s.startRun(contract.RetentionInput{System: "accounts", Nominal: at, By: "bo"})
	moment, part := 1+random.Int64N(6), []string{"worker", "postgres"}[seed%2]
	ended := make(chan int64)
	go func() { // strikes when so many batches are counted, and a little later
		defer close(ended)
		for s.ctx.Err() == nil {
			runs, err := s.d.Store.ListRuns(s.ctx, casefile.RunFilter{System: "accounts", Limit: 10})
			i := slices.IndexFunc(runs, func(r casefile.Run) bool { return r.Rule == "request_logs" && r.Nominal.Equal(at) })
			if err == nil && i >= 0 && runs[i].Batches >= moment {
				time.Sleep(time.Duration(random.IntN(30)) * time.Millisecond)
				if part == "worker" {
					killWorker(s, time.Duration(random.IntN(500))*time.Millisecond)
				} else {
					killPart(s, part)
				}
				ended <- runs[i].Batches
				return
			}
			time.Sleep(3 * time.Millisecond)
		}
	}()
	s.until("signing the run", func(ctx context.Context) (bool, error) {
		err := s.c.SignRuns(ctx, s.d, "accounts")
		return err == nil, err
	})
	if batches, struck := <-ended; !struck || batches*2000 >= killedRows {
		s.t.Errorf("the %s was not killed within the sweep: after %d batches", part, batches)
	} else {
		s.t.Logf("the %s was killed after %d batches", part, batches)
	}
	run := s.runsEnded("accounts", at)["accounts.request_logs"]
	if run.State != casefile.RunDone || run.Done != killedRows || run.LeftOther != 0 {
		s.t.Errorf("%s: %d done of %d, %d left", run.State, run.Done, run.Due, run.LeftOther)
	}
	db := s.database("accounts")
	defer func() { _ = db.Close() }()
	var touched, distinct int
	if err := db.QueryRowContext(s.ctx, `SELECT count(*), count(DISTINCT id) FROM accounts.touched`).Scan(&touched, &distinct); err != nil || touched != killedRows || distinct != killedRows {
		s.t.Errorf("%d touches of %d rows, %v", touched, distinct, err)
	}
	after := s.rows()["accounts.request_logs"]
	for key, was := range others {
		if now, there := after[key]; there == due[key] || (there && now != was) {
			s.t.Errorf("request log %s: there %v, due %v", key, there, due[key])
		}
	}
}
