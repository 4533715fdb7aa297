package casefile

import (
	"bytes"
	"context"
	"crypto/hmac"
	"database/sql"
	"fmt"
	"io"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// Report is what VerifyLedger found.
type Report struct {
	Chains      int64     `json:"chains"`
	Lines       int64     `json:"lines"`
	Checkpoints int64     `json:"checkpoints"`
	Problems    []Problem `json:"problems"` // the first maxProblems
	More        int64     `json:"more"`     // how many beyond those
}

// OK says that nothing was found.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

// Problem is one thing that does not fit. Ref is the chain, "checkpoint" or "export"; Seq the line,
// or the number of the checkpoint.
type Problem struct {
	Ref  contract.Ref `json:"ref"`
	Seq  int64        `json:"seq"`
	Text string       `json:"text"`
}

const maxProblems = 1000

// What a problem is about when it is not a chain.
const (
	aboutCheckpoint contract.Ref = "checkpoint"
	aboutExport     contract.Ref = "export"
)

func (r *Report) add(ref contract.Ref, seq int64, format string, args ...any) {
	if len(r.Problems) >= maxProblems {
		r.More++
		return
	}
	r.Problems = append(r.Problems, Problem{ref, seq, fmt.Sprintf(format, args...)})
}

// VerifyLedger reads the whole ledger in one snapshot, in constant memory, and says what does not
// fit: a line that was changed or is missing, a cut tail, a chain that is gone, a head or a
// checkpoint that this installation did not make. Against an export (nil for none) it also finds
// what stood there then and does not now. Problems are in the report, not in the error.
func (s *Store) VerifyLedger(ctx context.Context, against io.Reader) (Report, error) {
	var report Report
	err := s.snapshot(ctx, "verify the ledger", func(tx *sqlx.Tx) error {
		report = Report{Problems: []Problem{}}
		for _, step := range []func(context.Context, *sqlx.Tx, *Report) error{
			s.verifyLines, s.verifyOwners, s.verifyCovered, s.verifyCheckpoints,
		} {
			if err := step(ctx, tx, &report); err != nil {
				return err
			}
		}
		if against == nil {
			return nil
		}
		return s.verifyExport(ctx, tx, against, &report)
	})
	return report, err
}

// snapshot runs f in one read-only transaction that sees one moment.
func (s *Store) snapshot(ctx context.Context, doing string, f func(tx *sqlx.Tx) error) error {
	tx, err := s.db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return dbError(doing, err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	if _, err := tx.ExecContext(ctx, `SET LOCAL statement_timeout = 0`); err != nil {
		return dbError(doing, err)
	}
	return dbError(doing, f(tx))
}

// each scans the rows of a query into one T after the other.
func each[T any](ctx context.Context, tx *sqlx.Tx, f func(*T) error, query string, args ...any) error {
	rows, err := tx.QueryxContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var row T
		if err := rows.StructScan(&row); err != nil {
			return err
		}
		if err := f(&row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// lineAndHead is a line, with the head of its chain beside it.
type lineAndHead struct {
	lineRow
	HeadSeq  sql.NullInt64 `db:"head_seq"`
	HeadHash []byte        `db:"head_hash"`
	HeadMAC  []byte        `db:"head_mac"`
}

// verifyLines walks every chain from its first line to its head.
func (s *Store) verifyLines(ctx context.Context, tx *sqlx.Tx, r *Report) error {
	var last *lineAndHead
	err := each(ctx, tx, func(line *lineAndHead) error {
		seq, hash := int64(0), zeroHash
		if last != nil && last.Ref == line.Ref {
			seq, hash = last.Seq, last.Hash
		} else {
			s.verifyHead(last, r)
			r.Chains++
		}
		r.Lines++
		switch {
		case line.Seq != seq+1:
			r.add(line.Ref, seq+1, "line %d is missing", seq+1)
		case !bytes.Equal(line.Prev, hash):
			r.add(line.Ref, line.Seq, "line %d does not continue line %d: one of them was changed", line.Seq, seq)
		}
		if !bytes.Equal(line.digest(), line.Hash) {
			r.add(line.Ref, line.Seq, "line %d was changed", line.Seq)
		}
		last = line
		return nil
	}, `SELECT l.ref, l.seq, l.at, l.event, l.detail, l.prev, l.hash, h.seq AS head_seq, h.hash AS head_hash, h.mac AS head_mac
		FROM ledger_line l LEFT JOIN ledger_head h ON h.ref = l.ref ORDER BY l.ref, l.seq`)
	if err != nil {
		return err
	}
	s.verifyHead(last, r)
	return nil
}

// verifyHead holds the last line of a chain against its head.
func (s *Store) verifyHead(last *lineAndHead, r *Report) {
	switch {
	case last == nil:
	case !last.HeadSeq.Valid:
		r.add(last.Ref, last.Seq, "the head of the chain is missing")
	case !hmac.Equal(last.HeadMAC, s.headMAC(last.Ref, last.HeadSeq.Int64, last.HeadHash)):
		r.add(last.Ref, last.HeadSeq.Int64, "the head of the chain was changed")
	case last.HeadSeq.Int64 > last.Seq:
		r.add(last.Ref, last.Seq+1, "the tail is cut: lines %d to %d are missing", last.Seq+1, last.HeadSeq.Int64)
	case last.HeadSeq.Int64 < last.Seq:
		r.add(last.Ref, last.HeadSeq.Int64+1, "line %d was added from outside", last.HeadSeq.Int64+1)
	case !bytes.Equal(last.HeadHash, last.Hash):
		r.add(last.Ref, last.Seq, "line %d was changed", last.Seq)
	}
}

// verifyOwners finds chains that are missing: a head, a data key, a case or a change of the roster
// without any line.
func (s *Store) verifyOwners(ctx context.Context, tx *sqlx.Tx, r *Report) error {
	return each(ctx, tx, func(row *struct {
		Ref  contract.Ref `db:"ref"`
		What string       `db:"what"`
	}) error {
		r.add(row.Ref, 1, "the chain is missing, and its %s is there", row.What)
		return nil
	}, `SELECT ref, min(what) AS what FROM (
		SELECT ref, 'head' AS what FROM ledger_head UNION ALL
		SELECT ref, 'data key' FROM data_key UNION ALL
		SELECT ref, 'row' FROM case_file UNION ALL
		SELECT ref, 'row' FROM roster_change) AS owner
		WHERE NOT EXISTS (SELECT FROM ledger_line l WHERE l.ref = owner.ref) GROUP BY ref ORDER BY ref`)
}

// verifyCovered holds what checkpoints cover against lines and heads.
func (s *Store) verifyCovered(ctx context.Context, tx *sqlx.Tx, r *Report) error {
	if err := each(ctx, tx, func(row *struct {
		Checkpoint int64        `db:"checkpoint"`
		Ref        contract.Ref `db:"ref"`
		Seq        int64        `db:"seq"`
		There      bool         `db:"there"`
	}) error {
		if row.There {
			r.add(row.Ref, row.Seq, "line %d is not the one that checkpoint %d covers", row.Seq, row.Checkpoint)
		} else {
			r.add(row.Ref, row.Seq, "line %d is missing: checkpoint %d covers it", row.Seq, row.Checkpoint)
		}
		return nil
	}, `SELECT c.checkpoint, c.ref, c.seq, l.hash IS NOT NULL AS there FROM checkpoint_head c
		LEFT JOIN ledger_line l ON l.ref = c.ref AND l.seq = c.seq
		WHERE l.hash IS DISTINCT FROM c.hash ORDER BY c.ref, c.seq`); err != nil {
		return err
	}
	if err := each(ctx, tx, func(row *struct {
		ID int64 `db:"checkpoint"`
	}) error {
		r.add(aboutCheckpoint, row.ID, "checkpoint %d is missing, and heads of it are there", row.ID)
		return nil
	}, `SELECT DISTINCT checkpoint FROM checkpoint_head h
		WHERE NOT EXISTS (SELECT FROM checkpoint c WHERE c.id = h.checkpoint) ORDER BY checkpoint`); err != nil {
		return err
	}
	return each(ctx, tx, func(row *headRow) error {
		r.add(row.Ref, row.Checkpointed, "the checkpoint that covered line %d is missing", row.Checkpointed)
		return nil
	}, `SELECT h.ref, h.checkpointed FROM ledger_head h
		LEFT JOIN (SELECT ref, max(seq) AS seq FROM checkpoint_head GROUP BY ref) c ON c.ref = h.ref
		WHERE h.checkpointed <> coalesce(c.seq, 0) ORDER BY h.ref`)
}

// checkpointAndHead is a checkpoint, with one of its heads beside it.
type checkpointAndHead struct {
	Checkpoint
	Ref  sql.NullString `db:"ref"`
	Seq  sql.NullInt64  `db:"seq"`
	Hash []byte         `db:"hash"`
}

// verifyCheckpoints walks the chain of checkpoints up to its tip.
func (s *Store) verifyCheckpoints(ctx context.Context, tx *sqlx.Tx, r *Report) error {
	last := Checkpoint{Digest: zeroHash}
	var current *Checkpoint
	var digest checkpointDigest
	var heads int64
	finish := func() {
		if current == nil {
			return
		}
		s.verifyCheckpoint(*current, last, digest.sum(heads, current.Chains), heads, r)
		last = *current
	}
	if err := each(ctx, tx, func(row *checkpointAndHead) error {
		if current == nil || current.ID != row.ID {
			finish()
			r.Checkpoints++
			current, heads = &row.Checkpoint, 0
			digest = newCheckpointDigest(row.ID, row.At, row.Prev)
		}
		if row.Ref.Valid {
			heads++
			digest.head(contract.Ref(row.Ref.String), row.Seq.Int64, row.Hash)
		}
		return nil
	}, `SELECT c.id, c.at, c.heads, c.chains, c.prev, c.digest, c.signature, h.ref, h.seq, h.hash
		FROM checkpoint c LEFT JOIN checkpoint_head h ON h.checkpoint = c.id ORDER BY c.id, h.ref`); err != nil {
		return err
	}
	finish()
	return s.verifyTip(ctx, tx, last, r)
}

func (s *Store) verifyCheckpoint(c, last Checkpoint, digest []byte, heads int64, r *Report) {
	if c.ID != last.ID+1 {
		r.add(aboutCheckpoint, last.ID+1, "checkpoint %d is missing", last.ID+1)
	} else if !bytes.Equal(c.Prev, last.Digest) {
		r.add(aboutCheckpoint, c.ID, "checkpoint %d does not continue checkpoint %d", c.ID, last.ID)
	}
	if heads != c.Heads || !bytes.Equal(digest, c.Digest) {
		r.add(aboutCheckpoint, c.ID, "checkpoint %d was changed", c.ID)
	}
	if seal.VerifySignature(s.keys.PublicKey(), checkpointDomain, c.Digest, c.Signature) != nil {
		r.add(aboutCheckpoint, c.ID, "checkpoint %d is not signed by this installation", c.ID)
	}
}

// verifyTip holds the last checkpoint against the tip.
func (s *Store) verifyTip(ctx context.Context, tx *sqlx.Tx, last Checkpoint, r *Report) error {
	tips := 0
	if err := each(ctx, tx, func(tip *struct {
		ID     int64  `db:"id"`
		Digest []byte `db:"digest"`
		MAC    []byte `db:"mac"`
	}) error {
		tips++
		switch {
		case !hmac.Equal(tip.MAC, s.tipMAC(tip.ID, tip.Digest)):
			r.add(aboutCheckpoint, tip.ID, "the word on the latest checkpoint was changed")
		case tip.ID > last.ID:
			r.add(aboutCheckpoint, last.ID+1, "checkpoints %d to %d are missing", last.ID+1, tip.ID)
		case tip.ID < last.ID || !bytes.Equal(tip.Digest, last.Digest):
			r.add(aboutCheckpoint, last.ID, "checkpoint %d is not the latest that was made here", last.ID)
		}
		return nil
	}, `SELECT id, digest, mac FROM checkpoint_tip`); err != nil {
		return err
	}
	if tips == 0 && last.ID > 0 {
		r.add(aboutCheckpoint, last.ID, "the word on the latest checkpoint is missing")
	}
	return nil
}
