package casefile

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// IndexRow is the kind of blind index of a directory row itself, whatever identities stand in it.
const IndexRow = "directory-row"

// PutRow makes a case findable by the directory row of its verified person, and gives the other cases of
// that row and the case's kind, the last received on top. The first time it is written down how many
// there are.
func (s *Store) PutRow(ctx context.Context, ref contract.Ref, index []byte) ([]Case, error) {
	err := s.tx(ctx, "look for other cases of the same person", func(tx *sqlx.Tx) error {
		made, err := tx.ExecContext(ctx, `INSERT INTO blind_index (kind, value, ref) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, IndexRow, index, ref)
		if err != nil {
			return err
		}
		if n, err := made.RowsAffected(); err != nil || n == 0 {
			return err
		}
		list, err := related(ctx, tx, ref)
		if err != nil || len(list) == 0 {
			return err
		}
		open := 0
		for _, c := range list {
			if c.State != string(dsr.StateClosed) {
				open++
			}
		}
		return s.record(ctx, tx, ref, "case.related", map[string]any{"others": len(list), "open": open})
	})
	if err != nil {
		return nil, err
	}
	return s.Related(ctx, ref)
}

// Related lists the other cases of a case's verified person and kind, the last received on top.
func (s *Store) Related(ctx context.Context, ref contract.Ref) ([]Case, error) {
	rows, err := related(ctx, s.db, ref)
	cases := make([]Case, len(rows))
	for i := range rows {
		cases[i] = rows[i].value()
	}
	return cases, dbError("look for other cases of the same person", err)
}

func related(ctx context.Context, q querier, ref contract.Ref) (rows []caseRow, err error) {
	err = q.SelectContext(ctx, &rows, `SELECT `+caseColumns+` FROM case_file WHERE ref <> $1 AND kind = (SELECT kind FROM case_file WHERE ref = $1)
		AND ref IN (SELECT o.ref FROM blind_index b JOIN blind_index o ON o.kind = b.kind AND o.value = b.value WHERE b.ref = $1 AND b.kind = $2)
		ORDER BY received_at DESC, ref LIMIT 1000`, ref, IndexRow)
	return rows, err
}
