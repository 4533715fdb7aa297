package casefile

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// NewTask asks something of a human.
type NewTask struct {
	Ref      contract.Ref
	Kind     dsr.TaskKind
	Occasion string
	System   string     // where the task is about one
	Shown    []byte     // canonical JSON of what the human is shown; sealed at rest
	Due      *time.Time // may be nil
}

// The states of a task.
const (
	TaskOpen = "open"
	TaskDone = "done"
	TaskVoid = "void"
)

// Task is one thing that waits, or waited, for a human. Its JSON is what listings print.
type Task struct {
	ID           string            `json:"id"`
	Ref          contract.Ref      `json:"ref"`
	Kind         dsr.TaskKind      `json:"kind"`
	Occasion     string            `json:"occasion"`
	System       string            `json:"system,omitempty"`
	State        string            `json:"state"` // TaskOpen, TaskDone or TaskVoid
	Digest       []byte            `json:"digest"`
	Nonce        []byte            `json:"nonce"`
	Choices      map[string]string `json:"choices,omitempty"`
	OpenedAt     time.Time         `json:"opened_at"`
	Due          *time.Time        `json:"due_at,omitempty"`
	DoneAt       *time.Time        `json:"done_at,omitempty"`
	Verdict      dsr.Verdict       `json:"verdict,omitempty"` // once done
	VoidWhy      string            `json:"void_why,omitempty"`
	CaseOpenedBy string            `json:"case_opened_by"`
}

type taskRow struct {
	ID       string         `db:"id"`
	Ref      contract.Ref   `db:"ref"`
	Kind     string         `db:"kind"`
	Occasion string         `db:"occasion"`
	System   string         `db:"system"`
	State    string         `db:"state"`
	Choices  sql.NullString `db:"choices"`
	Digest   []byte         `db:"digest"`
	Nonce    []byte         `db:"nonce"`
	OpenedAt time.Time      `db:"opened_at"`
	DueAt    *time.Time     `db:"due_at"`
	DoneAt   *time.Time     `db:"done_at"`
	Verdict  string         `db:"verdict"`
	VoidWhy  string         `db:"void_why"`
	OpenedBy sql.NullString `db:"opened_by"`
}

// selectTask joins who opened the case or the notice, proposed the change of the roster, or asked for a run
// of retention, or for an entry of the register of disclosures.
const selectTask = `SELECT t.id, t.ref, t.kind, t.occasion, t.system, t.state, t.choices, t.digest, t.nonce,
	t.opened_at, t.due_at, t.done_at, t.verdict, t.void_why, coalesce(c.opened_by, r.opened_by, h.placed_by, m.opened_by, q.asked_by, x.asked_by, y.asked_by) AS opened_by
	FROM task t LEFT JOIN case_file c ON c.ref = t.ref LEFT JOIN roster_change r ON r.ref = t.ref LEFT JOIN hold h ON h.ref = t.ref
	LEFT JOIN notice m ON m.ref = t.ref LEFT JOIN retention_run q ON q.ref = t.ref LEFT JOIN retention_extension x ON x.ref = t.ref
	LEFT JOIN disclosure y ON y.ref = t.ref`

func (r *taskRow) value() (Task, error) {
	t := Task{
		ID: r.ID, Ref: r.Ref, Kind: dsr.TaskKind(r.Kind), Occasion: r.Occasion, System: r.System, State: r.State,
		Digest: r.Digest, Nonce: r.Nonce, OpenedAt: r.OpenedAt.UTC(), Due: utc(r.DueAt), DoneAt: utc(r.DoneAt),
		Verdict: dsr.Verdict(r.Verdict), VoidWhy: r.VoidWhy, CaseOpenedBy: r.OpenedBy.String,
	}
	if r.Choices.Valid {
		if err := json.Unmarshal([]byte(r.Choices.String), &t.Choices); err != nil {
			return Task{}, fault.Newf(contract.ErrTampered, "the choices of task %s do not read as JSON", r.ID)
		}
	}
	return t, nil
}

func shownField(taskID string) string { return "task.shown:" + taskID }

// OpenTask opens a task. The same reference, kind and occasion give the task that is there,
// whatever its state and with what it showed first.
func (s *Store) OpenTask(ctx context.Context, n NewTask) (Task, error) {
	if _, known := dsr.Rules[n.Kind]; !known {
		return Task{}, fault.Newf(contract.ErrBadInput, "nobody could decide a task of the kind %s", n.Kind)
	}
	for range 8 {
		id, err := contract.NewID(rand.Reader)
		if err != nil {
			return Task{}, err
		}
		err = s.openTask(ctx, id, n)
		if e := pq.As(err, "23505"); e != nil && e.Constraint == "task_one_per_id" {
			continue // the id is taken: draw another
		}
		if err != nil {
			return Task{}, err
		}
		var row taskRow
		if err := s.db.GetContext(ctx, &row, selectTask+` WHERE t.ref = $1 AND t.kind = $2 AND t.occasion = $3`,
			n.Ref, n.Kind, n.Occasion); err != nil {
			return Task{}, dbError("read a task", err)
		}
		return row.value()
	}
	return Task{}, fault.New(contract.ErrInternal, "no free task number was drawn", nil)
}

func (s *Store) openTask(ctx context.Context, id string, n NewTask) error {
	sealed, err := s.Seal(ctx, n.Ref, shownField(id), n.Shown)
	if err != nil {
		return err
	}
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce) // never fails
	digest := dsr.Digest(n.Shown, nil)
	return s.tx(ctx, "open a task", func(tx *sqlx.Tx) error {
		made, err := tx.ExecContext(ctx, `INSERT INTO task (id, ref, kind, occasion, system, shown, digest, nonce, opened_at, due_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (ref, kind, occasion) DO NOTHING`,
			id, n.Ref, n.Kind, n.Occasion, n.System, sealed, digest, nonce, s.now(), utc(n.Due))
		if err != nil {
			return err
		}
		if rows, err := made.RowsAffected(); err != nil || rows == 0 {
			return err
		}
		return s.record(ctx, tx, n.Ref, "task.opened", map[string]any{
			"task": id, "kind": string(n.Kind), "occasion": n.Occasion, "system": n.System, "digest": hex.EncodeToString(digest)})
	})
}

// Task reads a task by its id.
func (s *Store) Task(ctx context.Context, id string) (Task, error) {
	task, err := readTask(ctx, s.db, id, "")
	return task, dbError("read a task", err)
}

// readTask reads a task; lock is added to the statement.
func readTask(ctx context.Context, q querier, id, lock string) (Task, error) {
	var row taskRow
	err := q.GetContext(ctx, &row, selectTask+` WHERE t.id = $1 `+lock, id)
	if errors.Is(err, sql.ErrNoRows) {
		return Task{}, notFound("task", id)
	}
	if err != nil {
		return Task{}, err
	}
	return row.value()
}

const lockTask = `FOR NO KEY UPDATE OF t`

// Shown opens what a task shows. It may be personal data.
func (s *Store) Shown(ctx context.Context, id string) ([]byte, error) {
	task, err := s.Task(ctx, id)
	if err != nil {
		return nil, err
	}
	shown, err := s.shown(ctx, s.db, task)
	return shown, dbError("read a task", err)
}

// shown opens what is shown and holds it, with the choices, against the digest.
func (s *Store) shown(ctx context.Context, q querier, t Task) ([]byte, error) {
	var sealed []byte
	if err := q.GetContext(ctx, &sealed, `SELECT shown FROM task WHERE id = $1`, t.ID); err != nil {
		return nil, err
	}
	shown, err := s.unsealIn(ctx, q, t.Ref, shownField(t.ID), sealed)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(dsr.Digest(shown, CanonicalChoices(t.Choices)), t.Digest) != 1 {
		return nil, fault.Newf(contract.ErrTampered, "task %s does not show what its digest says", t.ID)
	}
	return shown, nil
}

// TaskFilter chooses tasks. Zero values choose everything.
type TaskFilter struct {
	Ref   contract.Ref
	State string
	Kind  string
	Limit int // 100 when 0; at most 1,000
}

// ListTasks lists tasks, the oldest first.
func (s *Store) ListTasks(ctx context.Context, f TaskFilter) ([]Task, error) {
	query, args := selectTask+` WHERE true`, []any{}
	where := func(condition string, value any) {
		args = append(args, value)
		query += fmt.Sprintf(" AND "+condition, len(args))
	}
	if f.Ref != "" {
		where("t.ref = $%d", f.Ref)
	}
	if f.State == TaskOpen {
		query += " AND t.state = 'open'" // lets the partial index serve it
	} else if f.State != "" {
		where("t.state = $%d", f.State)
	}
	if f.Kind != "" {
		where("t.kind = $%d", f.Kind)
	}
	query += fmt.Sprintf(" ORDER BY t.opened_at, t.id LIMIT %d", limitOf(f.Limit))
	var rows []taskRow
	if err := s.db.SelectContext(ctx, &rows, query, args...); err != nil {
		return nil, dbError("list tasks", err)
	}
	tasks := make([]Task, len(rows))
	for i := range rows {
		var err error
		if tasks[i], err = rows[i].value(); err != nil {
			return nil, err
		}
	}
	return tasks, nil
}

// VoidTask ends a task without a decision, because what it asked no longer matters; why is a short
// word such as "answered". A task that is not open stays as it is.
func (s *Store) VoidTask(ctx context.Context, id, why string) error {
	return s.tx(ctx, "void a task", func(tx *sqlx.Tx) error {
		task, err := readTask(ctx, tx, id, lockTask)
		if err != nil || task.State != TaskOpen {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE task SET state = 'void', done_at = $2, void_why = $3 WHERE id = $1`,
			id, s.now(), why); err != nil {
			return err
		}
		return s.record(ctx, tx, task.Ref, "task.voided", map[string]any{"task": id, "kind": string(task.Kind), "why": why})
	})
}
