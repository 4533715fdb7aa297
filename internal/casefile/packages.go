package casefile

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Part is one collected, sealed file. Sizes and hash are of the plain text.
type Part struct {
	System     string `db:"system"`
	Collection string `db:"collection"`
	Format     string `db:"format"` // "json" or "csv"
	Blob       string `db:"blob"`   // name in the blob store
	Rows       int64  `db:"rows"`
	Size       int64  `db:"size"`
	Deflated   int64  `db:"deflated"`
	CRC32      uint32 `db:"crc32"`
	SHA256     []byte `db:"sha256"`
}

// CommitParts commits all formats of one collection at once. The first commit wins: existing says
// that these were not taken, so that their blobs can go, and Parts has those that were. A case that
// is ending takes none: contract.ErrNotOpen.
func (s *Store) CommitParts(ctx context.Context, ref contract.Ref, parts []Part) (existing bool, err error) {
	if len(parts) == 0 {
		return false, fault.New(contract.ErrBadInput, "there are no parts to commit", nil)
	}
	err = s.tx(ctx, "commit parts", func(tx *sqlx.Tx) error {
		if err := takes(ctx, tx, ref); err != nil {
			return err
		}
		first, taken := parts[0], int64(0)
		for _, p := range parts {
			if p.System != first.System || p.Collection != first.Collection {
				return fault.New(contract.ErrBadInput, "parts are committed one collection at a time", nil)
			}
			made, err := tx.ExecContext(ctx, `INSERT INTO part (ref, system, collection, format, blob, rows, size, deflated, crc32, sha256)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
				ref, p.System, p.Collection, p.Format, p.Blob, p.Rows, p.Size, p.Deflated, int64(p.CRC32), p.SHA256)
			if err != nil {
				return err
			}
			n, err := made.RowsAffected()
			if err != nil {
				return err
			}
			taken += n
		}
		if existing = taken == 0; existing {
			return nil
		}
		if taken != int64(len(parts)) {
			return fault.Newf(contract.ErrConflict, "other formats of %s.%s are committed already", first.System, first.Collection)
		}
		return s.record(ctx, tx, ref, "part.committed", map[string]any{
			"system": first.System, "collection": first.Collection, "formats": len(parts), "rows": first.Rows})
	})
	return existing, err
}

// Parts lists the committed parts of ref by system, collection and format.
func (s *Store) Parts(ctx context.Context, ref contract.Ref) ([]Part, error) {
	var parts []Part
	err := s.db.SelectContext(ctx, &parts, `SELECT system, collection, format, blob, rows, size, deflated, crc32, sha256
		FROM part WHERE ref = $1 ORDER BY system, collection, format`, ref)
	return parts, dbError("read the parts", err)
}

// Package is what a person gets, sealed in the blob store.
type Package struct {
	Ref          contract.Ref `db:"ref" json:"ref"`
	Blob         string       `db:"blob" json:"blob"`
	ManifestHash []byte       `db:"manifest_hash" json:"manifest_sha256"`
	Size         int64        `db:"size" json:"size"`
	Files        int          `db:"files" json:"files"`
	AssembledAt  time.Time    `db:"assembled_at" json:"assembled_at"`
	ReleaseTask  string       `db:"release_task" json:"release_task"` // empty until released
	ReleasedAt   *time.Time   `db:"released_at" json:"released_at,omitempty"`
	ExpiresAt    *time.Time   `db:"expires_at" json:"expires_at,omitempty"`
	FetchedAt    *time.Time   `db:"fetched_at" json:"fetched_at,omitempty"`
	WipedAt      *time.Time   `db:"wiped_at" json:"wiped_at,omitempty"`
}

// PutPackage keeps what was assembled. Until it is released a package that was assembled anew (its
// review was done again) takes the place of the one before; a released one stands and is returned.
// A case that is ending takes none: contract.ErrNotOpen.
func (s *Store) PutPackage(ctx context.Context, p Package) (Package, error) {
	err := s.tx(ctx, "keep a package", func(tx *sqlx.Tx) error {
		if err := takes(ctx, tx, p.Ref); err != nil {
			return err
		}
		made, err := tx.ExecContext(ctx, `INSERT INTO package (ref, blob, manifest_hash, size, files, assembled_at)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (ref) DO UPDATE
			SET blob = excluded.blob, manifest_hash = excluded.manifest_hash, size = excluded.size,
				files = excluded.files, assembled_at = excluded.assembled_at
			WHERE package.released_at IS NULL AND (package.blob, package.manifest_hash) <> (excluded.blob, excluded.manifest_hash)`,
			p.Ref, p.Blob, p.ManifestHash, p.Size, p.Files, s.now())
		if err != nil {
			return err
		}
		if n, err := made.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.record(ctx, tx, p.Ref, "package.assembled", map[string]any{
			"manifest": hex.EncodeToString(p.ManifestHash), "files": p.Files, "size": p.Size})
	})
	if err != nil {
		return Package{}, err
	}
	return s.Package(ctx, p.Ref)
}

// Package reads the package of ref; contract.ErrNotFound when there is none.
func (s *Store) Package(ctx context.Context, ref contract.Ref) (Package, error) {
	p, err := readPackage(ctx, s.db, ref, "")
	return p, dbError("read a package", err)
}

func readPackage(ctx context.Context, q querier, ref contract.Ref, lock string) (Package, error) {
	var p Package
	err := q.GetContext(ctx, &p, `SELECT ref, blob, manifest_hash, size, files, assembled_at, coalesce(release_task, '') AS release_task,
		released_at, expires_at, fetched_at, wiped_at FROM package WHERE ref = $1 `+lock, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return p, fault.Newf(contract.ErrNotFound, "%s has no package", ref)
	}
	p.AssembledAt = p.AssembledAt.UTC()
	p.ReleasedAt, p.ExpiresAt, p.FetchedAt, p.WipedAt = utc(p.ReleasedAt), utc(p.ExpiresAt), utc(p.FetchedAt), utc(p.WipedAt)
	return p, err
}

const lockRow = `FOR NO KEY UPDATE`

// covers verifies the approval behind a task and that it is about releasing this very package: what
// was shown has "manifest_sha256" in hexadecimal.
func (t *trust) covers(ctx context.Context, taskID string, p Package) error {
	task, shown, err := t.approved(ctx, taskID)
	if err != nil {
		return err
	}
	var manifest struct {
		Hash string `json:"manifest_sha256"`
	}
	if err := json.Unmarshal(shown, &manifest); err != nil || task.Ref != p.Ref || task.Kind != dsr.TaskRelease ||
		manifest.Hash != hex.EncodeToString(p.ManifestHash) {
		return notApproved(taskID, "what was signed is not the release of this package")
	}
	return nil
}

// ReleasePackage lets the person fetch the package for ttl. It verifies the signed decision itself
// and that it covers this package's manifest; otherwise contract.ErrNotApproved. Again with the
// same task: the first release.
func (s *Store) ReleasePackage(ctx context.Context, ref contract.Ref, taskID string, ttl time.Duration, pins Pins) (Package, error) {
	var p Package
	err := s.tx(ctx, "release a package", func(tx *sqlx.Tx) error {
		var err error
		if p, err = readPackage(ctx, tx, ref, lockRow); err != nil {
			return err
		}
		if err := s.trust(tx, pins).covers(ctx, taskID, p); err != nil {
			return err
		}
		if p.ReleasedAt != nil {
			if p.ReleaseTask != taskID {
				return fault.Newf(contract.ErrConflict, "the package of %s was released by another task", ref)
			}
			return nil
		}
		now := s.now()
		expires := now.Add(ttl).Truncate(time.Microsecond)
		p.ReleaseTask, p.ReleasedAt, p.ExpiresAt = taskID, &now, &expires
		if _, err := tx.ExecContext(ctx, `UPDATE package SET release_task = $2, released_at = $3, expires_at = $4 WHERE ref = $1`,
			ref, taskID, now, expires); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "package.released", map[string]any{"task": taskID,
			"manifest": hex.EncodeToString(p.ManifestHash), "expires_at": expires.Format(time.RFC3339)})
	})
	if err != nil {
		return Package{}, err
	}
	return p, nil
}

// CheckReleased says whether the package of ref may be fetched now: released, not fetched, not
// expired, not wiped, and the signed decision behind it verified anew. The portal asks it at every download.
// Not released or not validly so: contract.ErrNotApproved; expired or wiped: contract.ErrNotOpen.
func (s *Store) CheckReleased(ctx context.Context, ref contract.Ref, pins Pins) (Package, error) {
	p, err := s.Package(ctx, ref)
	if err != nil {
		return Package{}, err
	}
	switch {
	case p.ReleasedAt == nil:
		return Package{}, fault.Newf(contract.ErrNotApproved, "the package of %s is not released", ref)
	case p.WipedAt != nil:
		return Package{}, fault.Newf(contract.ErrNotOpen, "the package of %s is wiped", ref)
	case !s.now().Before(*p.ExpiresAt):
		return Package{}, fault.Newf(contract.ErrNotOpen, "the package of %s has expired", ref)
	}
	if err := s.trust(s.db, pins).covers(ctx, p.ReleaseTask, p); err != nil {
		return Package{}, dbError("check a release", err)
	}
	if p.FetchedAt != nil {
		return Package{}, fault.Newf(contract.ErrNotOpen, "the package of %s was fetched", ref)
	}
	return p, nil
}

// MarkFetched says that the package was downloaded whole. Again: nothing.
func (s *Store) MarkFetched(ctx context.Context, ref contract.Ref) error {
	return s.tx(ctx, "mark a package as fetched", func(tx *sqlx.Tx) error {
		p, err := readPackage(ctx, tx, ref, lockRow)
		if err != nil || p.FetchedAt != nil {
			return err
		}
		if p.ReleasedAt == nil {
			return fault.Newf(contract.ErrNotApproved, "the package of %s is not released", ref)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE package SET fetched_at = $2 WHERE ref = $1`, ref, s.now()); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "package.fetched", nil)
	})
}

// MarkCopyWiped says that the package is gone from the blob store although the case goes on. Again: nothing.
func (s *Store) MarkCopyWiped(ctx context.Context, ref contract.Ref) error {
	return s.tx(ctx, "mark a copy as wiped", func(tx *sqlx.Tx) error {
		marked, err := tx.ExecContext(ctx, `UPDATE package SET wiped_at = $2 WHERE ref = $1 AND wiped_at IS NULL AND released_at IS NOT NULL`, ref, s.now())
		if err != nil {
			return err
		}
		if n, err := marked.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.record(ctx, tx, ref, "package.wiped", nil)
	})
}
