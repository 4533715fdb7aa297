package casefile

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// Pause is whether the retention of a system is paused, and who said so.
type Pause struct {
	System string    `json:"system"`
	Paused bool      `json:"paused"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

const fieldPause = "retention.pause"

// PutPause pauses or resumes the retention of a system.
func (s *Store) PutPause(ctx context.Context, p Pause) error {
	_, err := s.newRef(ctx, contract.KindRetention, "pause retention", func(tx *sqlx.Tx, ref contract.Ref, key *seal.RefKey) error {
		sealed, err := key.Seal(fieldPause, []byte(p.Reason))
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO retention_pause (ref, system, paused, by, reason, at) VALUES ($1, $2, $3, $4, $5, $6)`,
			ref, p.System, p.Paused, p.By, sealed, s.now()); err != nil {
			return err
		}
		return s.begin(ctx, tx, ref, map[bool]string{true: "retention.paused", false: "retention.resumed"}[p.Paused], map[string]any{"system": p.System, "by": p.By})
	})
	return err
}

// RetentionPause says whether the retention of a system is paused; zero when it never was.
func (s *Store) RetentionPause(ctx context.Context, system string) (Pause, error) {
	var row struct {
		Ref    contract.Ref `db:"ref"`
		Paused bool         `db:"paused"`
		By     string       `db:"by"`
		Reason []byte       `db:"reason"`
		At     time.Time    `db:"at"`
	}
	err := s.db.GetContext(ctx, &row, `SELECT ref, paused, by, reason, at FROM retention_pause WHERE system = $1 ORDER BY at DESC, ref LIMIT 1`, system)
	if errors.Is(err, sql.ErrNoRows) {
		return Pause{System: system}, nil
	}
	if err != nil {
		return Pause{}, dbError("look for a pause", err)
	}
	reason, err := s.Unseal(ctx, row.Ref, fieldPause, row.Reason)
	return Pause{System: system, Paused: row.Paused, By: row.By, Reason: string(reason), At: row.At.UTC()}, err
}
