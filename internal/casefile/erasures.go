package casefile

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Erasure is how far one system is with a plan. Done and Remains are JSON, opaque here.
type Erasure struct {
	System  string     `db:"system"`
	Done    string     `db:"done"`
	Remains *string    `db:"remains"` // nil: not read back
	BegunAt time.Time  `db:"begun_at"`
	EndedAt *time.Time `db:"ended_at"`
	ReadAt  *time.Time `db:"read_at"`
}

// BeginErasing is the point of no return: from here on the person cannot withdraw. It verifies the
// signatures, that the time to withdraw is over (a contract.ErrBusy where it nearly is), that the
// person has not withdrawn, and that the case is not ending. Again: nothing.
func (s *Store) BeginErasing(ctx context.Context, ref contract.Ref, n int, pins Pins) error {
	return s.tx(ctx, "begin a deletion", func(tx *sqlx.Tx) error {
		if err := takes(ctx, tx, ref); err != nil {
			return err
		}
		var withdrawn bool
		if err := tx.GetContext(ctx, &withdrawn, `SELECT withdrawn_at IS NOT NULL FROM case_file WHERE ref = $1`, ref); err != nil {
			return err
		}
		p, err := readPlan(ctx, tx, ref, n, lockRow)
		if err != nil {
			return err
		}
		switch {
		case withdrawn:
			return fault.Newf(contract.ErrNotApproved, "%s: the person has withdrawn the request", ref)
		case p.AgreedAt == nil:
			return fault.Newf(contract.ErrNotApproved, "plan %d of %s is not agreed on", n, ref)
		}
		if err := s.trust(tx, pins).signed(ctx, p, p.ReviewTask, p.ApprovalTask); err != nil || p.BegunAt != nil {
			return err
		}
		if left := p.CoolUntil.Sub(s.now()); left > time.Minute {
			return fault.Newf(contract.ErrNotApproved, "%s: the person may still withdraw", ref)
		} else if left > 0 {
			return fault.Newf(contract.ErrBusy, "the time to withdraw is not quite over").After(left + 10*time.Millisecond)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE plan SET begun_at = $3 WHERE ref = $1 AND n = $2`, ref, n, s.now()); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "plan.begun", map[string]any{"plan": n, "hash": hex.EncodeToString(p.Hash)})
	})
}

// Withdraw writes down that the person took the request back. Once the deletion has begun it is
// refused (contract.ErrNotOpen), and so it is for a closed case, and where a copy is all that was asked
// for and it is out. Again: nothing. why may name people; it is sealed.
func (s *Store) Withdraw(ctx context.Context, ref contract.Ref, by, why string) error {
	sealed, err := s.Seal(ctx, ref, "case.withdrawn", []byte(why))
	if err != nil {
		return err
	}
	return s.tx(ctx, "withdraw a request", func(tx *sqlx.Tx) error {
		state, err := lockCase(ctx, tx, ref)
		if err != nil {
			return err
		}
		if withdrawn, err := withdrawable(ctx, tx, ref, state); err != nil || withdrawn {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE case_file SET withdrawn_at = $2, withdrawn_by = $3, withdrawn_why = $4 WHERE ref = $1`,
			ref, s.now(), by, sealed); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "case.withdrawn", map[string]any{"by": by})
	})
}

// withdrawable refuses a withdrawal that comes too late (contract.ErrNotOpen), and says whether the request
// was taken back before.
func withdrawable(ctx context.Context, q querier, ref contract.Ref, state dsr.State) (withdrawn bool, err error) {
	var row struct {
		Withdrawn bool         `db:"withdrawn"`
		Ending    bool         `db:"ending"`
		Begun     bool         `db:"begun"`
		Released  bool         `db:"released"`
		Kind      dsr.CaseKind `db:"kind"`
	}
	if err := q.GetContext(ctx, &row, `SELECT kind, withdrawn_at IS NOT NULL AS withdrawn, ending_at IS NOT NULL AS ending,
		EXISTS (SELECT FROM plan WHERE plan.ref = c.ref AND begun_at IS NOT NULL) AS begun,
		EXISTS (SELECT FROM package p WHERE p.ref = c.ref AND released_at IS NOT NULL) AS released FROM case_file c WHERE ref = $1`, ref); err != nil {
		return false, err
	}
	switch {
	case row.Withdrawn:
		return true, nil
	case state == dsr.StateClosed || row.Ending:
		return false, fault.Newf(contract.ErrNotOpen, "%s is closed or about to be", ref.ID())
	case row.Released && !row.Kind.Erases():
		return false, fault.Newf(contract.ErrNotOpen, "the answer to %s is out: it cannot be withdrawn any more", ref.ID())
	case row.Begun:
		return false, fault.Newf(contract.ErrNotOpen, "what %s asks for has begun: it cannot be withdrawn any more", ref.ID())
	}
	return false, nil
}

// MayWithdraw says whether Withdraw would take the request back now.
func (s *Store) MayWithdraw(ctx context.Context, c Case) (bool, error) {
	withdrawn, err := withdrawable(ctx, s.db, c.Ref, c.State)
	if fault.Is(err, contract.ErrNotOpen) {
		return false, nil
	}
	return err == nil && !withdrawn, dbError("look whether a request may be withdrawn", err)
}

// LinkCase looks whether another open deletion is of the same person, by a blind index of their
// directory row, and links ref to it. The first to ask is the one that goes on.
func (s *Store) LinkCase(ctx context.Context, ref contract.Ref, kind string, index []byte) (to contract.Ref, err error) {
	err = s.tx(ctx, "link a case", func(tx *sqlx.Tx) error {
		to = ""
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, lockLinks); err != nil {
			return err
		}
		var mine struct {
			Sole   bool         `db:"sole"`
			Linked contract.Ref `db:"linked"`
		}
		if err := tx.GetContext(ctx, &mine, `SELECT sole_at IS NOT NULL AS sole, coalesce(linked_to, '') AS linked FROM case_file WHERE ref = $1`, ref); err != nil {
			return err
		}
		if to = mine.Linked; mine.Sole || to != "" {
			return nil
		}
		var others []contract.Ref
		if err := tx.SelectContext(ctx, &others, `SELECT c.ref FROM blind_index b JOIN case_file c ON c.ref = b.ref
			WHERE b.kind = $2 AND b.value = $3 AND b.ref <> $1 AND c.kind IN ('deletion', 'erase-after-access') AND c.sole_at IS NOT NULL AND c.closed_at IS NULL
			ORDER BY c.sole_at LIMIT 1`, ref, kind, index); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO blind_index (kind, value, ref) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, kind, index, ref); err != nil {
			return err
		}
		if len(others) == 0 {
			_, err := tx.ExecContext(ctx, `UPDATE case_file SET sole_at = $2 WHERE ref = $1`, ref, s.now())
			return err
		}
		to = others[0]
		if _, err := tx.ExecContext(ctx, `UPDATE case_file SET linked_to = $2 WHERE ref = $1`, ref, to); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "case.linked", map[string]any{"to": string(to)})
	})
	return to, err
}

// PutErased keeps what was done in a system so far; ended says that nothing is left to do there.
func (s *Store) PutErased(ctx context.Context, ref contract.Ref, n int, system string, done any, ended bool) error {
	return s.putDone(ctx, ref, n, system, done, ended, "system.erased")
}

// PutCorrected keeps what was corrected in a system, in which nothing of the plan is left to do.
func (s *Store) PutCorrected(ctx context.Context, ref contract.Ref, n int, system string, done any) error {
	return s.putDone(ctx, ref, n, system, done, true, "system.corrected")
}

func (s *Store) putDone(ctx context.Context, ref contract.Ref, n int, system string, done any, ended bool, event string) error {
	text, err := json.Marshal(done)
	if err != nil {
		return fmt.Errorf("writing what was done: %w", err)
	}
	return s.tx(ctx, "keep what was done", func(tx *sqlx.Tx) error {
		now := s.now()
		var end *time.Time
		if ended {
			end = &now
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO erasure AS had (ref, n, system, done, begun_at, ended_at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (ref, n, system) DO UPDATE SET done = excluded.done, ended_at = excluded.ended_at`,
			ref, n, system, string(text), now, end); err != nil || !ended {
			return err
		}
		return s.record(ctx, tx, ref, event, map[string]any{"plan": n, "system": system, "done": json.RawMessage(text)})
	})
}

// PutRemains keeps what the read-back of a system found, and how many of it should not be there.
func (s *Store) PutRemains(ctx context.Context, ref contract.Ref, n int, system string, remains any, unclean int) error {
	text, err := json.Marshal(remains)
	if err != nil {
		return fmt.Errorf("writing what is left: %w", err)
	}
	return s.tx(ctx, "keep what is left", func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO erasure AS had (ref, n, system, remains, begun_at, read_at) VALUES ($1, $2, $3, $4, $5, $5)
			ON CONFLICT (ref, n, system) DO UPDATE SET remains = excluded.remains, read_at = excluded.read_at`,
			ref, n, system, string(text), s.now()); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "system.read-back", map[string]any{"plan": n, "system": system, "unclean": unclean})
	})
}

// Erasures lists how far each system is with a plan.
func (s *Store) Erasures(ctx context.Context, ref contract.Ref, n int) ([]Erasure, error) {
	var list []Erasure
	err := s.db.SelectContext(ctx, &list, `SELECT system, done, remains, begun_at, ended_at, read_at FROM erasure
		WHERE ref = $1 AND n = $2 ORDER BY system`, ref, n)
	for i := range list {
		list[i].BegunAt, list[i].EndedAt, list[i].ReadAt = list[i].BegunAt.UTC(), utc(list[i].EndedAt), utc(list[i].ReadAt)
	}
	return list, dbError("read what was done", err)
}
