package casefile

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// RaiseAlarm writes that a clock of a case has reached a level, once for each time it is due.
func (s *Store) RaiseAlarm(ctx context.Context, ref contract.Ref, due time.Time, level string) error {
	return s.tx(ctx, "raise an alarm", func(tx *sqlx.Tx) error {
		made, err := tx.ExecContext(ctx, `INSERT INTO alarm (ref, due_at, level, raised_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			ref, due.UTC().Truncate(time.Microsecond), level, s.now())
		if err != nil {
			return err
		}
		if n, err := made.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.record(ctx, tx, ref, "clock.alarm", map[string]any{"level": level, "due_at": due.UTC().Format(time.RFC3339)})
	})
}

// Alarm is a warning that nobody was told of yet.
type Alarm struct {
	Ref       contract.Ref `db:"ref"`
	Kind      string       `db:"kind"`
	State     string       `db:"state"`
	WaitingOn string       `db:"waiting_on"`
	DueAt     time.Time    `db:"due_at"`
	Level     string       `db:"level"`
}

// UntoldAlarms lists what staff have not been told of, of cases that are open, the oldest first.
func (s *Store) UntoldAlarms(ctx context.Context, limit int) ([]Alarm, error) {
	var list []Alarm
	err := s.db.SelectContext(ctx, &list, `SELECT a.ref, c.kind, c.state, c.waiting_on, a.due_at, a.level
		FROM alarm a JOIN case_file c ON c.ref = a.ref WHERE a.told_at IS NULL AND c.closed_at IS NULL
		ORDER BY a.raised_at, a.ref LIMIT $1`, limitOf(limit))
	return list, dbError("list alarms", err)
}

// AlarmTold marks an alarm as told.
func (s *Store) AlarmTold(ctx context.Context, a Alarm) error {
	_, err := s.db.ExecContext(ctx, `UPDATE alarm SET told_at = $4 WHERE ref = $1 AND due_at = $2 AND level = $3 AND told_at IS NULL`,
		a.Ref, a.DueAt, a.Level, s.now())
	return dbError("mark an alarm", err)
}

// Waiting is an open task that somebody is to be reminded of.
type Waiting struct {
	Task     string       `db:"task"`
	Ref      contract.Ref `db:"ref"`
	Kind     string       `db:"kind"`
	System   string       `db:"system"`
	OpenedAt time.Time    `db:"opened_at"`
	Rung     int          `db:"rung"` // 1 owner, 2 deputy, 3 lead
}

// WaitingTasks lists open tasks with the rung of which nobody was reminded: the owner when a task
// has waited for patience, the deputy after twice that, or, of a task with a time of its own, when that
// is over, the lead once its case is due within three days.
func (s *Store) WaitingTasks(ctx context.Context, patience time.Duration, limit int) ([]Waiting, error) {
	now := s.now()
	var list []Waiting
	err := s.db.SelectContext(ctx, &list, `SELECT * FROM (
		SELECT t.id AS task, t.ref, t.kind, t.system, t.opened_at, r.rung FROM task t
		LEFT JOIN case_file c ON c.ref = t.ref CROSS JOIN (VALUES (1), (2), (3)) AS r (rung)
		WHERE t.state = 'open' AND CASE r.rung WHEN 1 THEN t.opened_at <= $1 WHEN 2 THEN CASE WHEN t.due_at IS NULL THEN t.opened_at <= $2 ELSE t.due_at <= $5 END ELSE c.due_at <= $3 END
		AND NOT EXISTS (SELECT FROM task_reminder m WHERE m.task = t.id AND m.rung = r.rung)) AS w
		ORDER BY w.opened_at, w.task, w.rung LIMIT $4`, now.Add(-patience), now.Add(-2*patience), now.Add(72*time.Hour), limitOf(limit), now)
	return list, dbError("list tasks that wait", err)
}

// Reminded marks that somebody was reminded of a task.
func (s *Store) Reminded(ctx context.Context, w Waiting) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO task_reminder (task, rung, told_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, w.Task, w.Rung, s.now())
	return dbError("mark a reminder", err)
}
