package casefile

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// PinnedLaw is a law as it was when a case was pinned to it: bytes of the jurisdiction package, and
// their digest. Nothing in it is personal.
type PinnedLaw struct {
	Digest  string `db:"digest"`
	Name    string `db:"name"`
	Version string `db:"version"`
	Body    []byte `db:"body"`
}

// pin writes an edition of a case's laws.
func (s *Store) pin(ctx context.Context, tx *sqlx.Tx, ref contract.Ref, edition int, laws []PinnedLaw) error {
	for n, law := range laws {
		if _, err := tx.ExecContext(ctx, `INSERT INTO law_text (digest, name, version, body, added_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (digest) DO NOTHING`, law.Digest, law.Name, law.Version, string(law.Body), s.now()); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO case_law (ref, edition, n, digest, at) VALUES ($1, $2, $3, $4, $5)`,
			ref, edition, n, law.Digest, s.now()); err != nil {
			return err
		}
	}
	return nil
}

// PinnedLaws are the laws that a case is pinned to, in the order in which it was opened under them;
// none for a case that was opened before laws were pinned.
func (s *Store) PinnedLaws(ctx context.Context, ref contract.Ref) ([]PinnedLaw, error) {
	var laws []PinnedLaw
	err := s.db.SelectContext(ctx, &laws, `SELECT t.digest, t.name, t.version, t.body FROM case_law c JOIN law_text t ON t.digest = c.digest
		WHERE c.ref = $1 AND c.edition = (SELECT max(edition) FROM case_law WHERE ref = $1) ORDER BY c.n`, ref)
	return laws, dbError("read the laws of a case", err)
}

// Repin pins a case to newer editions of its laws and writes when it is due by them. A later time
// never takes the place of an earlier promise: that is for the caller to see to. The motion that
// asked for it is applied with it; a second time: nothing.
func (s *Store) Repin(ctx context.Context, ref contract.Ref, motion int, laws []PinnedLaw, due time.Time) error {
	return s.apply(ctx, ref, motion, dsr.MotionRecompute, func(tx *sqlx.Tx, m Motion) error {
		var edition int
		if err := tx.GetContext(ctx, &edition, `SELECT coalesce(max(edition), 0) + 1 FROM case_law WHERE ref = $1`, ref); err != nil {
			return err
		}
		if err := s.pin(ctx, tx, ref, edition, laws); err != nil {
			return err
		}
		before, err := setDue(ctx, tx, ref, due)
		if err != nil {
			return err
		}
		detail := map[string]any{"motion": motion, "by": m.Author, "edition": edition,
			"from": before.Format(time.RFC3339), "to": due.UTC().Format(time.RFC3339)}
		for n, law := range laws {
			detail[fmt.Sprintf("law %d", n+1)] = law.Name + " " + law.Digest[:16]
		}
		return s.record(ctx, tx, ref, "case.recomputed", detail)
	})
}

// setDue writes when a case is due and says when it was.
func setDue(ctx context.Context, tx *sqlx.Tx, ref contract.Ref, due time.Time) (before time.Time, err error) {
	if err := tx.GetContext(ctx, &before, `SELECT due_at FROM case_file WHERE ref = $1 FOR NO KEY UPDATE`, ref); err != nil {
		return before, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE case_file SET due_at = $2 WHERE ref = $1`, ref, due.UTC().Truncate(time.Microsecond))
	return before.UTC(), err
}

// Extension is more time that was taken under one law.
type Extension struct {
	Law       string    `db:"law" json:"law"`
	Ground    string    `db:"ground" json:"ground"`
	Task      string    `db:"task" json:"task"`
	DueBefore time.Time `db:"due_before" json:"due_before"`
	At        time.Time `db:"at" json:"at"`
}

// Extensions lists the extensions of a case.
func (s *Store) Extensions(ctx context.Context, ref contract.Ref) ([]Extension, error) {
	list := []Extension{}
	err := s.db.SelectContext(ctx, &list, `SELECT law, ground, task, due_before, at FROM extension WHERE ref = $1 ORDER BY at, law`, ref)
	return list, dbError("read the extensions of a case", err)
}

// Extend writes an extension under one law, once, and when the case is due by it. It is refused
// (contract.ErrNotOpen) when the time is over, by the casefile's own clock. A second time: nothing.
func (s *Store) Extend(ctx context.Context, ref contract.Ref, motion int, task string, strict, due time.Time) error {
	return s.apply(ctx, ref, motion, dsr.MotionExtend, func(tx *sqlx.Tx, m Motion) error {
		now := s.now()
		if !now.Before(strict) {
			return fault.Newf(contract.ErrNotOpen, "the time of %s is over: it can be extended only before it ends", ref)
		}
		before, err := setDue(ctx, tx, ref, due)
		if err != nil {
			return err
		}
		made, err := tx.ExecContext(ctx, `INSERT INTO extension (ref, law, ground, task, due_before, at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (ref, law) DO NOTHING`, ref, m.Law, m.Code, task, before, now)
		if err != nil {
			return err
		}
		if n, err := made.RowsAffected(); err != nil || n == 0 {
			return fault.Newf(contract.ErrConflict, "%s was extended under %s already, and is only once", ref, m.Law)
		}
		return s.record(ctx, tx, ref, "case.extended", map[string]any{"motion": motion, "law": m.Law, "ground": m.Code, "by": m.Author,
			"task": task, "from": before.Format(time.RFC3339), "to": due.UTC().Format(time.RFC3339)})
	})
}
