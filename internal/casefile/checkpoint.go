package casefile

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"hash"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Checkpoint is a signed statement over the heads of all chains that changed since the one before,
// and over that one. The chain of checkpoints covers every chain there is.
type Checkpoint struct {
	ID        int64     `db:"id" json:"id"` // from 1
	At        time.Time `db:"at" json:"at"`
	Heads     int64     `db:"heads" json:"heads"`   // that changed
	Chains    int64     `db:"chains" json:"chains"` // covered by this one and all before
	Prev      []byte    `db:"prev" json:"prev"`     // digest of the one before; zeros on the first
	Digest    []byte    `db:"digest" json:"digest"`
	Signature []byte    `db:"signature" json:"signature"`
	// Skipped counts heads that somebody else wrote: they are not signed, and VerifyLedger names them.
	Skipped int64 `db:"-" json:"skipped,omitempty"`
}

const (
	checkpointDomain = "habeas checkpoint v1"
	checkpointPage   = 5000
)

// checkpointDigest hashes a checkpoint: its number, time and predecessor, each head by reference,
// then how many.
type checkpointDigest struct{ h hash.Hash }

func newCheckpointDigest(id int64, at time.Time, prev []byte) checkpointDigest {
	d := checkpointDigest{sha256.New()}
	d.h.Write(digestOf(checkpointDomain, uint64Bytes(id), uint64Bytes(at.UnixMicro()), prev))
	return d
}

func (d checkpointDigest) head(ref contract.Ref, seq int64, hash []byte) {
	d.h.Write(digestOf("head", []byte(ref), uint64Bytes(seq), hash))
}

func (d checkpointDigest) sum(heads, chains int64) []byte {
	d.h.Write(digestOf("end", uint64Bytes(heads), uint64Bytes(chains)))
	return d.h.Sum(nil)
}

func (s *Store) tipMAC(id int64, digest []byte) []byte {
	return s.keys.KeyedHash("habeas checkpoint tip v1", digestOf("tip", uint64Bytes(id), digest))
}

type headRow struct {
	Ref          contract.Ref `db:"ref"`
	Seq          int64        `db:"seq"`
	Hash         []byte       `db:"hash"`
	MAC          []byte       `db:"mac"`
	Checkpointed int64        `db:"checkpointed"`
}

// Checkpoint signs the heads that changed since the last one. It is made also when none did: that
// too is worth a signature. Its cost follows what changed, not how much there is. Cases go on
// meanwhile.
func (s *Store) Checkpoint(ctx context.Context) (Checkpoint, error) {
	var c Checkpoint
	err := s.tx(ctx, "sign a checkpoint", func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `SET LOCAL statement_timeout = 0`); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('habeas checkpoint', 0))`); err != nil {
			return err
		}
		last, err := s.lastCheckpoint(ctx, tx)
		if err != nil {
			return err
		}
		c = Checkpoint{ID: last.ID + 1, At: s.now(), Prev: last.Digest, Chains: last.Chains}
		digest := newCheckpointDigest(c.ID, c.At, c.Prev)
		if err := s.coverHeads(ctx, tx, &c, digest); err != nil {
			return err
		}
		c.Digest = digest.sum(c.Heads, c.Chains)
		if c.Signature, err = s.keys.Sign(checkpointDomain, c.Digest); err != nil {
			return fmt.Errorf("signing a checkpoint: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO checkpoint (id, at, heads, chains, prev, digest, signature)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`, c.ID, c.At, c.Heads, c.Chains, c.Prev, c.Digest, c.Signature); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO checkpoint_tip (id, digest, mac) VALUES ($1, $2, $3)
			ON CONFLICT (single) DO UPDATE SET id = excluded.id, digest = excluded.digest, mac = excluded.mac`,
			c.ID, c.Digest, s.tipMAC(c.ID, c.Digest)); err != nil {
			return err
		}
		// Last, so that chains are locked as briefly as can be; lines appended since stay uncovered.
		_, err = tx.ExecContext(ctx, `UPDATE ledger_head h SET checkpointed = c.seq
			FROM checkpoint_head c WHERE c.checkpoint = $1 AND c.ref = h.ref`, c.ID)
		return err
	})
	if err != nil {
		return Checkpoint{}, err
	}
	return c, nil
}

// lastCheckpoint is what the tip says. A tip that is not ours, or that lost its checkpoint, stops
// everything: signing on would hide it.
func (s *Store) lastCheckpoint(ctx context.Context, tx *sqlx.Tx) (Checkpoint, error) {
	var tip struct {
		ID     int64  `db:"id"`
		Digest []byte `db:"digest"`
		MAC    []byte `db:"mac"`
	}
	err := tx.GetContext(ctx, &tip, `SELECT id, digest, mac FROM checkpoint_tip`)
	if errors.Is(err, sql.ErrNoRows) {
		var any bool
		if err := tx.GetContext(ctx, &any, `SELECT EXISTS (SELECT FROM checkpoint) OR EXISTS (SELECT FROM ledger_head WHERE checkpointed > 0)`); err != nil {
			return Checkpoint{}, err
		}
		if any {
			return Checkpoint{}, fault.New(contract.ErrTampered, "the latest checkpoint is missing", nil).WithHint("run habeas ledger verify")
		}
		return Checkpoint{Digest: zeroHash}, nil
	}
	if err != nil {
		return Checkpoint{}, err
	}
	var last Checkpoint
	err = tx.GetContext(ctx, &last, `SELECT id, at, heads, chains, prev, digest, signature FROM checkpoint ORDER BY id DESC LIMIT 1`)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Checkpoint{}, err
	}
	if !hmac.Equal(tip.MAC, s.tipMAC(tip.ID, tip.Digest)) || last.ID != tip.ID || !hmac.Equal(last.Digest, tip.Digest) {
		return Checkpoint{}, fault.New(contract.ErrTampered, "the chain of checkpoints was changed from outside", nil).WithHint("run habeas ledger verify")
	}
	return last, nil
}

// coverHeads writes the changed heads into the checkpoint, a page at a time, in order of reference.
func (s *Store) coverHeads(ctx context.Context, tx *sqlx.Tx, c *Checkpoint, digest checkpointDigest) error {
	for after := ""; ; {
		var page []headRow
		if err := tx.SelectContext(ctx, &page, `SELECT ref, seq, hash, mac, checkpointed FROM ledger_head
			WHERE checkpointed < seq AND ref > $1 ORDER BY ref LIMIT $2`, after, checkpointPage); err != nil {
			return err
		}
		if len(page) == 0 {
			return nil
		}
		after = string(page[len(page)-1].Ref)
		var refs []string
		var seqs []int64
		var hashes [][]byte
		for _, h := range page {
			if !hmac.Equal(h.MAC, s.headMAC(h.Ref, h.Seq, h.Hash)) {
				c.Skipped++
				continue
			}
			if h.Checkpointed == 0 {
				c.Chains++
			}
			c.Heads++
			digest.head(h.Ref, h.Seq, h.Hash)
			refs, seqs, hashes = append(refs, string(h.Ref)), append(seqs, h.Seq), append(hashes, h.Hash)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO checkpoint_head (checkpoint, ref, seq, hash)
			SELECT $1, ref, seq, hash FROM unnest($2::text[], $3::bigint[], $4::bytea[]) AS h (ref, seq, hash)`,
			c.ID, pq.Array(refs), pq.Array(seqs), pq.ByteaArray(hashes)); err != nil {
			return err
		}
	}
}
