package example

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/lib/pq"
	"golang.org/x/sync/errgroup"

	"github.com/habeas-dsr/habeas/examples/cloud"
)

// marker starts the comment on every schema that Load makes. Only a schema that bears it is ever
// dropped.
const marker = "Example data of Habeas, may be dropped:"

// loaders is how many tables are filled at once: making rows and storing them each take a core.
const loaders = 3

// ErrForeignSchema says that a schema of ours is already there and is not example data.
var ErrForeignSchema = errors.New("the database has a schema of this name that is not example data; give an empty database")

// Load makes the schemas in the databases at dsn (URLs by system, see Systems) and fills them.
// Example data that is there already is replaced; any other schema of the same name is left alone
// and makes Load fail with ErrForeignSchema. On MariaDB the database itself is the schema, and one
// with tables that are not example data counts as such. Systems on PostgreSQL may share one database. progress (may be
// nil) hears how many rows of how many are in, a few times a second, never from two goroutines at
// once. Memory does not grow with o.
func Load(ctx context.Context, dsn map[string]string, o Options, progress func(done, of int64)) error {
	o, err := o.complete()
	if err != nil {
		return err
	}
	dbs, err := connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer closeAll(dbs)
	after := map[string]string{}
	for _, system := range cloud.Systems {
		text, err := cloud.Schema(system)
		if err != nil {
			return err
		}
		tables, keys, found := strings.Cut(text, cloud.AfterLoad)
		if !found {
			return fmt.Errorf("the example schema of %s has no line %q", system, cloud.AfterLoad)
		}
		if err := makeSchema(ctx, dbs[system], system, tables); err != nil {
			return err
		}
		after[system] = keys
	}
	if err := fill(ctx, dbs, o, newMeter(count(o), progress)); err != nil {
		return err
	}
	for _, system := range cloud.Systems {
		if _, err := dbs[system].ExecContext(ctx, after[system]); err != nil {
			return fmt.Errorf("making keys and indexes of %s: %w", system, err)
		}
		if err := settle(ctx, dbs[system], system, o.fingerprint()); err != nil {
			return err
		}
	}
	return nil
}

// Loaded says whether Load has run to its end with the same People, Seed, LogsPerPerson and Heavy.
func Loaded(ctx context.Context, dsn map[string]string, o Options) (bool, error) {
	if o.Now.IsZero() {
		return false, fmt.Errorf("example: Options.Now is missing")
	}
	o, err := o.complete()
	if err != nil {
		return false, err
	}
	dbs, err := connect(ctx, dsn)
	if err != nil {
		return false, err
	}
	defer closeAll(dbs)
	for _, system := range cloud.Systems {
		comment, exists, err := schemaComment(ctx, dbs[system], system)
		if err != nil {
			return false, err
		}
		if !exists || comment != o.fingerprint() {
			return false, nil
		}
	}
	return true, nil
}

// connect opens the database of every system.
func connect(ctx context.Context, dsn map[string]string) (map[string]*sql.DB, error) {
	dbs := map[string]*sql.DB{}
	for _, system := range cloud.Systems {
		if dsn[system] == "" {
			closeAll(dbs)
			return nil, fmt.Errorf("no DSN for the example system %s", system)
		}
		open := func(url string) (*sql.DB, error) { return sql.Open("postgres", url) }
		if onMariaDB(system) {
			open = openMariaDB
		}
		db, err := open(dsn[system])
		if err != nil {
			closeAll(dbs)
			return nil, fmt.Errorf("opening the database of %s: %w", system, err)
		}
		dbs[system] = db
		if err := db.PingContext(ctx); err != nil {
			closeAll(dbs)
			return nil, fmt.Errorf("reaching the database of %s: %w", system, err)
		}
	}
	return dbs, nil
}

func closeAll(dbs map[string]*sql.DB) {
	for _, db := range dbs {
		_ = db.Close() // nothing is pending: every statement was waited for
	}
}

func onMariaDB(system string) bool { return slices.Contains(cloud.MariaDB, system) }

func schemaComment(ctx context.Context, db *sql.DB, schema string) (comment string, exists bool, err error) {
	if onMariaDB(schema) {
		return databaseComment(ctx, db)
	}
	err = db.QueryRowContext(ctx,
		`SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = $1`, schema).Scan(&comment)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", false, nil
	case err != nil:
		return "", false, fmt.Errorf("looking for schema %s: %w", schema, err)
	}
	return comment, true, nil
}

// makeSchema drops example data of before and makes the tables. The label goes on in the same
// transaction, so that a load cut short can be repeated.
func makeSchema(ctx context.Context, db *sql.DB, schema, tables string) error {
	comment, exists, err := schemaComment(ctx, db, schema)
	if err != nil {
		return err
	}
	if exists && !strings.HasPrefix(comment, marker) {
		return fmt.Errorf("schema %s: %w", schema, ErrForeignSchema)
	}
	if onMariaDB(schema) {
		if err := clearDatabase(ctx, db, schema); err != nil {
			return err
		}
		if _, err := db.ExecContext(ctx, tables); err != nil {
			return fmt.Errorf("making the tables of %s: %w", schema, err)
		}
		return nil
	}
	script := tables + "\nCOMMENT ON SCHEMA " + pq.QuoteIdentifier(schema) + " IS " + pq.QuoteLiteral(marker+" loading") + ";"
	if exists {
		script = "DROP SCHEMA " + pq.QuoteIdentifier(schema) + " CASCADE;\n" + script
	}
	// One simple query of several statements is one transaction.
	if _, err := db.ExecContext(ctx, script); err != nil {
		return fmt.Errorf("making schema %s: %w", schema, err)
	}
	return nil
}

// settle has the database look at what is there now, and labels it.
func settle(ctx context.Context, db *sql.DB, schema, comment string) error {
	analyse := "ANALYZE"
	if onMariaDB(schema) {
		var names []string
		for i := range sources {
			if sources[i].System == schema {
				names = append(names, sources[i].Name)
			}
		}
		analyse = "ANALYZE TABLE " + strings.Join(names, ", ")
	}
	if _, err := db.ExecContext(ctx, analyse); err != nil {
		return fmt.Errorf("analysing %s: %w", schema, err)
	}
	if onMariaDB(schema) {
		return labelDatabase(ctx, db, comment)
	}
	_, err := db.ExecContext(ctx, "COMMENT ON SCHEMA "+pq.QuoteIdentifier(schema)+" IS "+pq.QuoteLiteral(comment))
	if err != nil {
		return fmt.Errorf("labelling schema %s: %w", schema, err)
	}
	return nil
}

// fill copies every table, a few at once.
func fill(ctx context.Context, dbs map[string]*sql.DB, o Options, count *meter) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(loaders)
	for i := range sources {
		group.Go(func() error {
			s := &sources[i]
			load := s.copy
			if onMariaDB(s.System) {
				load = s.insert
			}
			if err := load(ctx, dbs[s.System], newMaker(o), count); err != nil {
				return err
			}
			if s.Name == "request_logs" && o.Heavy > 0 {
				return heavy(ctx, dbs[s.System], o, count)
			}
			return nil
		})
	}
	return group.Wait()
}

// copy streams one table's rows in one COPY.
func (s *source) copy(ctx context.Context, db *sql.DB, m *maker, count *meter) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("loading %s: %w", s.ID(), err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	stmt, err := tx.PrepareContext(ctx, s.copyStatement())
	if err != nil {
		return fmt.Errorf("loading %s: %w", s.ID(), err)
	}
	if err := s.generate(ctx, m, &copySink{stmt: stmt, count: count}); err != nil {
		_ = stmt.Close()
		return err
	}
	if _, err := stmt.Exec(); err != nil { // the end of the COPY
		_ = stmt.Close()
		return fmt.Errorf("loading %s: %w", s.ID(), err)
	}
	if err := stmt.Close(); err != nil {
		return fmt.Errorf("loading %s: %w", s.ID(), err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("loading %s: %w", s.ID(), err)
	}
	return nil
}

func (s *source) copyStatement() string {
	columns := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		columns[i] = pq.QuoteIdentifier(c)
	}
	return "COPY " + pq.QuoteIdentifier(s.Schema) + "." + pq.QuoteIdentifier(s.Name) + " (" + strings.Join(columns, ", ") + ") FROM STDIN"
}

// copySink passes rows on to a COPY.
type copySink struct {
	stmt  *sql.Stmt
	count *meter
}

func (c *copySink) Row(_ *Table, values []any) error {
	if _, err := c.stmt.Exec(values...); err != nil {
		return err
	}
	c.count.add(1)
	return nil
}

// meter counts rows for a progress line.
type meter struct {
	done atomic.Int64
	of   int64
	mu   sync.Mutex
	tell func(done, of int64)
}

func newMeter(of int64, tell func(done, of int64)) *meter { return &meter{of: of, tell: tell} }

// meterStep is how many rows pass between two reports.
const meterStep = 10_000

func (m *meter) add(n int64) {
	done := m.done.Add(n)
	if m.tell == nil || (done/meterStep == (done-n)/meterStep && done != m.of) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tell(done, m.of)
}
