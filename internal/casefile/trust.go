package casefile

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Pins are the first approvers, by name, from the worker's configuration: the ground on which all
// other trust stands. A pinned name is never looked up in the database.
type Pins map[string]Pin

// Pin is one of them.
type Pin struct {
	PublicKey ed25519.PublicKey
	Roles     []dsr.Role
	// Until ends the pin: what was signed before it stands, nothing after it counts. Zero: no end. A
	// pin that is taken out altogether takes everything that was ever signed with it along.
	Until time.Time
}

// signer is somebody whose key was traced back to pinned keys; the zero signer is nobody.
type signer struct {
	dsr.Signer
	enrolment contract.Ref // empty for a pinned key
}

// trust traces keys back to the pins within one transaction.
type trust struct {
	s        *Store
	q        querier
	pins     Pins
	visiting map[contract.Ref]bool // enrolments being traced: one that leads back to itself is worth nothing
	found    map[contract.Ref]bool // enrolments traced already that hold
	steps    int
}

// maxSteps bounds a walk over rows that somebody may have written to keep us walking.
const maxSteps = 500

func (s *Store) trust(q querier, pins Pins) *trust {
	return &trust{s: s, q: q, pins: pins, visiting: map[contract.Ref]bool{}, found: map[contract.Ref]bool{}}
}

// TrustedStaff is who signs under that name now: pinned, or enrolled by a decision whose signatures
// lead back to the pins. A row that somebody wrote into the table is nobody: contract.ErrNotFound.
// A revoked member is returned as such.
func (s *Store) TrustedStaff(ctx context.Context, name string, pins Pins) (dsr.Signer, error) {
	found, err := s.trust(s.db, pins).current(ctx, name)
	if err != nil {
		return dsr.Signer{}, dbError("look up a member of staff", err)
	}
	if found.Name == "" {
		return dsr.Signer{}, fault.New(contract.ErrNotFound, "nobody of that name may sign", nil).
			WithHint("enrol them with habeas staff enrol; two approvers sign it")
	}
	return found.Signer, nil
}

type staffRow struct {
	Enrolment  contract.Ref   `db:"enrolment"`
	Task       string         `db:"task"`
	Name       string         `db:"name"`
	PublicKey  []byte         `db:"public_key"`
	Roles      pq.StringArray `db:"roles"`
	EnrolledAt time.Time      `db:"enrolled_at"`
	RevokedAt  *time.Time     `db:"revoked_at"`
}

// selectStaff takes the earlier of the row's and the ledger's word on when somebody was revoked, so
// that clearing a column gives nobody their key back.
const selectStaff = `SELECT m.enrolment, m.task, m.name, m.public_key, m.roles, m.enrolled_at,
	least(m.revoked_at, (SELECT min(l.at) FROM ledger_line l WHERE l.ref = m.enrolment AND l.event = 'staff.revoked')) AS revoked_at
	FROM staff_member m`

func (r *staffRow) roles() []dsr.Role {
	roles := make([]dsr.Role, len(r.Roles))
	for i, role := range r.Roles {
		roles[i] = dsr.Role(role)
	}
	return roles
}

// current is who signs under a name now.
func (t *trust) current(ctx context.Context, name string) (signer, error) {
	if pin, ok := t.pins[name]; ok {
		return pinned(name, pin, t.s.now()), nil
	}
	return t.enrolled(ctx, nil, selectStaff+` WHERE m.name = $1 ORDER BY m.revoked_at IS NULL DESC, m.enrolled_at DESC LIMIT 1`, name)
}

// then is who signed under a name and an enrolment at a time in the past: a revocation ends what
// comes after it, not what was signed before.
func (t *trust) then(ctx context.Context, name string, enrolment contract.Ref, at time.Time) (signer, error) {
	if pin, ok := t.pins[name]; ok && enrolment == "" {
		return pinned(name, pin, at), nil
	}
	return t.enrolled(ctx, &at, selectStaff+` WHERE m.name = $1 AND m.enrolment = $2`, name, enrolment)
}

func pinned(name string, pin Pin, at time.Time) signer {
	ended := !pin.Until.IsZero() && !at.Before(pin.Until)
	return signer{Signer: dsr.Signer{Name: name, PublicKey: pin.PublicKey, Roles: pin.Roles, Revoked: ended}}
}

func (t *trust) enrolled(ctx context.Context, at *time.Time, query string, args ...any) (signer, error) {
	var row staffRow
	err := t.q.GetContext(ctx, &row, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return signer{}, nil
	}
	if err != nil {
		return signer{}, err
	}
	holds, err := t.holds(ctx, row)
	if err != nil || !holds {
		return signer{}, err
	}
	revoked := row.RevokedAt != nil && (at == nil || !at.Before(*row.RevokedAt))
	return signer{
		Signer:    dsr.Signer{Name: row.Name, PublicKey: row.PublicKey, Roles: row.roles(), Revoked: revoked},
		enrolment: row.Enrolment,
	}, nil
}

// holds says whether the enrolment behind a row was approved by people who hold themselves, for
// exactly this name, key and roles.
func (t *trust) holds(ctx context.Context, row staffRow) (bool, error) {
	if t.found[row.Enrolment] {
		return true, nil
	}
	if t.steps++; t.visiting[row.Enrolment] || t.steps > maxSteps {
		return false, nil
	}
	t.visiting[row.Enrolment] = true
	defer delete(t.visiting, row.Enrolment)
	task, shown, err := t.approved(ctx, row.Task)
	if fault.Is(err, contract.ErrNotApproved) || fault.Is(err, contract.ErrTampered) || fault.Is(err, contract.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	holds := task.Ref == row.Enrolment && task.Kind == dsr.TaskEnrol &&
		showsStaff(shown, Staff{Name: row.Name, PublicKey: row.PublicKey, Roles: row.roles()})
	if holds { // what fails inside a circle may hold from outside it, so only what holds is kept
		t.found[row.Enrolment] = true
	}
	return holds, nil
}

// CheckApproval verifies anew everything behind an approved task: that it shows what its digest
// says, that enough different people approved it, and each of their signatures, keys and roles back
// to the pins. Anything less is a contract.ErrNotApproved. Irreversible steps call it before their
// first effect; they compare Task.Ref and Task.Kind with what they are about to do.
func (s *Store) CheckApproval(ctx context.Context, taskID string, pins Pins) (Task, error) {
	task, _, err := s.trust(s.db, pins).approved(ctx, taskID)
	return task, dbError("check an approval", err)
}

func notApproved(taskID, why string) error {
	return fault.Newf(contract.ErrNotApproved, "no valid signed approval stands behind task %s: %s", taskID, why)
}

// CheckVerdict is CheckApproval for a verdict other than yes, which one person gives alone: the
// task ended with it, and the signature behind it verifies.
func (s *Store) CheckVerdict(ctx context.Context, taskID string, verdict dsr.Verdict, pins Pins) (Task, error) {
	task, _, err := s.trust(s.db, pins).decided(ctx, taskID, verdict)
	return task, dbError("check a decision", err)
}

// approved is CheckApproval, with what was shown.
func (t *trust) approved(ctx context.Context, taskID string) (Task, []byte, error) {
	return t.decided(ctx, taskID, dsr.Approve)
}

// states says whether a task of that kind is a yes to this very statement of ref: digest is of it, and stated
// what the task showed of it, in hex. What does not verify is a no, and not an error.
func (t *trust) states(ctx context.Context, task string, ref contract.Ref, kind dsr.TaskKind, digest []byte, stated func(dsr.Shown) string) (bool, error) {
	got, raw, err := t.approved(ctx, task)
	if fault.Is(err, contract.ErrNotApproved) || fault.Is(err, contract.ErrTampered) || fault.Is(err, contract.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	shown, err := dsr.ReadShown(raw)
	return err == nil && got.Ref == ref && got.Kind == kind && stated(shown) == hex.EncodeToString(digest), nil
}

// decided verifies every signature behind a task that ended with that verdict.
func (t *trust) decided(ctx context.Context, taskID string, verdict dsr.Verdict) (Task, []byte, error) {
	task, err := readTask(ctx, t.q, taskID, "")
	if err != nil {
		return Task{}, nil, err
	}
	if task.State != TaskDone || task.Verdict != verdict {
		return Task{}, nil, notApproved(taskID, "it did not end with "+string(verdict))
	}
	shown, err := t.s.shown(ctx, t.q, task)
	if err != nil {
		return Task{}, nil, err
	}
	rows, err := decisionRows(ctx, t.q, taskID)
	if err != nil {
		return Task{}, nil, err
	}
	agree := 0
	for i, row := range rows {
		d, err := t.s.stored(ctx, t.q, task, row)
		if err != nil {
			return Task{}, nil, err
		}
		who, err := t.then(ctx, row.Staff, row.Enrolment, row.At)
		if err != nil {
			return Task{}, nil, err
		}
		held, err := t.s.against(ctx, t.q, task, rows[:i], row.At)
		if err != nil {
			return Task{}, nil, err
		}
		if err := dsr.Check(d, held, who.Signer, t.s.keys.Installation()); err != nil {
			return Task{}, nil, notApproved(taskID, ruleOf(err))
		}
		switch dsr.Verdict(row.Verdict) {
		case verdict:
			agree++
		default:
			if verdict == dsr.Approve {
				return Task{}, nil, notApproved(taskID, "somebody decided otherwise")
			}
		}
	}
	need := 1
	if rule, known := dsr.Rules[task.Kind]; !known {
		return Task{}, nil, notApproved(taskID, "nobody can decide a task of this kind")
	} else if verdict == dsr.Approve {
		need = rule.Signers
	}
	if agree < need {
		return Task{}, nil, notApproved(taskID, "not enough people signed")
	}
	return task, shown, nil
}

// showsStaff says whether what was shown names exactly this person, key and roles.
func showsStaff(shown []byte, want Staff) bool {
	var got enrolShown
	if json.Unmarshal(shown, &got) != nil {
		return false
	}
	key, err := decodePublic(got.PublicKey)
	return err == nil && got.Name == want.Name && bytes.Equal(key, want.PublicKey) && slices.Equal(got.Roles, want.Roles)
}

// Approval finds the task of a kind and occasion; contract.ErrNotFound when there is none. What it
// finds still has to pass CheckApproval.
func (s *Store) Approval(ctx context.Context, ref contract.Ref, kind dsr.TaskKind, occasion string) (string, error) {
	var id string
	err := s.db.GetContext(ctx, &id, `SELECT id FROM task WHERE ref = $1 AND kind = $2 AND occasion = $3`, ref, kind, occasion)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fault.Newf(contract.ErrNotFound, "%s has no task %s", ref, kind)
	}
	return id, dbError("find a task", err)
}
