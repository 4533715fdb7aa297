package mysql

import (
	"context"
	"database/sql"
	sqlapi "database/sql/driver"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	sqldriver "github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

func init() {
	systems.Register("mariadb", Open)
	systems.Register("mysql", Open)
}

// Time limits of a session. They protect the company's database from us.
const (
	connectTimeout = 10 * time.Second
	// lockTimeout: we only ever wait behind a schema change.
	lockTimeout = 10 * time.Second
	// askTimeout bounds every statement but the streaming ones.
	askTimeout = 10 * time.Minute
	// streamTimeout bounds one reading of a collection, the time in which our side writes included.
	streamTimeout = 6 * time.Hour
	// idleTimeout bounds the pauses between statements, in which keys are read or put away.
	idleTimeout = 10 * time.Minute
	// connectionLife ends a connection now and then, so that a moved server is found again.
	connectionLife = 30 * time.Minute
	// tidyTimeout bounds the end of a session.
	tidyTimeout = 5 * time.Second
)

type driver struct {
	system *datamap.System
	db     *sqlx.DB
	known  atomic.Pointer[flavour]
}

// flavour is what differs between servers.
type flavour struct {
	maria bool
	nopad string // the collation of bytes without padding
	fold  bool   // names of tables are compared without regard to case
}

// Open makes the System for a MariaDB or MySQL database from a URL such as
// mysql://user:password@host:3306/database?tls=true. It connects at the first call. Error:
// contract.ErrBadInput when the URL cannot be read; nothing of it is in the text.
func Open(_ context.Context, sys *datamap.System, dsn string) (systems.System, error) {
	cfg, err := config(sys, dsn)
	if err != nil {
		return nil, err
	}
	connector, err := sqldriver.NewConnector(cfg)
	if err != nil {
		return nil, fault.Newf(contract.ErrBadInput, "system %s: %s is not usable", sys.Name, systems.DSNVariable(sys.Name)).WithHint(dsnHint)
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "mysql")
	db.SetConnMaxLifetime(connectionLife)
	db.SetConnMaxIdleTime(time.Minute)
	if sys.Connections > 0 {
		db.SetMaxOpenConns(sys.Connections)
	}
	return &driver{system: sys, db: db}, nil
}

// Close gives the connections back.
func (d *driver) Close() error { return d.db.Close() }

// session is one snapshot.
type session struct {
	*driver
	flavour
	conn *sqlx.Conn
	note string // the comment before every statement: which case it serves
	vars int    // variables of the session that hold values
	// asked, where it is not nil, takes every value that goes into a variable, and no key is held
	// against its column: the statement is shown and not run (Explain).
	asked *[]string
}

// within runs f on one snapshot. Errors of f are handed on as they are: f classifies its own.
func (d *driver) within(ctx context.Context, statement time.Duration, f func(*session) error) error {
	return d.session(ctx, func(s *session) []string {
		return []string{
			s.settings(statement),
			"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
			"START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
		}
	}, f)
}

// session runs f on a connection that was set up by the statements.
func (d *driver) session(ctx context.Context, begin func(*session) []string, f func(*session) error) error {
	conn, err := d.db.Connx(ctx)
	if err != nil {
		return d.unreachable(ctx, err)
	}
	s := &session{driver: d, conn: conn, note: comment(systems.SessionName(ctx))}
	defer s.end() //nolint:contextcheck // it tidies up after a context that may have ended
	if err := s.begin(ctx, begin); err != nil {
		return err
	}
	return f(s)
}

// begin settles what kind of server this is, sets the session up and begins its transaction.
func (s *session) begin(ctx context.Context, begin func(*session) []string) error {
	kind := s.known.Load()
	if kind == nil {
		var err error
		if kind, err = s.recognise(ctx); err != nil {
			return err
		}
		s.known.Store(kind)
	}
	s.flavour = *kind
	for _, statement := range begin(s) {
		if _, err := s.conn.ExecContext(ctx, s.note+statement); err != nil {
			return s.classify(ctx, nil, err)
		}
	}
	return nil
}

func (s *session) recognise(ctx context.Context) (*flavour, error) {
	var version string
	var lower int
	err := s.conn.QueryRowContext(ctx, s.note+"SELECT VERSION(), @@lower_case_table_names").Scan(&version, &lower)
	if err != nil {
		return nil, s.classify(ctx, nil, err)
	}
	kind := &flavour{maria: strings.Contains(version, "MariaDB"), nopad: "utf8mb4_0900_bin", fold: lower != 0}
	oldest := [3]int{8, 0, 19}
	if kind.maria {
		kind.nopad, oldest = "utf8mb4_nopad_bin", [3]int{10, 6, 0}
	}
	if older(version, oldest) {
		return nil, fault.Newf(contract.ErrMapMismatch, "system %s: the server is too old", s.system.Name).
			WithHint("MariaDB 10.6 or MySQL 8.0.19 is needed, for JSON_TABLE")
	}
	return kind, nil
}

// older reports whether a version such as 10.11.6-MariaDB-log lies before the given one. MariaDB
// may hide behind a 5.5.5- in front.
func older(version string, than [3]int) bool {
	version = strings.TrimPrefix(version, "5.5.5-")
	for i, part := range strings.SplitN(version, ".", 3) {
		n, err := strconv.Atoi(part[:len(part)-len(strings.TrimLeft(part, "0123456789"))])
		if err != nil {
			return false // a version of another shape: let it try
		}
		if n != than[i] {
			return n < than[i]
		}
	}
	return false
}

// settings are what every session has, so that text means the same whatever the server's
// defaults, and no default cuts an answer short. semijoin off keeps a set of keys where the
// statement puts it: the server has no figures on such a set, and would guess.
func (s *session) settings(limit time.Duration) string {
	list := []string{
		"sql_mode='STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'", "time_zone='+00:00'",
		"character_set_client=utf8mb4", "character_set_results=utf8mb4", "collation_connection=" + s.nopad,
		"sql_select_limit=18446744073709551615", "sql_big_selects=1", "div_precision_increment=4",
		"optimizer_switch='semijoin=off,derived_with_keys=on'", "autocommit=1",
		"lock_wait_timeout=" + seconds(lockTimeout), "innodb_lock_wait_timeout=" + seconds(lockTimeout),
		"wait_timeout=" + seconds(idleTimeout), "net_read_timeout=" + seconds(idleTimeout), "net_write_timeout=" + seconds(idleTimeout),
	}
	if s.maria {
		list = append(list, "max_statement_time="+strconv.FormatFloat(limit.Seconds(), 'f', 6, 64), "idle_readonly_transaction_timeout="+seconds(idleTimeout))
	} else {
		list = append(list, "max_execution_time="+strconv.FormatInt(limit.Milliseconds(), 10))
		list[8] = "optimizer_switch='semijoin=off'"
	}
	return "SET " + strings.Join(list, ", ")
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }

// end leaves nothing of the session behind: no snapshot, and no value in a variable. A connection
// on which that fails is closed.
func (s *session) end() {
	ctx, stop := context.WithTimeout(context.Background(), tidyTimeout)
	defer stop()
	_, err := s.conn.ExecContext(ctx, "ROLLBACK")
	if err == nil && s.vars > 0 {
		names := make([]string, s.vars)
		for i := range names {
			names[i] = variable(i) + " = NULL"
		}
		_, err = s.conn.ExecContext(ctx, "SET "+strings.Join(names, ", "))
	}
	if err != nil {
		_ = s.conn.Raw(func(any) error { return sqlapi.ErrBadConn }) // which takes it out of the pool
	}
	_ = s.conn.Close()
}

// variable is the name of the session's nth variable.
func variable(n int) string { return "@habeas_" + strconv.Itoa(n) }

// held is a value on its way into a variable.
type held struct{ name, value string }

// reserve names a variable for the value.
func (s *session) reserve(value string) held {
	s.vars++
	if s.asked != nil {
		*s.asked = append(*s.asked, value)
	}
	return held{name: variable(s.vars - 1), value: value}
}

// keep puts values into their variables, in one statement.
func (s *session) keep(ctx context.Context, values ...held) error {
	if len(values) == 0 {
		return nil
	}
	list, args := make([]string, len(values)), make([]any, len(values))
	for i, v := range values {
		list[i], args[i] = v.name+" = ?", v.value
	}
	_, err := s.conn.ExecContext(ctx, s.note+"SET "+strings.Join(list, ", "), args...)
	return err
}

// comment makes a comment of the session's name: the operator sees in the process list which case
// a statement serves, in place of the application's name that other databases show.
func comment(name string) string {
	clean := strings.Map(func(r rune) rune {
		if r == '/' || r == '-' || r == ' ' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, name)
	return "/* " + clean + " */ "
}
