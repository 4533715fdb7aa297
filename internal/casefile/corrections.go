package casefile

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// NameHash stands for a name and an ID number of one case.
func (s *Store) NameHash(ref contract.Ref, name, number string) []byte {
	return s.keys.KeyedHash("habeas real name v1", digestOf("name", []byte(ref), []byte(name), []byte(number)))
}

// PutNameCheck keeps that an identity service bore a name out. Again: the later time.
func (s *Store) PutNameCheck(ctx context.Context, ref contract.Ref, hash []byte, system string) error {
	return s.tx(ctx, "keep a check of the real name", func(tx *sqlx.Tx) error {
		if err := takes(ctx, tx, ref); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO name_check (ref, hash, system, at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (ref, hash) DO UPDATE SET at = excluded.at, system = excluded.system`, ref, hash, system, s.now()); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "name.checked", map[string]any{"system": system})
	})
}

// NameCheck says when an identity service bore the name out; contract.ErrNotFound when none did.
func (s *Store) NameCheck(ctx context.Context, ref contract.Ref, hash []byte) (time.Time, error) {
	var at time.Time
	err := s.db.GetContext(ctx, &at, `SELECT at FROM name_check WHERE ref = $1 AND hash = $2`, ref, hash)
	if errors.Is(err, sql.ErrNoRows) {
		return at, fault.Newf(contract.ErrNotFound, "no identity service has borne the name of %s out", ref)
	}
	return at.UTC(), dbError("read a check of the real name", err)
}

// Proofs lists the files that came to tasks of a kind: those for a correction, or those of a representative.
func (s *Store) Proofs(ctx context.Context, ref contract.Ref, kind dsr.TaskKind) ([]Evidence, error) {
	tasks, err := s.ListTasks(ctx, TaskFilter{Ref: ref, Kind: string(kind), Limit: 1000})
	if err != nil {
		return nil, err
	}
	var all []Evidence
	for _, t := range tasks {
		some, err := s.Evidence(ctx, t.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// MarkProofWiped writes down that the file of a proof is deleted. Again: nothing.
func (s *Store) MarkProofWiped(ctx context.Context, ref contract.Ref, e Evidence) error {
	return s.tx(ctx, "mark a proof as wiped", func(tx *sqlx.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE evidence SET wiped_at = $3 WHERE task = $1 AND sha256 = $2 AND wiped_at IS NULL`, e.Task, e.SHA256, s.now())
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.record(ctx, tx, ref, "evidence.wiped", map[string]any{"task": e.Task, "size": e.Size})
	})
}
