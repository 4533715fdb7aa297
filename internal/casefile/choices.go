package casefile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// CanonicalChoices are the bytes of choices that a digest covers: JSON with sorted keys, nil when
// there are none.
func CanonicalChoices(choices map[string]string) []byte {
	if len(choices) == 0 {
		return nil
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(choices) // strings always encode
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// SetChoices replaces the choices that a reviewer made on what a task shows (column to dsr.Choice…,
// or "account" to a number). The digest changes, so whoever signs must look again. Only while the
// task is open and nobody has signed; otherwise contract.ErrNotOpen.
func (s *Store) SetChoices(ctx context.Context, taskID string, choices map[string]string, by string) (Task, error) {
	var task Task
	for key, value := range choices {
		if !plainText.MatchString(key) || !plainText.MatchString(value) {
			return Task{}, fault.New(contract.ErrBadInput, "a choice names a column and a word, nothing else", nil)
		}
	}
	err := s.tx(ctx, "set the choices of a task", func(tx *sqlx.Tx) error {
		var err error
		if task, err = readTask(ctx, tx, taskID, lockTask); err != nil {
			return err
		}
		var signed bool
		if err := tx.GetContext(ctx, &signed, `SELECT EXISTS (SELECT FROM decision WHERE task = $1)`, taskID); err != nil {
			return err
		}
		if task.State != TaskOpen || signed {
			return fault.Newf(contract.ErrNotOpen, "task %s takes no choices any more", taskID)
		}
		text := CanonicalChoices(choices)
		if bytes.Equal(text, CanonicalChoices(task.Choices)) {
			return nil
		}
		shown, err := s.shown(ctx, tx, task)
		if err != nil {
			return err
		}
		task.Choices, task.Digest = choices, dsr.Digest(shown, text)
		if _, err := tx.ExecContext(ctx, `UPDATE task SET choices = $2, digest = $3 WHERE id = $1`,
			taskID, sql.NullString{String: string(text), Valid: text != nil}, task.Digest); err != nil {
			return err
		}
		covered := sha256.Sum256(text)
		return s.record(ctx, tx, task.Ref, "task.choices", map[string]any{"task": taskID, "by": by,
			"choices": len(choices), "sha256": hex.EncodeToString(covered[:]), "digest": hex.EncodeToString(task.Digest)})
	})
	return task, err
}
