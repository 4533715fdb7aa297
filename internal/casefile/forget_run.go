package casefile

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// ofRuns are the tables whose rows belong to a run of retention, in an order in which foreign keys let them
// go.
var ofRuns = []string{"retention_kept", "retention_known", "found_keys", "letter", "retention_run", "task"}

// inForce is the condition that a run r has still something to say: it is the newest of its rule, whose last word a
// night goes by, or the signatures in its task are those behind the rule's version.
const inForce = `(EXISTS (SELECT FROM retention_rule v JOIN task k ON k.id = v.task WHERE k.ref = r.ref)
	OR (NOT r.dry AND NOT EXISTS (SELECT FROM retention_run n WHERE n.system = r.system AND n.rule = r.rule AND NOT n.dry AND n.opened_at > r.opened_at)))`

// EndedRuns lists runs of retention that have ended and have nothing to say any more, in the order of their
// references, behind after.
func (s *Store) EndedRuns(ctx context.Context, after contract.Ref, limit int) ([]Run, error) {
	var list []Run
	err := s.db.SelectContext(ctx, &list, `SELECT `+runColumns+` FROM retention_run r WHERE ended_at IS NOT NULL AND ref > $1 AND NOT `+inForce+`
		ORDER BY ref LIMIT $2`, after, limitOf(limit))
	for i := range list {
		list[i].finish()
	}
	return list, dbError("list ended runs", err)
}

// ForgetRun destroys the data key of a run of retention that has ended and deletes its rows. What stays is its
// ledger, with one more line. A run that goes on, or whose signatures a rule still goes by, is a
// contract.ErrNotOpen; one that is forgotten already: nothing.
func (s *Store) ForgetRun(ctx context.Context, ref contract.Ref) error {
	err := s.tx(ctx, "forget a run of retention", func(tx *sqlx.Tx) error {
		r, err := readRun(ctx, tx, ref, "FOR UPDATE")
		if fault.Is(err, contract.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		var stands bool
		if err := tx.GetContext(ctx, &stands, `SELECT ended_at IS NULL OR `+inForce+` FROM retention_run r WHERE ref = $1`, ref); err != nil {
			return err
		}
		if stands {
			return fault.Newf(contract.ErrNotOpen, "%s has something to say still: it is not forgotten", ref)
		}
		for _, table := range ofTasks {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE task IN (SELECT id FROM task WHERE ref = $1)`, ref); err != nil {
				return err
			}
		}
		for _, table := range ofRuns {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE ref = $1`, ref); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `UPDATE data_key SET wrapped = NULL, destroyed_at = $2 WHERE ref = $1`, ref, s.now()); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "retention.forgotten", map[string]any{"system": r.System, "rule": r.Rule, "state": r.State, "dry": r.Dry,
			"nominal": r.Nominal.Format(time.RFC3339), "ended_at": r.EndedAt.Format(time.RFC3339), "due": r.Due, "done": r.Done})
	})
	if err == nil {
		s.cache.drop(ref)
	}
	return err
}
