package casefile

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// MarkStarted says that the workflow of a case, a notice or a roster change exists. Again: nothing.
func (s *Store) MarkStarted(ctx context.Context, ref contract.Ref) error {
	table := "case_file"
	switch ref.Kind() {
	case contract.KindRoster:
		table = "roster_change"
	case contract.KindNotice:
		table = "notice"
	}
	return s.tx(ctx, "mark a case as started", func(tx *sqlx.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE `+table+` SET started_at = $2 WHERE ref = $1 AND started_at IS NULL`, ref, s.now())
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.record(ctx, tx, ref, string(ref.Kind())+".started", nil)
	})
}

// Unstarted is something whose workflow never began.
type Unstarted struct {
	Ref  contract.Ref `db:"ref"`
	Kind string       `db:"kind"` // of a case; empty for a roster change
}

// Unstarted lists cases, notices and roster changes (look at Ref.Kind) that were opened longer than
// olderThan ago and whose workflow was never seen to exist, the oldest first.
func (s *Store) Unstarted(ctx context.Context, olderThan time.Duration, limit int) ([]Unstarted, error) {
	var list []Unstarted
	err := s.db.SelectContext(ctx, &list, `SELECT ref, kind FROM (
		(SELECT ref, kind, opened_at FROM case_file WHERE started_at IS NULL AND closed_at IS NULL AND opened_at <= $1
		 ORDER BY opened_at, ref LIMIT $2)
		UNION ALL
		(SELECT ref, '' AS kind, opened_at FROM roster_change WHERE started_at IS NULL AND opened_at <= $1
		 ORDER BY opened_at, ref LIMIT $2)
		UNION ALL
		(SELECT ref, '' AS kind, opened_at FROM notice WHERE started_at IS NULL AND closed_at IS NULL AND opened_at <= $1
		 ORDER BY opened_at, ref LIMIT $2)) AS unstarted ORDER BY opened_at, ref LIMIT $2`,
		s.now().Add(-olderThan), limitOf(limit))
	return list, dbError("list what was never started", err)
}

// SetProgress writes the projection of a case for lists. A line goes into the ledger only when the
// state changes. A closed case stays as it is: a late repeat must not open it again.
func (s *Store) SetProgress(ctx context.Context, ref contract.Ref, state dsr.State, waitingOn string, openSystems []string) error {
	return s.tx(ctx, "write the progress of a case", func(tx *sqlx.Tx) error {
		before, err := lockCase(ctx, tx, ref)
		if err != nil || before == dsr.StateClosed {
			return err
		}
		if state == dsr.StateClosed {
			return fault.New(contract.ErrBadInput, "a case is closed with its outcome, not by its progress", nil)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE case_file SET state = $2, waiting_on = $3, open_systems = $4 WHERE ref = $1`,
			ref, state, waitingOn, pq.Array(nonNil(openSystems))); err != nil {
			return err
		}
		if before == state {
			return nil
		}
		return s.record(ctx, tx, ref, "case.state", map[string]any{"from": string(before), "to": string(state)})
	})
}

// CloseCase ends a case and voids the tasks that are still open. The same outcome again: nothing;
// another one is a contract.ErrConflict.
func (s *Store) CloseCase(ctx context.Context, ref contract.Ref, outcome dsr.Outcome) error {
	if outcome == "" {
		return fault.New(contract.ErrBadInput, "a case needs an outcome to be closed", nil)
	}
	return s.tx(ctx, "close a case", func(tx *sqlx.Tx) error {
		before, err := lockCase(ctx, tx, ref)
		if err != nil {
			return err
		}
		if before == dsr.StateClosed {
			var had dsr.Outcome
			if err := tx.GetContext(ctx, &had, `SELECT outcome FROM case_file WHERE ref = $1`, ref); err != nil {
				return err
			}
			if had != outcome {
				return fault.Newf(contract.ErrConflict, "case %s is closed already with the outcome %s", ref.ID(), had)
			}
			return nil
		}
		now := s.now()
		voided, err := tx.ExecContext(ctx, `UPDATE task SET state = 'void', done_at = $2, void_why = 'case closed'
			WHERE ref = $1 AND state = 'open'`, ref, now)
		if err != nil {
			return err
		}
		void, err := voided.RowsAffected()
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE case_file SET state = 'closed', outcome = $2, closed_at = $3,
			waiting_on = '', open_systems = '{}' WHERE ref = $1`, ref, outcome, now); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "case.closed", map[string]any{
			"from": string(before), "outcome": string(outcome), "tasks_voided": void})
	})
}

// lockCase locks the row of a case until the transaction ends and gives its state.
func lockCase(ctx context.Context, tx *sqlx.Tx, ref contract.Ref) (dsr.State, error) {
	var state dsr.State
	err := tx.GetContext(ctx, &state, `SELECT state FROM case_file WHERE ref = $1 FOR NO KEY UPDATE`, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return "", notFound("case", ref.ID())
	}
	return state, err
}
