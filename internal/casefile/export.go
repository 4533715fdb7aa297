package casefile

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// An export is JSON lines: a header, every line by reference and number, every checkpoint with its
// heads behind it, and an end that is signed over the SHA-256 of all bytes before it.
const (
	exportFormat = "habeas-ledger-1"
	exportDomain = "habeas ledger export v1"
	exportPage   = 1000
)

// record is one line of an export; Type says which fields it has.
type record struct {
	Type         string          `json:"type"` // header, line, checkpoint, head, end
	Format       string          `json:"format,omitempty"`
	Installation string          `json:"installation,omitempty"`
	Ref          contract.Ref    `json:"ref,omitempty"`
	Seq          int64           `json:"seq,omitempty"`
	At           *time.Time      `json:"at,omitempty"`
	Event        string          `json:"event,omitempty"`
	Detail       json.RawMessage `json:"detail,omitempty"`
	Prev         string          `json:"prev,omitempty"`
	Hash         string          `json:"hash,omitempty"`
	ID           int64           `json:"id,omitempty"`
	Heads        int64           `json:"heads,omitempty"`
	Chains       int64           `json:"chains,omitempty"`
	Lines        int64           `json:"lines,omitempty"`
	Checkpoints  int64           `json:"checkpoints,omitempty"`
	SHA256       string          `json:"sha256,omitempty"`
	Signature    string          `json:"signature,omitempty"`
}

// exporter writes records and hashes what it wrote.
type exporter struct {
	out *bufio.Writer
	sum hash.Hash
}

func (e *exporter) put(r record) error {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("writing an export: %w", err)
	}
	e.sum.Write(line.Bytes())
	if _, err := e.out.Write(line.Bytes()); err != nil {
		return fmt.Errorf("writing an export: %w", err)
	}
	return nil
}

// ExportLedger signs a checkpoint and writes the whole ledger as it stands to w: what VerifyLedger
// reads. There is nothing personal in it. Keep it where whoever administers the database cannot
// write: it is what proves that nothing was taken away.
func (s *Store) ExportLedger(ctx context.Context, w io.Writer) error {
	if _, err := s.Checkpoint(ctx); err != nil {
		return err
	}
	e := &exporter{bufio.NewWriterSize(w, 1<<16), sha256.New()}
	return s.snapshot(ctx, "export the ledger", func(tx *sqlx.Tx) error {
		if err := e.put(record{Type: "header", Format: exportFormat, Installation: s.keys.Installation()}); err != nil {
			return err
		}
		end := record{Type: "end"}
		if err := each(ctx, tx, func(l *lineRow) error {
			end.Lines++
			at := l.At.UTC()
			return e.put(record{Type: "line", Ref: l.Ref, Seq: l.Seq, At: &at, Event: l.Event, Detail: json.RawMessage(l.Detail),
				Prev: hex.EncodeToString(l.Prev), Hash: hex.EncodeToString(l.Hash)})
		}, `SELECT ref, seq, at, event, detail, prev, hash FROM ledger_line ORDER BY ref, seq`); err != nil {
			return err
		}
		var id int64
		if err := each(ctx, tx, func(row *checkpointAndHead) error {
			if row.ID != id {
				id = row.ID
				end.Checkpoints++
				at := row.At.UTC()
				if err := e.put(record{Type: "checkpoint", ID: row.ID, At: &at, Heads: row.Heads, Chains: row.Chains,
					Prev: hex.EncodeToString(row.Prev), Hash: hex.EncodeToString(row.Digest), Signature: hex.EncodeToString(row.Signature)}); err != nil {
					return err
				}
			}
			if !row.Ref.Valid {
				return nil
			}
			return e.put(record{Type: "head", ID: row.ID, Ref: contract.Ref(row.Ref.String), Seq: row.Seq.Int64, Hash: hex.EncodeToString(row.Hash)})
		}, `SELECT c.id, c.at, c.heads, c.chains, c.prev, c.digest, c.signature, h.ref, h.seq, h.hash
			FROM checkpoint c LEFT JOIN checkpoint_head h ON h.checkpoint = c.id ORDER BY c.id, h.ref`); err != nil {
			return err
		}
		sum := e.sum.Sum(nil)
		signature, err := s.keys.Sign(exportDomain, sum)
		if err != nil {
			return fmt.Errorf("signing an export: %w", err)
		}
		end.SHA256, end.Signature = hex.EncodeToString(sum), hex.EncodeToString(signature)
		if err := e.put(end); err != nil {
			return err
		}
		return e.out.Flush()
	})
}

// verifyExport holds the ledger against an earlier export, a page at a time.
func (s *Store) verifyExport(ctx context.Context, tx *sqlx.Tx, in io.Reader, r *Report) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<16), 1<<22)
	check := exportCheck{s: s, tx: tx, r: r}
	sum := sha256.New()
	ended, n := false, int64(0)
	for lines.Scan() {
		n++
		var rec record
		if err := json.Unmarshal(lines.Bytes(), &rec); err != nil {
			return fault.Newf(contract.ErrBadInput, "line %d of the export is not JSON: is this a file of habeas ledger export?", n)
		}
		if n == 1 {
			if rec.Type != "header" || rec.Format != exportFormat {
				return fault.New(contract.ErrBadInput, "the file is not an export of habeas ledger export", nil)
			}
			if rec.Installation != s.keys.Installation() {
				return fault.New(contract.ErrBadInput, "the export was made by another installation", nil)
			}
		}
		if rec.Type == "end" {
			ended = true
			s.verifyEnd(rec, sum.Sum(nil), r)
			break
		}
		sum.Write(lines.Bytes())
		sum.Write([]byte("\n"))
		if err := check.take(ctx, rec); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fault.New(contract.ErrBadInput, "the export cannot be read", err)
	}
	if !ended {
		r.add(aboutExport, n, "the export is cut: its signed end is missing")
	}
	return check.flush(ctx)
}

func (s *Store) verifyEnd(end record, sum []byte, r *Report) {
	signature, err := hex.DecodeString(end.Signature)
	if err != nil || end.SHA256 != hex.EncodeToString(sum) ||
		seal.VerifySignature(s.keys.PublicKey(), exportDomain, sum, signature) != nil {
		r.add(aboutExport, 0, "the export itself was changed since it was signed")
	}
}

// exportCheck gathers lines and checkpoints of an export and looks a page of them up at once.
type exportCheck struct {
	s      *Store
	tx     *sqlx.Tx
	r      *Report
	refs   []string
	seqs   []int64
	hashes []string
}

func (c *exportCheck) take(ctx context.Context, rec record) error {
	switch rec.Type {
	case "line":
		c.refs, c.seqs, c.hashes = append(c.refs, string(rec.Ref)), append(c.seqs, rec.Seq), append(c.hashes, rec.Hash)
	case "checkpoint":
		c.refs, c.seqs, c.hashes = append(c.refs, string(aboutCheckpoint)), append(c.seqs, rec.ID), append(c.hashes, rec.Hash)
	}
	if len(c.refs) < exportPage {
		return nil
	}
	return c.flush(ctx)
}

func (c *exportCheck) flush(ctx context.Context) error {
	if len(c.refs) == 0 {
		return nil
	}
	err := each(ctx, c.tx, func(row *struct {
		Ref   contract.Ref `db:"ref"`
		Seq   int64        `db:"seq"`
		There bool         `db:"there"`
	}) error {
		what := "line"
		if row.Ref == aboutCheckpoint {
			what = "checkpoint"
		}
		if row.There {
			c.r.add(row.Ref, row.Seq, "%s %d is not what the export holds", what, row.Seq)
		} else {
			c.r.add(row.Ref, row.Seq, "%s %d is missing: the export holds it", what, row.Seq)
		}
		return nil
	}, `SELECT e.ref, e.seq, coalesce(l.hash, p.digest) IS NOT NULL AS there
		FROM unnest($1::text[], $2::bigint[], $3::text[]) AS e (ref, seq, hash)
		LEFT JOIN ledger_line l ON l.ref = e.ref COLLATE "C" AND l.seq = e.seq
		LEFT JOIN checkpoint p ON e.ref = 'checkpoint' AND p.id = e.seq
		WHERE encode(coalesce(l.hash, p.digest), 'hex') IS DISTINCT FROM e.hash ORDER BY e.ref COLLATE "C", e.seq`,
		pq.Array(c.refs), pq.Array(c.seqs), pq.Array(c.hashes))
	c.refs, c.seqs, c.hashes = c.refs[:0], c.seqs[:0], c.hashes[:0]
	return err
}
