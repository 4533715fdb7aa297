package casefile

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Line is one line of the ledger: what happened to a reference, never to whom.
type Line struct {
	Ref    contract.Ref   `json:"ref"`
	Seq    int64          `json:"seq"` // from 1
	At     time.Time      `json:"at"`
	Event  string         `json:"event"`
	Detail map[string]any `json:"detail"` // counts, ids of tasks, hashes, names of staff
	Prev   []byte         `json:"prev"`
	Hash   []byte         `json:"hash"`
}

// lineRow is a line as it is stored: the bytes of the detail are what is hashed.
type lineRow struct {
	Ref    contract.Ref `db:"ref"`
	Seq    int64        `db:"seq"`
	At     time.Time    `db:"at"`
	Event  string       `db:"event"`
	Detail string       `db:"detail"`
	Prev   []byte       `db:"prev"`
	Hash   []byte       `db:"hash"`
}

// digest is SHA-256 over a domain and every field behind its length.
func (l *lineRow) digest() []byte {
	return digestOf("habeas ledger line v1", []byte(l.Ref), uint64Bytes(l.Seq), uint64Bytes(l.At.UnixMicro()),
		[]byte(l.Event), []byte(l.Detail), l.Prev)
}

func digestOf(domain string, fields ...[]byte) []byte {
	h := sha256.New()
	h.Write([]byte(domain + "\x00"))
	for _, field := range fields {
		h.Write(uint64Bytes(int64(len(field))))
		h.Write(field)
	}
	return h.Sum(nil)
}

func uint64Bytes(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// headMAC keeps a head from being written by anybody without the installation's keys.
func (s *Store) headMAC(ref contract.Ref, seq int64, hash []byte) []byte {
	return s.keys.KeyedHash("habeas ledger head v1", digestOf("head", []byte(ref), uint64Bytes(seq), hash))
}

// zeroHash stands before the first line and the first checkpoint.
var zeroHash = make([]byte, sha256.Size)

// begin writes the first line of a chain; only whoever makes the reference calls it.
func (s *Store) begin(ctx context.Context, tx *sqlx.Tx, ref contract.Ref, event string, detail map[string]any) error {
	line, err := s.newLine(ref, 1, zeroHash, event, detail)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `WITH line AS (
		INSERT INTO ledger_line (ref, seq, at, event, detail, prev, hash) VALUES ($1, $2, $3, $4, $5, $6, $7))
		INSERT INTO ledger_head (ref, seq, hash, mac) VALUES ($1, $2, $7, $8)`,
		line.Ref, line.Seq, line.At, line.Event, line.Detail, line.Prev, line.Hash,
		s.headMAC(ref, line.Seq, line.Hash))
	return err
}

// record appends a line. It locks the head of that one chain until the transaction ends, so it
// comes last in every transaction. A head that is missing or was written by somebody else stops
// it: appending would hide that.
func (s *Store) record(ctx context.Context, tx *sqlx.Tx, ref contract.Ref, event string, detail map[string]any) error {
	var head struct {
		Seq  int64  `db:"seq"`
		Hash []byte `db:"hash"`
		MAC  []byte `db:"mac"`
	}
	err := tx.GetContext(ctx, &head, `SELECT seq, hash, mac FROM ledger_head WHERE ref = $1 FOR UPDATE`, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(contract.ErrTampered, "the ledger chain of "+ref.String()+" is missing", nil).WithHint("run habeas ledger verify")
	}
	if err != nil {
		return err
	}
	if !hmac.Equal(head.MAC, s.headMAC(ref, head.Seq, head.Hash)) {
		return fault.New(contract.ErrTampered, "the ledger chain of "+ref.String()+" was changed from outside", nil).WithHint("run habeas ledger verify")
	}
	line, err := s.newLine(ref, head.Seq+1, head.Hash, event, detail)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `WITH line AS (
		INSERT INTO ledger_line (ref, seq, at, event, detail, prev, hash) VALUES ($1, $2, $3, $4, $5, $6, $7))
		UPDATE ledger_head SET seq = $2, hash = $7, mac = $8 WHERE ref = $1`,
		line.Ref, line.Seq, line.At, line.Event, line.Detail, line.Prev, line.Hash,
		s.headMAC(ref, line.Seq, line.Hash))
	return err
}

func (s *Store) newLine(ref contract.Ref, seq int64, prev []byte, event string, detail map[string]any) (lineRow, error) {
	text, err := canonical(detail)
	if err != nil {
		return lineRow{}, fmt.Errorf("writing the detail of %s: %w", event, err)
	}
	line := lineRow{Ref: ref, Seq: seq, At: s.now(), Event: event, Detail: text, Prev: prev}
	line.Hash = line.digest()
	return line, nil
}

// plainText is what a string in the ledger may look like. It is a second guard against values of
// people: no address, no markup, no scripts but Latin, nothing long.
var plainText = regexp.MustCompile(`^[A-Za-z0-9 ._:;,'/+=-]{0,160}$`)

// canonical is JSON with sorted keys and without escapes beyond the necessary.
func canonical(detail map[string]any) (string, error) {
	for key, value := range detail {
		text, isText := value.(string)
		if !plainText.MatchString(key) || isText && !plainText.MatchString(text) {
			return "", fmt.Errorf("the field %q holds what may not stand in the ledger", key)
		}
	}
	if detail == nil {
		detail = map[string]any{}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(detail); err != nil {
		return "", err
	}
	return string(bytes.TrimSuffix(out.Bytes(), []byte("\n"))), nil
}

// Ledger lists the lines of ref in order; none is a contract.ErrNotFound.
func (s *Store) Ledger(ctx context.Context, ref contract.Ref) ([]Line, error) {
	var rows []lineRow
	if err := s.db.SelectContext(ctx, &rows, `SELECT ref, seq, at, event, detail, prev, hash
		FROM ledger_line WHERE ref = $1 ORDER BY seq`, ref); err != nil {
		return nil, dbError("read the ledger", err)
	}
	if len(rows) == 0 {
		return nil, notFound(string(ref.Kind()), ref.ID())
	}
	lines := make([]Line, len(rows))
	for i, row := range rows {
		line, err := row.line()
		if err != nil {
			return nil, err
		}
		lines[i] = line
	}
	return lines, nil
}

// line is the row for readers.
func (l *lineRow) line() (Line, error) {
	line := Line{Ref: l.Ref, Seq: l.Seq, At: l.At.UTC(), Event: l.Event, Prev: l.Prev, Hash: l.Hash}
	if err := json.Unmarshal([]byte(l.Detail), &line.Detail); err != nil {
		return Line{}, fault.Newf(contract.ErrTampered, "line %d of %s does not read as JSON", l.Seq, l.Ref)
	}
	return line, nil
}
