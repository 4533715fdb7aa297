package casefile

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
)

const (
	domainErased       = "habeas erased v1"
	domainErasedPerson = "habeas erased person v1"
)

// ErasedKey is the kind under which the key of a directory row is remembered.
func ErasedKey(system, collection string) string { return "key of " + system + "." + collection }

// ErasedHash is what is remembered of an identity, or a key, of somebody who was erased.
func (s *Store) ErasedHash(kind, value string) []byte {
	return s.keys.KeyedHash(domainErased, digestOf("erased", []byte(kind), []byte(value)))
}

// PutErasedPerson remembers somebody by keyed hashes until then. Again: nothing but a later end.
func (s *Store) PutErasedPerson(ctx context.Context, ref contract.Ref, hashes [][]byte, at, until time.Time) error {
	if len(hashes) == 0 {
		return nil
	}
	person := s.keys.KeyedHash(domainErasedPerson, []byte(ref))
	return s.tx(ctx, "remember who was erased", func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO erased (person, hash, erased_at, keep_until) SELECT $1, h, $3, $4 FROM unnest($2::bytea[]) AS h
			ON CONFLICT (hash, person) DO UPDATE SET keep_until = greatest(erased.keep_until, excluded.keep_until)`,
			person, pq.ByteaArray(hashes), at.UTC(), until.UTC())
		return err
	})
}

// ErasedHit is a hash that was remembered.
type ErasedHit struct {
	Person   string // hex
	Hash     []byte
	ErasedAt time.Time
}

// Erased looks hashes up among those of people who were erased since; those whose time is over count no
// more.
func (s *Store) Erased(ctx context.Context, hashes [][]byte, since time.Time) ([]ErasedHit, error) {
	var rows []struct {
		Person   []byte    `db:"person"`
		Hash     []byte    `db:"hash"`
		ErasedAt time.Time `db:"erased_at"`
	}
	err := s.db.SelectContext(ctx, &rows, `SELECT person, hash, erased_at FROM erased WHERE hash = ANY($1) AND erased_at >= $2 AND keep_until > $3
		ORDER BY person, hash`, pq.ByteaArray(hashes), since.UTC(), s.now())
	hits := make([]ErasedHit, len(rows))
	for i, row := range rows {
		hits[i] = ErasedHit{Person: hex.EncodeToString(row.Person), Hash: row.Hash, ErasedAt: row.ErasedAt.UTC()}
	}
	return hits, dbError("look up who was erased", err)
}

// DropErased forgets whom no backup holds any more.
func (s *Store) DropErased(ctx context.Context) error {
	return s.alone(ctx, "forget who was erased", `DELETE FROM erased WHERE keep_until <= $1`, s.now())
}
