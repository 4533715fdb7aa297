package casefile

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Certificate is the signed certificate of a case.
type Certificate struct {
	Ref    contract.Ref `db:"ref"`
	Plan   int          `db:"plan"`
	Body   string       `db:"body"`
	Hash   []byte       `db:"hash"` // SHA-256 of the body
	MadeAt time.Time    `db:"made_at"`
}

// PutCertificate keeps the certificate of a case. One of a later plan takes the place of the one
// before; for the same plan the first stands.
func (s *Store) PutCertificate(ctx context.Context, ref contract.Ref, plan int, body []byte) (Certificate, error) {
	sum := sha256.Sum256(body)
	err := s.tx(ctx, "keep a certificate", func(tx *sqlx.Tx) error {
		if err := takes(ctx, tx, ref); err != nil {
			return err
		}
		made, err := tx.ExecContext(ctx, `INSERT INTO certificate AS had (ref, plan, body, hash, made_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (ref) DO UPDATE SET plan = excluded.plan, body = excluded.body, hash = excluded.hash, made_at = excluded.made_at
			WHERE had.plan < excluded.plan`, ref, plan, string(body), sum[:], s.now())
		if err != nil {
			return err
		}
		if n, err := made.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.record(ctx, tx, ref, "certificate.signed", map[string]any{"plan": plan, "sha256": hex.EncodeToString(sum[:])})
	})
	if err != nil {
		return Certificate{}, err
	}
	return s.Certificate(ctx, ref)
}

// Certificate reads the certificate of a case; contract.ErrNotFound when there is none.
func (s *Store) Certificate(ctx context.Context, ref contract.Ref) (Certificate, error) {
	var c Certificate
	err := s.db.GetContext(ctx, &c, `SELECT ref, plan, body, hash, made_at FROM certificate WHERE ref = $1`, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return c, fault.Newf(contract.ErrNotFound, "%s has no certificate", ref)
	}
	c.MadeAt = c.MadeAt.UTC()
	return c, dbError("read a certificate", err)
}
