package casefile

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// Limits of one process on the database. A statement that takes longer is not slow but wrong.
const (
	maxConnections  = 20
	idleConnections = 10
	connectTimeout  = 5 * time.Second
)

// Store is the casefile. It is safe for use by many goroutines.
type Store struct {
	db    *sqlx.DB
	keys  *seal.Keys
	clock func() time.Time
	cache keyCache
	decoy decoy
}

// decoy is a data key that stands in for that of an unknown reference, so that a guess at it costs
// the same.
type decoy struct {
	ref     contract.Ref
	wrapped []byte
}

// Open connects to the casefile. It refuses a schema that is older or newer than this program
// (contract.ErrBadInput, with what to run) and a database that does not answer
// (contract.ErrUnavailable, with its address).
func Open(ctx context.Context, url string, keys *seal.Keys, now func() time.Time) (*Store, error) {
	db, err := connect(url, nil)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, keys: keys, clock: now}
	if err := s.prepare(ctx); err != nil {
		_ = db.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context) error {
	if err := s.Ping(ctx); err != nil {
		return err
	}
	if err := s.checkVersion(ctx); err != nil {
		return err
	}
	id, err := contract.NewID(rand.Reader)
	if err != nil {
		return err
	}
	s.decoy.ref = contract.NewRef(contract.KindCase, id)
	_, s.decoy.wrapped, err = s.keys.NewRefKey(s.decoy.ref)
	return err
}

// Close ends all connections.
func (s *Store) Close() error { return s.db.Close() }

// Ping asks whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.db.PingContext(ctx); err != nil {
		return dbError("connect", err)
	}
	return nil
}

// now is the clock at the resolution of the database, so that what was written reads back equal.
func (s *Store) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// connect makes a pool. Settings in the URL win over ours, except those in force.
func connect(url string, force map[string]string) (*sqlx.DB, error) {
	cfg, err := pq.NewConfig(url)
	if err != nil {
		return nil, fault.New(contract.ErrBadInput, "HABEAS_DATABASE_URL is not a PostgreSQL URL", err).
			WithHint("write it like postgres://user@host:5432/habeas?sslmode=verify-full")
	}
	if cfg.Runtime == nil {
		cfg.Runtime = map[string]string{}
	}
	for name, value := range map[string]string{
		"statement_timeout": "30s", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "60s",
		"search_path": "habeas", "timezone": "UTC",
	} {
		if _, given := cfg.Runtime[name]; !given {
			cfg.Runtime[name] = value
		}
	}
	for name, value := range force {
		cfg.Runtime[name] = value
	}
	if cfg.ApplicationName == "" {
		cfg.ApplicationName = "habeas"
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTimeout
	}
	cfg.BinaryParameters = true // one round trip a statement instead of two
	connector, err := pq.NewConnectorConfig(cfg)
	if err != nil {
		return nil, fault.New(contract.ErrBadInput, "HABEAS_DATABASE_URL cannot be used", err)
	}
	db := sqlx.NewDb(openDB(connector, net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port)))), "postgres")
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(idleConnections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	db.SetConnMaxLifetime(30 * time.Minute)
	return db, nil
}

// querier is what a transaction and the pool have in common.
type querier interface {
	sqlx.ExtContext
	GetContext(ctx context.Context, dest any, query string, args ...any) error
	SelectContext(ctx context.Context, dest any, query string, args ...any) error
}

// tx runs one transaction. A serialisation failure or deadlock is tried again: the whole function,
// so f must set what it returns anew on each call.
func (s *Store) tx(ctx context.Context, doing string, f func(tx *sqlx.Tx) error) error {
	var err error
	for range 3 {
		if err = s.once(ctx, f); pq.As(err, "40001", "40P01") == nil {
			break
		}
	}
	return dbError(doing, err)
}

// alone runs one statement, which is a transaction by itself: half the way to the server and back
// that tx takes. Like tx it tries again after a deadlock.
func (s *Store) alone(ctx context.Context, doing, statement string, args ...any) error {
	var err error
	for range 3 {
		if _, err = s.db.ExecContext(ctx, statement, args...); pq.As(err, "40001", "40P01") == nil {
			break
		}
	}
	return dbError(doing, err)
}

func (s *Store) once(ctx context.Context, f func(tx *sqlx.Tx) error) error {
	tx, err := s.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// notFound is what every method says of a reference or id that is not there.
func notFound(what, id string) error {
	return fault.Newf(contract.ErrNotFound, "there is no %s %s", what, id)
}

// Seal seals plain under the data key of ref; field is the associated data, such as
// "decision.reason".
func (s *Store) Seal(ctx context.Context, ref contract.Ref, field string, plain []byte) ([]byte, error) {
	return s.sealIn(ctx, s.db, ref, field, plain)
}

// Unseal opens what Seal made; anything else is a contract.ErrTampered.
func (s *Store) Unseal(ctx context.Context, ref contract.Ref, field string, sealed []byte) ([]byte, error) {
	return s.unsealIn(ctx, s.db, ref, field, sealed)
}

// sealIn is Seal within a transaction: the key is read on its connection, because a second one may
// not be free.
func (s *Store) sealIn(ctx context.Context, q querier, ref contract.Ref, field string, plain []byte) ([]byte, error) {
	key, err := s.key(ctx, q, ref)
	if err != nil {
		return nil, err
	}
	sealed, err := key.Seal(field, plain)
	if err != nil {
		return nil, fmt.Errorf("sealing %s of %s: %w", field, ref, err)
	}
	return sealed, nil
}

func (s *Store) unsealIn(ctx context.Context, q querier, ref contract.Ref, field string, sealed []byte) ([]byte, error) {
	key, err := s.key(ctx, q, ref)
	if err != nil {
		return nil, err
	}
	plain, err := key.Open(field, sealed)
	if err != nil {
		return nil, fault.New(contract.ErrTampered, "a sealed field of "+ref.String()+" does not open: "+field, err)
	}
	return plain, nil
}
