package stack

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/stack/mariadb"
)

// mariadbPart is the name of MariaDB's process.
const mariadbPart = "mariadb"

// mariadbAccount is the key under which the superuser's password is remembered.
const mariadbAccount = "mariadb root"

func (s *session) mariadbDir() string { return filepath.Join(s.dir, "mariadb", "data") }

// mariadb is the part that keeps the systems which are on MariaDB. A stack without such a system
// has no such part.
func (s *session) mariadb() part {
	return part{
		name:  mariadbPart,
		title: "MariaDB",
		ports: []portUse{{"MariaDB", &s.state.Ports.MariaDB, s.opts.Ports.MariaDB}},
		spec: func(ctx context.Context) (spec, error) {
			programs, err := mariadb.Binaries()
			if err != nil {
				return spec{}, fault.New(contract.ErrUnavailable, "no MariaDB 10.11 or later found on this machine", err).WithHint("run: make tools")
			}
			cred, err := mariadb.Credential()
			if err != nil {
				return spec{}, fault.New(contract.ErrUnavailable, "there is no user mysql", err).WithHint("run: make tools")
			}
			server := mariadb.Server{
				Programs: programs, Dir: s.mariadbDir(), Port: s.state.Ports.MariaDB, Password: s.state.password(mariadbAccount),
				Settings: map[string]string{"max-connections": "200", "innodb-buffer-pool-size": "128M"},
			}
			if err := mkdir(filepath.Dir(server.Dir), 0o711); err != nil {
				return spec{}, err
			}
			if err := server.Init(ctx); err != nil {
				return spec{}, fault.New(contract.ErrUnavailable, err.Error(), err)
			}
			return spec{argv: server.Argv(), env: mariadb.Environ(), dir: "/", cred: cred}, nil
		},
		ready: func(ctx context.Context) error {
			return s.onMariaDB(ctx, func(*sql.DB) error { return nil })
		},
	}
}

// onMariaDB does something as superuser.
func (s *session) onMariaDB(ctx context.Context, do func(*sql.DB) error) error {
	return mariadb.Do(ctx, mariadb.DSN(s.state.Ports.MariaDB, mariadb.Superuser, s.state.password(mariadbAccount), ""), do)
}

// prepareMariaDB makes the accounts and databases of the systems on MariaDB. It may run any number
// of times.
func (s *session) prepareMariaDB(ctx context.Context) error {
	if len(s.state.MariaDB) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return s.onMariaDB(ctx, func(db *sql.DB) error {
		for _, system := range s.state.MariaDB {
			for _, st := range s.mariadbStatements(system) {
				if _, err := db.ExecContext(ctx, st); err != nil {
					return fmt.Errorf("making the database %s: %w", system, err)
				}
			}
		}
		return nil
	})
}

// mariadbStatements gives the owner everything in the system's database and the reader what
// docs/operating.md says is enough to read.
func (s *session) mariadbStatements(system string) []string {
	// In a grant the name of a database is a pattern, in which _ stands for any character.
	pattern := mariadb.Quote(strings.ReplaceAll(system, "_", `\_`))
	statements := []string{"CREATE DATABASE IF NOT EXISTS " + mariadb.Quote(system) + " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"}
	for _, role := range []string{RoleExample, RoleReader, RoleEraser} {
		account := mariadb.Quote(role) + "@'127.0.0.1'"
		statements = append(statements,
			"CREATE USER IF NOT EXISTS "+account,
			"SET PASSWORD FOR "+account+" = PASSWORD('"+s.state.password(role)+"')") // of hexadecimal digits
		rights := "ALL PRIVILEGES"
		switch role {
		case RoleReader:
			rights = "SELECT"
		case RoleEraser:
			rights = "SELECT, UPDATE, DELETE"
		}
		statements = append(statements, "GRANT "+rights+" ON "+pattern+".* TO "+account)
	}
	return statements
}

// systemURL connects a role to the database of a system, on whichever server it is.
func (s *State) systemURL(role, system string) string {
	if slices.Contains(s.MariaDB, system) {
		return mariadb.URL(s.Ports.MariaDB, role, s.password(role), system)
	}
	return s.databaseURL(role, system)
}

// systems are the names of all systems.
func (s *State) systems() []string { return slices.Concat(s.Systems, s.MariaDB) }

// adopt notes the systems that are asked for, each on one server.
func (s *State) adopt(o Options) {
	for _, name := range o.Systems {
		s.MariaDB = slices.DeleteFunc(s.MariaDB, func(have string) bool { return have == name })
		if !slices.Contains(s.Systems, name) {
			s.Systems = append(s.Systems, name)
		}
	}
	for _, name := range o.MariaDB {
		s.Systems = slices.DeleteFunc(s.Systems, func(have string) bool { return have == name })
		if !slices.Contains(s.MariaDB, name) {
			s.MariaDB = append(s.MariaDB, name)
		}
	}
}
