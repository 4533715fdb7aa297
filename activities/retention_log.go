package activities

import (
	"context"
	"encoding/json"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/retention"
)

// SweepLog is the log of a sweep in the casefile. It is one sweep's: Position comes first.
type SweepLog struct {
	store *casefile.Store
	ref   contract.Ref
	hash  []byte // of the run, as this sweep knows it
}

// NewSweepLog is the log of the sweep of a run.
func NewSweepLog(store *casefile.Store, ref contract.Ref) *SweepLog {
	return &SweepLog{store: store, ref: ref}
}

// Position implements retention.Log.
func (l *SweepLog) Position(ctx context.Context) (retention.Position, error) {
	var p retention.Position
	swept, err := l.store.Position(ctx, l.ref)
	if err != nil {
		return p, err
	}
	l.hash = swept.KeysHash
	if swept.Position == nil {
		return p, nil
	}
	if err := json.Unmarshal(swept.Position, &p); err != nil {
		return p, fault.New(contract.ErrTampered, "where a sweep stands cannot be read", err)
	}
	return p, nil
}

// Put implements retention.Log.
func (l *SweepLog) Put(ctx context.Context, p retention.Position, done *retention.Batch) error {
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	var digest []byte
	if done != nil {
		digest = done.Digest
	}
	hash, err := l.store.PutPosition(ctx, l.ref, l.hash, raw, p.Done, digest)
	if err == nil {
		l.hash = hash
	}
	return err
}

// Keeps implements retention.Log.
func (l *SweepLog) Keeps(ctx context.Context) (bool, error) { return l.store.KeepsRows(ctx, l.ref) }

// Kept implements retention.Log.
func (l *SweepLog) Kept(ctx context.Context, keys [][]string) ([]string, error) {
	return l.store.KeptRows(ctx, l.ref, keys)
}
