package casefile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

const fieldPosition = "retention.position"

// Swept is where the sweep of a run stands: its position (nil before it has begun), and the keyed hash
// over the keys of its batches so far, by which whoever writes the next one shows that it knows this one.
type Swept struct {
	Position []byte
	KeysHash []byte
}

// Position opens where the sweep of a run stands.
func (s *Store) Position(ctx context.Context, ref contract.Ref) (Swept, error) {
	var row struct {
		Position []byte `db:"position"`
		Hash     []byte `db:"keys_hash"`
	}
	if err := s.db.GetContext(ctx, &row, `SELECT position, keys_hash FROM retention_run WHERE ref = $1`, ref); err != nil {
		return Swept{}, dbError("read where a sweep stands", err)
	}
	out := Swept{KeysHash: row.Hash}
	if row.Position == nil {
		return out, nil
	}
	var err error
	out.Position, err = s.Unseal(ctx, ref, fieldPosition, row.Position)
	return out, err
}

// PutPosition keeps where the sweep of a run stands and how many rows are done, and gives the run's hash
// then, into which the digest of the keys of a batch that was dealt with goes (nil: there was none). It takes one way to the
// server. Error: contract.ErrNotOpen when the run has ended, contract.ErrConflict when somebody else sweeps.
func (s *Store) PutPosition(ctx context.Context, ref contract.Ref, was, position []byte, done int64, digest []byte) ([]byte, error) {
	sealed, err := s.Seal(ctx, ref, fieldPosition, position)
	if err != nil {
		return nil, err
	}
	hash, batches := was, 0
	if digest != nil {
		hash, batches = s.keys.KeyedHash("habeas retention batch v1", digestOf("batch", was, digest)), 1
	}
	made, err := s.db.ExecContext(ctx, `UPDATE retention_run SET position = $2, done = $3, keys_hash = $4, batches = batches + $5, begun_at = coalesce(begun_at, $6), state = 'sweeping'
		WHERE ref = $1 AND ended_at IS NULL AND keys_hash = $7`, ref, sealed, done, hash, batches, s.now(), was)
	if err != nil {
		return nil, dbError("keep where a sweep stands", err)
	}
	if n, err := made.RowsAffected(); err != nil || n > 0 {
		return hash, dbError("keep where a sweep stands", err)
	}
	r, err := s.Run(ctx, ref)
	switch {
	case err != nil:
		return nil, err
	case r.EndedAt != nil:
		return nil, fault.Newf(contract.ErrNotOpen, "%s has ended", ref)
	}
	return nil, fault.Newf(contract.ErrConflict, "%s is swept by somebody else at the same time", ref)
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

// Why a run leaves rows alone.
const (
	KeptHeld     = "held"     // a legal hold or an open case
	KeptExtended = "extended" // a decision to keep the person's rows longer
)

// KeepRows has a run leave rows alone, for one of Kept…. Again is nothing: the first reason stays.
func (s *Store) KeepRows(ctx context.Context, ref contract.Ref, why string, keys [][]string) error {
	hashes := make(pq.ByteaArray, len(keys))
	for i, tuple := range keys {
		hashes[i] = s.keptKey(ref, tuple)
	}
	_, err := s.db.ExecContext(ctx, `INSERT INTO retention_kept (ref, key, why) SELECT $1, k, $3 FROM unnest($2::bytea[]) AS u (k) ON CONFLICT DO NOTHING`, ref, hashes, why)
	return dbError("keep rows from a sweep", err)
}

// KeepsRows says whether a run leaves any rows alone.
func (s *Store) KeepsRows(ctx context.Context, ref contract.Ref) (bool, error) {
	var some bool
	err := s.db.GetContext(ctx, &some, `SELECT EXISTS (SELECT FROM retention_kept WHERE ref = $1)`, ref)
	return some, dbError("look whether rows are kept", err)
}

// KeptRows says why a run leaves rows alone, by their keys: one of Kept…, or empty where it does not.
func (s *Store) KeptRows(ctx context.Context, ref contract.Ref, keys [][]string) ([]string, error) {
	out := make([]string, len(keys))
	if some, err := s.KeepsRows(ctx, ref); err != nil || !some {
		return out, err
	}
	hashes, at := make(pq.ByteaArray, len(keys)), map[string]int{}
	for i, tuple := range keys {
		hashes[i] = s.keptKey(ref, tuple)
		at[string(hashes[i])] = i
	}
	var kept []struct {
		Key []byte `db:"key"`
		Why string `db:"why"`
	}
	if err := s.db.SelectContext(ctx, &kept, `SELECT key, why FROM retention_kept WHERE ref = $1 AND key = ANY($2::bytea[])`, ref, hashes); err != nil {
		return nil, dbError("look which rows are kept", err)
	}
	for _, k := range kept {
		out[at[string(k.Key)]] = k.Why
	}
	return out, nil
}

// SpareKeys are the keys of the discovery of the n-th account whose rows a run leaves alone.
func (s *Store) SpareKeys(ref contract.Ref, n int) *KeyStore {
	return &KeyStore{store: s, ref: ref, space: fmt.Sprintf("spare-%d", n)}
}

// Spared is somebody whose rows no sweep touches: under a legal hold, or by a decision to keep them longer
// (Kind and Index), or with an open case.
type Spared struct {
	Ref   contract.Ref
	Kind  string
	Index []byte
	Why   string // one of Kept…
}

// Spared lists the standing holds over people, the open cases, and the extensions over people that stand
// at a nominal time; in this order.
func (s *Store) Spared(ctx context.Context, at time.Time, pins Pins) ([]Spared, error) {
	list, err := s.spared(ctx, s.db, at, pins)
	return list, dbError("list whose rows are left alone", err)
}

func (s *Store) spared(ctx context.Context, q querier, at time.Time, pins Pins) ([]Spared, error) {
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
			list = append(list, Spared{Ref: row.Ref, Kind: row.PersonKind, Index: row.PersonIndex, Why: KeptHeld})
		}
	}
	var open []contract.Ref
	if err := q.SelectContext(ctx, &open, `SELECT ref FROM case_file WHERE closed_at IS NULL ORDER BY ref`); err != nil {
		return nil, err
	}
	for _, ref := range open {
		list = append(list, Spared{Ref: ref, Why: KeptHeld})
	}
	extended, err := s.extended(ctx, q, at, pins)
	for _, e := range extended {
		if e.Statement.Scope == ExtendPerson {
			list = append(list, Spared{Ref: e.Ref, Kind: e.Statement.Kind, Index: e.Statement.Index, Why: KeptExtended})
		}
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
// standing hold on the collection or its system is a contract.ErrHeld, and so is an extension of the rule. A
// hold or an extension over a person, or an open case, for whose rows the run has not looked is a
// contract.ErrConflict: it has to look again first.
func (s *Store) GuardedSweep(ctx context.Context, r Run, collection string, pins Pins, batch func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, longestBatch)
	defer cancel()
	tx, err := s.db.BeginTxx(ctx, nil)
	if err != nil {
		return dbError("guard a sweep", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := s.guardSweep(ctx, tx, r, collection, pins); err != nil {
		return dbError("guard a sweep", err)
	}
	if err := batch(ctx); err != nil {
		return err
	}
	return dbError("guard a sweep", tx.Commit())
}

// guardSweep takes the lock, and then looks in one statement whether there is anything to look at: for
// most batches there is not.
func (s *Store) guardSweep(ctx context.Context, tx *sqlx.Tx, r Run, collection string, pins Pins) error {
	// The transaction is idle while the batch runs in another database.
	if _, err := tx.ExecContext(ctx, `SELECT set_config('idle_in_transaction_session_timeout', '120s', true), pg_advisory_xact_lock_shared($1)`, int64(lockHolds)); err != nil {
		return err
	}
	var is struct {
		Over     bool `db:"over"`
		Persons  bool `db:"persons"`
		Opened   bool `db:"opened"`
		Extended bool `db:"extended"`
	}
	if err := tx.GetContext(ctx, &is, `SELECT EXISTS (SELECT FROM hold WHERE scope <> 'person' AND system = $2) AS over, EXISTS (SELECT FROM hold WHERE scope = 'person') AS persons,
		EXISTS (SELECT FROM case_file c WHERE c.closed_at IS NULL AND NOT EXISTS (SELECT FROM retention_known k WHERE k.ref = $1 AND k.other = c.ref)) AS opened,
		EXISTS (SELECT FROM retention_extension WHERE granted AND until > $3) AS extended`, r.Ref, r.System, r.Nominal); err != nil {
		return err
	}
	if is.Over {
		held, err := s.heldIn(ctx, tx, Target{Collections: map[string][]string{r.System: {collection}}}, pins)
		if err != nil {
			return err
		}
		if len(held) > 0 {
			return fault.Newf(contract.ErrHeld, "%s: a legal hold covers a part of %s", r.Ref, held[0])
		}
	}
	if is.Extended {
		e, err := s.extendedRule(ctx, tx, r.System, r.Rule, r.Nominal, pins)
		if err != nil {
			return err
		}
		if e != nil {
			return fault.Newf(contract.ErrHeld, "%s: the rule is extended by %s", r.Ref, e.Ref)
		}
	}
	if is.Persons || is.Opened || is.Extended {
		return s.nobodyNew(ctx, tx, r, pins)
	}
	return nil
}

func (s *Store) nobodyNew(ctx context.Context, tx *sqlx.Tx, r Run, pins Pins) error {
	list, err := s.spared(ctx, tx, r.Nominal, pins)
	if err != nil || len(list) == 0 {
		return err
	}
	var known []contract.Ref
	if err := tx.SelectContext(ctx, &known, `SELECT other FROM retention_known WHERE ref = $1 ORDER BY other`, r.Ref); err != nil {
		return err
	}
	for _, one := range list {
		if _, found := slices.BinarySearch(known, one.Ref); !found {
			return fault.Newf(contract.ErrConflict, "%s has not looked for the rows of %s yet", r.Ref, one.Ref)
		}
	}
	return nil
}
