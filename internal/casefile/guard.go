package casefile

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func equalHash(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// longestBatch bounds a destructive batch: for as long nobody can place a hold.
const longestBatch = 90 * time.Second

// Guarded runs one destructive batch while it holds the lock under which no hold can be placed. A
// standing hold on the target is a contract.ErrHeld, a case that is ending a contract.ErrNotApproved,
// and the batch does not run. The lock is held on a connection of its own, which is asked again when the
// batch is done: if it was lost meanwhile, a hold may have landed under a batch that ran, and that
// is in the error and the next batch sees it.
func (s *Store) Guarded(ctx context.Context, ref contract.Ref, t Target, pins Pins, batch func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, longestBatch)
	defer cancel()
	tx, err := s.db.BeginTxx(ctx, nil)
	if err != nil {
		return dbError("guard a deletion", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := s.guard(ctx, tx, ref, t, pins); err != nil {
		return dbError("guard a deletion", err)
	}
	if err := batch(ctx); err != nil {
		return err
	}
	return dbError("guard a deletion", tx.Commit())
}

func (s *Store) guard(ctx context.Context, tx *sqlx.Tx, ref contract.Ref, t Target, pins Pins) error {
	// The transaction is idle while the batch runs in another database.
	if _, err := tx.ExecContext(ctx, `SELECT set_config('idle_in_transaction_session_timeout', '120s', true)`); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock_shared($1)`, int64(lockHolds)); err != nil {
		return err
	}
	held, err := s.heldIn(ctx, tx, t, pins)
	if err != nil {
		return err
	}
	if len(held) > 0 {
		return fault.Newf(contract.ErrHeld, "%s: a legal hold covers a part of %s", ref, held[0])
	}
	var ending bool
	err = tx.GetContext(ctx, &ending, `SELECT ending_at IS NOT NULL FROM case_file WHERE ref = $1`, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // not a case: a sweep, which has no row there
	}
	if err == nil && ending {
		return fault.Newf(contract.ErrNotApproved, "%s is ending: nothing is deleted for it any more", ref)
	}
	return err
}
