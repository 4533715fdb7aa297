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

// Motion is something that a member of staff moves about a case. The words are personal and sealed.
type Motion struct {
	Ref       contract.Ref   `db:"ref" json:"ref"`
	N         int            `db:"n" json:"n"`
	Kind      dsr.MotionKind `db:"kind" json:"kind"`
	Law       string         `db:"law" json:"law,omitempty"`
	Code      string         `db:"code" json:"code,omitempty"`
	Items     pq.StringArray `db:"items" json:"items,omitempty"` // of a refusal: the collections that it is about; none for the whole case
	Author    string         `db:"author" json:"author"`
	MadeAt    time.Time      `db:"made_at" json:"made_at"`
	AppliedAt *time.Time     `db:"applied_at" json:"applied_at,omitempty"`
	Words     string         `db:"-" json:"-"`
	Sealed    []byte         `db:"words" json:"-"`
}

const fieldWords = "motion.words"

// Move writes a motion and gives it the next number of its case.
func (s *Store) Move(ctx context.Context, m Motion) (Motion, error) {
	sealed, err := s.Seal(ctx, m.Ref, fieldWords, []byte(m.Words))
	if err != nil {
		return m, err
	}
	m.MadeAt = s.now()
	if m.Items == nil {
		m.Items = pq.StringArray{}
	}
	err = s.tx(ctx, "write a motion", func(tx *sqlx.Tx) error {
		// Two at once get different numbers, or one of them is refused and tried again by people.
		if err := tx.GetContext(ctx, &m.N, `SELECT coalesce(max(n), 0) + 1 FROM motion WHERE ref = $1`, m.Ref); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO motion (ref, n, kind, law, code, items, words, author, made_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, m.Ref, m.N, m.Kind, m.Law, m.Code, m.Items, sealed, m.Author, m.MadeAt); err != nil {
			return err
		}
		return s.record(ctx, tx, m.Ref, "motion.made", map[string]any{"motion": m.N, "kind": string(m.Kind), "law": m.Law, "code": m.Code, "by": m.Author})
	})
	return m, err
}

const motionColumns = `ref, n, kind, law, code, items, words, author, made_at, applied_at`

// Motion reads a motion and opens its words.
func (s *Store) Motion(ctx context.Context, ref contract.Ref, n int) (Motion, error) {
	var m Motion
	err := s.db.GetContext(ctx, &m, `SELECT `+motionColumns+` FROM motion WHERE ref = $1 AND n = $2`, ref, n)
	if errors.Is(err, sql.ErrNoRows) {
		return m, notFound("motion about", ref.ID())
	}
	if err != nil {
		return m, dbError("read a motion", err)
	}
	words, err := s.Unseal(ctx, ref, fieldWords, m.Sealed)
	m.Words, m.MadeAt, m.AppliedAt = string(words), m.MadeAt.UTC(), utc(m.AppliedAt)
	return m, err
}

// Motions lists the motions about a case without opening their words.
func (s *Store) Motions(ctx context.Context, ref contract.Ref) ([]Motion, error) {
	list := []Motion{}
	err := s.db.SelectContext(ctx, &list, `SELECT `+motionColumns+` FROM motion WHERE ref = $1 ORDER BY n`, ref)
	for i := range list {
		list[i].MadeAt, list[i].AppliedAt = list[i].MadeAt.UTC(), utc(list[i].AppliedAt)
	}
	return list, dbError("list motions", err)
}

// apply runs f once for a motion of that kind, and marks it. A motion that was applied before does
// nothing.
func (s *Store) apply(ctx context.Context, ref contract.Ref, n int, kind dsr.MotionKind, f func(*sqlx.Tx, Motion) error) error {
	return s.tx(ctx, "apply a motion", func(tx *sqlx.Tx) error {
		var m Motion
		err := tx.GetContext(ctx, &m, `SELECT `+motionColumns+` FROM motion WHERE ref = $1 AND n = $2 FOR UPDATE`, ref, n)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return notFound("motion about", ref.ID())
		case err != nil:
			return err
		case m.Kind != kind:
			return fault.Newf(contract.ErrConflict, "motion %d about %s is to %s, not to %s", n, ref, m.Kind, kind)
		case m.AppliedAt != nil:
			return nil
		}
		if _, err := tx.ExecContext(ctx, `UPDATE motion SET applied_at = $3 WHERE ref = $1 AND n = $2`, ref, n, s.now()); err != nil {
			return err
		}
		return f(tx, m)
	})
}

// Refuse writes that a case was refused, whole or the items that the motion names, on which ground,
// by which signed task. Once the answer is out or a deletion has begun it is a contract.ErrNotOpen. A
// second time: nothing.
func (s *Store) Refuse(ctx context.Context, ref contract.Ref, motion int, task string) error {
	return s.apply(ctx, ref, motion, dsr.MotionRefuse, func(tx *sqlx.Tx, m Motion) error {
		if _, err := lockCase(ctx, tx, ref); err != nil {
			return err
		}
		var late bool
		if err := tx.GetContext(ctx, &late, `SELECT EXISTS (SELECT FROM plan WHERE ref = $1 AND begun_at IS NOT NULL)
			OR EXISTS (SELECT FROM package WHERE ref = $1 AND released_at IS NOT NULL)`, ref); err != nil {
			return err
		}
		if late {
			return fault.Newf(contract.ErrNotOpen, "the answer to %s is out, or its deletion has begun: it cannot be refused any more", ref)
		}
		if len(m.Items) > 0 {
			return s.record(ctx, tx, ref, "case.part-refused", map[string]any{"motion": motion, "law": m.Law, "code": m.Code,
				"items": []string(m.Items), "by": m.Author, "task": task})
		}
		// From here on it takes no parts, no package and no deletion.
		if _, err := tx.ExecContext(ctx, `UPDATE case_file SET ending_at = coalesce(ending_at, $2) WHERE ref = $1`, ref, s.now()); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "case.refused", map[string]any{
			"motion": motion, "law": m.Law, "code": m.Code, "by": m.Author, "task": task})
	})
}

// Stop is a time in which the company waits for the person.
type Stop struct {
	N          int        `db:"n" json:"n"`
	Kind       string     `db:"kind" json:"kind"`
	AskedAt    time.Time  `db:"asked_at" json:"asked_at"`
	AnsweredAt *time.Time `db:"answered_at" json:"answered_at,omitempty"`
}

// Stops lists when the clocks of a case were stopped.
func (s *Store) Stops(ctx context.Context, ref contract.Ref) ([]Stop, error) {
	list := []Stop{}
	err := s.db.SelectContext(ctx, &list, `SELECT n, kind, asked_at, answered_at FROM clock_stop WHERE ref = $1 ORDER BY n`, ref)
	for i := range list {
		list[i].AskedAt, list[i].AnsweredAt = list[i].AskedAt.UTC(), utc(list[i].AnsweredAt)
	}
	return list, dbError("read when clocks were stopped", err)
}

// Pause writes that the person was asked. One question is open at a time (contract.ErrConflict).
func (s *Store) Pause(ctx context.Context, ref contract.Ref, motion int) error {
	return s.apply(ctx, ref, motion, dsr.MotionPause, func(tx *sqlx.Tx, m Motion) error {
		made, err := tx.ExecContext(ctx, `INSERT INTO clock_stop (ref, n, kind, asked_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			ref, motion, m.Code, s.now())
		if err != nil {
			return err
		}
		if n, err := made.RowsAffected(); err != nil || n == 0 {
			return fault.Newf(contract.ErrConflict, "%s waits for an answer already", ref).WithHint("resume it first")
		}
		return s.record(ctx, tx, ref, "clock.stopped", map[string]any{"motion": motion, "kind": m.Code, "by": m.Author})
	})
}

// Resume writes that the person answered, and when the case is due now. Nothing open is a
// contract.ErrNotOpen.
func (s *Store) Resume(ctx context.Context, ref contract.Ref, motion int, due func(Stop, time.Time) (time.Time, error)) error {
	return s.apply(ctx, ref, motion, dsr.MotionResume, func(tx *sqlx.Tx, m Motion) error {
		now := s.now()
		var stop Stop
		err := tx.GetContext(ctx, &stop, `UPDATE clock_stop SET answered_at = $2 WHERE ref = $1 AND answered_at IS NULL
			RETURNING n, kind, asked_at, answered_at`, ref, now)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.Newf(contract.ErrNotOpen, "%s waits for no answer", ref)
		}
		if err != nil {
			return err
		}
		at, err := due(stop, now)
		if err != nil {
			return err
		}
		before, err := setDue(ctx, tx, ref, at)
		if err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "clock.resumed", map[string]any{"motion": motion, "by": m.Author, "asked": stop.N,
			"from": before.Format(time.RFC3339), "to": at.UTC().Format(time.RFC3339)})
	})
}
