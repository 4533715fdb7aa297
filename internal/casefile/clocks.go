package casefile

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// NoticeClock is one authority's clock.
type NoticeClock struct {
	Authority string     `json:"authority" db:"authority"`
	Law       string     `json:"law" db:"law"`
	From      time.Time  `json:"from" db:"from_at"`
	Due       time.Time  `json:"due_at" db:"due_at"`
	DraftedAt *time.Time `json:"drafted_at,omitempty" db:"drafted_at"`
	Warned    int        `json:"warned" db:"warned"` // the last escalation, in per cent of the time
	MissedAt  *time.Time `json:"missed_at,omitempty" db:"missed_at"`
	FiledAt   *time.Time `json:"filed_at,omitempty" db:"filed_at"`
}

const clockColumns = `authority, law, from_at, due_at, drafted_at, warned, missed_at, filed_at`

func (c *NoticeClock) finish() {
	c.From, c.Due = c.From.UTC(), c.Due.UTC()
	c.DraftedAt, c.MissedAt, c.FiledAt = utc(c.DraftedAt), utc(c.MissedAt), utc(c.FiledAt)
}

// PutClock starts a clock. Again: nothing.
func (s *Store) PutClock(ctx context.Context, ref contract.Ref, c NoticeClock) error {
	return s.tx(ctx, "start a clock", func(tx *sqlx.Tx) error {
		made, err := tx.ExecContext(ctx, `INSERT INTO notice_clock (ref, authority, law, from_at, due_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (ref, authority) DO NOTHING`, ref, c.Authority, c.Law, c.From.UTC(), c.Due.UTC())
		if err != nil {
			return err
		}
		if n, err := made.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.record(ctx, tx, ref, "clock.started", map[string]any{"authority": c.Authority, "due_at": c.Due.UTC().Format(time.RFC3339)})
	})
}

// Clocks lists the clocks of a notice, the earliest first.
func (s *Store) Clocks(ctx context.Context, ref contract.Ref) ([]NoticeClock, error) {
	list := []NoticeClock{}
	err := s.db.SelectContext(ctx, &list, `SELECT `+clockColumns+` FROM notice_clock WHERE ref = $1 ORDER BY due_at, authority`, ref)
	for i := range list {
		list[i].finish()
	}
	return list, dbError("read the clocks", err)
}

// Clock reads one clock.
func (s *Store) Clock(ctx context.Context, ref contract.Ref, authority string) (NoticeClock, error) {
	var c NoticeClock
	err := s.db.GetContext(ctx, &c, `SELECT `+clockColumns+` FROM notice_clock WHERE ref = $1 AND authority = $2`, ref, authority)
	if errors.Is(err, sql.ErrNoRows) {
		return c, notFound("clock of that authority in notice", ref.ID())
	}
	c.finish()
	return c, dbError("read a clock", err)
}

// MarkClock writes one moment of a clock: drafted, filed, missed, or warned at so many per cent.
// The first mark stands. Whoever marks it as filed has checked the signature behind the task.
func (s *Store) MarkClock(ctx context.Context, ref contract.Ref, authority, what string, percent int, task string) error {
	set := map[string]string{
		"drafted": `drafted_at = $3 WHERE drafted_at IS NULL`, "filed": `filed_at = $3 WHERE filed_at IS NULL`,
		"missed": `missed_at = $3 WHERE missed_at IS NULL AND filed_at IS NULL`,
		"warned": `warned = $4 WHERE warned < $4 AND filed_at IS NULL AND $3::timestamptz IS NOT NULL`,
	}[what]
	args := []any{ref, authority, s.now()}
	if what == "warned" {
		args = append(args, percent)
	}
	return s.tx(ctx, "mark a clock", func(tx *sqlx.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE notice_clock SET `+set+` AND ref = $1 AND authority = $2`, args...)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		detail := map[string]any{"authority": authority}
		if percent > 0 {
			detail["percent"] = percent
		}
		if task != "" {
			detail["task"] = task
		}
		return s.record(ctx, tx, ref, "clock."+what, detail)
	})
}
