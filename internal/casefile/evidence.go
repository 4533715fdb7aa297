package casefile

import (
	"context"
	"encoding/hex"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Evidence is a file that came with what was done by hand. The file lies deflated and sealed in the
// blob store; sizes and hash are of the plain bytes. Name may be personal data.
type Evidence struct {
	Task     string     `json:"task"`
	Name     string     `json:"name"`
	SHA256   []byte     `json:"sha256"`
	Blob     string     `json:"-"`
	Size     int64      `json:"size"`
	Deflated int64      `json:"-"`
	CRC32    uint32     `json:"-"`
	AddedBy  string     `json:"added_by"`
	AddedAt  time.Time  `json:"added_at"`
	WipedAt  *time.Time `json:"wiped_at,omitempty"` // the file is gone since; of proofs for a correction
}

type evidenceRow struct {
	Task     string     `db:"task"`
	Name     []byte     `db:"name"`
	SHA256   []byte     `db:"sha256"`
	Blob     string     `db:"blob"`
	Size     int64      `db:"size"`
	Deflated int64      `db:"deflated"`
	CRC32    int64      `db:"crc32"`
	AddedBy  string     `db:"added_by"`
	AddedAt  time.Time  `db:"added_at"`
	WipedAt  *time.Time `db:"wiped_at"`
}

// takeFiles are the tasks to which files are attached.
var takeFiles = []dsr.TaskKind{dsr.TaskByHand, dsr.TaskEvidence, dsr.TaskAuthority}

func evidenceField(task string, sum []byte) string {
	return "task.evidence:" + task + ":" + hex.EncodeToString(sum)
}

// AddEvidence keeps a file that was put into the blob store. taken is false when the task has a file
// with these bytes already: then its blob is another one, and this one can go. A task that is not open
// takes none: contract.ErrNotOpen.
func (s *Store) AddEvidence(ctx context.Context, e Evidence) (taken bool, err error) {
	err = s.tx(ctx, "keep evidence", func(tx *sqlx.Tx) error {
		taken = false
		task, err := readTask(ctx, tx, e.Task, "")
		if err != nil {
			return err
		}
		if task.State != TaskOpen || !slices.Contains(takeFiles, task.Kind) {
			return fault.Newf(contract.ErrNotOpen, "task %s takes no files, or none any more", e.Task)
		}
		var n int
		if err := tx.GetContext(ctx, &n, `SELECT count(*) FROM evidence WHERE task = $1 AND sha256 <> $2`, e.Task, e.SHA256); err != nil {
			return err
		}
		if n >= dsr.MaxEvidenceFiles {
			return fault.Newf(contract.ErrBadInput, "task %s has %d files already, and takes no more", e.Task, n)
		}
		sealed, err := s.sealIn(ctx, tx, task.Ref, evidenceField(e.Task, e.SHA256), []byte(e.Name))
		if err != nil {
			return err
		}
		made, err := tx.ExecContext(ctx, `INSERT INTO evidence (task, sha256, name, blob, size, deflated, crc32, added_by, added_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
			e.Task, e.SHA256, sealed, e.Blob, e.Size, e.Deflated, int64(e.CRC32), e.AddedBy, s.now())
		if err != nil {
			return err
		}
		rows, err := made.RowsAffected()
		if err != nil || rows == 0 {
			return err
		}
		taken = true
		return s.record(ctx, tx, task.Ref, "evidence.added", map[string]any{
			"task": e.Task, "by": e.AddedBy, "size": e.Size, "sha256": hex.EncodeToString(e.SHA256)})
	})
	return taken, err
}

// Evidence lists the files of a task in the order in which they came.
func (s *Store) Evidence(ctx context.Context, taskID string) ([]Evidence, error) {
	task, err := s.Task(ctx, taskID)
	if err != nil {
		return nil, err
	}
	var rows []evidenceRow
	err = s.db.SelectContext(ctx, &rows, `SELECT task, name, sha256, blob, size, deflated, crc32, added_by, added_at, wiped_at
		FROM evidence WHERE task = $1 ORDER BY added_at, sha256`, taskID)
	if err != nil {
		return nil, dbError("read evidence", err)
	}
	list := make([]Evidence, 0, len(rows))
	for _, r := range rows {
		name, err := s.Unseal(ctx, task.Ref, evidenceField(taskID, r.SHA256), r.Name)
		if err != nil {
			return nil, err
		}
		list = append(list, Evidence{Task: r.Task, Name: string(name), SHA256: r.SHA256, Blob: r.Blob, Size: r.Size, Deflated: r.Deflated,
			CRC32: uint32(r.CRC32), AddedBy: r.AddedBy, AddedAt: r.AddedAt.UTC(), WipedAt: utc(r.WipedAt)})
	}
	return list, nil
}

// EvidenceFolder is where the evidence of a reference lies in the blob store: not with its parts and
// package, which go when the case closes.
func EvidenceFolder(ref contract.Ref) string { return "evidence/" + string(ref) }
