package casefile

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// SetVerifyUntil gives the person that long, from now, to prove who they are. Again: nothing, so
// that nobody can shorten it.
func (s *Store) SetVerifyUntil(ctx context.Context, ref contract.Ref, within time.Duration) error {
	until := s.now().Add(within).Truncate(time.Microsecond)
	_, err := s.db.ExecContext(ctx, `UPDATE case_file SET verify_until = $2 WHERE ref = $1 AND verify_until IS NULL`, ref, until)
	return dbError("write until when a person may prove who they are", err)
}

// MarkEnding says that a case is about to be wiped: from now on it takes no parts, no package and no
// verification, so that an attempt that everybody has given up leaves nothing behind. With
// unlessMet it is refused (contract.ErrNotApproved) when the person has proved who they are after
// all. Again: nothing.
func (s *Store) MarkEnding(ctx context.Context, ref contract.Ref, unlessMet bool) error {
	return s.tx(ctx, "end a case", func(tx *sqlx.Tx) error {
		// The lock first, and the look in a statement of its own: it then sees what committed before.
		if _, err := tx.ExecContext(ctx, `SELECT 1 FROM case_file WHERE ref = $1 FOR UPDATE`, ref); err != nil {
			return err
		}
		proved, err := identityOf(ctx, tx, ref)
		if err != nil && !fault.Is(err, contract.ErrNotFound) {
			return err
		}
		met := proved.Need.Rung > dsr.RungNone && proved.Need.Met(dsr.Proved{Code: proved.Code, Second: proved.Second, Facts: proved.Facts})
		if err != nil {
			met = proved.Code
		}
		if met && unlessMet {
			return fault.Newf(contract.ErrNotApproved, "%s: the person has proved who they are in the meantime", ref)
		}
		done, err := tx.ExecContext(ctx, `UPDATE case_file SET ending_at = $2 WHERE ref = $1 AND ending_at IS NULL`, ref, s.now())
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.record(ctx, tx, ref, "case.ending", nil)
	})
}

// takes refuses what comes for a case that is ending. It holds the row until the transaction ends,
// so that MarkEnding comes before or after, never between.
func takes(ctx context.Context, tx *sqlx.Tx, ref contract.Ref) error {
	var ending bool
	err := tx.GetContext(ctx, &ending, `SELECT ending_at IS NOT NULL FROM case_file WHERE ref = $1 FOR SHARE`, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil && ending {
		return fault.Newf(contract.ErrNotOpen, "%s is ending: it takes no parts and no package any more", ref)
	}
	return err
}

// MarkWiped says that package and parts are gone from the blob store, and drops the keys that the
// search materialised. Again: nothing.
func (s *Store) MarkWiped(ctx context.Context, ref contract.Ref) error {
	return s.tx(ctx, "mark a case as wiped", func(tx *sqlx.Tx) error {
		dropped, err := tx.ExecContext(ctx, `DELETE FROM found_keys WHERE ref = $1`, ref)
		if err != nil {
			return err
		}
		keys, err := dropped.RowsAffected()
		if err != nil {
			return err
		}
		marked, err := tx.ExecContext(ctx, `UPDATE package SET wiped_at = $2 WHERE ref = $1 AND wiped_at IS NULL`, ref, s.now())
		if err != nil {
			return err
		}
		packages, err := marked.RowsAffected()
		if err != nil || keys+packages == 0 {
			return err
		}
		return s.record(ctx, tx, ref, "case.wiped", map[string]any{"packages": packages, "chunks_of_keys": keys})
	})
}

// Unheard is something that the casefile knows and the workflow may not: the word about it was
// lost on its way to Temporal.
type Unheard struct {
	Ref       contract.Ref `db:"ref"`
	Challenge string       `db:"challenge"` // a verification code was typed rightly; empty: the package was fetched
	Withdrawn bool         `db:"withdrawn"` // the request was taken back
}

// Unheard lists cases that wait for the person although the person did their part longer than
// olderThan ago.
func (s *Store) Unheard(ctx context.Context, olderThan time.Duration, limit int) ([]Unheard, error) {
	var list []Unheard
	err := s.db.SelectContext(ctx, &list, `SELECT c.ref, '' AS challenge, false AS withdrawn FROM package p JOIN case_file c ON c.ref = p.ref
		WHERE p.fetched_at <= $1 AND c.closed_at IS NULL AND c.waiting_on = 'person:download'
		UNION ALL
		SELECT c.ref, '', true FROM case_file c WHERE c.withdrawn_at <= $1 AND c.closed_at IS NULL AND c.ending_at IS NULL
		UNION ALL
		SELECT c.ref, max(h.id), false FROM case_file c JOIN challenge h ON h.ref = c.ref AND h.purpose = 'verify' AND h.met_at <= $1
		WHERE c.closed_at IS NULL AND c.waiting_on = 'person:code' GROUP BY c.ref
		ORDER BY ref LIMIT $2`, s.now().Add(-olderThan), limitOf(limit))
	return list, dbError("list what was not heard", err)
}
