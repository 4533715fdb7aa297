package casefile

import (
	"context"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// Told is what the ledger tells of one case, for reports. Nothing of it comes from elsewhere, so a
// report is the same before and after a case was forgotten.
type Told struct {
	Ref        contract.Ref
	Kind       string
	Laws       string // names, parted by spaces
	ReceivedAt time.Time
	Answered   time.Time // when the answer went out; zero while it has not
	Closed     time.Time
	Outcome    string
	Refusal    string // law and code of the ground on which the case, or a part of it, was refused
	Extended   bool
	Overdue    bool // an alarm said so
}

// answers are the events with which the answer to a request is out. A case without one is answered
// when it is closed.
var answers = []string{"package.released", "certificate.signed", "restriction.in-force"}

// Tell calls f for each case that was received from from until until, in the order of their
// references, from the ledger's lines alone.
func (s *Store) Tell(ctx context.Context, from, until time.Time, f func(Told)) error {
	rows, err := s.db.QueryxContext(ctx, `SELECT ref, seq, at, event, detail, prev, hash FROM ledger_line l WHERE ref LIKE 'case/%'
		AND event IN ('case.opened', 'case.closed', 'case.refused', 'case.part-refused', 'case.extended', 'clock.alarm', 'package.released', 'certificate.signed', 'restriction.in-force')
		ORDER BY ref, seq`)
	if err != nil {
		return dbError("read the ledger", err)
	}
	defer func() { _ = rows.Close() }()
	var t Told
	flush := func() {
		if t.Ref != "" && !t.ReceivedAt.Before(from) && t.ReceivedAt.Before(until) {
			if t.Answered.IsZero() {
				t.Answered = t.Closed
			}
			f(t)
		}
	}
	for rows.Next() {
		var row lineRow
		if err := rows.StructScan(&row); err != nil {
			return dbError("read the ledger", err)
		}
		if row.Ref != t.Ref {
			flush()
			t = Told{Ref: row.Ref}
		}
		if err := t.hear(row); err != nil {
			return err
		}
	}
	flush()
	return dbError("read the ledger", rows.Err())
}

// hear takes one line in.
func (t *Told) hear(row lineRow) error {
	line, err := row.line()
	if err != nil {
		return err
	}
	text := func(key string) string { v, _ := line.Detail[key].(string); return v }
	switch row.Event {
	case "case.opened":
		t.Kind, t.Laws = text("kind"), text("laws")
		if t.ReceivedAt, err = time.Parse(time.RFC3339Nano, text("received_at")); err != nil {
			t.ReceivedAt = line.At
		}
	case "case.closed":
		t.Closed, t.Outcome = line.At, text("outcome")
	case "case.refused", "case.part-refused":
		t.Refusal = text("law") + "/" + text("code")
	case "case.extended":
		t.Extended = true
	case "clock.alarm":
		t.Overdue = t.Overdue || text("level") == "overdue"
	}
	if slices.Contains(answers, row.Event) && t.Answered.IsZero() {
		t.Answered = line.At
	}
	return nil
}
