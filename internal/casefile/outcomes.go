package casefile

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// PersonOutcome is what became of one person of a frozen list. Key is a keyed hash: without the
// installation nobody knows whose row it is.
type PersonOutcome struct {
	N         int64         `db:"n"`
	Key       []byte        `db:"key"`
	Lang      string        `db:"lang"`
	Scopes    pq.Int64Array `db:"scopes"`
	Wave      int           `db:"wave"`
	State     string        `db:"state"`
	Reply     string        `db:"reply"`
	Attempts  int           `db:"attempts"`
	Repeated  int           `db:"repeated"`
	Unclear   int           `db:"unclear"`
	SentAt    *time.Time    `db:"sent_at"`
	Bounce    string        `db:"bounce"`
	BouncedAt *time.Time    `db:"bounced_at"`
	Step      string        `db:"step"`
	ToldAt    *time.Time    `db:"told_at"`
}

// Outcomes yields what became of everybody of a wave in the order of the list; wave 0 is all. It
// streams from one snapshot.
func (s *Store) Outcomes(ctx context.Context, ref contract.Ref, wave int, yield func(PersonOutcome) error) error {
	return s.tx(ctx, "read what became of the people", func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `SET LOCAL statement_timeout = '1h'`); err != nil {
			return err
		}
		rows, err := tx.QueryxContext(ctx, `SELECT n, key, lang, scopes, wave, state, reply, attempts, repeated, unclear, sent_at, bounce, bounced_at, step, told_at
			FROM recipient WHERE ref = $1 AND ($2 = 0 OR wave = $2) ORDER BY n`, ref, wave)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var p PersonOutcome
			if err := rows.StructScan(&p); err != nil {
				return err
			}
			p.SentAt, p.BouncedAt, p.ToldAt = utc(p.SentAt), utc(p.BouncedAt), utc(p.ToldAt)
			if err := yield(p); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// FirstTold is when the first letter of a notice was taken, or the first person told by another way;
// nil before.
func (s *Store) FirstTold(ctx context.Context, ref contract.Ref) (*time.Time, error) {
	var at sql.NullTime
	err := s.db.GetContext(ctx, &at, `SELECT least(min(sent_at), min(told_at)) FROM recipient WHERE ref = $1`, ref)
	if err != nil || !at.Valid {
		return nil, dbError("see when the first letter went", err)
	}
	first := at.Time.UTC()
	return &first, nil
}

// AddressKey is the key under which somebody with that e-mail address stands on a list.
func (s *Store) AddressKey(email string) []byte { return s.personKey(Addressee{Email: email}) }
