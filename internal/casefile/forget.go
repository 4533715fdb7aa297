package casefile

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// ofTasks are the tables whose rows belong to a task of the case, and ofCases those whose rows
// belong to the case itself, each in an order in which foreign keys let them go. A test holds both
// against the schema. The ledger, the checkpoints and the row of the destroyed key stay.
var (
	ofTasks = []string{"decision", "task_reminder", "evidence"}
	ofCases = []string{"recipient_call", "restriction", "name_check", "processor_request", "controller_request", "certificate", "erasure", "plan_part", "plan", "extension", "clock_stop", "motion", "alarm", "case_law", "package", "part", "found_count", "found_keys",
		"letter", "code_wish", "identity", "challenge", "blind_index", "candidate", "task", "case_file"}
)

// ClosedCases lists closed cases in the order of their references, behind after: those that no open
// complaint is about.
func (s *Store) ClosedCases(ctx context.Context, after contract.Ref, limit int) ([]Case, error) {
	var rows []caseRow
	err := s.db.SelectContext(ctx, &rows, `SELECT `+caseColumns+` FROM case_file WHERE closed_at IS NOT NULL AND ref > $1
		AND NOT EXISTS (SELECT FROM case_file k WHERE k.about = case_file.ref AND k.closed_at IS NULL)
		ORDER BY ref LIMIT $2`, after, limitOf(limit))
	cases := make([]Case, len(rows))
	for i := range rows {
		cases[i] = rows[i].value()
	}
	return cases, dbError("list closed cases", err)
}

// ForgetCase destroys the data key of a closed case and deletes its rows. What stays is its ledger,
// with one more line: dates, kind, outcome and counts. An open case is a contract.ErrNotOpen; a case
// that is forgotten already: nothing.
func (s *Store) ForgetCase(ctx context.Context, ref contract.Ref) error {
	err := s.tx(ctx, "forget a case", func(tx *sqlx.Tx) error {
		state, err := lockCase(ctx, tx, ref)
		if fault.Is(err, contract.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if state != dsr.StateClosed {
			return fault.Newf(contract.ErrNotOpen, "%s is not closed: it is not forgotten", ref)
		}
		if err := notComplainedAbout(ctx, tx, ref); err != nil {
			return err
		}
		var row caseRow
		if err := tx.GetContext(ctx, &row, `SELECT `+caseColumns+` FROM case_file WHERE ref = $1`, ref); err != nil {
			return err
		}
		detail, err := s.lastWords(ctx, tx, row.value())
		if err != nil {
			return err
		}
		if err := deleteRows(ctx, tx, ref); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE data_key SET wrapped = NULL, destroyed_at = $2 WHERE ref = $1`, ref, s.now()); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "case.forgotten", detail)
	})
	if err == nil {
		s.cache.drop(ref)
	}
	return err
}

// lastWords are what is kept of a case: nothing that was ever sealed.
func (s *Store) lastWords(ctx context.Context, tx *sqlx.Tx, c Case) (map[string]any, error) {
	var counts struct {
		Rows    int64 `db:"rows"`
		Tasks   int64 `db:"tasks"`
		Letters int64 `db:"letters"`
	}
	err := tx.GetContext(ctx, &counts, `SELECT (SELECT coalesce(sum(rows), 0) FROM found_count WHERE ref = $1) AS rows,
		(SELECT count(*) FROM task WHERE ref = $1) AS tasks, (SELECT count(*) FROM letter WHERE ref = $1 AND state = 'sent') AS letters`, c.Ref)
	return map[string]any{
		"kind": string(c.Kind), "outcome": string(c.Outcome), "received_at": c.ReceivedAt.Format(time.RFC3339),
		"due_at": c.DueAt.Format(time.RFC3339), "closed_at": c.ClosedAt.Format(time.RFC3339),
		"rows": counts.Rows, "tasks": counts.Tasks, "letters": counts.Letters,
	}, err
}

func deleteRows(ctx context.Context, tx *sqlx.Tx, ref contract.Ref) error {
	for _, table := range ofTasks {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE task IN (SELECT id FROM task WHERE ref = $1)`, ref); err != nil {
			return err
		}
	}
	for _, table := range ofCases {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE ref = $1`, ref); err != nil {
			return err
		}
	}
	return nil
}

// Forgotten is what the ledger still says of a case that was forgotten.
type Forgotten struct {
	ID         string    `json:"id"`
	At         time.Time `json:"forgotten_at"`
	Kind       string    `json:"kind"`
	Outcome    string    `json:"outcome"`
	ReceivedAt time.Time `json:"received_at"`
	DueAt      time.Time `json:"due_at"`
	ClosedAt   time.Time `json:"closed_at"`
	Rows       int64     `json:"rows"`
	Tasks      int64     `json:"tasks"`
	Letters    int64     `json:"letters"`
}

// ForgottenCase reads what is left of a case; one that was never forgotten is a
// contract.ErrNotFound.
func (s *Store) ForgottenCase(ctx context.Context, ref contract.Ref) (Forgotten, error) {
	lines, err := s.Ledger(ctx, ref)
	if err != nil {
		return Forgotten{}, err
	}
	last := lines[len(lines)-1]
	if last.Event != "case.forgotten" {
		return Forgotten{}, notFound("forgotten case", ref.ID())
	}
	text := func(key string) string { v, _ := last.Detail[key].(string); return v }
	number := func(key string) int64 { v, _ := last.Detail[key].(float64); return int64(v) }
	at := func(key string) time.Time { t, _ := time.Parse(time.RFC3339, text(key)); return t }
	return Forgotten{
		ID: ref.ID(), At: last.At, Kind: text("kind"), Outcome: text("outcome"), ReceivedAt: at("received_at"), DueAt: at("due_at"),
		ClosedAt: at("closed_at"), Rows: number("rows"), Tasks: number("tasks"), Letters: number("letters"),
	}, nil
}
