package casefile

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// Consent is what a reader said to one change of the policy. Change is the hash of the change as it
// was shown.
type Consent struct {
	Change []byte `db:"change"`
	Agreed bool   `db:"agreed"`
}

// PutConsents writes what the reader of letter n said. What was said before stays; the latest holds.
func (s *Store) PutConsents(ctx context.Context, ref contract.Ref, n int64, said []Consent) error {
	return s.tx(ctx, "write a consent", func(tx *sqlx.Tx) error {
		for _, c := range said {
			if _, err := tx.ExecContext(ctx, `INSERT INTO notice_consent (ref, n, change, agreed, at) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT ON CONSTRAINT notice_consent_once_at_a_time DO NOTHING`, ref, n, c.Change, c.Agreed, s.now()); err != nil {
				return err
			}
		}
		return nil
	})
}

// Consents is what the reader of letter n said last to each change.
func (s *Store) Consents(ctx context.Context, ref contract.Ref, n int64) ([]Consent, error) {
	var list []Consent
	err := s.db.SelectContext(ctx, &list, `SELECT DISTINCT ON (change) change, agreed FROM notice_consent WHERE ref = $1 AND n = $2 ORDER BY change, at DESC`, ref, n)
	return list, dbError("read what somebody consented to", err)
}

// CountConsents says how many of the list have agreed to a change; all others have not.
func (s *Store) CountConsents(ctx context.Context, ref contract.Ref, change []byte) (agreed, people int64, err error) {
	var row struct {
		Agreed int64 `db:"agreed"`
		People int64 `db:"people"`
	}
	err = s.db.GetContext(ctx, &row, `SELECT (SELECT count(*) FROM recipient WHERE ref = $1) AS people,
		(SELECT count(*) FROM (SELECT DISTINCT ON (n) agreed FROM notice_consent WHERE ref = $1 AND change = $2 ORDER BY n, at DESC) AS said WHERE agreed) AS agreed`, ref, change)
	return row.Agreed, row.People, dbError("count who agreed", err)
}

// NotAgreed gives those of the list who have not agreed to a change, a page at a time behind after:
// silence is no consent.
func (s *Store) NotAgreed(ctx context.Context, ref contract.Ref, change []byte, after int64, limit int) ([]Recipient, error) {
	var rows []recipientRow
	if err := s.db.SelectContext(ctx, &rows, `SELECT `+recipientColumns+` FROM recipient r WHERE ref = $1 AND n > $3
		AND NOT coalesce((SELECT agreed FROM notice_consent c WHERE c.ref = r.ref AND c.n = r.n AND c.change = $2 ORDER BY at DESC LIMIT 1), false)
		ORDER BY n LIMIT $4`, ref, change, after, limit); err != nil {
		return nil, dbError("list who has not agreed", err)
	}
	return s.openRecipients(ctx, ref, rows)
}
