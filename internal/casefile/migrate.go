package casefile

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

// versionTable is where goose writes which migrations were applied.
const versionTable = "habeas.schema_version"

// The roles of the database. None of them may log in: operators grant them to their own login
// roles, or name one in the connection URL ("…?role=habeas_app").
const (
	RoleOwner = "habeas_owner" // owns the schema and migrates it
	RoleApp   = "habeas_app"   // the worker
	RoleStaff = "habeas_staff" // the command line and the portal
)

// Migrate brings the schema at url to the version of this program and says from which version to
// which. It makes the three roles when they are missing and the user may do so. Two of them at
// once wait for each other. A schema that is newer than this program is a contract.ErrBadInput.
func Migrate(ctx context.Context, url string) (from, to int64, err error) {
	return migrate(ctx, url, -1)
}

// migrate goes to the target version, up or down; -1 is the newest.
func migrate(ctx context.Context, url string, target int64) (from, to int64, err error) {
	if err := prepareDatabase(ctx, url); err != nil {
		return 0, 0, err
	}
	db, err := connect(url, map[string]string{"role": RoleOwner, "statement_timeout": "0", "lock_timeout": "60s"})
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = db.Close() }()
	provider, err := newProvider(db.DB)
	if err != nil {
		return 0, 0, fmt.Errorf("reading the embedded migrations: %w", err)
	}
	from, newest, err := provider.GetVersions(ctx)
	if err != nil {
		return 0, 0, dbError("read the schema's version", err)
	}
	if from > newest {
		return from, newest, newerSchema(from, newest)
	}
	switch {
	case target < 0:
		_, err = provider.Up(ctx)
		target = newest
	case target < from:
		_, err = provider.DownTo(ctx, target)
	default:
		_, err = provider.UpTo(ctx, target)
	}
	if err != nil {
		return from, from, dbError("migrate the schema", err)
	}
	return from, target, nil
}

func newProvider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	// One migration at a time in the whole database: asked every second, for up to five minutes.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker),
		goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true),
		goose.WithSlog(slog.New(slog.DiscardHandler)))
}

// prepareDatabase makes roles and schema, as the user of the URL.
func prepareDatabase(ctx context.Context, url string) error {
	db, err := connect(url, map[string]string{"search_path": "pg_catalog"})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := db.PingContext(ctx); err != nil {
		return dbError("connect", err)
	}
	for _, role := range []string{RoleOwner, RoleApp, RoleStaff} {
		if err := ensureRole(ctx, db, role); err != nil {
			return err
		}
	}
	var member bool
	if err := db.GetContext(ctx, &member, `SELECT pg_has_role(current_user, $1, 'MEMBER')`, RoleOwner); err != nil {
		return dbError("look at the roles", err)
	}
	if !member {
		return fault.New(contract.ErrBadInput, "the user of HABEAS_DATABASE_URL may not migrate: it is not a member of habeas_owner", nil).
			WithHint("run as an administrator: GRANT habeas_owner TO <that user>")
	}
	var there bool
	if err := db.GetContext(ctx, &there, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'habeas')`); err != nil {
		return dbError("look for the schema", err)
	}
	if there {
		return nil
	}
	if _, err := db.ExecContext(ctx, `CREATE SCHEMA IF NOT EXISTS habeas AUTHORIZATION habeas_owner`); err != nil &&
		pq.As(err, "23505", "42P06") == nil { // made by somebody else meanwhile
		return dbError("make the schema", err)
	}
	return nil
}

// ensureRole makes one role unless it is there. Roles belong to the whole cluster, so another
// migration of another database may make it at the same moment: what counts is that it exists.
func ensureRole(ctx context.Context, db *sqlx.DB, role string) error {
	var last error
	for try := range 5 {
		var there bool
		if err := db.GetContext(ctx, &there, `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`, role); err != nil {
			return dbError("look at the roles", err)
		}
		if there {
			return nil
		}
		if _, last = db.ExecContext(ctx, `CREATE ROLE `+pq.QuoteIdentifier(role)+` NOLOGIN`); last == nil {
			if role == RoleOwner { // whoever makes the owner migrates; a superuser needs no grant
				_, _ = db.ExecContext(ctx, `GRANT habeas_owner TO CURRENT_USER`)
			}
			return nil
		}
		if pq.As(last, "42501") != nil {
			break
		}
		select {
		case <-ctx.Done():
			return dbError("make the roles", ctx.Err())
		case <-time.After(time.Duration(try+1) * 20 * time.Millisecond):
		}
	}
	return fault.New(contract.ErrBadInput, "the database role "+role+" is missing and could not be made", last).
		WithHint("run as an administrator: CREATE ROLE " + role + " NOLOGIN")
}

// checkVersion refuses every schema but the one this program was written for.
func (s *Store) checkVersion(ctx context.Context) error {
	files, err := fs.ReadDir(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("reading the embedded migrations: %w", err)
	}
	want, err := goose.NumericComponent(files[len(files)-1].Name())
	if err != nil {
		return fmt.Errorf("reading the embedded migrations: %w", err)
	}
	var have int64
	err = s.db.GetContext(ctx, &have, `SELECT coalesce(max(version_id), 0) FROM `+versionTable)
	switch {
	case pq.As(err, "42P01", "3F000") != nil:
		have = 0
	case err != nil:
		return dbError("read the schema's version", err)
	}
	switch {
	case have < want:
		return fault.Newf(contract.ErrBadInput, "the casefile's schema is at version %d and this program needs %d", have, want).
			WithHint("run habeas db migrate")
	case have > want:
		return newerSchema(have, want)
	}
	return nil
}

func newerSchema(have, want int64) error {
	return fault.Newf(contract.ErrBadInput, "the casefile's schema is at version %d, newer than this program, which knows %d", have, want).
		WithHint("run the newer program; a schema is never taken back under running cases")
}
