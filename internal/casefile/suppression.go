package casefile

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// SuppressionHash is what stands for an address on the suppression list: a PRF of its kind ("email",
// "mobile") and its normalised form. The key is never rotated, and whoever reads the table without it
// can compare nothing: a list of plain hashes of addresses is a list of addresses.
func (s *Store) SuppressionHash(kind, normalised string) []byte {
	return s.keys.KeyedHash("habeas suppression v1", []byte(kind+"\x00"+normalised))
}

// suppress puts addresses on the list of the case's scope. One that stands there keeps since when.
func (s *Store) suppress(ctx context.Context, tx *sqlx.Tx, ref contract.Ref, n NewCase) error {
	for _, address := range n.Suppress {
		if _, err := tx.ExecContext(ctx, `INSERT INTO suppression (scope, address, since, channel, ref, asked_at) VALUES ($1, $2, $3, $4, $5, $3)
			ON CONFLICT (scope, address) DO UPDATE SET ref = excluded.ref, asked_at = excluded.asked_at`,
			n.Scope, address, s.now(), n.Channel, ref); err != nil {
			return err
		}
	}
	return nil
}

// Suppressed says which of the addresses stand on the list of the scope, by their place in addresses.
func (s *Store) Suppressed(ctx context.Context, scope string, addresses [][]byte) (map[int]bool, error) {
	var found [][]byte
	err := s.db.SelectContext(ctx, &found, `SELECT address FROM suppression WHERE scope = $1 AND address = ANY($2)`, scope, pq.ByteaArray(addresses))
	if err != nil {
		return nil, dbError("read the suppression list", err)
	}
	on := map[string]bool{}
	for _, address := range found {
		on[string(address)] = true
	}
	places := map[int]bool{}
	for i, address := range addresses {
		if on[string(address)] {
			places[i] = true
		}
	}
	return places, nil
}

// LeaveOut ends the letters of people who have objected: they are not written to, and not told by
// another way either.
func (s *Store) LeaveOut(ctx context.Context, ref contract.Ref, numbers []int64) error {
	return s.alone(ctx, "leave out who has objected", `UPDATE recipient SET state = 'suppressed', next_at = NULL
		WHERE ref = $1 AND n = ANY ($2::bigint[]) AND state IN ('waiting', 'claimed', 'deferred', 'refused', 'bounced', 'expired', 'unclear', 'nomail')`, ref, pq.Array(numbers))
}

// LastOptOut is the case in which the address was put on the list last, and when; contract.ErrNotFound
// when it does not stand there.
func (s *Store) LastOptOut(ctx context.Context, scope string, address []byte) (contract.Ref, time.Time, error) {
	var row struct {
		Ref contract.Ref `db:"ref"`
		At  time.Time    `db:"asked_at"`
	}
	err := s.db.GetContext(ctx, &row, `SELECT ref, asked_at FROM suppression WHERE scope = $1 AND address = $2`, scope, address)
	if errors.Is(err, sql.ErrNoRows) {
		return "", time.Time{}, notFound("entry of the suppression list", scope)
	}
	return row.Ref, row.At.UTC(), dbError("read the suppression list", err)
}
