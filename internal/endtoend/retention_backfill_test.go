package endtoend

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
)

// Three nights that were missed are made up by a backfill: each for its own nominal time, each takes exactly the rows
// that it would have taken in its night, and what is left equals what is left night by night.
func retentionBackfill(s *stubborn) {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		s.t.Fatal(err)
	}
	until := time.Now().Add(-10 * time.Minute)
	var nights []time.Time // newest last
	for day := -3; day <= 0; day++ {
		now := until.In(shanghai)
		if at := time.Date(now.Year(), now.Month(), now.Day()+day, 3, 30, 0, 0, shanghai); at.Before(until) && at.After(until.Add(-72*time.Hour)) {
			nights = append(nights, at.UTC())
		}
	}
	if len(nights) != 3 {
		s.t.Fatalf("%d nights in three days", len(nights))
	}
	db := s.database("accounts")
	defer func() { _ = db.Close() }()
	// A row every three hours over six days about the days that these nights take.
	if _, err := db.ExecContext(s.ctx, `INSERT INTO accounts.request_logs (id, user_id, at, ip, method, path, status, user_agent, cookie_id)
		SELECT 70000000 + n, u.id, $1::timestamptz - interval '6 months 4 days' + n * interval '3 hours', '192.0.2.1', 'GET', '/', 200, 'x', u.cookie_id
		FROM generate_series(0, 47) AS g (n), LATERAL (SELECT id, cookie_id FROM accounts.users ORDER BY id LIMIT 1) AS u`, nights[2]); err != nil {
		s.t.Fatal(err)
	}
	due := make([]map[string]bool, len(nights))
	for i, at := range nights {
		if due[i] = s.due("accounts.request_logs", at); len(due[i]) == 0 || i > 0 && len(due[i]) <= len(due[i-1]) {
			s.t.Fatalf("%d rows are due in night %d", len(due[i]), i)
		}
	}
	handle := s.d.Temporal.ScheduleClient().GetHandle(s.ctx, contract.RetentionSchedule("accounts"))
	err = handle.Backfill(s.ctx, client.ScheduleBackfillOptions{Backfill: []client.ScheduleBackfill{{Start: until.Add(-72 * time.Hour), End: until, Overlap: enums.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL}}})
	if err != nil {
		s.t.Fatal(err)
	}
	done := map[time.Time]int64{}
	s.until("three nights being made up", func(ctx context.Context) (bool, error) {
		all, err := s.d.Store.ListRuns(ctx, casefile.RunFilter{System: "accounts", Limit: 1000})
		for _, r := range all {
			if r.AskedBy == "" && r.Rule == "request_logs" && r.State == casefile.RunDone && slices.ContainsFunc(nights, r.Nominal.Equal) {
				done[r.Nominal.UTC()] = r.Done
			}
		}
		if err == nil && len(done) < len(nights) {
			err = fmt.Errorf("%d nights of %d runs", len(done), len(all))
		}
		return err == nil, err
	})
	before := 0
	for i, at := range nights {
		if want := int64(len(due[i]) - before); done[at] != want {
			s.t.Errorf("night %d took %d rows and not %d", i, done[at], want)
		}
		before = len(due[i])
	}
	rows, err := db.QueryContext(s.ctx, `SELECT id FROM accounts.request_logs WHERE id BETWEEN 70000000 AND 70000047 ORDER BY id`)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var left, want []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			s.t.Fatal(err)
		}
		left = append(left, id)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	for n := range 48 {
		if id := fmt.Sprint(70000000 + n); !due[2][id] {
			want = append(want, id)
		}
	}
	if !slices.Equal(left, want) || len(left) == 0 {
		s.t.Errorf("left %v, and night by night %v", left, want)
	}
}
