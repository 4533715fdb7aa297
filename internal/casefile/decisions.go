package casefile

import (
	"bytes"
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Recorded is the answer to a decision.
type Recorded struct {
	Task    Task
	First   bool        // false: the same signed bytes came before, and this is the answer they got
	Done    bool        // false while another signer is needed
	Verdict dsr.Verdict // of the task, when Done
}

// Decided is one accepted decision, for people to read. The reason may be personal data.
type Decided struct {
	Staff   string      `json:"staff"`
	Verdict dsr.Verdict `json:"verdict"`
	Reason  string      `json:"reason"`
	At      time.Time   `json:"at"`
}

type decisionRow struct {
	Task      string       `db:"task"`
	Staff     string       `db:"staff"`
	N         int          `db:"n"`
	Enrolment contract.Ref `db:"enrolment"`
	Verdict   string       `db:"verdict"`
	Reason    []byte       `db:"reason"`
	Digest    []byte       `db:"digest"`
	Nonce     []byte       `db:"nonce"`
	Signature []byte       `db:"signature"`
	Done      bool         `db:"done"`
	At        time.Time    `db:"at"`
}

func reasonField(task, staff string) string { return "decision.reason:" + task + ":" + staff }

// RecordDecision checks a signed decision and writes it down. The task's row is locked, and what
// the decision is held against (digest, nonce, opener, earlier signers, the signer's key and roles)
// comes from the casefile and the pins. The same signed bytes again get the first answer; any other
// answer to a task that is not open is a contract.ErrNotOpen. What is refused leaves a line in the
// ledger of the task's reference, with the name of the signer only when that person is enrolled.
func (s *Store) RecordDecision(ctx context.Context, d dsr.Decision, pins Pins) (Recorded, error) {
	var result Recorded
	var refused refusal
	err := s.tx(ctx, "record a decision", func(tx *sqlx.Tx) error {
		result, refused = Recorded{}, refusal{}
		task, err := readTask(ctx, tx, d.Task, lockTask)
		if err != nil {
			return err
		}
		trust := s.trust(tx, pins)
		signer, err := trust.current(ctx, d.Staff)
		if err != nil {
			return err
		}
		refused.ref, refused.staff = task.Ref, signer.Name
		rows, err := decisionRows(ctx, tx, task.ID)
		if err != nil {
			return err
		}
		if again, answer, err := s.repeated(ctx, tx, d, task, rows); err != nil || again {
			result = answer
			return err
		}
		if task.State != TaskOpen {
			return fault.Newf(contract.ErrNotOpen, "task %s is not open any more", task.ID)
		}
		if _, err := s.shown(ctx, tx, task); err != nil { // what is signed is what is shown
			return err
		}
		held, err := s.against(ctx, tx, task, rows, s.now())
		if err != nil {
			return err
		}
		if err := dsr.Check(d, held, signer.Signer, s.keys.Installation()); err != nil {
			return err
		}
		result, err = s.accept(ctx, tx, d, task, rows, signer)
		return err
	})
	if rule := ruleOf(err); rule != "" && refused.ref != "" {
		if err := s.recordRefusal(ctx, d, refused, rule); err != nil {
			return Recorded{}, err
		}
	}
	return result, err
}

// refusal is what a refused decision leaves behind.
type refusal struct {
	ref   contract.Ref
	staff string // empty unless enrolled
}

// ruleOf is the rule that a decision broke; empty when it was not refused.
func ruleOf(err error) string {
	switch {
	case fault.Is(err, contract.ErrBadSignature):
		_, rule, _ := strings.Cut(err.Error(), "refused: ")
		return rule
	case fault.Is(err, contract.ErrNotOpen):
		return "the task is not open"
	}
	return ""
}

func (s *Store) recordRefusal(ctx context.Context, d dsr.Decision, r refusal, rule string) error {
	return s.tx(ctx, "record a refused decision", func(tx *sqlx.Tx) error {
		return s.record(ctx, tx, r.ref, "decision.refused", map[string]any{"task": d.Task, "staff": r.staff, "rule": rule})
	})
}

func decisionRows(ctx context.Context, q querier, task string) ([]decisionRow, error) {
	var rows []decisionRow
	err := q.SelectContext(ctx, &rows, `SELECT task, staff, n, enrolment, verdict, reason, digest, nonce, signature, done, at
		FROM decision WHERE task = $1 ORDER BY n`, task)
	return rows, err
}

// facts are what a decision is held against when those in earlier came before it.
func facts(t Task, earlier []decisionRow) dsr.TaskFacts {
	f := dsr.TaskFacts{ID: t.ID, Ref: t.Ref, Kind: t.Kind, Digest: t.Digest, Nonce: t.Nonce, OpenedBy: t.CaseOpenedBy}
	for _, row := range earlier {
		f.Earlier = append(f.Earlier, row.Staff)
	}
	return f
}

// owners are who must be among those who sign a task: the owners of the data that it shows.
func (s *Store) owners(ctx context.Context, q querier, t Task) ([]string, error) {
	if t.Kind != dsr.TaskRetention {
		return nil, nil
	}
	raw, err := s.shown(ctx, q, t)
	if err != nil {
		return nil, err
	}
	shown, err := dsr.ReadShown(raw)
	if err != nil || shown.Retention == nil {
		return nil, fault.New(contract.ErrTampered, "what task "+t.ID+" shows cannot be read", err)
	}
	return shown.Retention.Owners, nil
}

// against is facts, with those who signed other tasks of the same reference before, where the rule of
// the task forbids that.
func (s *Store) against(ctx context.Context, q querier, t Task, earlier []decisionRow, at time.Time) (dsr.TaskFacts, error) {
	f := facts(t, earlier)
	var err error
	if f.Owners, err = s.owners(ctx, q, t); err != nil {
		return f, err
	}
	if dsr.Rules[t.Kind].NotInvolved {
		about, err := complainedAbout(ctx, q, t.Ref)
		if err != nil {
			return f, err
		}
		if f.Involved, err = involved(ctx, q, about, at); err != nil {
			return f, err
		}
	}
	after := dsr.Rules[t.Kind].NotAfter
	if len(after) == 0 {
		return f, nil
	}
	kinds := make([]string, len(after))
	for i, kind := range after {
		kinds[i] = string(kind)
	}
	var signed []string
	err = q.SelectContext(ctx, &signed, `SELECT DISTINCT d.staff FROM decision d JOIN task t ON t.id = d.task
		WHERE t.ref = $1 AND t.kind = ANY($2) AND d.at <= $3`, t.Ref, pq.Array(kinds), at)
	f.Earlier = append(f.Earlier, signed...)
	return f, err
}

// stored rebuilds the decision behind a row, to check it as if it came anew.
func (s *Store) stored(ctx context.Context, q querier, t Task, row decisionRow) (dsr.Decision, error) {
	reason, err := s.unsealIn(ctx, q, t.Ref, reasonField(row.Task, row.Staff), row.Reason)
	if err != nil {
		return dsr.Decision{}, err
	}
	return dsr.Decision{
		Installation: s.keys.Installation(), Ref: t.Ref, TaskKind: t.Kind, Task: row.Task, Digest: row.Digest,
		Verdict: dsr.Verdict(row.Verdict), Reason: string(reason), Nonce: row.Nonce, Staff: row.Staff, Signature: row.Signature,
	}, nil
}

// repeated says whether the very same signed bytes were accepted before, and what was answered.
func (s *Store) repeated(ctx context.Context, q querier, d dsr.Decision, t Task, rows []decisionRow) (bool, Recorded, error) {
	for _, row := range rows {
		if row.Staff != d.Staff || !bytes.Equal(row.Signature, d.Signature) {
			continue
		}
		before, err := s.stored(ctx, q, t, row)
		if err != nil {
			return false, Recorded{}, err
		}
		if bytes.Equal(before.Bytes(), d.Bytes()) {
			answer := Recorded{Task: t, Done: row.Done}
			if row.Done {
				answer.Verdict = t.Verdict
			}
			return true, answer, nil
		}
	}
	return false, Recorded{}, nil
}

// accept writes a checked decision and ends the task when it decides it.
func (s *Store) accept(ctx context.Context, tx *sqlx.Tx, d dsr.Decision, t Task, earlier []decisionRow, signer signer) (Recorded, error) {
	// A task stays open only while all who signed approved, so counting them is enough.
	done := d.Verdict != dsr.Approve || len(earlier)+1 >= dsr.Rules[t.Kind].Signers
	now := s.now()
	reason, err := s.sealIn(ctx, tx, t.Ref, reasonField(t.ID, d.Staff), []byte(d.Reason))
	if err != nil {
		return Recorded{}, err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO decision (task, staff, n, enrolment, verdict, reason, digest, nonce, signature, done, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		t.ID, d.Staff, len(earlier)+1, signer.enrolment, d.Verdict, reason, d.Digest, d.Nonce, d.Signature, done, now); err != nil {
		return Recorded{}, err
	}
	result := Recorded{First: true, Done: done}
	if done {
		result.Verdict, t.Verdict, t.State, t.DoneAt = d.Verdict, d.Verdict, TaskDone, &now
		if _, err := tx.ExecContext(ctx, `UPDATE task SET state = 'done', verdict = $2, done_at = $3 WHERE id = $1`,
			t.ID, d.Verdict, now); err != nil {
			return Recorded{}, err
		}
	}
	result.Task = t
	return result, s.record(ctx, tx, t.Ref, "decision.recorded", map[string]any{
		"task": t.ID, "kind": string(t.Kind), "staff": d.Staff, "verdict": string(d.Verdict), "done": done,
		"digest": hex.EncodeToString(d.Digest), "signature": hex.EncodeToString(d.Signature)})
}

// Decisions lists the accepted decisions of a task in order, with their reasons.
func (s *Store) Decisions(ctx context.Context, taskID string) ([]Decided, error) {
	task, err := s.Task(ctx, taskID)
	if err != nil {
		return nil, err
	}
	rows, err := decisionRows(ctx, s.db, taskID)
	if err != nil {
		return nil, dbError("read the decisions on a task", err)
	}
	list := make([]Decided, len(rows))
	for i, row := range rows {
		d, err := s.stored(ctx, s.db, task, row)
		if err != nil {
			return nil, err
		}
		list[i] = Decided{Staff: d.Staff, Verdict: d.Verdict, Reason: d.Reason, At: row.At.UTC()}
	}
	return list, nil
}
