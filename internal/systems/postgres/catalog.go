package postgres

import (
	"context"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// The schemas of the system and the tables that an extension brought are nobody's data. A
// partition is read through its root, and a temporary table is gone when its session is.
const catalogTablesSQL = `SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
	coalesce(obj_description(c.oid, 'pg_class'), '') AS comment,
	(CASE c.relkind WHEN 'p' THEN (SELECT sum(greatest(l.reltuples, 0)) FROM pg_partition_tree(c.oid) p JOIN pg_class l ON l.oid = p.relid WHERE p.isleaf)
		WHEN 'v' THEN -1 ELSE c.reltuples END)::bigint AS rows,
	CASE WHEN c.relkind IN ('r', 'm') THEN pg_relation_size(c.oid)
		WHEN c.relkind = 'p' THEN coalesce((SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree(c.oid)), 0)
		ELSE 0 END::bigint AS bytes,
	has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT') AS read,
	has_any_column_privilege(c.oid, 'UPDATE') AS update, has_table_privilege(c.oid, 'DELETE') AS delete,
	row_security_active(c.oid) AS secured
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
	AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
	AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`

const catalogColumnsSQL = `WITH RECURSIVE seen AS (
	SELECT a.attrelid, a.attnum, a.attname, a.attnotnull, a.attgenerated, t.oid AS typ, t.typtype, t.typbasetype
	FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
	WHERE a.attrelid::bigint = ANY ($1::bigint[]) AND a.attnum > 0 AND NOT a.attisdropped
	UNION ALL
	SELECT s.attrelid, s.attnum, s.attname, s.attnotnull, s.attgenerated, t.oid, t.typtype, t.typbasetype
	FROM seen s JOIN pg_type t ON t.oid = s.typbasetype WHERE s.typtype = 'd')
SELECT s.attrelid::bigint AS oid, s.attname AS name, format_type(s.typ, -1) AS type, t.typcategory::text AS category,
	s.attnotnull AS filled, s.attgenerated <> '' AS computed, coalesce(col_description(s.attrelid, s.attnum), '') AS comment,
	has_column_privilege(s.attrelid, s.attnum, 'SELECT') AS read
FROM seen s JOIN pg_type t ON t.oid = s.typ WHERE s.typtype <> 'd' ORDER BY s.attrelid, s.attnum`

// A unique index is a key when none of its columns may be NULL and it is checked at once.
const catalogIndexesSQL = `SELECT i.indrelid::bigint AS oid, i.indisprimary AS main,
	i.indisunique AND i.indimmediate AND i.indexprs IS NULL AND k.filled AS unique,
	k.names AS names
FROM pg_index i CROSS JOIN LATERAL (
	SELECT coalesce(bool_and(a.attnotnull), false) AS filled, coalesce(array_agg(a.attname::text ORDER BY n), '{}') AS names
	FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u(attnum, n) LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum
	WHERE n <= i.indnkeyatts AND n < coalesce((SELECT min(x.n) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS x(attnum, n) WHERE x.attnum = 0), 99)) AS k
WHERE i.indrelid::bigint = ANY ($1::bigint[]) AND i.indisvalid AND i.indpred IS NULL
ORDER BY i.indrelid, i.indisprimary DESC, i.indnkeyatts, i.indexrelid::regclass::text COLLATE "C"`

// A foreign key that only the partitions have is one of the table all the same.
const catalogLinksSQL = `SELECT DISTINCT r.root::bigint AS oid, n.nspname AS schema, p.relname AS table, k.names AS columns, k.keys AS keys
FROM pg_constraint f
JOIN LATERAL (SELECT coalesce(pg_partition_root(f.conrelid)::oid, f.conrelid) AS root) AS r ON true
JOIN LATERAL (SELECT coalesce(pg_partition_root(f.confrelid)::oid, f.confrelid) AS root) AS o ON true
JOIN pg_class p ON p.oid = o.root JOIN pg_namespace n ON n.oid = p.relnamespace
CROSS JOIN LATERAL (
	SELECT array_agg(a.attname::text ORDER BY u.n) AS names, array_agg(b.attname::text ORDER BY u.n) AS keys
	FROM unnest(f.conkey, f.confkey) WITH ORDINALITY AS u(child, parent, n)
	JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = u.child
	JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = u.parent) AS k
WHERE f.contype = 'f' AND r.root::bigint = ANY ($1::bigint[]) ORDER BY 1, 4, 2, 3`

var tableKinds = map[string]string{
	"r": datamap.TablePlain, "p": datamap.TablePartitioned, "v": datamap.TableView, "m": datamap.TableMaterialized, "f": datamap.TableForeign,
}

// Catalog reads the live schema in five statements, whatever its size.
func (d *driver) Catalog(ctx context.Context) (datamap.Catalog, error) {
	var cat datamap.Catalog
	err := d.within(ctx, askTimeout, func(s *session) error {
		// The start of the server tells two servers apart that have a database of one name.
		err := s.tx.GetContext(ctx, &cat.Database, "SELECT current_database() || '@' || pg_postmaster_start_time()::text")
		if err != nil {
			return s.classify(ctx, nil, err)
		}
		at, oids, err := s.catalogTables(ctx, &cat)
		if err == nil {
			err = s.catalogColumns(ctx, at, oids)
		}
		if err == nil {
			err = s.catalogIndexes(ctx, at, oids)
		}
		if err == nil {
			err = s.catalogLinks(ctx, at, oids)
		}
		return s.classify(ctx, nil, err)
	})
	return cat, err
}

func (s *session) catalogTables(ctx context.Context, cat *datamap.Catalog) (map[int64]*datamap.CatalogTable, any, error) {
	var tables []struct {
		OID     int64  `db:"oid"`
		Schema  string `db:"schema"`
		Name    string `db:"name"`
		Kind    string `db:"kind"`
		Comment string `db:"comment"`
		Rows    int64  `db:"rows"`
		Bytes   int64  `db:"bytes"`
		Read    bool   `db:"read"`
		Update  bool   `db:"update"`
		Delete  bool   `db:"delete"`
		Secured bool   `db:"secured"`
	}
	if err := s.tx.SelectContext(ctx, &tables, catalogTablesSQL); err != nil {
		return nil, nil, err
	}
	cat.Tables = make([]datamap.CatalogTable, len(tables))
	at, oids := map[int64]*datamap.CatalogTable{}, make([]int64, len(tables))
	for i, t := range tables {
		cat.Tables[i] = datamap.CatalogTable{
			Schema: t.Schema, Name: t.Name, Kind: tableKinds[t.Kind], Comment: t.Comment,
			Rows: t.Rows, Bytes: t.Bytes, Read: t.Read, Update: t.Update, Delete: t.Delete, Secured: t.Secured,
		}
		at[t.OID], oids[i] = &cat.Tables[i], t.OID
	}
	return at, pq.Array(oids), nil
}

func (s *session) catalogColumns(ctx context.Context, at map[int64]*datamap.CatalogTable, oids any) error {
	var columns []struct {
		column
		OID      int64  `db:"oid"`
		Computed bool   `db:"computed"`
		Comment  string `db:"comment"`
		Read     bool   `db:"read"`
	}
	if err := s.tx.SelectContext(ctx, &columns, catalogColumnsSQL, oids); err != nil {
		return err
	}
	for _, col := range columns {
		at[col.OID].Columns = append(at[col.OID].Columns, datamap.CatalogColumn{
			Name: col.Name, Type: col.Type, Class: col.class(), Filled: col.Filled,
			Computed: col.Computed, Comment: col.Comment, Read: col.Read,
		})
	}
	return nil
}

// class is what may be done with the column's values.
func (c column) class() string {
	switch {
	case c.Category == "A":
		return datamap.ClassArray
	case c.isJSON():
		return datamap.ClassJSON
	case c.Type == "bytea":
		return datamap.ClassBinary
	case c.Type == "uuid":
		return datamap.ClassUUID
	}
	switch c.Category {
	case "N":
		return datamap.ClassNumber
	case "D":
		return datamap.ClassTime
	case "B":
		return datamap.ClassBoolean
	case "S", "E":
		return datamap.ClassText
	}
	return datamap.ClassOther
}

func (s *session) catalogIndexes(ctx context.Context, at map[int64]*datamap.CatalogTable, oids any) error {
	var indexes []struct {
		OID    int64          `db:"oid"`
		Main   bool           `db:"main"`
		Unique bool           `db:"unique"`
		Names  pq.StringArray `db:"names"`
	}
	if err := s.tx.SelectContext(ctx, &indexes, catalogIndexesSQL, oids); err != nil {
		return err
	}
	for _, index := range indexes {
		t := at[index.OID]
		if len(index.Names) > 0 {
			t.Indexes = append(t.Indexes, index.Names)
		}
		if (index.Main || index.Unique) && t.Key == nil {
			t.Key = index.Names
		}
	}
	return nil
}

func (s *session) catalogLinks(ctx context.Context, at map[int64]*datamap.CatalogTable, oids any) error {
	var links []struct {
		OID     int64          `db:"oid"`
		Schema  string         `db:"schema"`
		Table   string         `db:"table"`
		Columns pq.StringArray `db:"columns"`
		Keys    pq.StringArray `db:"keys"`
	}
	if err := s.tx.SelectContext(ctx, &links, catalogLinksSQL, oids); err != nil {
		return err
	}
	for _, l := range links {
		at[l.OID].Links = append(at[l.OID].Links, datamap.CatalogLink{Columns: l.Columns, Schema: l.Schema, Table: l.Table, ToColumns: l.Keys})
	}
	return nil
}
