package endtoend

import (
	"context"
	"fmt"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// retentionExtended sweeps beside a rule and a person whose rows two people decided to keep longer: the rule's stay all,
// of another rule those of the person, and every other due row goes. Nothing is listed without that reason.
func retentionExtended(s *stubborn) {
	until := time.Now().Add(48 * time.Hour)
	for _, o := range []desk.ExtensionOrder{{Rule: "accounts.login_logs"}, {Person: &dsr.Identity{Kind: "account", Value: s.p.Login}}} {
		o.Until, o.Law, o.Reason = until, "a supervisor asked for it", "an inquiry runs"
		ref, err := s.d.ExtendRetention(s.ctx, o, "bo")
		if err != nil {
			s.t.Fatal(err)
		}
		task := s.task(ref, dsr.TaskExtendRetention)
		for _, name := range []string{"cao", "dai"} {
			if _, err := s.d.Decide(s.ctx, task.ID, dsr.Approve, "", s.c.Staff[name]); err != nil {
				s.t.Fatal(err)
			}
		}
		if err := s.d.Temporal.GetWorkflow(s.ctx, string(ref), "").Get(s.ctx, nil); err != nil {
			s.t.Fatal(err)
		}
	}
	db := s.database("accounts")
	defer func() { _ = db.Close() }()
	exec := func(statement string, args ...any) {
		s.t.Helper()
		if _, err := db.ExecContext(s.ctx, statement, args...); err != nil {
			s.t.Fatalf("%v: %.100s", err, statement)
		}
	}
	// Twelve rows of the person, and twelve of somebody else, in each of the two tables.
	whose := `(SELECT id FROM accounts.users WHERE login_name = $1) UNION ALL (SELECT id FROM accounts.users WHERE login_name <> $1 ORDER BY id LIMIT 1)`
	exec(`INSERT INTO accounts.request_logs (id, user_id, at, ip, method, path, status, user_agent, cookie_id)
		SELECT 80000000 + 100 * u.n + g.n, u.id, now() - interval '1 year', '192.0.2.1', 'GET', '/', 200, 'x', gen_random_uuid()
		FROM (SELECT id, row_number() OVER () AS n FROM (`+whose+`) AS w) AS u, generate_series(1, 12) AS g (n)`, s.p.Login)
	exec(`INSERT INTO accounts.login_logs (id, user_id, at, ip, user_agent, result)
		SELECT 80000000 + 100 * u.n + g.n, u.id, now() - interval '1 year', '192.0.2.1', 'x', 'ok'
		FROM (SELECT id, row_number() OVER () AS n FROM (`+whose+`) AS w) AS u, generate_series(1, 12) AS g (n)`, s.p.Login)
	at := nominal()
	due := map[string]int64{}
	for _, rule := range []string{"accounts.login_logs", "accounts.request_logs"} {
		due[rule] = int64(len(s.due(rule, at)))
	}
	s.startRun(contract.RetentionInput{System: "accounts", Nominal: at, By: "bo"})
	s.until("signing what is more than usual", func(ctx context.Context) (bool, error) {
		err := s.c.SignRuns(ctx, s.d, "accounts")
		return err == nil, err
	})
	runs := s.runsEnded("accounts", at)
	if r := runs["accounts.login_logs"]; r.State != casefile.RunExtended || r.Done != 0 || r.LeftExtended != due["accounts.login_logs"] {
		s.t.Errorf("the rule that is extended: %s, %d done, %d extended of %d", r.State, r.Done, r.LeftExtended, r.Due)
	}
	if r := runs["accounts.request_logs"]; r.State != casefile.RunDone || r.LeftOther != 0 || r.LeftExtended < 12 || r.Done+r.LeftExtended != due["accounts.request_logs"] {
		s.t.Errorf("beside a person: %s, %d done, %d extended, %d other of %d", r.State, r.Done, r.LeftExtended, r.LeftOther, r.Due)
	}
	var got string
	if err := db.QueryRowContext(s.ctx, `SELECT concat_ws(' ', (SELECT count(*) FROM accounts.login_logs WHERE id >= 80000000), (SELECT count(*) FROM accounts.request_logs WHERE id BETWEEN 80000100 AND 80000199),
		(SELECT count(*) FROM accounts.request_logs WHERE id BETWEEN 80000200 AND 80000299))`).Scan(&got); err != nil || got != "24 12 0" {
		s.t.Errorf("rows of the extended rule, the person and somebody else: %s, %v", got, err)
	}
	for _, table := range []string{"login_logs", "request_logs"} { // for the tests behind this one
		exec(fmt.Sprintf(`DELETE FROM accounts.%s WHERE id >= 80000000`, table))
	}
}
