package mysql

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// The catalog is of the database that the account is connected to and of those that the map names;
// a schema is a database here. %s stands for their places in a list of parameters.
const catalogTablesSQL = `SELECT TABLE_SCHEMA AS space, TABLE_NAME AS name, TABLE_TYPE AS kind, COALESCE(ENGINE, '') AS engine,
	COALESCE(CREATE_OPTIONS, '') AS options, TABLE_COMMENT AS comment, COALESCE(TABLE_ROWS, -1) AS ` + "`rows`" + `, COALESCE(DATA_LENGTH, 0) AS bytes
FROM information_schema.TABLES WHERE TABLE_SCHEMA IN (%s) AND TABLE_TYPE IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')
ORDER BY BINARY TABLE_SCHEMA, BINARY TABLE_NAME`

const catalogColumnsSQL = `SELECT TABLE_SCHEMA AS space, TABLE_NAME AS ` + "`table`" + `, COLUMN_NAME AS name, LOWER(DATA_TYPE) AS type, LOWER(COLUMN_TYPE) AS full,
	CHARACTER_SET_NAME AS charset, COLLATION_NAME AS collation, NUMERIC_SCALE AS scale, IS_NULLABLE AS nullable, PRIVILEGES AS rights,
	EXTRA AS extra, COLUMN_COMMENT AS comment
FROM information_schema.COLUMNS WHERE TABLE_SCHEMA IN (%s) ORDER BY BINARY TABLE_SCHEMA, BINARY TABLE_NAME, ORDINAL_POSITION`

// An index that begins with an expression has no first column (MySQL).
const catalogIndexesSQL = `SELECT TABLE_SCHEMA AS space, TABLE_NAME AS ` + "`table`" + `, INDEX_NAME AS name, COALESCE(COLUMN_NAME, '') AS col, NON_UNIQUE = 0 AS only_one,
	NULLABLE = 'YES' AS nullable, SUB_PART IS NOT NULL AS cut
FROM information_schema.STATISTICS WHERE TABLE_SCHEMA IN (%s) AND INDEX_TYPE IN ('BTREE', 'HASH')
ORDER BY BINARY TABLE_SCHEMA, BINARY TABLE_NAME, INDEX_NAME <> 'PRIMARY', BINARY INDEX_NAME, SEQ_IN_INDEX`

const catalogLinksSQL = `SELECT TABLE_SCHEMA AS space, TABLE_NAME AS ` + "`table`" + `, CONSTRAINT_NAME AS name, COLUMN_NAME AS col,
	REFERENCED_TABLE_SCHEMA AS to_space, REFERENCED_TABLE_NAME AS to_table, REFERENCED_COLUMN_NAME AS to_col
FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA IN (%s) AND REFERENCED_TABLE_NAME IS NOT NULL
ORDER BY BINARY TABLE_SCHEMA, BINARY TABLE_NAME, BINARY CONSTRAINT_NAME, ORDINAL_POSITION`

// MariaDB keeps JSON in a text with a check.
const catalogDocumentsSQL = `SELECT CONSTRAINT_SCHEMA AS space, TABLE_NAME AS ` + "`table`" + `, CHECK_CLAUSE AS clause
FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA IN (%s) AND CHECK_CLAUSE LIKE 'json\_valid(%%'`

// remote are the engines whose rows lie on another server.
var remote = []string{"FEDERATED", "CONNECT", "SPIDER"}

// Catalog reads the live schema in seven statements at most, whatever its size.
func (d *driver) Catalog(ctx context.Context) (datamap.Catalog, error) {
	var cat datamap.Catalog
	err := d.within(ctx, askTimeout, func(s *session) error {
		var own string
		row := s.conn.QueryRowContext(ctx, s.note+"SELECT DATABASE(), CONCAT(DATABASE(), '@', @@hostname, ':', @@port, @@datadir)")
		if err := row.Scan(&own, &cat.Database); err != nil {
			return s.classify(ctx, nil, err)
		}
		r := &reading{session: s, ctx: ctx, cat: &cat, at: map[string]*datamap.CatalogTable{}}
		for _, name := range append(d.spaces(), own) {
			if !slices.Contains(r.spaces, any(name)) {
				r.spaces = append(r.spaces, name)
			}
		}
		for _, step := range []func() error{r.tables, r.columns, r.indexes, r.links, r.rights} {
			if err := step(); err != nil {
				return s.classify(ctx, nil, err)
			}
		}
		return nil
	})
	return cat, err
}

// spaces are the databases that the map names.
func (d *driver) spaces() []string {
	var names []string
	for _, c := range d.system.Collections {
		names = append(names, c.Schema)
	}
	return names
}

// reading is a catalog on its way.
type reading struct {
	*session
	ctx    context.Context
	cat    *datamap.Catalog
	spaces []any
	at     map[string]*datamap.CatalogTable
}

func (r *reading) list(into any, statement string) error {
	places := strings.TrimSuffix(strings.Repeat("?, ", len(r.spaces)), ", ")
	statement = strings.NewReplacer("%s", places, "%%", "%").Replace(statement)
	return r.conn.SelectContext(r.ctx, into, r.note+statement, r.spaces...)
}

// spot names a table: where a row of the catalog belongs.
type spot struct {
	Space string `db:"space"`
	Table string `db:"table"`
}

func (r *reading) of(p spot) *datamap.CatalogTable { return r.at[p.Space+"\x00"+p.Table] }

func (r *reading) tables() error {
	var tables []struct {
		Space   string `db:"space"`
		Name    string `db:"name"`
		Kind    string `db:"kind"`
		Engine  string `db:"engine"`
		Options string `db:"options"`
		Comment string `db:"comment"`
		Rows    int64  `db:"rows"`
		Bytes   int64  `db:"bytes"`
	}
	if err := r.list(&tables, catalogTablesSQL); err != nil {
		return err
	}
	r.cat.Tables = make([]datamap.CatalogTable, len(tables))
	for i, t := range tables {
		kind := datamap.TablePlain
		switch {
		case t.Kind == "VIEW":
			kind, t.Comment = datamap.TableView, "" // which says VIEW
		case strings.Contains(t.Options, "partitioned"):
			kind = datamap.TablePartitioned
		case slices.Contains(remote, t.Engine):
			kind = datamap.TableForeign
		}
		r.cat.Tables[i] = datamap.CatalogTable{Schema: t.Space, Name: t.Name, Kind: kind, Comment: t.Comment, Rows: t.Rows, Bytes: t.Bytes}
		r.at[t.Space+"\x00"+t.Name] = &r.cat.Tables[i]
	}
	return nil
}

func (r *reading) columns() error {
	documents, err := r.documents()
	if err != nil {
		return err
	}
	var columns []struct {
		spot
		column
		Comment string `db:"comment"`
	}
	if err := r.list(&columns, catalogColumnsSQL); err != nil {
		return err
	}
	for _, c := range columns {
		t := r.of(c.spot)
		if t == nil {
			continue // of a sequence
		}
		c.JSON = c.Type == "json" || documents[c.spot][c.Name]
		t.Columns = append(t.Columns, datamap.CatalogColumn{
			Name: c.Name, Type: c.shown(), Class: c.catalogClass(), Filled: c.Nullable == "NO",
			Computed: strings.Contains(strings.ToUpper(c.Extra), "GENERATED") && !strings.Contains(strings.ToUpper(c.Extra), "DEFAULT_GENERATED"),
			Comment:  c.Comment, Read: c.readable(),
		})
		t.Read = t.Read || c.readable()
		t.Update = t.Update || strings.Contains(","+c.Rights+",", ",update,")
	}
	return nil
}

var documentClause = regexp.MustCompile("^json_valid\\(`((?:[^`]|``)+)`\\)$")

// documents are the columns of JSON, by table and name.
func (r *reading) documents() (map[spot]map[string]bool, error) {
	found := map[spot]map[string]bool{}
	if !r.maria {
		return found, nil
	}
	var checks []struct {
		spot
		Clause string `db:"clause"`
	}
	if err := r.list(&checks, catalogDocumentsSQL); err != nil {
		return nil, err
	}
	for _, c := range checks {
		if name := documentClause.FindStringSubmatch(c.Clause); name != nil {
			if found[c.spot] == nil {
				found[c.spot] = map[string]bool{}
			}
			found[c.spot][strings.ReplaceAll(name[1], "``", "`")] = true
		}
	}
	return found, nil
}

// shown is the type as people write it.
func (c column) shown() string {
	if c.JSON {
		return "json"
	}
	if c.unsigned() && c.Type != "bit" {
		return c.Type + " unsigned"
	}
	return c.Type
}

// catalogClass is the class in the words of the data map.
func (c column) catalogClass() string {
	switch c.class() {
	case numberClass, floatClass:
		return datamap.ClassNumber
	case bitClass:
		if c.Full == "bit(1)" {
			return datamap.ClassBoolean
		}
		return datamap.ClassNumber
	case dateClass, momentClass, stampClass, timeClass:
		return datamap.ClassTime
	case textClass:
		return datamap.ClassText
	case binaryClass:
		return datamap.ClassBinary
	case jsonClass:
		return datamap.ClassJSON
	}
	if c.Type == "uuid" {
		return datamap.ClassUUID
	}
	return datamap.ClassOther
}

func (r *reading) indexes() error {
	var parts []struct {
		spot
		Name     string `db:"name"`
		Column   string `db:"col"`
		OnlyOne  bool   `db:"only_one"`
		Nullable bool   `db:"nullable"`
		Cut      bool   `db:"cut"` // only the beginning of a value is in the index
	}
	if err := r.list(&parts, catalogIndexesSQL); err != nil {
		return err
	}
	for from := 0; from < len(parts); {
		first, to := parts[from], from
		var names []string
		key, plain := first.OnlyOne, true
		for ; to < len(parts) && parts[to].spot == first.spot && parts[to].Name == first.Name; to++ {
			p := parts[to]
			key = key && !p.Nullable && !p.Cut && p.Column != ""
			if plain = plain && p.Column != ""; plain {
				names = append(names, p.Column)
			}
		}
		from = to
		t := r.of(first.spot)
		if t == nil || len(names) == 0 {
			continue
		}
		t.Indexes = append(t.Indexes, names)
		if key && (t.Key == nil || (first.Name != "PRIMARY" && len(names) < len(t.Key) && !r.primary(t))) {
			t.Key = names
		}
	}
	return nil
}

// primary reports whether the table's key is its primary one: that comes first among its indexes.
func (r *reading) primary(t *datamap.CatalogTable) bool { return slices.Equal(t.Indexes[0], t.Key) }

func (r *reading) links() error {
	var parts []struct {
		spot
		Name     string `db:"name"`
		Column   string `db:"col"`
		ToSpace  string `db:"to_space"`
		ToTable  string `db:"to_table"`
		ToColumn string `db:"to_col"`
	}
	if err := r.list(&parts, catalogLinksSQL); err != nil {
		return err
	}
	last := ""
	for _, p := range parts {
		t := r.of(p.spot)
		if t == nil {
			continue
		}
		if name := p.Space + "\x00" + p.Table + "\x00" + p.Name; name != last {
			last = name
			t.Links = append(t.Links, datamap.CatalogLink{Schema: p.ToSpace, Table: p.ToTable})
		}
		l := &t.Links[len(t.Links)-1]
		l.Columns, l.ToColumns = append(l.Columns, p.Column), append(l.ToColumns, p.ToColumn)
	}
	for i := range r.cat.Tables {
		slices.SortStableFunc(r.cat.Tables[i].Links, func(a, b datamap.CatalogLink) int {
			return cmp.Or(slices.Compare(a.Columns, b.Columns), cmp.Compare(a.Table, b.Table))
		})
	}
	return nil
}
