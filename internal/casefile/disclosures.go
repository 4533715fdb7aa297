package casefile

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
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

// DisclosureStatement is an entry of the register of disclosures to authorities, as two people sign it. It
// is personal data. Whether the person may know of it stands here alone, under the seal.
type DisclosureStatement struct {
	Authority    string   `json:"authority"`
	Ground       string   `json:"ground"` // law and article
	At           string   `json:"at"`     // a day
	Categories   []string `json:"categories"`
	Person       string   `json:"person"` // masked, for people to read
	Kind         string   `json:"kind"`   // of identity
	Index        []byte   `json:"index"`  // keyed hash of the normalised identity
	Confidential bool     `json:"confidential"`
	Reason       string   `json:"reason,omitempty"`
	Nonce        []byte   `json:"nonce"`
}

// Digest is what two people sign, in an installation.
func (d DisclosureStatement) Digest(installation string) ([]byte, error) {
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("writing a disclosure: %w", err)
	}
	return digestOf("habeas disclosure v1", []byte(installation), raw), nil
}

// The states of an entry.
const (
	DisclosureAsked   = "asked" // it waits for two signatures
	DisclosureEntered = "entered"
	DisclosureRefused = "refused"
)

// Disclosure is one entry. Its JSON is what listings print.
type Disclosure struct {
	Ref       contract.Ref        `json:"ref"`
	ID        string              `json:"id"`
	State     string              `json:"state"`
	Statement DisclosureStatement `json:"statement"`
	AskedBy   string              `json:"asked_by"`
	AskedAt   time.Time           `json:"asked_at"`
	Task      string              `json:"task,omitempty"`
	DecidedAt *time.Time          `json:"decided_at,omitempty"`
}

type disclosureRow struct {
	Ref       contract.Ref `db:"ref"`
	Statement []byte       `db:"statement"`
	AskedBy   string       `db:"asked_by"`
	AskedAt   time.Time    `db:"asked_at"`
	Task      string       `db:"task"`
	Entered   *bool        `db:"entered"`
	DecidedAt *time.Time   `db:"decided_at"`
}

const selectDisclosure = `SELECT ref, statement, asked_by, asked_at, coalesce(task, '') AS task, entered, decided_at FROM disclosure`

const fieldDisclosure = "disclosure.statement"

// AskDisclosure writes an entry down. It stands once two people have signed it.
func (s *Store) AskDisclosure(ctx context.Context, d DisclosureStatement, by string) (contract.Ref, error) {
	digest, err := d.Digest(s.keys.Installation())
	if err != nil {
		return "", err
	}
	return s.newRef(ctx, contract.KindDisclosure, "write down a disclosure", func(tx *sqlx.Tx, ref contract.Ref, key *seal.RefKey) error {
		raw, err := json.Marshal(d)
		if err != nil {
			return fmt.Errorf("writing a disclosure: %w", err)
		}
		sealed, err := key.Seal(fieldDisclosure, raw)
		if err != nil {
			return fmt.Errorf("sealing a disclosure: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO disclosure (ref, person_kind, person_index, statement, asked_by, asked_at) VALUES ($1, $2, $3, $4, $5, $6)`,
			ref, d.Kind, d.Index, sealed, by, s.now()); err != nil {
			return err
		}
		return s.begin(ctx, tx, ref, "disclosure.asked", map[string]any{"by": by, "digest": hex.EncodeToString(digest)})
	})
}

// Disclosures lists the register, the last written on top.
func (s *Store) Disclosures(ctx context.Context, pins Pins) ([]Disclosure, error) {
	list := []Disclosure{}
	var rows []disclosureRow
	if err := s.db.SelectContext(ctx, &rows, selectDisclosure+` ORDER BY asked_at DESC, ref`); err != nil {
		return nil, dbError("list disclosures", err)
	}
	for _, row := range rows {
		d, err := s.disclosure(ctx, s.db, row, pins)
		if err != nil {
			return nil, dbError("read a disclosure", err)
		}
		list = append(list, d)
	}
	return list, nil
}

// Disclosure reads one entry.
func (s *Store) Disclosure(ctx context.Context, ref contract.Ref, pins Pins) (Disclosure, error) {
	row, err := readDisclosure(ctx, s.db, ref, "")
	if err != nil {
		return Disclosure{}, dbError("read a disclosure", err)
	}
	d, err := s.disclosure(ctx, s.db, row, pins)
	return d, dbError("read a disclosure", err)
}

func readDisclosure(ctx context.Context, q querier, ref contract.Ref, lock string) (disclosureRow, error) {
	var row disclosureRow
	err := q.GetContext(ctx, &row, selectDisclosure+` WHERE ref = $1 `+lock, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return row, notFound("entry of the register", ref.ID())
	}
	return row, err
}

func (s *Store) disclosure(ctx context.Context, q querier, row disclosureRow, pins Pins) (Disclosure, error) {
	d := Disclosure{Ref: row.Ref, ID: row.Ref.ID(), State: DisclosureAsked, AskedBy: row.AskedBy, AskedAt: row.AskedAt.UTC(), Task: row.Task, DecidedAt: utc(row.DecidedAt)}
	raw, err := s.unsealIn(ctx, q, row.Ref, fieldDisclosure, row.Statement)
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(raw, &d.Statement); err != nil {
		return d, fault.Newf(contract.ErrTampered, "%s does not read as JSON", row.Ref)
	}
	if row.Entered == nil {
		return d, nil
	}
	d.State = DisclosureRefused
	if *row.Entered {
		holds, err := s.trust(q, pins).coversDisclosure(ctx, row.Task, d)
		if err != nil {
			return d, err
		}
		if holds {
			d.State = DisclosureEntered
		}
	}
	return d, nil
}

// coversDisclosure says whether a task is two people's yes to this very entry.
func (t *trust) coversDisclosure(ctx context.Context, task string, d Disclosure) (bool, error) {
	digest, err := d.Statement.Digest(t.s.keys.Installation())
	if err != nil {
		return false, err
	}
	return t.states(ctx, task, d.Ref, dsr.TaskDisclosure, digest, func(s dsr.Shown) string {
		if s.Disclosure == nil {
			return ""
		}
		return s.Disclosure.Statement
	})
}

// EnterDisclosure enters what two people have signed; the signatures are verified here.
func (s *Store) EnterDisclosure(ctx context.Context, ref contract.Ref, task string, pins Pins) error {
	return s.decideDisclosure(ctx, ref, task, true, func(t *trust, d Disclosure) error {
		holds, err := t.coversDisclosure(ctx, task, d)
		if err == nil && !holds {
			err = notApproved(task, "what was signed is not this entry")
		}
		return err
	}, pins)
}

// RefuseDisclosure ends an entry that somebody said no to; the signature is verified here.
func (s *Store) RefuseDisclosure(ctx context.Context, ref contract.Ref, task string, pins Pins) error {
	return s.decideDisclosure(ctx, ref, task, false, func(t *trust, _ Disclosure) error {
		got, _, err := t.decided(ctx, task, dsr.Reject)
		if err == nil && (got.Ref != ref || got.Kind != dsr.TaskDisclosure) {
			err = notApproved(task, "it is not about this entry")
		}
		return err
	}, pins)
}

func (s *Store) decideDisclosure(ctx context.Context, ref contract.Ref, task string, entered bool, check func(*trust, Disclosure) error, pins Pins) error {
	return s.tx(ctx, "decide on a disclosure", func(tx *sqlx.Tx) error {
		row, err := readDisclosure(ctx, tx, ref, "FOR NO KEY UPDATE")
		if err != nil || row.Entered != nil {
			return err
		}
		d, err := s.disclosure(ctx, tx, row, pins)
		if err != nil {
			return err
		}
		if err := check(s.trust(tx, pins), d); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE disclosure SET task = $2, entered = $3, decided_at = $4 WHERE ref = $1`, ref, task, entered, s.now()); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, map[bool]string{true: "disclosure.entered", false: "disclosure.refused"}[entered], map[string]any{"task": task})
	})
}

// DisclosuresOf are the entries about a person that the person may know of, those decided by then, the first
// disclosed on top. Whether there are others nothing of it tells: they are left out before anything is
// counted or numbered.
func (s *Store) DisclosuresOf(ctx context.Context, indexes map[string][][]byte, by time.Time, pins Pins) ([]Disclosure, error) {
	var kinds []string
	var hashes [][]byte
	for kind, list := range indexes {
		for _, h := range list {
			kinds, hashes = append(kinds, kind), append(hashes, h)
		}
	}
	var rows []disclosureRow
	if err := s.db.SelectContext(ctx, &rows, selectDisclosure+` WHERE entered AND decided_at <= $3
		AND (person_kind, person_index) IN (SELECT * FROM unnest($1::text[], $2::bytea[]))`, pq.Array(kinds), pq.ByteaArray(hashes), by.UTC()); err != nil {
		return nil, dbError("read the register of disclosures", err)
	}
	var open []Disclosure
	for _, row := range rows {
		d, err := s.disclosure(ctx, s.db, row, pins)
		if err != nil {
			return nil, dbError("read the register of disclosures", err)
		}
		if d.State == DisclosureEntered && !d.Statement.Confidential {
			open = append(open, d)
		}
	}
	slices.SortFunc(open, func(a, b Disclosure) int {
		return cmp.Or(strings.Compare(a.Statement.At, b.Statement.At), a.AskedAt.Compare(b.AskedAt))
	})
	return open, nil
}
