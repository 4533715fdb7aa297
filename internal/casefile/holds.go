package casefile

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// Advisory locks of the casefile. Every destructive batch holds lockHolds shared, and placing a hold
// takes it alone: a hold stands from the moment it is written.
const (
	lockHolds = 0x48414245_0001
	lockLinks = 0x48414245_0002
)

// Scopes of a hold.
const (
	HoldPerson     = "person"
	HoldSystem     = "system"
	HoldCollection = "collection"
)

// HoldStatement is what whoever places a hold signs. It is personal data: a matter names people.
type HoldStatement struct {
	Matter     string     `json:"matter"`
	Scope      string     `json:"scope"`
	System     string     `json:"system,omitempty"`
	Collection string     `json:"collection,omitempty"` // name within the system
	Person     string     `json:"person,omitempty"`     // masked, for people to read
	Kind       string     `json:"kind,omitempty"`       // of identity
	Index      []byte     `json:"index,omitempty"`      // keyed hash of the normalised identity
	Until      *time.Time `json:"until,omitempty"`
	Reason     string     `json:"reason"`
	Nonce      []byte     `json:"nonce"`
}

// Bytes are what is signed, in an installation.
func (h HoldStatement) Bytes(installation string) ([]byte, error) {
	raw, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("writing a hold: %w", err)
	}
	return digestOf("habeas hold v1", []byte(installation), raw), nil
}

// Hold is one legal hold. Its JSON is what listings print.
type Hold struct {
	Ref        contract.Ref  `json:"ref"`
	ID         string        `json:"id"`
	Statement  HoldStatement `json:"statement"`
	PlacedBy   string        `json:"placed_by"`
	PlacedAt   time.Time     `json:"placed_at"`
	Standing   bool          `json:"standing"` // neither over nor rightly released
	Round      int           `json:"-"`        // how often its release was asked for
	ReleasedAt *time.Time    `json:"released_at,omitempty"`
}

type holdRow struct {
	Ref         contract.Ref `db:"ref"`
	Scope       string       `db:"scope"`
	System      string       `db:"system"`
	Collection  string       `db:"collection"`
	PersonKind  string       `db:"person_kind"`
	PersonIndex []byte       `db:"person_index"`
	Statement   []byte       `db:"statement"`
	PlacedBy    string       `db:"placed_by"`
	PlacedAt    time.Time    `db:"placed_at"`
	Until       *time.Time   `db:"until"`
	Round       int          `db:"round"`
	ReleaseTask *string      `db:"release_task"`
	ReleasedAt  *time.Time   `db:"released_at"`
}

const selectHold = `SELECT ref, scope, system, collection, person_kind, person_index, statement, placed_by, placed_at, until, round,
	release_task, released_at FROM hold`

const fieldHold = "hold.statement"

// AddHold places a hold, signed by a member of staff whose role allows it. It waits until every
// destructive batch that runs has ended; from the moment it returns the hold stands.
func (s *Store) AddHold(ctx context.Context, h HoldStatement, by string, signature []byte, pins Pins) (contract.Ref, error) {
	signed, err := h.Bytes(s.keys.Installation())
	if err != nil {
		return "", err
	}
	return s.newRef(ctx, contract.KindHold, "place a hold", func(tx *sqlx.Tx, ref contract.Ref, key *seal.RefKey) error {
		who, err := s.trust(tx, pins).current(ctx, by)
		if err != nil {
			return err
		}
		may := slices.ContainsFunc(who.Roles, func(r dsr.Role) bool { return slices.Contains(dsr.Rules[dsr.TaskReleaseHold].Roles, r) })
		if who.Name == "" || who.Revoked || len(who.PublicKey) != ed25519.PublicKeySize || !ed25519.Verify(who.PublicKey, signed, signature) {
			return fault.New(contract.ErrBadSignature, "the hold was refused: its signature does not fit an enrolled key", nil)
		}
		if !may {
			return fault.New(contract.ErrBadSignature, "the hold was refused: the signer's role may not place one", nil)
		}
		raw, err := json.Marshal(h)
		if err != nil {
			return fmt.Errorf("writing a hold: %w", err)
		}
		sealed, err := key.Seal(fieldHold, raw)
		if err != nil {
			return fmt.Errorf("sealing a hold: %w", err)
		}
		// A batch may take a while; whoever places a hold waits for it, and not for ever.
		if _, err := tx.ExecContext(ctx, `SELECT set_config('lock_timeout', '120s', true), set_config('statement_timeout', '130s', true)`); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(lockHolds)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO hold (ref, scope, system, collection, person_kind, person_index, statement, signature, placed_by, placed_at, until)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			ref, h.Scope, h.System, h.Collection, h.Kind, h.Index, sealed, signature, by, s.now(), utc(h.Until)); err != nil {
			return err
		}
		return s.begin(ctx, tx, ref, "hold.placed", map[string]any{"by": by, "scope": h.Scope, "system": h.System, "collection": h.Collection})
	})
}

// Holds lists the holds, the oldest first; standing leaves out those that are over or released.
func (s *Store) Holds(ctx context.Context, standing bool, pins Pins) ([]Hold, error) {
	var rows []holdRow
	if err := s.db.SelectContext(ctx, &rows, selectHold+` ORDER BY placed_at, ref`); err != nil {
		return nil, dbError("list the holds", err)
	}
	var holds []Hold
	for _, row := range rows {
		h, err := s.hold(ctx, s.db, row, pins)
		if err != nil {
			return nil, dbError("read a hold", err)
		}
		if h.Standing || !standing {
			holds = append(holds, h)
		}
	}
	return holds, nil
}

// Hold reads one hold.
func (s *Store) Hold(ctx context.Context, ref contract.Ref, pins Pins) (Hold, error) {
	var row holdRow
	err := s.db.GetContext(ctx, &row, selectHold+` WHERE ref = $1`, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return Hold{}, notFound("hold", ref.ID())
	}
	if err != nil {
		return Hold{}, dbError("read a hold", err)
	}
	h, err := s.hold(ctx, s.db, row, pins)
	return h, dbError("read a hold", err)
}

func (s *Store) hold(ctx context.Context, q querier, row holdRow, pins Pins) (Hold, error) {
	h := Hold{Ref: row.Ref, ID: row.Ref.ID(), PlacedBy: row.PlacedBy, PlacedAt: row.PlacedAt.UTC(), Round: row.Round, ReleasedAt: utc(row.ReleasedAt)}
	raw, err := s.unsealIn(ctx, q, row.Ref, fieldHold, row.Statement)
	if err != nil {
		return h, err
	}
	if err := json.Unmarshal(raw, &h.Statement); err != nil {
		return h, fault.Newf(contract.ErrTampered, "%s does not read as JSON", row.Ref)
	}
	h.Standing, err = s.standing(ctx, q, row, pins)
	return h, err
}

// standing says whether a hold is in force. A release that the signatures do not bear out is none.
func (s *Store) standing(ctx context.Context, q querier, row holdRow, pins Pins) (bool, error) {
	if row.Until != nil && !s.now().Before(*row.Until) {
		return false, nil
	}
	if row.ReleaseTask == nil {
		return true, nil
	}
	err := s.trust(q, pins).coversHold(ctx, *row.ReleaseTask, row.Ref)
	if fault.Is(err, contract.ErrNotApproved) || fault.Is(err, contract.ErrTampered) || fault.Is(err, contract.ErrNotFound) {
		return true, nil
	}
	return false, err
}

func (t *trust) coversHold(ctx context.Context, task string, ref contract.Ref) error {
	got, _, err := t.approved(ctx, task)
	if err == nil && (got.Ref != ref || got.Kind != dsr.TaskReleaseHold) {
		err = notApproved(task, "what was signed is not the release of this hold")
	}
	return err
}

// AskRelease counts a wish to release a hold and gives its number. A hold that does not stand is a
// contract.ErrNotOpen.
func (s *Store) AskRelease(ctx context.Context, ref contract.Ref, by string, pins Pins) (int, error) {
	h, err := s.Hold(ctx, ref, pins)
	if err != nil {
		return 0, err
	}
	if !h.Standing {
		return 0, fault.Newf(contract.ErrNotOpen, "hold %s does not stand any more", ref.ID())
	}
	var round int
	err = s.tx(ctx, "ask for the release of a hold", func(tx *sqlx.Tx) error {
		var open bool
		if err := tx.GetContext(ctx, &open, `SELECT EXISTS (SELECT FROM task WHERE ref = $1 AND state = 'open')`, ref); err != nil {
			return err
		}
		if err := tx.GetContext(ctx, &round, `SELECT round FROM hold WHERE ref = $1 FOR NO KEY UPDATE`, ref); err != nil || (open && round > 0) {
			return err
		}
		round++
		if _, err := tx.ExecContext(ctx, `UPDATE hold SET round = $2 WHERE ref = $1`, ref, round); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "hold.release-asked", map[string]any{"by": by, "round": round})
	})
	return round, err
}

// ReleaseHold ends a hold, once two people have signed it; the signatures are verified here.
func (s *Store) ReleaseHold(ctx context.Context, ref contract.Ref, task string, pins Pins) error {
	return s.tx(ctx, "release a hold", func(tx *sqlx.Tx) error {
		var row holdRow
		err := tx.GetContext(ctx, &row, selectHold+` WHERE ref = $1 FOR NO KEY UPDATE`, ref)
		if errors.Is(err, sql.ErrNoRows) {
			return notFound("hold", ref.ID())
		}
		if err != nil {
			return err
		}
		if err := s.trust(tx, pins).coversHold(ctx, task, ref); err != nil {
			return err
		}
		if row.ReleaseTask != nil && *row.ReleaseTask == task {
			return nil
		}
		if _, err := tx.ExecContext(ctx, `UPDATE hold SET release_task = $2, released_at = $3 WHERE ref = $1`, ref, task, s.now()); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "hold.released", map[string]any{"task": task})
	})
}

// Target is what is about to be destroyed: whose, and in which collections of which systems.
type Target struct {
	Indexes     map[string][][]byte // keyed hashes of the person's identities by kind, shared ones too
	Collections map[string][]string // by system
}

// Held lists the systems of a target of which a standing hold covers a part, sorted.
func (s *Store) Held(ctx context.Context, t Target, pins Pins) ([]string, error) {
	held, err := s.heldIn(ctx, s.db, t, pins)
	return held, dbError("look for holds", err)
}

func (s *Store) heldIn(ctx context.Context, q querier, t Target, pins Pins) ([]string, error) {
	var rows []holdRow
	if err := q.SelectContext(ctx, &rows, selectHold); err != nil {
		return nil, err
	}
	var held []string
	for _, row := range rows {
		covered := row.covers(t)
		if len(covered) == 0 {
			continue
		}
		standing, err := s.standing(ctx, q, row, pins)
		if err != nil {
			return nil, err
		}
		if standing {
			held = append(held, covered...)
		}
	}
	slices.Sort(held)
	return slices.Compact(held), nil
}

// covers lists the systems of the target that the hold's scope touches.
func (r *holdRow) covers(t Target) []string {
	var systems []string
	for system, collections := range t.Collections {
		switch r.Scope {
		case HoldPerson:
			if slices.ContainsFunc(t.Indexes[r.PersonKind], func(index []byte) bool { return equalHash(index, r.PersonIndex) }) {
				systems = append(systems, system)
			}
		case HoldSystem:
			if r.System == system {
				systems = append(systems, system)
			}
		default:
			if r.System == system && slices.Contains(collections, r.Collection) {
				systems = append(systems, system)
			}
		}
	}
	return systems
}
