package casefile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// NewNotice is what opens a mass notice.
type NewNotice struct {
	Kind     string
	Exercise bool
	Laws     []string
	OpenedBy string
	AwareAt  time.Time // zero where there is none
	DueAt    time.Time
	MapHash  string
	File     []byte // the incident file as JSON; sealed
	Rate     int    // letters a second; 0: no bound
	PerGroup int    // the same for one receiving domain
}

// Notice is what is known of a notice without opening a seal. Its JSON is what listings print.
type Notice struct {
	Ref       contract.Ref   `json:"ref" db:"ref"`
	ID        string         `json:"id" db:"-"`
	Kind      string         `json:"kind" db:"kind"`
	Exercise  bool           `json:"exercise" db:"exercise"`
	Laws      pq.StringArray `json:"laws" db:"laws"`
	OpenedBy  string         `json:"opened_by" db:"opened_by"`
	OpenedAt  time.Time      `json:"opened_at" db:"opened_at"`
	AwareAt   *time.Time     `json:"aware_at,omitempty" db:"aware_at"`
	DueAt     time.Time      `json:"due_at" db:"due_at"`
	FileHash  []byte         `json:"file_hash" db:"file_hash"`
	State     string         `json:"state" db:"state"`
	WaitingOn string         `json:"waiting_on" db:"waiting_on"`
	Outcome   string         `json:"outcome" db:"outcome"`
	StartedAt *time.Time     `json:"started_at,omitempty" db:"started_at"`
	ClosedAt  *time.Time     `json:"closed_at,omitempty" db:"closed_at"`
	FrozenAt  *time.Time     `json:"frozen_at,omitempty" db:"frozen_at"`
	ListHash  []byte         `json:"list_hash,omitempty" db:"list_hash"`
	People    int64          `json:"people" db:"people"`
	Loose     int64          `json:"loose" db:"loose"`
	Rate      int            `json:"rate" db:"rate"`
	PerGroup  int            `json:"per_domain" db:"domain_rate"`
	Paused    string         `json:"paused" db:"paused"`
	AbortedAt *time.Time     `json:"aborted_at,omitempty" db:"aborted_at"`
	Sent      int64          `json:"sent" db:"sent"`
	Bad       int64          `json:"bad" db:"bad"`
	BaseSent  int64          `json:"-" db:"base_sent"`
	BaseBad   int64          `json:"-" db:"base_bad"`
}

const noticeColumns = `ref, kind, exercise, laws, opened_by, opened_at, aware_at, due_at, file_hash, state, waiting_on, outcome,
	started_at, closed_at, frozen_at, list_hash, people, loose, rate, domain_rate, paused, aborted_at, sent, bad, base_sent, base_bad`

func (n *Notice) finish() {
	n.ID, n.OpenedAt, n.DueAt, n.AwareAt = n.Ref.ID(), n.OpenedAt.UTC(), n.DueAt.UTC(), utc(n.AwareAt)
	n.StartedAt, n.ClosedAt, n.FrozenAt, n.AbortedAt = utc(n.StartedAt), utc(n.ClosedAt), utc(n.FrozenAt), utc(n.AbortedAt)
}

// fieldNoticeFile is the associated data of a sealed incident file.
const fieldNoticeFile = "notice.file"

// The states of a notice. The workflow moves it; the casefile keeps a projection.
const (
	NoticeReceived = "received"
	NoticeClosed   = "closed"
)

// CreateNotice writes a new notice and the first line of its ledger. Call it once.
func (s *Store) CreateNotice(ctx context.Context, n NewNotice) (contract.Ref, error) {
	hash := sha256.Sum256(n.File)
	var aware *time.Time
	if !n.AwareAt.IsZero() {
		at := n.AwareAt.UTC().Truncate(time.Microsecond)
		aware = &at
	}
	return s.newRef(ctx, contract.KindNotice, "open a notice", func(tx *sqlx.Tx, ref contract.Ref, key *seal.RefKey) error {
		sealed, err := key.Seal(fieldNoticeFile, n.File)
		if err != nil {
			return fmt.Errorf("sealing an incident file: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO notice (ref, kind, exercise, laws, opened_by, opened_at, aware_at, due_at, map_hash, file, file_hash, rate, domain_rate)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`, ref, n.Kind, n.Exercise, pq.Array(nonNil(n.Laws)), n.OpenedBy,
			s.now(), aware, n.DueAt.UTC(), n.MapHash, sealed, hash[:], n.Rate, n.PerGroup); err != nil {
			return err
		}
		detail := map[string]any{"kind": n.Kind, "exercise": n.Exercise, "laws": strings.Join(n.Laws, " "), "by": n.OpenedBy,
			"map": n.MapHash, "file": hex.EncodeToString(hash[:])}
		if aware != nil {
			detail["aware_at"] = aware.Format(time.RFC3339Nano)
		}
		return s.begin(ctx, tx, ref, "notice.opened", detail)
	})
}

// AmendNotice replaces the incident file. Approvals cover its hash, so that those given before are
// worth nothing for the new one. A closed or aborted notice is a contract.ErrNotOpen.
func (s *Store) AmendNotice(ctx context.Context, ref contract.Ref, file []byte, by string) error {
	hash := sha256.Sum256(file)
	return s.tx(ctx, "amend a notice", func(tx *sqlx.Tx) error {
		n, err := lockNotice(ctx, tx, ref, `FOR SHARE`)
		if err != nil {
			return err
		}
		if n.State == NoticeClosed || n.AbortedAt != nil {
			return fault.Newf(contract.ErrNotOpen, "notice %s is over", ref.ID())
		}
		sealed, err := s.sealIn(ctx, tx, ref, fieldNoticeFile, file)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE notice SET file = $2, file_hash = $3 WHERE ref = $1`, ref, sealed, hash[:]); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "notice.amended", map[string]any{"by": by, "file": hex.EncodeToString(hash[:])})
	})
}

// Notice reads a notice.
func (s *Store) Notice(ctx context.Context, ref contract.Ref) (Notice, error) {
	n, err := readNotice(ctx, s.db, ref, "")
	return n, dbError("read a notice", err)
}

func readNotice(ctx context.Context, q querier, ref contract.Ref, lock string) (Notice, error) {
	var n Notice
	err := q.GetContext(ctx, &n, `SELECT `+noticeColumns+` FROM notice WHERE ref = $1 `+lock, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return n, notFound("notice", ref.ID())
	}
	n.finish()
	return n, err
}

func lockNotice(ctx context.Context, tx *sqlx.Tx, ref contract.Ref, lock string) (Notice, error) {
	return readNotice(ctx, tx, ref, lock)
}

// NoticeFile opens the incident file and holds it against its hash.
func (s *Store) NoticeFile(ctx context.Context, ref contract.Ref) ([]byte, error) {
	var row struct {
		File []byte `db:"file"`
		Hash []byte `db:"file_hash"`
	}
	err := s.db.GetContext(ctx, &row, `SELECT file, file_hash FROM notice WHERE ref = $1`, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, notFound("notice", ref.ID())
	}
	if err != nil {
		return nil, dbError("read a notice", err)
	}
	plain, err := s.Unseal(ctx, ref, fieldNoticeFile, row.File)
	if err != nil {
		return nil, err
	}
	if hash := sha256.Sum256(plain); !bytes.Equal(hash[:], row.Hash) {
		return nil, fault.Newf(contract.ErrTampered, "the file of notice %s is not what its hash says", ref.ID())
	}
	return plain, nil
}

// ListNotices lists notices, the newest first.
func (s *Store) ListNotices(ctx context.Context, open bool, limit int) ([]Notice, error) {
	list := []Notice{}
	err := s.db.SelectContext(ctx, &list, `SELECT `+noticeColumns+` FROM notice WHERE NOT $1 OR closed_at IS NULL
		ORDER BY opened_at DESC, ref LIMIT $2`, open, limitOf(limit))
	for i := range list {
		list[i].finish()
	}
	return list, dbError("list notices", err)
}

// SetNoticeProgress writes the projection of a notice for lists. A closed one stays as it is.
func (s *Store) SetNoticeProgress(ctx context.Context, ref contract.Ref, state, waitingOn string) error {
	return s.tx(ctx, "write the progress of a notice", func(tx *sqlx.Tx) error {
		before, err := lockNotice(ctx, tx, ref, `FOR NO KEY UPDATE`)
		if err != nil || before.State == NoticeClosed || state == NoticeClosed {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE notice SET state = $2, waiting_on = $3 WHERE ref = $1`, ref, state, waitingOn); err != nil {
			return err
		}
		if before.State == state {
			return nil
		}
		return s.record(ctx, tx, ref, "notice.state", map[string]any{"from": before.State, "to": state})
	})
}

// CloseNotice ends a notice and voids what is still asked. The same outcome again: nothing.
func (s *Store) CloseNotice(ctx context.Context, ref contract.Ref, outcome string) error {
	return s.tx(ctx, "close a notice", func(tx *sqlx.Tx) error {
		before, err := lockNotice(ctx, tx, ref, `FOR NO KEY UPDATE`)
		if err != nil {
			return err
		}
		if before.State == NoticeClosed {
			if before.Outcome != outcome {
				return fault.Newf(contract.ErrConflict, "notice %s is closed already with the outcome %s", ref.ID(), before.Outcome)
			}
			return nil
		}
		now := s.now()
		if _, err := tx.ExecContext(ctx, `UPDATE task SET state = 'void', done_at = $2, void_why = 'notice closed' WHERE ref = $1 AND state = 'open'`, ref, now); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE notice SET state = 'closed', outcome = $2, closed_at = $3, waiting_on = '' WHERE ref = $1`, ref, outcome, now); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "notice.closed", map[string]any{"outcome": outcome})
	})
}

// Control is what a signed decision does to a notice under way.
type Control struct {
	Task   string
	Action string // pause, resume, set-rate, abort, continue
	Rate   int
}

// ControlNotice carries a control out. The caller has checked the signatures behind the task. The
// same task again: nothing.
func (s *Store) ControlNotice(ctx context.Context, ref contract.Ref, c Control) error {
	return s.tx(ctx, "control a notice", func(tx *sqlx.Tx) error {
		n, err := lockNotice(ctx, tx, ref, `FOR NO KEY UPDATE`)
		if err != nil {
			return err
		}
		var done bool
		if err := tx.GetContext(ctx, &done, `SELECT EXISTS (SELECT FROM ledger_line WHERE ref = $1 AND event = 'notice.controlled' AND detail::jsonb ->> 'task' = $2)`, ref, c.Task); err != nil || done {
			return err
		}
		if n.AbortedAt != nil || n.State == NoticeClosed {
			return fault.Newf(contract.ErrNotOpen, "notice %s is over", ref.ID())
		}
		set := map[string]string{
			"pause": `paused = 'staff'`, "resume": `paused = ''`, "set-rate": `rate = $2`, "abort": `aborted_at = now()`,
			"continue": `paused = '', base_sent = sent, base_bad = bad`,
		}[c.Action]
		if set == "" {
			return fault.Newf(contract.ErrBadInput, "there is no such control of a notice")
		}
		args := []any{ref}
		if c.Action == "set-rate" {
			args = append(args, c.Rate)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE notice SET `+set+` WHERE ref = $1`, args...); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "notice.controlled", map[string]any{"task": c.Task, "action": c.Action, "rate": c.Rate})
	})
}

// StopNotice pauses a notice whose letters are refused too often. Again: nothing.
func (s *Store) StopNotice(ctx context.Context, ref contract.Ref, sent, bad int64) error {
	return s.tx(ctx, "stop a notice", func(tx *sqlx.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE notice SET paused = 'stopped' WHERE ref = $1 AND paused = ''`, ref)
		if err != nil {
			return err
		}
		if k, err := done.RowsAffected(); err != nil || k == 0 {
			return err
		}
		return s.record(ctx, tx, ref, "notice.stopped", map[string]any{"sent": sent, "bad": bad})
	})
}

// NoteNotice writes one line of its own into the ledger of a notice.
func (s *Store) NoteNotice(ctx context.Context, ref contract.Ref, event string, detail map[string]any) error {
	return s.tx(ctx, "write into the ledger of a notice", func(tx *sqlx.Tx) error { return s.record(ctx, tx, ref, event, detail) })
}
