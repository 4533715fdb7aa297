package casefile

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Complaints lists the complaints about a case, the first on top.
func (s *Store) Complaints(ctx context.Context, about contract.Ref) ([]Case, error) {
	var rows []caseRow
	err := s.db.SelectContext(ctx, &rows, `SELECT `+caseColumns+` FROM case_file WHERE about = $1 ORDER BY opened_at, ref`, about)
	cases := make([]Case, len(rows))
	for i := range rows {
		cases[i] = rows[i].value()
	}
	return cases, dbError("list complaints", err)
}

// Involved are those of the staff who opened, moved or signed anything in a case, sorted.
func (s *Store) Involved(ctx context.Context, ref contract.Ref) ([]string, error) {
	names, err := involved(ctx, s.db, ref, s.now())
	return names, dbError("read who had a part in a case", err)
}

// involved is Involved as it was at a time.
func involved(ctx context.Context, q querier, ref contract.Ref, at time.Time) ([]string, error) {
	names := []string{}
	err := q.SelectContext(ctx, &names, `SELECT DISTINCT who FROM (
		SELECT opened_by AS who, opened_at AS at FROM case_file WHERE ref = $1 UNION ALL
		SELECT author, made_at FROM motion WHERE ref = $1 UNION ALL
		SELECT d.staff, d.at FROM decision d JOIN task t ON t.id = d.task WHERE t.ref = $1) AS part
		WHERE at <= $2 ORDER BY who`, ref, at)
	return names, err
}

// complainedAbout is the case that a complaint is about; empty for every other case.
func complainedAbout(ctx context.Context, q querier, ref contract.Ref) (about contract.Ref, err error) {
	err = q.GetContext(ctx, &about, `SELECT coalesce((SELECT about FROM case_file WHERE ref = $1), '')`, ref)
	return about, err
}

// notComplainedAbout refuses to forget a case of which an open complaint is: whoever answers it must see it.
func notComplainedAbout(ctx context.Context, tx *sqlx.Tx, ref contract.Ref) error {
	var open bool
	err := tx.GetContext(ctx, &open, `SELECT EXISTS (SELECT FROM case_file WHERE about = $1 AND closed_at IS NULL)`, ref)
	if err == nil && open {
		err = fault.Newf(contract.ErrNotOpen, "an open complaint is about %s: it is not forgotten", ref)
	}
	return err
}
