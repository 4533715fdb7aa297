package mysql

import (
	"context"
	"errors"
	"slices"
	"strings"

	sqldriver "github.com/go-sql-driver/mysql"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// shape is a live table or view.
type shape struct {
	c       *datamap.Collection
	view    bool
	engine  string
	bytes   int64
	columns map[string]column
	order   []string
	first   []string // the first column of each index
}

// Names are compared without regard to case in the catalog, so they are compared again here.
const tableSQL = `SELECT TABLE_SCHEMA AS space, TABLE_NAME AS name, TABLE_TYPE AS kind, COALESCE(ENGINE, '') AS engine, COALESCE(DATA_LENGTH, 0) AS bytes
FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`

const columnsSQL = `SELECT COLUMN_NAME AS name, LOWER(DATA_TYPE) AS type, LOWER(COLUMN_TYPE) AS full, CHARACTER_SET_NAME AS charset,
	COLLATION_NAME AS collation, NUMERIC_SCALE AS scale, IS_NULLABLE AS nullable, PRIVILEGES AS rights, EXTRA AS extra,
	CHARACTER_MAXIMUM_LENGTH AS length
FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`

const indexesSQL = `SELECT DISTINCT COLUMN_NAME FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND SEQ_IN_INDEX = 1 AND INDEX_TYPE IN ('BTREE', 'HASH') AND COLUMN_NAME IS NOT NULL`

const grantsSQL = `SELECT COUNT(*) FROM information_schema.COLUMN_PRIVILEGES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`

// describe reads the live shape of a collection's table and holds the map against it. The shape
// is nil when there is no table.
func (s *session) describe(ctx context.Context, c *datamap.Collection) (*shape, []systems.Finding, error) {
	var tables []struct {
		Space  string `db:"space"`
		Name   string `db:"name"`
		Kind   string `db:"kind"`
		Engine string `db:"engine"`
		Bytes  int64  `db:"bytes"`
	}
	if err := s.conn.SelectContext(ctx, &tables, s.note+tableSQL, c.Schema, c.Table); err != nil {
		return nil, nil, s.classify(ctx, c, err)
	}
	report := reporter{c: c}
	same := func(a, b string) bool { return a == b || (s.fold && strings.EqualFold(a, b)) }
	for _, table := range tables {
		if !same(table.Space, c.Schema) || !same(table.Name, c.Table) {
			continue
		}
		sh := &shape{c: c, view: strings.Contains(table.Kind, "VIEW"), engine: table.Engine, bytes: table.Bytes, columns: map[string]column{}}
		if err := s.fill(ctx, sh, &report, table.Space, table.Name); err != nil {
			return nil, nil, s.classify(ctx, c, err)
		}
		return sh, report.found, nil
	}
	report.add(systems.MissingTable, "", "there is no table "+report.table()+", or the account may see nothing of it", "")
	return nil, report.found, nil
}

func (s *session) fill(ctx context.Context, sh *shape, report *reporter, space, name string) error {
	var columns []column
	if err := s.conn.SelectContext(ctx, &columns, s.note+columnsSQL, space, name); err != nil {
		return err
	}
	if err := s.documents(ctx, sh, columns, space, name); err != nil {
		return err
	}
	for _, col := range columns {
		sh.columns[col.Name] = col
		sh.order = append(sh.order, col.Name)
	}
	if err := s.conn.SelectContext(ctx, &sh.first, s.note+indexesSQL, space, name); err != nil {
		return err
	}
	// With rights to single columns the catalog hides the others.
	var single int
	if err := s.conn.GetContext(ctx, &single, s.note+grantsSQL, space, name); err != nil {
		return err
	}
	sh.compare(report, single > 0)
	return nil
}

// documents finds the columns of JSON. MariaDB keeps JSON in a text with a check, which shows in
// the table's definition alone; an account with rights to single columns may not see that. There
// a column is JSON when the map treats it so.
func (s *session) documents(ctx context.Context, sh *shape, columns []column, space, name string) error {
	text := func(c column) bool {
		return c.Type == "longtext" && c.Collation != nil && *c.Collation == "utf8mb4_bin"
	}
	var definition string
	if s.maria && !sh.view && slices.ContainsFunc(columns, text) {
		err := s.conn.QueryRowContext(ctx, s.note+"SHOW CREATE TABLE "+quote(space)+"."+quote(name)).Scan(new(string), &definition)
		var answer *sqldriver.MySQLError
		if err != nil && !(errors.As(err, &answer) && answer.Number == 1142) {
			return err
		}
	}
	for i, c := range columns {
		columns[i].JSON = c.Type == "json" || text(c) &&
			(strings.Contains(definition, " CHECK (json_valid("+quote(c.Name)+"))") || (definition == "" && meantAsJSON(sh.c, c.Name)))
	}
	return nil
}

// meantAsJSON reports whether the map looks inside the column.
func meantAsJSON(c *datamap.Collection, name string) bool {
	mapped := c.Column(name)
	return (mapped != nil && len(mapped.Paths) > 0) || slices.ContainsFunc(c.Links, func(l *datamap.Link) bool {
		return l.Expr != nil && l.Expr.Prefix == 0 && slices.Contains(l.Columns, name)
	})
}

// usable is describe for those who need the table: any difference that stops is the error.
func (s *session) usable(ctx context.Context, c *datamap.Collection) (*shape, error) {
	sh, findings, err := s.describe(ctx, c)
	if err != nil {
		return nil, err
	}
	return sh, systems.Mismatch(findings)
}

// compare holds the map's columns against the live ones, both ways: a column that the map does
// not name would be missing from every answer. partial says that the account may see some
// columns only.
func (sh *shape) compare(report *reporter, partial bool) {
	for _, name := range systems.Needed(sh.c) {
		live, exists := sh.columns[name]
		mapped := sh.c.Column(name)
		ignored := mapped != nil && mapped.Ignore != ""
		grant := "GRANT SELECT (" + quote(name) + ") ON " + quoted(sh.c) + " TO …"
		switch {
		case !exists && partial && ignored: // there or not, it is none of ours
		case !exists && partial:
			report.add(systems.NoPrivilege, name, "the account may not read column "+name+" of "+report.table()+", or there is none", grant)
		case !exists:
			report.add(systems.MissingColumn, name, report.table()+" has no column "+name, "")
		case !live.readable() && !ignored:
			report.add(systems.NoPrivilege, name, "the account may not read column "+name+" of "+report.table(), grant)
		}
	}
	for _, name := range sh.order {
		if sh.c.Column(name) == nil {
			report.add(systems.UnmappedColumn, name, "column "+name+" of "+report.table()+" is not in the data map",
				"give it a category, or ignore it with a reason")
		}
	}
	wrong := func(name, text string) {
		report.add(systems.WrongKind, name, "column "+name+" of "+report.table()+" is "+sh.columns[name].Type+", "+text, "")
	}
	for _, col := range sh.c.Columns {
		if live, exists := sh.columns[col.Name]; exists && len(col.Paths) > 0 && live.class() != jsonClass {
			wrong(col.Name, "which has no paths inside")
		}
	}
	for _, m := range sh.c.Match {
		if live, exists := sh.columns[m.Column]; exists && !live.matchable() {
			wrong(m.Column, "which cannot hold an identity")
		}
	}
	for _, l := range sh.c.Links {
		for _, name := range l.Columns {
			if live, exists := sh.columns[name]; exists && !live.refers(l.Expr) {
				wrong(name, systems.CannotLink(l.Expr))
			}
		}
	}
	for _, name := range times(sh.c) {
		if live, exists := sh.columns[name]; exists && !live.timed() {
			wrong(name, "which is no time")
		}
	}
}

// times are the columns that the map takes for times.
func times(c *datamap.Collection) []string {
	var names []string
	for _, m := range c.Match {
		if m.Valid != nil {
			names = append(names, m.Valid.From, m.Valid.Until, m.Valid.At)
		}
	}
	for _, l := range c.Links {
		if l.Valid != nil {
			names = append(names, l.Valid.At)
		}
	}
	return names
}

// reporter collects the findings of one collection.
type reporter struct {
	c     *datamap.Collection
	found []systems.Finding
}

func (r *reporter) table() string { return r.c.Schema + "." + r.c.Table }

func (r *reporter) add(kind, column, text, hint string) {
	r.found = append(r.found, systems.Finding{
		Kind: kind, System: r.c.System.Name, Collection: r.c.Name, Column: column, Text: r.c.ID() + ": " + text, Hint: hint,
	})
}
