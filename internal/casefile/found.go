package casefile

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// KeyStore keeps the keys that discovery materialised for one reference, in sealed chunks.
type KeyStore struct {
	store *Store
	ref   contract.Ref
	space string
}

// KeyStore binds the store of keys to ref.
func (s *Store) KeyStore(ref contract.Ref) *KeyStore { return &KeyStore{store: s, ref: ref} }

// FrozenKeys are the keys that a plan froze.
func (s *Store) FrozenKeys(ref contract.Ref, plan int) *KeyStore {
	return &KeyStore{store: s, ref: ref, space: fmt.Sprintf("plan-%d", plan)}
}

// AnewKeys are those of the discovery before a plan that follows one that was begun.
func (s *Store) AnewKeys(ref contract.Ref, plan int) *KeyStore {
	return &KeyStore{store: s, ref: ref, space: fmt.Sprintf("anew-%d", plan)}
}

// FreshKeys are those of the discovery after a plan, for its read-back.
func (s *Store) FreshKeys(ref contract.Ref, plan int) *KeyStore {
	return &KeyStore{store: s, ref: ref, space: fmt.Sprintf("fresh-%d", plan)}
}

func (k *KeyStore) field(collection, columns string, chunk int) string {
	name := "case.keys"
	if k.space != "" {
		name += "/" + k.space
	}
	return fmt.Sprintf("%s:%s:%s:%d", name, collection, columns, chunk)
}

func columnsText(columns []string) string {
	text, _ := json.Marshal(columns) // strings always encode
	return string(text)
}

// PutKeys keeps one chunk of key tuples. The same collection, columns and chunk again replaces it,
// so that a repeated discovery ends with what it found last.
func (k *KeyStore) PutKeys(ctx context.Context, collection string, columns []string, chunk int, keys [][]string) error {
	plain, err := json.Marshal(keys)
	if err != nil {
		return fmt.Errorf("writing keys of %s: %w", collection, err)
	}
	names := columnsText(columns)
	sealed, err := k.store.Seal(ctx, k.ref, k.field(collection, names, chunk), plain)
	if err != nil {
		return err
	}
	_, err = k.store.db.ExecContext(ctx, `INSERT INTO found_keys (ref, space, collection, columns, chunk, keys) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (ref, space, collection, columns, chunk) DO UPDATE SET keys = excluded.keys`, k.ref, k.space, collection, names, chunk, sealed)
	return dbError("keep the keys found", err)
}

// TrimKeys drops the chunks from the given one on: what an earlier, longer discovery left behind.
func (k *KeyStore) TrimKeys(ctx context.Context, collection string, columns []string, from int) error {
	_, err := k.store.db.ExecContext(ctx, `DELETE FROM found_keys WHERE ref = $1 AND collection = $2 AND columns = $3 AND chunk >= $4 AND space = $5`,
		k.ref, collection, columnsText(columns), from, k.space)
	return dbError("drop keys found before", err)
}

// Keys yields the chunks in order, each opened when its turn comes; no connection is held while
// yield runs. Keys may be personal data.
func (k *KeyStore) Keys(ctx context.Context, collection string, columns []string, yield func(keys [][]string) error) error {
	names, after := columnsText(columns), -1
	for {
		var rows []struct {
			Chunk int    `db:"chunk"`
			Keys  []byte `db:"keys"`
			More  bool   `db:"more"` // most sets are one chunk: nothing is asked for twice
		}
		if err := k.store.db.SelectContext(ctx, &rows, `SELECT chunk, keys, EXISTS (SELECT FROM found_keys AS later
				WHERE later.ref = f.ref AND later.space = f.space AND later.collection = f.collection AND later.columns = f.columns AND later.chunk > f.chunk) AS more
			FROM found_keys AS f WHERE ref = $1 AND space = $5 AND collection = $2 AND columns = $3 AND chunk > $4 ORDER BY chunk LIMIT 1`,
			k.ref, collection, names, after, k.space); err != nil {
			return dbError("read the keys found", err)
		}
		if len(rows) == 0 {
			return nil
		}
		after = rows[0].Chunk
		plain, err := k.store.Unseal(ctx, k.ref, k.field(collection, names, after), rows[0].Keys)
		if err != nil {
			return err
		}
		var keys [][]string
		if err := json.Unmarshal(plain, &keys); err != nil {
			return fault.Newf(contract.ErrTampered, "the keys found in %s do not read as JSON", collection)
		}
		if err := yield(keys); err != nil || !rows[0].More {
			return err
		}
	}
}

// PutCounts keeps how many rows discovery found, by "system.collection"; later counts replace
// earlier ones. Counts are not secret.
func (s *Store) PutCounts(ctx context.Context, ref contract.Ref, rows map[string]int64) error {
	if len(rows) == 0 {
		return nil
	}
	return s.tx(ctx, "keep the counts", func(tx *sqlx.Tx) error {
		var names []string
		var counts []int64
		var total int64
		for name, n := range rows {
			names, counts, total = append(names, name), append(counts, n), total+n
		}
		changed, err := tx.ExecContext(ctx, `INSERT INTO found_count AS had (ref, collection, rows)
			SELECT $1, collection, rows FROM unnest($2::text[], $3::bigint[]) AS v (collection, rows) ORDER BY collection
			ON CONFLICT (ref, collection) DO UPDATE SET rows = excluded.rows WHERE had.rows <> excluded.rows`,
			ref, pq.Array(names), pq.Array(counts))
		if err != nil {
			return err
		}
		if n, err := changed.RowsAffected(); err != nil || n == 0 {
			return err
		}
		detail := map[string]any{"collections": len(names), "rows": total}
		if len(names) <= 50 {
			for name, n := range maps.All(rows) {
				detail["in "+name] = n
			}
		}
		return s.record(ctx, tx, ref, "rows.found", detail)
	})
}

// Counts are how many rows discovery found, by "system.collection".
func (s *Store) Counts(ctx context.Context, ref contract.Ref) (map[string]int64, error) {
	var rows []struct {
		Collection string `db:"collection"`
		Rows       int64  `db:"rows"`
	}
	if err := s.db.SelectContext(ctx, &rows, `SELECT collection, rows FROM found_count WHERE ref = $1`, ref); err != nil {
		return nil, dbError("read the counts", err)
	}
	counts := make(map[string]int64, len(rows))
	for _, row := range rows {
		counts[row.Collection] = row.Rows
	}
	return counts, nil
}
