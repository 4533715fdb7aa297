package casefile

import (
	"context"
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

// Plan is one plan of a deletion case. Its body is opaque here.
type Plan struct {
	Ref          contract.Ref
	N            int
	MadeAt       time.Time         // the time by which it reckons
	Choices      map[string]string // a reviewer's words on shared rows, by "system.collection"
	Without      []string          // systems that signed decisions left out when it was begun
	Hash         []byte            // keyed hash of the body; nil while it is drafted
	Rows         int64
	Large        bool // beyond the map's limit
	ReviewTask   string
	ApprovalTask string
	AgreedAt     *time.Time
	CoolUntil    *time.Time
	BegunAt      *time.Time
}

type planRow struct {
	Ref          contract.Ref   `db:"ref"`
	N            int            `db:"n"`
	MadeAt       time.Time      `db:"made_at"`
	Choices      string         `db:"choices"`
	Without      pq.StringArray `db:"without"`
	Hash         []byte         `db:"hash"`
	Rows         int64          `db:"rows"`
	Large        bool           `db:"large"`
	ReviewTask   string         `db:"review_task"`
	ApprovalTask string         `db:"approval_task"`
	AgreedAt     *time.Time     `db:"agreed_at"`
	CoolUntil    *time.Time     `db:"cool_until"`
	BegunAt      *time.Time     `db:"begun_at"`
}

const selectPlan = `SELECT ref, n, made_at, choices, without, hash, rows, large, coalesce(review_task, '') AS review_task,
	coalesce(approval_task, '') AS approval_task, agreed_at, cool_until, begun_at FROM plan`

func (r *planRow) value() (Plan, error) {
	p := Plan{Ref: r.Ref, N: r.N, MadeAt: r.MadeAt.UTC(), Without: r.Without, Hash: r.Hash, Rows: r.Rows, Large: r.Large,
		ReviewTask: r.ReviewTask, ApprovalTask: r.ApprovalTask, AgreedAt: utc(r.AgreedAt), CoolUntil: utc(r.CoolUntil), BegunAt: utc(r.BegunAt)}
	if err := json.Unmarshal([]byte(r.Choices), &p.Choices); err != nil {
		return p, fault.Newf(contract.ErrTampered, "the choices of plan %d of %s do not read as JSON", r.N, r.Ref)
	}
	return p, nil
}

func planField(n int) string                { return fmt.Sprintf("case.plan:%d", n) }
func partField(n int, system string) string { return fmt.Sprintf("case.plan:%d:%s", n, system) }

// PlanHash is what stands for a plan outside its seal: a keyed hash of reference, number and body.
func (s *Store) PlanHash(ref contract.Ref, n int, body []byte) []byte {
	return s.keys.KeyedHash("habeas plan v1", digestOf("plan", []byte(ref), uint64Bytes(int64(n)), body))
}

// StartPlan begins a plan. Again: the one that was begun, with its first time, choices and systems
// left out. A plan after one that nobody has seen yet, or of a case that is ending, is refused.
func (s *Store) StartPlan(ctx context.Context, ref contract.Ref, n int, choices map[string]string, without []string) (Plan, error) {
	words, err := json.Marshal(choices)
	if err != nil {
		return Plan{}, fmt.Errorf("writing choices: %w", err)
	}
	if choices == nil {
		words = []byte("{}")
	}
	err = s.tx(ctx, "begin a plan", func(tx *sqlx.Tx) error {
		if err := takes(ctx, tx, ref); err != nil {
			return err
		}
		var last int
		if err := tx.GetContext(ctx, &last, `SELECT coalesce(max(n), 0) FROM plan WHERE ref = $1`, ref); err != nil {
			return err
		}
		if n > last+1 {
			return fault.Newf(contract.ErrNotApproved, "%s has no plan %d yet, so plan %d cannot follow it", ref, n-1, n)
		}
		made, err := tx.ExecContext(ctx, `INSERT INTO plan (ref, n, made_at, choices, without) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (ref, n) DO NOTHING`, ref, n, s.now(), string(words), pq.Array(nonNil(without)))
		if err != nil {
			return err
		}
		if rows, err := made.RowsAffected(); err != nil {
			return err
		} else if rows == 0 {
			return s.startAgain(ctx, tx, ref, n, without)
		}
		return s.record(ctx, tx, ref, "plan.started", map[string]any{"plan": n, "choices": len(choices), "left_out": len(without)})
	})
	if err != nil {
		return Plan{}, err
	}
	return s.Plan(ctx, ref, n)
}

// startAgain has a plan that is still drafted do without the systems that were left out meanwhile, in a
// case that is done at once: there a plan's number says which directory row it is about.
func (s *Store) startAgain(ctx context.Context, tx *sqlx.Tx, ref contract.Ref, n int, without []string) error {
	now, err := atOnce(ctx, tx, ref)
	if err != nil || !now {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE plan SET without = $3 WHERE ref = $1 AND n = $2 AND hash IS NULL`, ref, n, pq.Array(nonNil(without)))
	return err
}

// Plan reads one plan; contract.ErrNotFound when there is none.
func (s *Store) Plan(ctx context.Context, ref contract.Ref, n int) (Plan, error) {
	p, err := readPlan(ctx, s.db, ref, n, "")
	return p, dbError("read a plan", err)
}

func readPlan(ctx context.Context, q querier, ref contract.Ref, n int, lock string) (Plan, error) {
	var row planRow
	err := q.GetContext(ctx, &row, selectPlan+` WHERE ref = $1 AND n = $2 `+lock, ref, n)
	if errors.Is(err, sql.ErrNoRows) {
		return Plan{}, fault.Newf(contract.ErrNotFound, "%s has no plan %d", ref, n)
	}
	if err != nil {
		return Plan{}, err
	}
	return row.value()
}

// Plans lists the plans of a case in order.
func (s *Store) Plans(ctx context.Context, ref contract.Ref) ([]Plan, error) {
	var rows []planRow
	if err := s.db.SelectContext(ctx, &rows, selectPlan+` WHERE ref = $1 ORDER BY n`, ref); err != nil {
		return nil, dbError("read the plans", err)
	}
	plans := make([]Plan, len(rows))
	for i := range rows {
		var err error
		if plans[i], err = rows[i].value(); err != nil {
			return nil, err
		}
	}
	return plans, nil
}

// PutPlanPart keeps what one system drafted, sealed. Once the plan is sealed it changes nothing.
func (s *Store) PutPlanPart(ctx context.Context, ref contract.Ref, n int, system string, body []byte) error {
	sealed, err := s.Seal(ctx, ref, partField(n, system), body)
	if err != nil {
		return err
	}
	_, err = s.db.ExecContext(ctx, `INSERT INTO plan_part (ref, n, system, body)
		SELECT ref, n, $3, $4 FROM plan WHERE ref = $1 AND n = $2 AND hash IS NULL
		ON CONFLICT (ref, n, system) DO UPDATE SET body = excluded.body`, ref, n, system, sealed)
	return dbError("keep a part of a plan", err)
}

// PlanParts opens what the systems drafted, by system.
func (s *Store) PlanParts(ctx context.Context, ref contract.Ref, n int) (map[string][]byte, error) {
	var rows []struct {
		System string `db:"system"`
		Body   []byte `db:"body"`
	}
	if err := s.db.SelectContext(ctx, &rows, `SELECT system, body FROM plan_part WHERE ref = $1 AND n = $2`, ref, n); err != nil {
		return nil, dbError("read the parts of a plan", err)
	}
	parts := map[string][]byte{}
	for _, row := range rows {
		plain, err := s.Unseal(ctx, ref, partField(n, row.System), row.Body)
		if err != nil {
			return nil, err
		}
		parts[row.System] = plain
	}
	return parts, nil
}

// SealPlan freezes the body of a plan. The first body stands; another one is a contract.ErrConflict.
func (s *Store) SealPlan(ctx context.Context, ref contract.Ref, n int, body []byte, rows int64, large bool) (Plan, error) {
	sealed, err := s.Seal(ctx, ref, planField(n), body)
	if err != nil {
		return Plan{}, err
	}
	hash := s.PlanHash(ref, n, body)
	err = s.tx(ctx, "seal a plan", func(tx *sqlx.Tx) error {
		p, err := readPlan(ctx, tx, ref, n, lockRow)
		if err != nil || p.Hash != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE plan SET body = $3, hash = $4, rows = $5, large = $6 WHERE ref = $1 AND n = $2`,
			ref, n, sealed, hash, rows, large); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "plan.sealed", map[string]any{"plan": n, "hash": hex.EncodeToString(hash), "rows": rows, "large": large})
	})
	if err != nil {
		return Plan{}, err
	}
	return s.Plan(ctx, ref, n)
}

// PlanBody opens a sealed plan and holds it against its hash. A plan that is not sealed yet is a
// contract.ErrNotFound.
func (s *Store) PlanBody(ctx context.Context, ref contract.Ref, n int) ([]byte, error) {
	var row struct {
		Body []byte `db:"body"`
		Hash []byte `db:"hash"`
	}
	err := s.db.GetContext(ctx, &row, `SELECT body, hash FROM plan WHERE ref = $1 AND n = $2 AND hash IS NOT NULL`, ref, n)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.Newf(contract.ErrNotFound, "%s has no sealed plan %d", ref, n)
	}
	if err != nil {
		return nil, dbError("read a plan", err)
	}
	body, err := s.Unseal(ctx, ref, planField(n), row.Body)
	if err != nil {
		return nil, err
	}
	if hash := s.PlanHash(ref, n, body); !equalHash(hash, row.Hash) {
		return nil, fault.Newf(contract.ErrTampered, "plan %d of %s is not what its hash says", n, ref)
	}
	return body, nil
}

// coversPlan verifies everything behind a task and that it is the kind wanted, on this very plan: what
// was shown has "plan_hash" in hexadecimal.
func (t *trust) coversPlan(ctx context.Context, task string, kind dsr.TaskKind, p Plan) error {
	got, shown, err := t.approved(ctx, task)
	if err != nil {
		return err
	}
	var plan struct {
		Hash string `json:"plan_hash"`
	}
	if err := json.Unmarshal(shown, &plan); err != nil || got.Ref != p.Ref || got.Kind != kind || p.Hash == nil ||
		plan.Hash != hex.EncodeToString(p.Hash) {
		return notApproved(task, "what was signed is not this plan")
	}
	return nil
}

// signed verifies that a reviewer and others signed this plan: of a deletion one or two, as the plan is
// large; of a correction one where it is large, which is to say strict, and otherwise nobody else. A plan
// that sets a restriction back needs the two signatures of its task; one of a case that is done at once
// needs none.
func (t *trust) signed(ctx context.Context, p Plan, review, approval string) error {
	var of dsr.CaseKind
	if err := t.q.GetContext(ctx, &of, `SELECT kind FROM case_file WHERE ref = $1`, p.Ref); err != nil {
		return err
	}
	if of == dsr.Correction {
		err := t.coversPlan(ctx, review, dsr.TaskCorrect, p)
		if err != nil || !p.Large {
			return err
		}
		return t.coversPlan(ctx, approval, dsr.TaskCorrectStrict, p)
	}
	r, err := readRestriction(ctx, t.q, p.Ref)
	if err != nil {
		return err
	}
	if r.LiftFrom > 0 && p.N >= r.LiftFrom {
		return t.coversPlan(ctx, approval, dsr.TaskLift, p)
	}
	if now, err := atOnce(ctx, t.q, p.Ref); err != nil || now && p.Hash != nil {
		return err
	}
	kind := dsr.TaskErase
	if p.Large {
		kind = dsr.TaskEraseLarge
	}
	if err := t.coversPlan(ctx, review, dsr.TaskPlan, p); err != nil {
		return err
	}
	return t.coversPlan(ctx, approval, kind, p)
}

// AgreePlan writes down that a plan is agreed on, and until when the person may withdraw. It
// verifies the signatures itself; less is a contract.ErrNotApproved. Again with the same tasks: the
// first agreement, so that nobody can shorten the time.
func (s *Store) AgreePlan(ctx context.Context, ref contract.Ref, n int, review, approval string, coolOff time.Duration, pins Pins) (Plan, error) {
	var p Plan
	err := s.tx(ctx, "agree on a plan", func(tx *sqlx.Tx) error {
		var err error
		if p, err = readPlan(ctx, tx, ref, n, lockRow); err != nil {
			return err
		}
		if err := s.trust(tx, pins).signed(ctx, p, review, approval); err != nil {
			return err
		}
		if p.AgreedAt != nil {
			if p.ReviewTask != review || p.ApprovalTask != approval {
				return fault.Newf(contract.ErrConflict, "plan %d of %s was agreed on by other tasks", n, ref)
			}
			return nil
		}
		// After a plan that was begun there is nothing to withdraw any more.
		var begun bool
		if err := tx.GetContext(ctx, &begun, `SELECT EXISTS (SELECT FROM plan WHERE ref = $1 AND begun_at IS NOT NULL)`, ref); err != nil {
			return err
		}
		r, err := readRestriction(ctx, tx, ref)
		if err != nil {
			return err
		}
		if begun && r.LiftFrom == 0 {
			coolOff = 0
		}
		now := s.now()
		until := now.Add(coolOff).Truncate(time.Microsecond)
		p.ReviewTask, p.ApprovalTask, p.AgreedAt, p.CoolUntil = review, approval, &now, &until
		if _, err := tx.ExecContext(ctx, `UPDATE plan SET review_task = $3, approval_task = $4, agreed_at = $5, cool_until = $6
			WHERE ref = $1 AND n = $2`, ref, n, review, approval, now, until); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "plan.agreed", map[string]any{"plan": n, "hash": hex.EncodeToString(p.Hash),
			"review": review, "approval": approval, "until": until.Format(time.RFC3339)})
	})
	return p, err
}

// CheckPlan says whether a plan may be carried out now: sealed, signed by enough different people
// (each signature verified anew) and begun. Anything less is a contract.ErrNotApproved.
func (s *Store) CheckPlan(ctx context.Context, ref contract.Ref, n int, pins Pins) (Plan, error) {
	p, err := s.Plan(ctx, ref, n)
	if err != nil {
		return p, err
	}
	if p.BegunAt == nil {
		return p, fault.Newf(contract.ErrNotApproved, "plan %d of %s was not begun", n, ref)
	}
	return p, dbError("check a plan", s.trust(s.db, pins).signed(ctx, p, p.ReviewTask, p.ApprovalTask))
}
