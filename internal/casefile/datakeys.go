package casefile

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"sync"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// keyCache keeps opened data keys, so that a case in work costs one read of its key.
type keyCache struct {
	mu   sync.Mutex
	keys map[contract.Ref]*seal.RefKey
}

const keyCacheSize = 4096

func (c *keyCache) get(ref contract.Ref) *seal.RefKey {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keys[ref]
}

// put forgets everything when it is full: simple, bounded, and a miss costs one read.
func (c *keyCache) put(ref contract.Ref, key *seal.RefKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil || len(c.keys) >= keyCacheSize {
		c.keys = make(map[contract.Ref]*seal.RefKey)
	}
	c.keys[ref] = key
}

// drop forgets the key of ref. Another process may hold it a while longer in its own memory.
func (c *keyCache) drop(ref contract.Ref) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.keys, ref)
}

// Key is the data key of ref: it seals fields and blobs and makes codes. A reference that does
// not exist or is forgotten is a contract.ErrNotFound.
func (s *Store) Key(ctx context.Context, ref contract.Ref) (*seal.RefKey, error) {
	return s.key(ctx, s.db, ref)
}

func (s *Store) key(ctx context.Context, q querier, ref contract.Ref) (*seal.RefKey, error) {
	if key := s.cache.get(ref); key != nil {
		return key, nil
	}
	wrapped, err := wrappedKey(ctx, q, ref)
	if err != nil {
		return nil, dbError("read a data key", err)
	}
	if wrapped == nil {
		return nil, notFound(string(ref.Kind()), ref.ID())
	}
	return s.openKey(ref, wrapped)
}

// wrappedKey is nil when there is none.
func wrappedKey(ctx context.Context, q querier, ref contract.Ref) ([]byte, error) {
	var wrapped []byte
	err := q.GetContext(ctx, &wrapped, `SELECT wrapped FROM data_key WHERE ref = $1`, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return wrapped, err
}

func (s *Store) openKey(ref contract.Ref, wrapped []byte) (*seal.RefKey, error) {
	key, err := s.keys.OpenRefKey(ref, wrapped)
	if err != nil {
		return nil, fault.New(contract.ErrTampered, "the data key of "+ref.String()+" does not open with this installation's keys", err)
	}
	s.cache.put(ref, key)
	return key, nil
}

// newRef draws a reference of that kind, makes its data key and runs f in the same transaction.
// An id that is taken already is drawn again.
func (s *Store) newRef(ctx context.Context, kind contract.Kind, doing string,
	f func(tx *sqlx.Tx, ref contract.Ref, key *seal.RefKey) error,
) (contract.Ref, error) {
	for range 8 {
		id, err := contract.NewID(rand.Reader)
		if err != nil {
			return "", err
		}
		ref := contract.NewRef(kind, id)
		key, wrapped, err := s.keys.NewRefKey(ref)
		if err != nil {
			return "", err
		}
		taken := false
		err = s.tx(ctx, doing, func(tx *sqlx.Tx) error {
			made, err := tx.ExecContext(ctx, `INSERT INTO data_key (ref, wrapped, created_at) VALUES ($1, $2, $3)
				ON CONFLICT (ref) DO NOTHING`, ref, wrapped, s.now())
			if err != nil {
				return err
			}
			if n, err := made.RowsAffected(); err != nil || n == 0 {
				taken = err == nil
				return err
			}
			return f(tx, ref, key)
		})
		if err != nil {
			return "", err
		}
		if !taken {
			s.cache.put(ref, key)
			return ref, nil
		}
	}
	return "", fault.New(contract.ErrInternal, "no free "+string(kind)+" number was drawn", nil)
}

// RewrapKeys wraps every data key anew that an older AEAD key wrapped, after seal.Rotate, and says
// how many. It may be stopped and run again. The role habeas_staff may not.
func (s *Store) RewrapKeys(ctx context.Context) (int64, error) {
	var done int64
	after := ""
	for {
		var page []struct {
			Ref     contract.Ref `db:"ref"`
			Wrapped []byte       `db:"wrapped"`
		}
		var changed int64
		err := s.tx(ctx, "rewrap the data keys", func(tx *sqlx.Tx) error {
			page = page[:0]
			if err := tx.SelectContext(ctx, &page, `SELECT ref, wrapped FROM data_key
				WHERE ref > $1 AND wrapped IS NOT NULL ORDER BY ref LIMIT 500 FOR UPDATE`, after); err != nil {
				return err
			}
			var refs []string
			var wrapped [][]byte
			for _, row := range page {
				anew, err := s.keys.Rewrap(row.Ref, row.Wrapped)
				if err != nil {
					return fault.New(contract.ErrTampered, "the data key of "+row.Ref.String()+" does not open", err)
				}
				if !bytes.Equal(anew, row.Wrapped) {
					refs, wrapped = append(refs, string(row.Ref)), append(wrapped, anew)
				}
			}
			changed = int64(len(refs))
			if changed == 0 {
				return nil
			}
			_, err := tx.ExecContext(ctx, `UPDATE data_key k SET wrapped = n.wrapped
				FROM unnest($1::text[], $2::bytea[]) AS n (ref, wrapped) WHERE k.ref = n.ref`,
				pq.Array(refs), pq.ByteaArray(wrapped))
			return err
		})
		if err != nil || len(page) == 0 {
			return done, err
		}
		done += changed
		after = string(page[len(page)-1].Ref)
	}
}
