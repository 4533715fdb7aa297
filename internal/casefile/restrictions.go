package casefile

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Restriction is how far a restriction is that is not done at once.
type Restriction struct {
	InForceAt *time.Time `json:"in_force_at,omitempty"`
	Asked     int        `json:"asked,omitempty"` // how often somebody asked for its end
	AskedAt   *time.Time `json:"asked_at,omitempty"`
	AskedBy   string     `json:"asked_by,omitempty"`
	LiftFrom  int        `json:"lift_from,omitempty"` // the first plan that sets back; 0: none
	EndedAt   *time.Time `json:"ended_at,omitempty"`
}

type restrictionRow struct {
	InForceAt *time.Time `db:"in_force_at"`
	Asked     int        `db:"asked"`
	AskedAt   *time.Time `db:"asked_at"`
	AskedBy   string     `db:"asked_by"`
	LiftFrom  int        `db:"lift_from"`
	EndedAt   *time.Time `db:"ended_at"`
}

// Restriction reads how far a restriction is. Of a case that is none, or has not come into force, it
// is empty.
func (s *Store) Restriction(ctx context.Context, ref contract.Ref) (Restriction, error) {
	r, err := readRestriction(ctx, s.db, ref)
	return r, dbError("read a restriction", err)
}

func readRestriction(ctx context.Context, q querier, ref contract.Ref) (Restriction, error) {
	var row restrictionRow
	err := q.GetContext(ctx, &row, `SELECT in_force_at, asked, asked_at, coalesce(asked_by, '') AS asked_by, coalesce(lift_from, 0) AS lift_from, ended_at
		FROM restriction WHERE ref = $1`, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return Restriction{}, nil
	}
	return Restriction{InForceAt: utc(row.InForceAt), Asked: row.Asked, AskedAt: utc(row.AskedAt), AskedBy: row.AskedBy, LiftFrom: row.LiftFrom, EndedAt: utc(row.EndedAt)}, err
}

// BeginStopping begins a plan of a case that needs no signature: what it asks for is done at once. Any
// other case is a contract.ErrNotApproved. Again: nothing.
func (s *Store) BeginStopping(ctx context.Context, ref contract.Ref, n int) error {
	return s.tx(ctx, "begin to stop a purpose", func(tx *sqlx.Tx) error {
		if err := takes(ctx, tx, ref); err != nil {
			return err
		}
		p, err := readPlan(ctx, tx, ref, n, lockRow)
		if err != nil {
			return err
		}
		atOnce, err := atOnce(ctx, tx, ref)
		switch {
		case err != nil || p.BegunAt != nil:
			return err
		case !atOnce || p.Hash == nil:
			return fault.Newf(contract.ErrNotApproved, "plan %d of %s is not one that begins without a signature", n, ref)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE plan SET agreed_at = $3, cool_until = $3, begun_at = $3 WHERE ref = $1 AND n = $2`, ref, n, s.now()); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "plan.begun", map[string]any{"plan": n, "hash": hex.EncodeToString(p.Hash), "at_once": true})
	})
}

// atOnce says whether a case is one that needs no signature.
func atOnce(ctx context.Context, q querier, ref contract.Ref) (bool, error) {
	var row struct {
		Kind  dsr.CaseKind `db:"kind"`
		Scope string       `db:"scope"`
	}
	err := q.GetContext(ctx, &row, `SELECT kind, scope FROM case_file WHERE ref = $1`, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return false, notFound("case", ref.ID())
	}
	return dsr.AtOnce(row.Kind, row.Scope), err
}

// EnterForce writes down since when a restriction is in force. Again: nothing.
func (s *Store) EnterForce(ctx context.Context, ref contract.Ref) error {
	return s.tx(ctx, "bring a restriction into force", func(tx *sqlx.Tx) error {
		made, err := tx.ExecContext(ctx, `INSERT INTO restriction (ref, in_force_at) VALUES ($1, $2) ON CONFLICT (ref) DO NOTHING`, ref, s.now())
		if err != nil {
			return err
		}
		if n, err := made.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.record(ctx, tx, ref, "restriction.in-force", nil)
	})
}

// AskEnd writes down that somebody wants a restriction to end. Two people decide; one about which
// nobody has decided yet, and one that is not in force, are a contract.ErrNotOpen. why may name people;
// it is sealed.
func (s *Store) AskEnd(ctx context.Context, ref contract.Ref, by, why string) error {
	sealed, err := s.Seal(ctx, ref, fieldEndWhy, []byte(why))
	if err != nil {
		return err
	}
	return s.tx(ctx, "ask for the end of a restriction", func(tx *sqlx.Tx) error {
		state, err := lockCase(ctx, tx, ref)
		if err != nil {
			return err
		}
		r, err := readRestriction(ctx, tx, ref)
		if err != nil {
			return err
		}
		var open bool
		if err := tx.GetContext(ctx, &open, `SELECT EXISTS (SELECT FROM task WHERE ref = $1 AND kind = $2 AND state = 'open')
			OR EXISTS (SELECT FROM plan WHERE ref = $1 AND n >= $3 AND $3 > 0 AND agreed_at IS NOT NULL)`, ref, dsr.TaskLift, r.LiftFrom); err != nil {
			return err
		}
		switch {
		case state == dsr.StateClosed || r.InForceAt == nil || r.EndedAt != nil:
			return fault.Newf(contract.ErrNotOpen, "%s is no restriction that is in force", ref.ID())
		case open:
			return fault.Newf(contract.ErrNotOpen, "two people are deciding on the end of %s already", ref.ID()).WithHint("habeas task list shows what waits")
		}
		// From here on plans set back what those before had set.
		if _, err := tx.ExecContext(ctx, `UPDATE restriction SET asked = asked + 1, asked_at = $2, asked_by = $3, asked_why = $4,
			lift_from = (SELECT coalesce(max(n), 0) + 1 FROM plan WHERE ref = $1) WHERE ref = $1`, ref, s.now(), by, sealed); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "restriction.end-asked", map[string]any{"by": by, "n": r.Asked + 1})
	})
}

const fieldEndWhy = "restriction.end"

// EndWhy opens the words of whoever wants the restriction to end.
func (s *Store) EndWhy(ctx context.Context, ref contract.Ref) (string, error) {
	var sealed []byte
	err := s.db.GetContext(ctx, &sealed, `SELECT coalesce(asked_why, '') FROM restriction WHERE ref = $1`, ref)
	if errors.Is(err, sql.ErrNoRows) || err == nil && len(sealed) == 0 {
		return "", notFound("wish to end a restriction", ref.ID())
	}
	if err != nil {
		return "", dbError("read a restriction", err)
	}
	why, err := s.Unseal(ctx, ref, fieldEndWhy, sealed)
	return string(why), err
}

// EndRestriction writes down that a restriction is over. Again: nothing.
func (s *Store) EndRestriction(ctx context.Context, ref contract.Ref) error {
	return s.tx(ctx, "end a restriction", func(tx *sqlx.Tx) error {
		made, err := tx.ExecContext(ctx, `UPDATE restriction SET ended_at = $2 WHERE ref = $1 AND ended_at IS NULL AND lift_from IS NOT NULL`, ref, s.now())
		if err != nil {
			return err
		}
		if n, err := made.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.record(ctx, tx, ref, "restriction.ended", nil)
	})
}

// RecipientCall is one telling of a recipient.
type RecipientCall struct {
	System     string     `json:"system" db:"system"`
	What       string     `json:"what" db:"what"`
	BegunAt    time.Time  `json:"begun_at" db:"begun_at"`
	Tries      int        `json:"tries" db:"tries"`
	AnsweredAt *time.Time `json:"answered_at,omitempty" db:"answered_at"`
	Status     *int       `json:"status,omitempty" db:"status"` // of HTTP
}

// BeginCall writes down that a recipient is about to be told, before anything is sent. answered says
// that it was told already.
func (s *Store) BeginCall(ctx context.Context, ref contract.Ref, system, what string) (begun time.Time, answered bool, err error) {
	var row struct {
		Begun    time.Time  `db:"begun_at"`
		Answered *time.Time `db:"answered_at"`
	}
	err = s.db.GetContext(ctx, &row, `INSERT INTO recipient_call AS c (ref, system, what, begun_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (ref, system, what) DO UPDATE SET tries = c.tries + CASE WHEN c.answered_at IS NULL THEN 1 ELSE 0 END
		RETURNING begun_at, answered_at`, ref, system, what, s.now())
	return row.Begun.UTC(), row.Answered != nil, dbError("begin to tell a recipient", err)
}

// EndCall writes down that a recipient has taken what it was told.
func (s *Store) EndCall(ctx context.Context, ref contract.Ref, system, what string, status int) error {
	return s.tx(ctx, "tell a recipient", func(tx *sqlx.Tx) error {
		made, err := tx.ExecContext(ctx, `UPDATE recipient_call SET answered_at = $4, status = $5 WHERE ref = $1 AND system = $2 AND what = $3 AND answered_at IS NULL`,
			ref, system, what, s.now(), status)
		if err != nil {
			return err
		}
		if n, err := made.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.record(ctx, tx, ref, "recipient.told", map[string]any{"system": system, "what": what, "status": status})
	})
}

// Calls lists whom a case has told.
func (s *Store) Calls(ctx context.Context, ref contract.Ref) ([]RecipientCall, error) {
	list := []RecipientCall{}
	err := s.db.SelectContext(ctx, &list, `SELECT system, what, begun_at, tries, answered_at, status FROM recipient_call WHERE ref = $1 ORDER BY what, system`, ref)
	return list, dbError("list whom a case has told", err)
}
