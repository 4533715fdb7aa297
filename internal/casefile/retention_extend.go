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

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// Scopes of an extension.
const (
	ExtendRule   = "rule"
	ExtendPerson = "person"
)

// ExtensionStatement is a decision to keep rows beyond their time: those of a rule, or a person's. It
// is personal data: a reason names people.
type ExtensionStatement struct {
	Scope  string    `json:"scope"`
	System string    `json:"system,omitempty"`
	Rule   string    `json:"rule,omitempty"`   // within the system
	Person string    `json:"person,omitempty"` // masked, for people to read
	Kind   string    `json:"kind,omitempty"`   // of identity
	Index  []byte    `json:"index,omitempty"`  // keyed hash of the normalised identity
	Until  time.Time `json:"until"`
	Law    string    `json:"law"` // what permits it
	Reason string    `json:"reason"`
	Nonce  []byte    `json:"nonce"`
}

// Digest is what two people sign, in an installation.
func (e ExtensionStatement) Digest(installation string) ([]byte, error) {
	raw, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("writing an extension: %w", err)
	}
	return digestOf("habeas retention extension v1", []byte(installation), raw), nil
}

// The states of an extension.
const (
	ExtensionAsked   = "asked" // it waits for two signatures
	ExtensionStands  = "stands"
	ExtensionOver    = "over"
	ExtensionRefused = "refused"
)

// RetentionExtension is one such decision. Its JSON is what listings print.
type RetentionExtension struct {
	Ref       contract.Ref       `json:"ref"`
	ID        string             `json:"id"`
	State     string             `json:"state"`
	Statement ExtensionStatement `json:"statement"`
	AskedBy   string             `json:"asked_by"`
	AskedAt   time.Time          `json:"asked_at"`
	Task      string             `json:"task,omitempty"`
	DecidedAt *time.Time         `json:"decided_at,omitempty"`
}

type extensionRow struct {
	Ref       contract.Ref `db:"ref"`
	Statement []byte       `db:"statement"`
	Until     time.Time    `db:"until"`
	AskedBy   string       `db:"asked_by"`
	AskedAt   time.Time    `db:"asked_at"`
	Task      string       `db:"task"`
	Granted   *bool        `db:"granted"`
	DecidedAt *time.Time   `db:"decided_at"`
}

const selectExtension = `SELECT ref, statement, until, asked_by, asked_at, coalesce(task, '') AS task, granted, decided_at FROM retention_extension`

const fieldExtension = "retention.extension"

// AskExtension writes down that rows are to be kept longer. Nothing follows from it before two people
// have signed.
func (s *Store) AskExtension(ctx context.Context, e ExtensionStatement, by string) (contract.Ref, error) {
	digest, err := e.Digest(s.keys.Installation())
	if err != nil {
		return "", err
	}
	return s.newRef(ctx, contract.KindRetention, "ask for an extension", func(tx *sqlx.Tx, ref contract.Ref, key *seal.RefKey) error {
		raw, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("writing an extension: %w", err)
		}
		sealed, err := key.Seal(fieldExtension, raw)
		if err != nil {
			return fmt.Errorf("sealing an extension: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO retention_extension (ref, scope, system, rule, until, statement, asked_by, asked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			ref, e.Scope, e.System, e.Rule, e.Until.UTC(), sealed, by, s.now()); err != nil {
			return err
		}
		return s.begin(ctx, tx, ref, "retention.extension-asked", map[string]any{"scope": e.Scope, "system": e.System, "rule": e.Rule, "by": by,
			"until": e.Until.UTC().Format(time.RFC3339), "digest": hex.EncodeToString(digest)})
	})
}

// RetentionExtensions lists the extensions, the newest first; open leaves out those that are over or refused.
func (s *Store) RetentionExtensions(ctx context.Context, open bool, pins Pins) ([]RetentionExtension, error) {
	list := []RetentionExtension{}
	var rows []extensionRow
	if err := s.db.SelectContext(ctx, &rows, selectExtension+` ORDER BY asked_at DESC, ref`); err != nil {
		return nil, dbError("list extensions", err)
	}
	for _, row := range rows {
		e, err := s.extension(ctx, s.db, row, pins)
		if err != nil {
			return nil, dbError("read an extension", err)
		}
		if !open || e.State == ExtensionAsked || e.State == ExtensionStands {
			list = append(list, e)
		}
	}
	return list, nil
}

// RetentionExtension reads one.
func (s *Store) RetentionExtension(ctx context.Context, ref contract.Ref, pins Pins) (RetentionExtension, error) {
	row, err := readExtension(ctx, s.db, ref, "")
	if err != nil {
		return RetentionExtension{}, dbError("read an extension", err)
	}
	e, err := s.extension(ctx, s.db, row, pins)
	return e, dbError("read an extension", err)
}

func readExtension(ctx context.Context, q querier, ref contract.Ref, lock string) (extensionRow, error) {
	var row extensionRow
	err := q.GetContext(ctx, &row, selectExtension+` WHERE ref = $1 `+lock, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return row, notFound("extension", ref.ID())
	}
	return row, err
}

func (s *Store) extension(ctx context.Context, q querier, row extensionRow, pins Pins) (RetentionExtension, error) {
	e := RetentionExtension{Ref: row.Ref, ID: row.Ref.ID(), State: ExtensionAsked, AskedBy: row.AskedBy, AskedAt: row.AskedAt.UTC(), Task: row.Task, DecidedAt: utc(row.DecidedAt)}
	raw, err := s.unsealIn(ctx, q, row.Ref, fieldExtension, row.Statement)
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(raw, &e.Statement); err != nil {
		return e, fault.Newf(contract.ErrTampered, "%s does not read as JSON", row.Ref)
	}
	if row.Granted == nil {
		return e, nil
	}
	e.State = ExtensionRefused
	if *row.Granted {
		holds, err := s.trust(q, pins).coversExtension(ctx, row.Task, e)
		if err != nil {
			return e, err
		}
		switch {
		case holds && s.now().Before(e.Statement.Until):
			e.State = ExtensionStands
		case holds:
			e.State = ExtensionOver
		}
	}
	return e, nil
}

// coversExtension says whether a task is two people's yes to this very extension.
func (t *trust) coversExtension(ctx context.Context, task string, e RetentionExtension) (bool, error) {
	digest, err := e.Statement.Digest(t.s.keys.Installation())
	if err != nil {
		return false, err
	}
	return t.states(ctx, task, e.Ref, dsr.TaskExtendRetention, digest, func(s dsr.Shown) string {
		if s.Extension == nil {
			return ""
		}
		return s.Extension.Statement
	})
}

// GrantExtension puts an extension into force, once two people have signed it. It waits until every
// batch of a sweep that runs has ended: from the moment it returns the rows are kept.
func (s *Store) GrantExtension(ctx context.Context, ref contract.Ref, task string, pins Pins) error {
	return s.tx(ctx, "grant an extension", func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `SELECT set_config('lock_timeout', '120s', true), set_config('statement_timeout', '130s', true)`); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(lockHolds)); err != nil {
			return err
		}
		row, err := readExtension(ctx, tx, ref, "FOR NO KEY UPDATE")
		if err != nil || row.Granted != nil {
			return err
		}
		e, err := s.extension(ctx, tx, row, pins)
		if err != nil {
			return err
		}
		holds, err := s.trust(tx, pins).coversExtension(ctx, task, e)
		if err != nil {
			return err
		}
		if !holds {
			return notApproved(task, "what was signed is not this extension")
		}
		if _, err := tx.ExecContext(ctx, `UPDATE retention_extension SET task = $2, granted = true, decided_at = $3 WHERE ref = $1`, ref, task, s.now()); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "retention.extended", map[string]any{"task": task, "scope": e.Statement.Scope, "system": e.Statement.System, "rule": e.Statement.Rule,
			"until": e.Statement.Until.UTC().Format(time.RFC3339)})
	})
}

// RefuseExtension ends an extension that somebody said no to; the signature is verified here.
func (s *Store) RefuseExtension(ctx context.Context, ref contract.Ref, task string, pins Pins) error {
	return s.tx(ctx, "refuse an extension", func(tx *sqlx.Tx) error {
		row, err := readExtension(ctx, tx, ref, "FOR NO KEY UPDATE")
		if err != nil || row.Granted != nil {
			return err
		}
		got, _, err := s.trust(tx, pins).decided(ctx, task, dsr.Reject)
		if err == nil && (got.Ref != ref || got.Kind != dsr.TaskExtendRetention) {
			err = notApproved(task, "it is not about this extension")
		}
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE retention_extension SET task = $2, granted = false, decided_at = $3 WHERE ref = $1`, ref, task, s.now()); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "retention.extension-refused", map[string]any{"task": task})
	})
}

// extended are the extensions that stood at a nominal time: a night that is made up later leaves the
// same rows as it would have then.
func (s *Store) extended(ctx context.Context, q querier, at time.Time, pins Pins) ([]RetentionExtension, error) {
	var rows []extensionRow
	if err := q.SelectContext(ctx, &rows, selectExtension+` WHERE granted AND until > $1 ORDER BY ref`, at.UTC()); err != nil {
		return nil, err
	}
	var list []RetentionExtension
	for _, row := range rows {
		e, err := s.extension(ctx, q, row, pins)
		if err != nil {
			return nil, err
		}
		if (e.State == ExtensionStands || e.State == ExtensionOver) && e.Statement.Until.After(at) {
			list = append(list, e)
		}
	}
	return list, nil
}

// ExtendedRule gives the extension of a rule that stands at a nominal time, the one that ends last; nil
// when there is none.
func (s *Store) ExtendedRule(ctx context.Context, system, rule string, at time.Time, pins Pins) (*RetentionExtension, error) {
	e, err := s.extendedRule(ctx, s.db, system, rule, at, pins)
	return e, dbError("look for an extension", err)
}

func (s *Store) extendedRule(ctx context.Context, q querier, system, rule string, at time.Time, pins Pins) (*RetentionExtension, error) {
	list, err := s.extended(ctx, q, at, pins)
	if err != nil {
		return nil, err
	}
	var found *RetentionExtension
	for i, e := range list {
		if e.Statement.Scope == ExtendRule && e.Statement.System == system && e.Statement.Rule == rule && (found == nil || found.Statement.Until.Before(e.Statement.Until)) {
			found = &list[i]
		}
	}
	return found, nil
}
