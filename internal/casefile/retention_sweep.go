package casefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

const fieldPosition = "retention.position"

// Position opens where the sweep of a run stands; nil when it has not begun.
func (s *Store) Position(ctx context.Context, ref contract.Ref) ([]byte, error) {
	var sealed []byte
	if err := s.db.GetContext(ctx, &sealed, `SELECT position FROM retention_run WHERE ref = $1`, ref); err != nil {
		return nil, dbError("read where a sweep stands", err)
	}
	if sealed == nil {
		return nil, nil
	}
	return s.Unseal(ctx, ref, fieldPosition, sealed)
}

// PutPosition keeps where the sweep of a run stands and how many rows are done; the keys of a batch
// that was dealt with go into the run's hash.
func (s *Store) PutPosition(ctx context.Context, ref contract.Ref, position []byte, done int64, keys [][]string) error {
	return s.tx(ctx, "keep where a sweep stands", func(tx *sqlx.Tx) error {
		r, err := readRun(ctx, tx, ref, "FOR NO KEY UPDATE")
		if err != nil {
			return err
		}
		if r.EndedAt != nil {
			return fault.Newf(contract.ErrNotOpen, "%s has ended", ref)
		}
		sealed, err := s.sealIn(ctx, tx, ref, fieldPosition, position)
		if err != nil {
			return err
		}
		hash, batches := r.KeysHash, r.Batches
		if keys != nil {
			hash, batches = s.keys.KeyedHash("habeas retention batch v1", digestOf("batch", append([][]byte{hash}, flat(keys)...)...)), batches+1
		}
		_, err = tx.ExecContext(ctx, `UPDATE retention_run SET position = $2, done = $3, keys_hash = $4, batches = $5, begun_at = coalesce(begun_at, $6), state = 'sweeping'
			WHERE ref = $1`, ref, sealed, done, hash, batches, s.now())
		return err
	})
}

// flat are the keys one behind the other, each field behind its length by whoever hashes them.
func flat(keys [][]string) [][]byte {
	var out [][]byte
	for _, tuple := range keys {
		for _, field := range tuple {
			out = append(out, []byte(field))
		}
	}
	return out
}

// keptKey is the keyed hash of a row's key, for one run.
func (s *Store) keptKey(ref contract.Ref, tuple []string) []byte {
	return s.keys.KeyedHash("habeas retention row v1", digestOf(string(ref), flat([][]string{tuple})...))[:16]
}

// KeepRows has a run leave rows alone. Again is nothing.
func (s *Store) KeepRows(ctx context.Context, ref contract.Ref, keys [][]string) error {
	hashes := make(pq.ByteaArray, len(keys))
	for i, tuple := range keys {
		hashes[i] = s.keptKey(ref, tuple)
	}
	_, err := s.db.ExecContext(ctx, `INSERT INTO retention_kept (ref, key) SELECT $1, k FROM unnest($2::bytea[]) AS u (k) ON CONFLICT DO NOTHING`, ref, hashes)
	return dbError("keep rows from a sweep", err)
}

// KeptRows says which of the rows a run leaves alone.
func (s *Store) KeptRows(ctx context.Context, ref contract.Ref, keys [][]string) ([]bool, error) {
	out := make([]bool, len(keys))
	var some bool
	if err := s.db.GetContext(ctx, &some, `SELECT EXISTS (SELECT FROM retention_kept WHERE ref = $1)`, ref); err != nil || !some {
		return out, dbError("look which rows are kept", err)
	}
	hashes, at := make(pq.ByteaArray, len(keys)), map[string]int{}
	for i, tuple := range keys {
		hashes[i] = s.keptKey(ref, tuple)
		at[string(hashes[i])] = i
	}
	var kept [][]byte
	if err := s.db.SelectContext(ctx, &kept, `SELECT key FROM retention_kept WHERE ref = $1 AND key = ANY($2::bytea[])`, ref, hashes); err != nil {
		return nil, dbError("look which rows are kept", err)
	}
	for _, k := range kept {
		out[at[string(k)]] = true
	}
	return out, nil
}

// SpareKeys are the keys of the discovery of the n-th account whose rows a run leaves alone.
func (s *Store) SpareKeys(ref contract.Ref, n int) *KeyStore {
	return &KeyStore{store: s, ref: ref, space: fmt.Sprintf("spare-%d", n)}
}

// Spared is somebody whose rows no sweep touches: under a legal hold (Kind and Index), or with an open
// case.
type Spared struct {
	Ref   contract.Ref
	Kind  string
	Index []byte
}

// Spared lists the standing holds over people, and the open cases.
func (s *Store) Spared(ctx context.Context, pins Pins) ([]Spared, error) {
	list, err := s.spared(ctx, s.db, pins)
	return list, dbError("list whose rows are left alone", err)
}

func (s *Store) spared(ctx context.Context, q querier, pins Pins) ([]Spared, error) {
	var rows []holdRow
	if err := q.SelectContext(ctx, &rows, selectHold+` WHERE scope = 'person' ORDER BY ref`); err != nil {
		return nil, err
	}
	var list []Spared
	for _, row := range rows {
		standing, err := s.standing(ctx, q, row, pins)
		if err != nil {
			return nil, err
		}
		if standing {
			list = append(list, Spared{Ref: row.Ref, Kind: row.PersonKind, Index: row.PersonIndex})
		}
	}
	var open []contract.Ref
	err := q.SelectContext(ctx, &open, `SELECT ref FROM case_file WHERE closed_at IS NULL ORDER BY ref`)
	for _, ref := range open {
		list = append(list, Spared{Ref: ref})
	}
	return list, err
}

// MarkSpared notes for which holds and cases a run has looked.
func (s *Store) MarkSpared(ctx context.Context, ref contract.Ref, list []Spared) error {
	refs := make([]string, len(list))
	for i, one := range list {
		refs[i] = string(one.Ref)
	}
	_, err := s.db.ExecContext(ctx, `INSERT INTO retention_known (ref, other) SELECT $1, o FROM unnest($2::text[]) AS u (o) ON CONFLICT DO NOTHING`, ref, pq.Array(refs))
	return dbError("note whose rows are left alone", err)
}

// GuardedSweep runs one batch of a sweep while it holds the lock under which no hold can be placed. A
// standing hold on the collection or its system is a contract.ErrHeld. A hold over a person, or an open
// case, for whose rows the run has not looked is a contract.ErrConflict: it has to look again first.
func (s *Store) GuardedSweep(ctx context.Context, r Run, collection string, pins Pins, batch func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, longestBatch)
	defer cancel()
	tx, err := s.db.BeginTxx(ctx, nil)
	if err != nil {
		return dbError("guard a sweep", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := s.guard(ctx, tx, r.Ref, Target{Collections: map[string][]string{r.System: {collection}}}, pins); err != nil {
		return dbError("guard a sweep", err)
	}
	if err := s.nobodyNew(ctx, tx, r.Ref, pins); err != nil {
		return dbError("guard a sweep", err)
	}
	if err := batch(ctx); err != nil {
		return err
	}
	return dbError("guard a sweep", tx.Commit())
}

func (s *Store) nobodyNew(ctx context.Context, tx *sqlx.Tx, ref contract.Ref, pins Pins) error {
	list, err := s.spared(ctx, tx, pins)
	if err != nil || len(list) == 0 {
		return err
	}
	var known []contract.Ref
	if err := tx.SelectContext(ctx, &known, `SELECT other FROM retention_known WHERE ref = $1 ORDER BY other`, ref); err != nil {
		return err
	}
	for _, one := range list {
		if _, found := slices.BinarySearch(known, one.Ref); !found {
			return fault.Newf(contract.ErrConflict, "%s has not looked for the rows of %s yet", ref, one.Ref)
		}
	}
	return nil
}

// Pause is whether the retention of a system is paused, and who said so.
type Pause struct {
	System string    `json:"system"`
	Paused bool      `json:"paused"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

const fieldPause = "retention.pause"

// PutPause pauses or resumes the retention of a system.
func (s *Store) PutPause(ctx context.Context, p Pause) error {
	_, err := s.newRef(ctx, contract.KindRetention, "pause retention", func(tx *sqlx.Tx, ref contract.Ref, key *seal.RefKey) error {
		sealed, err := key.Seal(fieldPause, []byte(p.Reason))
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO retention_pause (ref, system, paused, by, reason, at) VALUES ($1, $2, $3, $4, $5, $6)`,
			ref, p.System, p.Paused, p.By, sealed, s.now()); err != nil {
			return err
		}
		return s.begin(ctx, tx, ref, map[bool]string{true: "retention.paused", false: "retention.resumed"}[p.Paused], map[string]any{"system": p.System, "by": p.By})
	})
	return err
}

// RetentionPause says whether the retention of a system is paused; zero when it never was.
func (s *Store) RetentionPause(ctx context.Context, system string) (Pause, error) {
	var row struct {
		Ref    contract.Ref `db:"ref"`
		Paused bool         `db:"paused"`
		By     string       `db:"by"`
		Reason []byte       `db:"reason"`
		At     time.Time    `db:"at"`
	}
	err := s.db.GetContext(ctx, &row, `SELECT ref, paused, by, reason, at FROM retention_pause WHERE system = $1 ORDER BY at DESC, ref LIMIT 1`, system)
	if errors.Is(err, sql.ErrNoRows) {
		return Pause{System: system}, nil
	}
	if err != nil {
		return Pause{}, dbError("look for a pause", err)
	}
	reason, err := s.Unseal(ctx, row.Ref, fieldPause, row.Reason)
	return Pause{System: system, Paused: row.Paused, By: row.By, Reason: string(reason), At: row.At.UTC()}, err
}
