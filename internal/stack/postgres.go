package stack

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/stack/cluster"
)

// Database roles of a stack. The first three are those of the casefile (see the threat model);
// the example company's systems belong to RoleExample; staff read them as RoleReader and the worker
// deletes as RoleEraser, as a company would let Habeas in.
const (
	RoleOwner   = "habeas_owner"  // migrates the casefile
	RoleApp     = "habeas_app"    // the worker
	RoleStaff   = "habeas_staff"  // command line and portal
	RoleExample = "example_owner" // owns the systems' databases, loads them
	RoleReader  = "habeas_reader" // reads the systems
	RoleEraser  = "habeas_eraser" // reads the systems, changes and deletes their rows
)

var roles = []string{RoleOwner, RoleApp, RoleStaff, RoleExample, RoleReader, RoleEraser}

// CasefileDatabase is the name of Habeas's own database.
const CasefileDatabase = "habeas"

// serverNames are databases of the servers themselves.
var serverNames = []string{"postgres", "mysql", "sys", "information_schema", "performance_schema"}

var systemName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,39}$`)

// checkSystems refuses names that could not be databases of their own.
func checkSystems(names []string) error {
	for _, n := range names {
		if !systemName.MatchString(n) || n == CasefileDatabase || slices.Contains(serverNames, n) || strings.HasPrefix(n, "template") {
			return fault.Newf(contract.ErrBadInput, "a system cannot be called %q here", n).
				WithHint("use up to 40 lower-case letters, digits, _ and -, starting with a letter")
		}
	}
	return nil
}

func (s *session) dataDir() string { return filepath.Join(s.dir, "postgres", "data") }

func (s *session) cluster() (*cluster.Cluster, error) {
	bin, err := cluster.Binaries()
	if err != nil {
		return nil, fault.New(contract.ErrUnavailable, "no PostgreSQL 15 or later found on this machine", err).WithHint("run: make tools")
	}
	return &cluster.Cluster{
		Bin: bin, Dir: s.dataDir(), Port: s.state.Ports.Postgres,
		Password: s.state.password(cluster.Superuser),
		Settings: map[string]string{
			"max_connections": "200",
			// Errors quote the values they are about; the log of a case system must not.
			"log_error_verbosity": "terse", "log_min_error_statement": "panic",
		},
	}, nil
}

func (s *session) postgres() part {
	return part{
		name:  "postgres",
		title: "PostgreSQL",
		ports: []portUse{{"PostgreSQL", &s.state.Ports.Postgres, s.opts.Ports.Postgres}},
		spec: func(ctx context.Context) (spec, error) {
			cl, err := s.cluster()
			if err != nil {
				return spec{}, err
			}
			if err := mkdir(filepath.Dir(cl.Dir), 0o711); err != nil {
				return spec{}, err
			}
			if err := cl.Init(ctx); err != nil {
				return spec{}, fault.New(contract.ErrUnavailable, err.Error(), err)
			}
			cred, err := cluster.Credential()
			if err != nil {
				return spec{}, fault.New(contract.ErrUnavailable, "there is no user postgres", err).WithHint("run: make tools")
			}
			return spec{argv: cl.Argv(), env: cluster.Environ(), dir: "/", cred: cred}, nil
		},
		beforeStart: func() error { return defuseReusedPID(s.dataDir()) },
		ready: func(ctx context.Context) error {
			return s.onDatabase(ctx, "postgres", func(db *sql.DB) error { return db.PingContext(ctx) })
		},
	}
}

// impossiblePID is above the kernel's largest process id, 2^22.
const impossiblePID = 1<<22 + 1

// defuseReusedPID helps a cluster that was killed to start again where its process id has passed
// to another process, as happens at once in a fresh container: PostgreSQL would take that for
// itself. Only the id in postmaster.pid is replaced, so that the other interlock, the key of the
// shared memory, still keeps a second server away from living children of the first.
func defuseReusedPID(dataDir string) error {
	pid := pidInFile(dataDir)
	if pid <= 0 || !exists(fmt.Sprintf("/proc/%d", pid)) {
		return nil // none, or the pid is free
	}
	if slices.Contains(argvOf(pid), dataDir) {
		return nil // really a server on this data, of somebody else: PostgreSQL refuses
	}
	path := filepath.Join(dataDir, "postmaster.pid")
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the cluster's pid file: %w", err)
	}
	_, rest, _ := strings.Cut(string(raw), "\n")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0) // keeps owner and mode
	if err != nil {
		return fmt.Errorf("opening the cluster's pid file: %w", err)
	}
	_, err = fmt.Fprintf(f, "%d\n%s", impossiblePID, rest)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing the cluster's pid file: %w", err)
	}
	return nil
}

// pidInFile is the process id in the cluster's pid file, 0 when there is none.
func pidInFile(dataDir string) int {
	raw, err := os.ReadFile(filepath.Join(dataDir, "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return 0
	}
	return pid
}

// databaseURL connects a role to a database of the stack's cluster.
func (s *State) databaseURL(role, database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(role, s.password(role)), Host: loopback(s.Ports.Postgres),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// onDatabase does something as superuser.
func (s *session) onDatabase(ctx context.Context, database string, do func(*sql.DB) error) error {
	db, err := sql.Open("postgres", s.state.databaseURL(cluster.Superuser, database)+"&connect_timeout=10")
	if err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	return do(db)
}

// prepareDatabases makes roles and databases that are missing, and sets the passwords that the
// state remembers. It may run any number of times.
func (s *session) prepareDatabases(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return s.onDatabase(ctx, "postgres", func(db *sql.DB) error {
		for _, r := range roles {
			if err := ensureRole(ctx, db, r, s.state.password(r)); err != nil {
				return err
			}
		}
		if _, err := db.ExecContext(ctx, "GRANT pg_read_all_data TO "+pq.QuoteIdentifier(RoleReader)); err != nil {
			return fmt.Errorf("letting Habeas read the systems: %w", err)
		}
		if _, err := db.ExecContext(ctx, "GRANT pg_read_all_data, pg_write_all_data TO "+pq.QuoteIdentifier(RoleEraser)); err != nil {
			return fmt.Errorf("letting Habeas delete in the systems: %w", err)
		}
		if err := ensureDatabase(ctx, db, CasefileDatabase, RoleOwner, RoleApp, RoleStaff); err != nil {
			return err
		}
		for _, system := range s.state.Systems {
			if err := ensureDatabase(ctx, db, system, RoleExample, RoleReader, RoleEraser); err != nil {
				return err
			}
		}
		return nil
	})
}

func ensureRole(ctx context.Context, db *sql.DB, role, password string) error {
	var there bool
	if err := db.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role).Scan(&there); err != nil {
		return fmt.Errorf("looking for the role %s: %w", role, err)
	}
	verb := "CREATE"
	if there {
		verb = "ALTER"
	}
	statement := fmt.Sprintf("%s ROLE %s LOGIN PASSWORD %s", verb, pq.QuoteIdentifier(role), pq.QuoteLiteral(password))
	if _, err := db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("making the role %s: %w", role, err)
	}
	return nil
}

// ensureDatabase makes a database that only its owner and guests may enter.
func ensureDatabase(ctx context.Context, db *sql.DB, name, owner string, guests ...string) error {
	var there bool
	if err := db.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil {
		return fmt.Errorf("looking for the database %s: %w", name, err)
	}
	id := pq.QuoteIdentifier(name)
	var statements []string
	if !there {
		statements = append(statements, "CREATE DATABASE "+id+" OWNER "+pq.QuoteIdentifier(owner))
	}
	statements = append(statements, "REVOKE ALL ON DATABASE "+id+" FROM PUBLIC")
	for _, g := range guests {
		statements = append(statements, "GRANT CONNECT ON DATABASE "+id+" TO "+pq.QuoteIdentifier(g))
	}
	for _, st := range statements {
		if _, err := db.ExecContext(ctx, st); err != nil {
			return fmt.Errorf("making the database %s: %w", name, err)
		}
	}
	return nil
}
