package casefile

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// Staff is a member of staff who may sign. Names and roles are not secret.
type Staff struct {
	Name       string            `json:"name"`
	PublicKey  ed25519.PublicKey `json:"public_key"`
	Roles      []dsr.Role        `json:"roles"`
	EnrolledBy contract.Ref      `json:"enrolled_by"` // the roster reference
	RevokedAt  *time.Time        `json:"revoked_at,omitempty"`
}

// enrolShown is what the task of an enrolment shows; a decision on it covers these three.
type enrolShown struct {
	Name      string     `json:"name"`
	PublicKey string     `json:"public_key"`
	Roles     []dsr.Role `json:"roles"`
}

func decodePublic(s string) (ed25519.PublicKey, error) { return seal.DecodePublic(s) }

// EnrolShown is what a task of kind dsr.TaskEnrol must show. More fields may stand beside these.
func EnrolShown(m Staff) []byte {
	shown, _ := json.Marshal(enrolShown{Name: m.Name, PublicKey: seal.EncodePublic(m.PublicKey), Roles: m.Roles})
	return shown
}

// ProposeStaff proposes to let somebody sign and makes the roster reference under which it is
// decided. Nothing follows from it until ApplyRoster.
func (s *Store) ProposeStaff(ctx context.Context, m Staff, openedBy string) (contract.Ref, error) {
	switch {
	case m.Name == "" || !plainText.MatchString(m.Name):
		return "", fault.New(contract.ErrBadInput, "a member of staff needs a short name in Latin letters", nil)
	case len(m.PublicKey) != ed25519.PublicKeySize:
		return "", fault.New(contract.ErrBadInput, "a member of staff needs a public key", nil).WithHint("they make one with habeas keys new")
	case len(m.Roles) == 0:
		return "", fault.New(contract.ErrBadInput, "a member of staff needs a role", nil)
	}
	roles := make([]string, len(m.Roles))
	for i, role := range m.Roles {
		if !slices.Contains(dsr.Roles, role) {
			return "", fault.New(contract.ErrBadInput, "there is no such role", nil)
		}
		roles[i] = string(role)
	}
	return s.newRef(ctx, contract.KindRoster, "propose a member of staff", func(tx *sqlx.Tx, ref contract.Ref, _ *seal.RefKey) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO roster_change (ref, name, public_key, roles, opened_by, opened_at)
			VALUES ($1, $2, $3, $4, $5, $6)`, ref, m.Name, []byte(m.PublicKey), pq.Array(roles), openedBy, s.now()); err != nil {
			return err
		}
		return s.begin(ctx, tx, ref, "staff.proposed", map[string]any{
			"name": m.Name, "key": seal.EncodePublic(m.PublicKey), "roles": strings.Join(roles, " "), "by": openedBy})
	})
}

// Proposal reads what was proposed under ref.
func (s *Store) Proposal(ctx context.Context, ref contract.Ref) (Staff, error) {
	m, err := proposal(ctx, s.db, ref)
	return m, dbError("read a proposal", err)
}

func proposal(ctx context.Context, q querier, ref contract.Ref) (Staff, error) {
	var row staffRow
	err := q.GetContext(ctx, &row, `SELECT ref AS enrolment, name, public_key, roles FROM roster_change WHERE ref = $1`, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return Staff{}, notFound("change of the roster", ref.ID())
	}
	if err != nil {
		return Staff{}, err
	}
	return row.staff(), nil
}

func (r *staffRow) staff() Staff {
	return Staff{Name: r.Name, PublicKey: r.PublicKey, Roles: r.roles(), EnrolledBy: r.Enrolment, RevokedAt: utc(r.RevokedAt)}
}

// ApplyRoster enrols who was proposed under ref, when the task on it is approved by enough people
// and shows exactly the proposal (EnrolShown); otherwise contract.ErrNotApproved. A name that
// signs already, or is pinned, is a contract.ErrConflict. Again: nothing.
func (s *Store) ApplyRoster(ctx context.Context, ref contract.Ref, taskID string, pins Pins) error {
	return s.tx(ctx, "enrol a member of staff", func(tx *sqlx.Tx) error {
		task, shown, err := s.trust(tx, pins).approved(ctx, taskID)
		if err != nil {
			return err
		}
		m, err := proposal(ctx, tx, ref)
		if err != nil {
			return err
		}
		if task.Ref != ref || task.Kind != dsr.TaskEnrol || !showsStaff(shown, m) {
			return notApproved(taskID, "what was signed is not this proposal")
		}
		if _, pinned := pins[m.Name]; pinned {
			return fault.New(contract.ErrConflict, "that name is pinned in the worker's configuration", nil)
		}
		made, err := tx.ExecContext(ctx, `INSERT INTO staff_member (enrolment, task, name, public_key, roles, enrolled_at)
			SELECT ref, $2, name, public_key, roles, $3 FROM roster_change WHERE ref = $1
			ON CONFLICT (enrolment) DO NOTHING`, ref, taskID, s.now())
		if pq.As(err, "23505") != nil {
			return fault.New(contract.ErrConflict, "somebody of that name signs already", err).WithHint("revoke the old key first")
		}
		if err != nil {
			return err
		}
		if n, err := made.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.record(ctx, tx, ref, "staff.enrolled", map[string]any{"name": m.Name, "task": taskID})
	})
}

// ListStaff lists everybody who was ever enrolled, by name. A row here is a claim; who may sign is
// what TrustedStaff says.
func (s *Store) ListStaff(ctx context.Context) ([]Staff, error) {
	var rows []staffRow
	if err := s.db.SelectContext(ctx, &rows, selectStaff+` ORDER BY m.name, m.enrolled_at`); err != nil {
		return nil, dbError("list the staff", err)
	}
	list := make([]Staff, len(rows))
	for i := range rows {
		list[i] = rows[i].staff()
	}
	return list, nil
}

// RevokeStaff ends what somebody may sign from now on; what they signed before stays valid. Who is
// not enrolled is a contract.ErrNotFound: a pinned name gets an end in the approvers file instead.
func (s *Store) RevokeStaff(ctx context.Context, name, by string) error {
	return s.tx(ctx, "revoke a member of staff", func(tx *sqlx.Tx) error {
		var ref contract.Ref
		err := tx.GetContext(ctx, &ref, `UPDATE staff_member SET revoked_at = $2, revoked_by = $3
			WHERE name = $1 AND revoked_at IS NULL RETURNING enrolment`, name, s.now(), by)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(contract.ErrNotFound, "nobody of that name is enrolled", nil).
				WithHint("write until=DATE behind a pinned approver in the approvers file; taking the line out would undo what they signed")
		}
		if err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "staff.revoked", map[string]any{"name": name, "by": by})
	})
}
