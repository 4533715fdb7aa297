package postgres

import (
	"context"
	"slices"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// column is one live column. Domains are seen through: everything here is about the base type.
type column struct {
	Name     string `db:"name"`
	Type     string `db:"type"`     // without length or precision: a cast must not cut a key
	Category string `db:"category"` // pg_type.typcategory
	Composed bool   `db:"composed"` // a row type
	Filled   bool   `db:"filled"`   // NOT NULL
	Readable bool   `db:"readable"`
}

// shape is a live table or view.
type shape struct {
	c       *datamap.Collection
	oid     int64
	kind    string // pg_class.relkind
	bytes   int64
	columns map[string]column
	order   []string
}

// quoted is the table as SQL writes it.
func quoted(c *datamap.Collection) string {
	return pq.QuoteIdentifier(c.Schema) + "." + pq.QuoteIdentifier(c.Table)
}

const tableSQL = `SELECT c.oid::bigint AS oid, c.relkind::text AS kind, row_security_active(c.oid) AS secured,
	has_schema_privilege(n.oid, 'USAGE') AS usable,
	CASE WHEN c.relkind IN ('r', 'm') THEN pg_relation_size(c.oid)
		WHEN c.relkind = 'p' THEN coalesce((SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree(c.oid)), 0)
		ELSE 0 END::bigint AS bytes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`

const columnsSQL = `WITH RECURSIVE seen AS (
	SELECT a.attnum, a.attname, a.attnotnull, t.oid AS typ, t.typtype, t.typbasetype
	FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
	WHERE a.attrelid = $1::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped
	UNION ALL
	SELECT s.attnum, s.attname, s.attnotnull, t.oid, t.typtype, t.typbasetype
	FROM seen s JOIN pg_type t ON t.oid = s.typbasetype WHERE s.typtype = 'd')
SELECT s.attname::text AS name, format_type(s.typ, -1) AS type, t.typcategory::text AS category,
	t.typtype = 'c' AS composed, s.attnotnull AS filled, has_column_privilege($1::bigint::oid, s.attnum, 'SELECT') AS readable
FROM seen s JOIN pg_type t ON t.oid = s.typ WHERE s.typtype <> 'd' ORDER BY s.attnum`

// describe reads the live shape of a collection's table and holds the map against it. The shape
// is nil when there is no table.
func (s *session) describe(ctx context.Context, c *datamap.Collection) (*shape, []systems.Finding, error) {
	var tables []struct {
		OID     int64  `db:"oid"`
		Kind    string `db:"kind"`
		Secured bool   `db:"secured"`
		Usable  bool   `db:"usable"`
		Bytes   int64  `db:"bytes"`
	}
	if err := s.tx.SelectContext(ctx, &tables, tableSQL, c.Schema, c.Table); err != nil {
		return nil, nil, s.classify(ctx, c, err)
	}
	report := reporter{c: c}
	if len(tables) == 0 {
		report.add(systems.MissingTable, "", "there is no table "+report.table(), "")
		return nil, report.found, nil
	}
	table := tables[0]
	sh := &shape{c: c, oid: table.OID, kind: table.Kind, bytes: table.Bytes, columns: map[string]column{}}
	var columns []column
	if err := s.tx.SelectContext(ctx, &columns, columnsSQL, sh.oid); err != nil {
		return nil, nil, s.classify(ctx, c, err)
	}
	for _, col := range columns {
		col.Filled = col.Filled && sh.kind != "f" // nobody enforces that behind a foreign table
		sh.columns[col.Name] = col
		sh.order = append(sh.order, col.Name)
	}
	if table.Secured {
		report.add(systems.RowSecurity, "", "row-level security on "+report.table()+" would hide rows",
			"let the account bypass row-level security (BYPASSRLS), or read through a view that does")
	}
	if !table.Usable {
		report.add(systems.NoPrivilege, "", "the account may not use schema "+c.Schema,
			"GRANT USAGE ON SCHEMA "+pq.QuoteIdentifier(c.Schema)+" TO …")
	}
	sh.compare(&report)
	return sh, report.found, nil
}

// usable is describe for those who need the table: any difference that stops is the error.
func (s *session) usable(ctx context.Context, c *datamap.Collection) (*shape, error) {
	if s.recent {
		was, err := s.lately(ctx, c)
		return was.shape, err
	}
	sh, findings, err := s.describe(ctx, c)
	if err != nil {
		return nil, err
	}
	return sh, systems.Mismatch(findings)
}

// compare holds the map's columns against the live ones, both ways: a column that the map does
// not name would be missing from every answer.
func (sh *shape) compare(report *reporter) {
	for _, name := range needed(sh.c) {
		live, exists := sh.columns[name]
		mapped := sh.c.Column(name)
		switch {
		case !exists:
			report.add(systems.MissingColumn, name, report.table()+" has no column "+name, "")
		case !live.Readable && (mapped == nil || mapped.Ignore == ""):
			report.add(systems.NoPrivilege, name, "the account may not read column "+name+" of "+report.table(),
				"GRANT SELECT ("+pq.QuoteIdentifier(name)+") ON "+quoted(sh.c)+" TO …")
		}
	}
	for _, name := range sh.order {
		if sh.c.Column(name) == nil {
			report.add(systems.UnmappedColumn, name, "column "+name+" of "+report.table()+" is not in the data map",
				"give it a category, or ignore it with a reason")
		}
	}
	for _, col := range sh.c.Columns {
		if live, exists := sh.columns[col.Name]; exists && len(col.Paths) > 0 && !live.isJSON() {
			report.add(systems.WrongKind, col.Name, "column "+col.Name+" of "+report.table()+" is "+live.Type+", which has no paths inside", "")
		}
	}
	for _, m := range sh.c.Match {
		if live, exists := sh.columns[m.Column]; exists && !live.matchable() {
			report.add(systems.WrongKind, m.Column,
				"column "+m.Column+" of "+report.table()+" is "+live.Type+", which cannot hold an identity", "")
		}
	}
	for _, l := range sh.c.Links {
		for _, name := range l.Columns {
			if live, exists := sh.columns[name]; exists && !live.refers(l.Expr) {
				report.add(systems.WrongKind, name,
					"column "+name+" of "+report.table()+" is "+live.Type+", "+systems.CannotLink(l.Expr), "")
			}
		}
	}
	sh.times(report)
}

// refers reports whether the column, or the part of it, can refer to a row.
func (c column) refers(e *datamap.Expr) bool {
	if e != nil {
		return c.yields(e)
	}
	return c.linkable()
}

// times checks the columns that the map takes for times.
func (sh *shape) times(report *reporter) {
	look := func(name string) {
		if live, exists := sh.columns[name]; exists && !live.timed() {
			report.add(systems.WrongKind, name, "column "+name+" of "+report.table()+" is "+live.Type+", which is no time", "")
		}
	}
	for _, m := range sh.c.Match {
		if m.Valid != nil {
			look(m.Valid.From)
			look(m.Valid.Until)
			look(m.Valid.At)
		}
	}
	for _, l := range sh.c.Links {
		if l.Valid != nil {
			look(l.Valid.At)
		}
	}
}

// needed are the names of all columns that the map uses of a collection, each once.
func needed(c *datamap.Collection) []string {
	names := slices.Clone(c.Key)
	for _, col := range c.Columns {
		names = append(names, col.Name)
	}
	for _, m := range c.Match {
		names = append(names, m.Column)
		names = append(names, m.Valid.Columns()...)
		if m.Valid != nil {
			names = append(names, m.Valid.From, m.Valid.Until)
		}
	}
	for _, l := range c.Links {
		names = append(names, l.Columns...)
		names = append(names, l.Valid.Columns()...)
	}
	if c.Directory != nil {
		names = append(names, directoryColumns(c)...)
	}
	var once []string
	for _, name := range names {
		if name != "" && !slices.Contains(once, name) {
			once = append(once, name)
		}
	}
	return once
}

func (c column) isJSON() bool { return c.Type == "json" || c.Type == "jsonb" }
func (c column) linkable() bool {
	return !c.isJSON() && !c.Composed && c.Category != "A" && c.Type != "xml"
}
func (c column) matchable() bool { return c.linkable() && c.Type != "bytea" }

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
