package casefile

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

const (
	// factTries is how often the facts of a case may be answered: they are fewer than codes, and
	// never run out.
	factTries = 3
	// wrongToLock is how many wrong guesses lock a case, over all its codes and purposes: three codes'
	// worth of tries, so that somebody who mistypes never meets it.
	wrongToLock = 15
	// lockedFor is for how long. So nobody has more than 15 guesses of a million in a day.
	lockedFor = 24 * time.Hour
)

// Identity is what the person of a case has to prove, and what they have proved.
type Identity struct {
	Need        dsr.Need   `json:"need"`
	Code        bool       `json:"code"`
	Second      bool       `json:"second_channel"`
	Facts       bool       `json:"facts"`
	FactsLeft   int        `json:"facts_left"`
	Wrong       int        `json:"wrong"`
	Locks       int        `json:"locks"`
	LockedUntil *time.Time `json:"locked_until,omitempty"`
}

type identityRow struct {
	Need        sql.NullString `db:"need"`
	Code        bool           `db:"code"`
	Second      bool           `db:"second"`
	Facts       sql.NullBool   `db:"facts"`
	FactsLeft   sql.NullInt64  `db:"facts_left"`
	Wrong       sql.NullInt64  `db:"wrong"`
	Locks       sql.NullInt64  `db:"locks"`
	LockedUntil *time.Time     `db:"locked_until"`
}

// Identity reads it, in one statement. A case for which it was never settled what must be proved is a
// contract.ErrNotFound.
func (s *Store) Identity(ctx context.Context, ref contract.Ref) (Identity, error) {
	return identityOf(ctx, s.db, ref)
}

func identityOf(ctx context.Context, q querier, ref contract.Ref) (Identity, error) {
	var row identityRow
	if err := q.GetContext(ctx, &row, `SELECT i.need, i.facts_met_at IS NOT NULL AS facts, i.facts_left, i.wrong, i.locks, i.locked_until,
			EXISTS (SELECT FROM challenge WHERE ref = $1 AND purpose = 'verify' AND met_at IS NOT NULL) AS code,
			EXISTS (SELECT FROM challenge WHERE ref = $1 AND purpose = 'second' AND met_at IS NOT NULL) AS second
		FROM (SELECT 1) AS one LEFT JOIN identity i ON i.ref = $1`, ref); err != nil {
		return Identity{}, dbError("read what a person must prove", err)
	}
	i := Identity{Code: row.Code, Second: row.Second}
	if !row.Need.Valid {
		return i, fault.Newf(contract.ErrNotFound, "it is not settled what the person of %s must prove", ref)
	}
	i.Facts, i.FactsLeft, i.Wrong, i.Locks = row.Facts.Bool, int(row.FactsLeft.Int64), int(row.Wrong.Int64), int(row.Locks.Int64)
	i.LockedUntil = utc(row.LockedUntil)
	if err := json.Unmarshal([]byte(row.Need.String), &i.Need); err != nil {
		return i, fault.Newf(contract.ErrTampered, "what the person of %s must prove does not read as JSON", ref)
	}
	return i, nil
}

// SetNeed writes what a person must prove, once: nobody can lower it later by asking again.
func (s *Store) SetNeed(ctx context.Context, ref contract.Ref, n dsr.Need) error {
	text, err := json.Marshal(n)
	if err != nil {
		return fault.New(contract.ErrInternal, "what a person must prove cannot be written", err)
	}
	return s.tx(ctx, "write what a person must prove", func(tx *sqlx.Tx) error {
		made, err := tx.ExecContext(ctx, `INSERT INTO identity (ref, need, set_at, facts_left) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			ref, string(text), s.now(), factTries)
		if err != nil {
			return err
		}
		if rows, err := made.RowsAffected(); err != nil || rows == 0 {
			return err
		}
		return s.record(ctx, tx, ref, "identity.needed", map[string]any{"rung": int(n.Rung), "by": strings.Join(n.By, " "),
			"facts": n.Facts, "why": strings.Join(n.Why, " ")})
	})
}

// TryFacts takes one answer to all facts that are asked of a person: right says whether they are right. A
// try is counted before the answer is looked at. A case that is locked, or has none left, takes no answer.
func (s *Store) TryFacts(ctx context.Context, ref contract.Ref, right bool) (met bool, left int, err error) {
	err = s.tx(ctx, "try the facts", func(tx *sqlx.Tx) error {
		met, left = false, 0
		now := s.now()
		err := tx.GetContext(ctx, &left, `UPDATE identity SET facts_left = facts_left - 1
			WHERE ref = $1 AND facts_left > 0 AND facts_met_at IS NULL AND (locked_until IS NULL OR locked_until <= $2)
			RETURNING facts_left`, ref, now)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if right {
			right = takes(ctx, tx, ref) == nil
		}
		if !right {
			lock, err := wrongGuess(ctx, tx, ref, true, now)
			if err != nil {
				return err
			}
			return s.record(ctx, tx, ref, "facts.wrong", guessed(left, lock))
		}
		met = true
		if _, err := tx.ExecContext(ctx, `UPDATE identity SET facts_met_at = $2, wrong = 0 WHERE ref = $1`, ref, now); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "facts.met", nil)
	})
	return met, left, err
}

// wrongGuess counts a wrong guess and says with which lock it locked the case; 0: with none. It is one
// statement whether there is anything to count or not.
func wrongGuess(ctx context.Context, tx *sqlx.Tx, ref contract.Ref, counts bool, now time.Time) (lock int, err error) {
	var locks []int
	err = tx.SelectContext(ctx, &locks, `UPDATE identity SET wrong = CASE WHEN wrong + 1 >= $3 THEN 0 ELSE wrong + 1 END,
			locks = locks + CASE WHEN wrong + 1 >= $3 THEN 1 ELSE 0 END,
			locked_until = CASE WHEN wrong + 1 >= $3 THEN $4::timestamptz ELSE locked_until END
		WHERE ref = $1 AND $2 RETURNING CASE WHEN wrong = 0 THEN locks ELSE 0 END`, ref, counts, wrongToLock, now.Add(lockedFor).Truncate(time.Microsecond))
	if len(locks) > 0 {
		lock = locks[0]
	}
	return lock, err
}

// guessed is what the ledger says of a wrong guess: with the lock, where it locked the case.
func guessed(left, lock int) map[string]any {
	detail := map[string]any{"tries_left": left}
	if lock > 0 {
		detail["lock"] = lock
	}
	return detail
}
