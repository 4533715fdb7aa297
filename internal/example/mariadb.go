package example

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/stack/mariadb"
)

// insertRows is how many rows one INSERT into MariaDB carries, which knows no COPY from a client.
const insertRows = 500

// Place tells the map where the systems on MariaDB are: in the databases that dsn names. There a
// schema is a database, and that of a test has a name of its own.
func Place(m *datamap.Map, dsn map[string]string) {
	for _, s := range m.Systems {
		if mariadb.IsURL(dsn[s.Name]) {
			for _, c := range s.Collections {
				c.Schema = dsn[s.Name][strings.LastIndexByte(dsn[s.Name], '/')+1:]
			}
		}
	}
}

// openMariaDB opens the database of a system there.
func openMariaDB(url string) (*sql.DB, error) {
	dsn, err := mariadb.FromURL(url)
	if err != nil {
		return nil, err
	}
	return sql.Open("mysql", dsn)
}

// databaseComment is the label of a database; exists says that there are tables in it.
func databaseComment(ctx context.Context, db *sql.DB) (comment string, exists bool, err error) {
	err = db.QueryRowContext(ctx, `SELECT (SELECT SCHEMA_COMMENT FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE()),
		EXISTS (SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE())`).Scan(&comment, &exists)
	if err != nil {
		return "", false, fmt.Errorf("looking at the database: %w", err)
	}
	return comment, exists, nil
}

// clearDatabase drops the example's tables of before. As MariaDB commits each statement that
// changes a schema, the label goes on before and stays, so that a load cut short can be repeated.
func clearDatabase(ctx context.Context, db *sql.DB, system string) error {
	if err := labelDatabase(ctx, db, marker+" loading"); err != nil {
		return err
	}
	for i := len(sources) - 1; i >= 0; i-- { // children first
		if sources[i].System != system {
			continue
		}
		if _, err := db.ExecContext(ctx, "DROP TABLE IF EXISTS "+mariadb.Quote(sources[i].Name)); err != nil {
			return fmt.Errorf("dropping %s: %w", sources[i].ID(), err)
		}
	}
	return nil
}

func labelDatabase(ctx context.Context, db *sql.DB, comment string) error {
	_, err := db.ExecContext(ctx, "ALTER DATABASE COMMENT '"+comment+"'") // no quotes and no backslashes are in it
	if err != nil {
		return fmt.Errorf("labelling the database: %w", err)
	}
	return nil
}

// insert streams one table's rows by INSERTs of many rows, in one transaction.
func (s *source) insert(ctx context.Context, db *sql.DB, m *maker, count *meter) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("loading %s: %w", s.ID(), err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	full, err := tx.PrepareContext(ctx, s.insertStatement(insertRows))
	if err != nil {
		return fmt.Errorf("loading %s: %w", s.ID(), err)
	}
	defer func() { _ = full.Close() }()
	sink := insertSink{ctx: ctx, full: full, width: len(s.Columns), count: count}
	if err := s.generate(ctx, m, &sink); err != nil {
		return err
	}
	if rest := len(sink.values) / sink.width; rest > 0 {
		if _, err := tx.ExecContext(ctx, s.insertStatement(rest), sink.values...); err != nil {
			return fmt.Errorf("loading %s: %w", s.ID(), err)
		}
		count.add(int64(rest))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("loading %s: %w", s.ID(), err)
	}
	return nil
}

func (s *source) insertStatement(rows int) string {
	columns := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		columns[i] = mariadb.Quote(c)
	}
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ") + ")"
	return "INSERT INTO " + mariadb.Quote(s.Name) + " (" + strings.Join(columns, ", ") + ") VALUES " +
		strings.TrimSuffix(strings.Repeat(row+", ", rows), ", ")
}

// insertSink gathers rows until a statement is full.
type insertSink struct {
	ctx    context.Context
	full   *sql.Stmt
	width  int
	values []any
	count  *meter
}

func (i *insertSink) Row(_ *Table, values []any) error {
	if i.values = append(i.values, values...); len(i.values) < insertRows*i.width {
		return nil
	}
	if _, err := i.full.ExecContext(i.ctx, i.values...); err != nil {
		return err
	}
	i.values = i.values[:0]
	i.count.add(insertRows)
	return nil
}
