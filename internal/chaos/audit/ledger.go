package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os/exec"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// line is a line of the ledger as it is stored.
type line struct {
	seq        int64
	at         time.Time
	event      string
	detail     string
	prev, hash []byte
}

// says reads the detail.
func (l line) says() map[string]any {
	out := map[string]any{}
	_ = json.Unmarshal([]byte(l.detail), &out) // one that cannot be read says nothing, and its hash is checked
	return out
}

func (a *auditor) readLedger(ctx context.Context) error {
	rows, err := a.db.QueryContext(ctx, `SELECT ref, seq, at, event, detail, prev, hash FROM habeas.ledger_line ORDER BY ref, seq`)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	a.lines = map[contract.Ref][]line{}
	for rows.Next() {
		var ref contract.Ref
		var l line
		if err := rows.Scan(&ref, &l.seq, &l.at, &l.event, &l.detail, &l.prev, &l.hash); err != nil {
			return err
		}
		a.lines[ref] = append(a.lines[ref], l)
	}
	return rows.Err()
}

// chains computes every hash of every chain anew: docs/how-it-works.md says of what it is made.
func (a *auditor) chains(context.Context) error {
	for ref, lines := range a.lines {
		prev := make([]byte, sha256.Size)
		for i, l := range lines {
			a.report.Counts["ledger lines"]++
			h := sha256.New()
			h.Write([]byte("habeas ledger line v1\x00"))
			for _, field := range [][]byte{[]byte(ref), number(l.seq), number(l.at.UnixMicro()), []byte(l.event), []byte(l.detail), l.prev} {
				h.Write(number(int64(len(field))))
				h.Write(field)
			}
			if l.seq != int64(i+1) || !bytes.Equal(l.prev, prev) || !bytes.Equal(h.Sum(nil), l.hash) {
				a.broken(Ledger, ref, "breaks at line %d (%s)", i+1, l.event)
				break
			}
			prev = l.hash
		}
	}
	if len(a.lines) < len(a.cases) {
		a.broken(Ledger, "", "has %d chains for %d cases", len(a.lines), len(a.cases))
	}
	return nil
}

func number(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// verified runs the company's own command.
func (a *auditor) verified(ctx context.Context) error {
	if len(a.h.Verify) == 0 {
		return fmt.Errorf("no command verifies the ledger")
	}
	command := exec.CommandContext(ctx, a.h.Verify[0], a.h.Verify[1:]...)
	command.Env = a.h.Env
	if out, err := command.CombinedOutput(); err != nil {
		a.broken(Ledger, "", "%q says %v: %.500s", a.h.Verify, err, out)
	}
	return nil
}
