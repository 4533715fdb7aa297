package postgres

import (
	"context"
	"database/sql"
	"strconv"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

func init() { systems.Register("postgres", Open) }

// Time limits of a session. They protect the company's database from us.
const (
	connectTimeout = 10 * time.Second
	// lockTimeout: we only ever wait behind a schema change.
	lockTimeout = 10 * time.Second
	// askTimeout bounds every statement but the streaming ones.
	askTimeout = 10 * time.Minute
	// streamTimeout bounds one pass over a collection, the time in which our side writes included.
	streamTimeout = 6 * time.Hour
	// idleTimeout bounds the pauses between statements, in which keys are read or put away.
	idleTimeout = 10 * time.Minute
	// connectionLife ends a connection now and then, so that a moved server is found again.
	connectionLife = 30 * time.Minute
)

type driver struct {
	system *datamap.System
	db     *sqlx.DB

	mu   sync.Mutex
	seen map[*datamap.Collection]seen // by collections that are swept
}

// Open makes the System for a PostgreSQL database from a URL or a keyword string as libpq knows
// them. It connects at the first call. Error: contract.ErrBadInput when the DSN cannot be read.
func Open(_ context.Context, sys *datamap.System, dsn string) (systems.System, error) {
	cfg, err := pq.NewConfig(dsn)
	if err != nil {
		// The parser's own text may hold the password.
		return nil, fault.Newf(contract.ErrBadInput, "system %s: %s cannot be read", sys.Name, systems.DSNVariable(sys.Name)).
			WithHint("it looks like postgres://user:password@host:5432/database?sslmode=verify-full")
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTimeout
	}
	cfg.BinaryParameters = true // one round trip a statement instead of two
	connector, err := pq.NewConnectorConfig(cfg)
	if err != nil {
		return nil, fault.Newf(contract.ErrBadInput, "system %s: %s is not usable", sys.Name, systems.DSNVariable(sys.Name))
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "postgres")
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
	tx   *sqlx.Tx
	utf8 bool // the database's own encoding is UTF-8
	// recent says that what the catalog said a moment ago is good enough; see recentTime.
	recent bool
}

// settings are what every session has, so that text means the same whatever the role's defaults.
// row_security off makes a policy that would hide rows an error instead of a shorter answer.
const settings = `SELECT split_part(concat_ws('/', current_setting('server_encoding'),
	set_config('application_name', $1, true), set_config('statement_timeout', $2, true),
	set_config('lock_timeout', $3, true), set_config('idle_in_transaction_session_timeout', $4, true),
	set_config('row_security', 'off', true), set_config('standard_conforming_strings', 'on', true),
	set_config('DateStyle', 'ISO, YMD', true), set_config('TimeZone', 'UTC', true),
	set_config('IntervalStyle', 'postgres', true), set_config('extra_float_digits', '1', true),
	set_config('bytea_output', 'hex', true), set_config('jit', 'off', true)), '/', 1)`

// within runs f on one snapshot. Errors of f are handed on as they are: f classifies its own.
func (d *driver) within(ctx context.Context, statement time.Duration, f func(*session) error) error {
	tx, err := d.db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return d.unreachable(ctx, err)
	}
	defer tx.Rollback() //nolint:errcheck // it only reads: there is nothing to lose
	s := &session{driver: d, tx: tx}
	var encoding string
	if err := tx.QueryRowxContext(ctx, settings, systems.SessionName(ctx),
		millis(statement), millis(lockTimeout), millis(idleTimeout)).Scan(&encoding); err != nil {
		return d.classify(ctx, nil, err)
	}
	s.utf8 = encoding == "UTF8"
	return f(s)
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
