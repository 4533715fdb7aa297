package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// RunInspector is the suite of what the tools of the data map ask (systems.Inspector). A driver
// that fulfils it runs this beside Run.
func RunInspector(t *testing.T, e Engine) {
	t.Run("catalog", e.catalog)
	t.Run("sample", e.sample)
	t.Run("rows", e.rowsOfKeys)
	t.Run("search", e.search)
	t.Run("search in time", e.searchInTime)
	t.Run("explain", e.explained)
}

func (p *place) inspector() systems.Inspector {
	p.Helper()
	i, err := systems.Inspect(p.system, p.sys)
	if err != nil {
		p.Fatal(err)
	}
	return i
}

func (p *place) table(name string) *datamap.CatalogTable {
	p.Helper()
	cat, err := p.inspector().Catalog(p.ctx)
	if err != nil {
		p.Fatal(err)
	}
	t := cat.Table(p.schema, name)
	if t == nil {
		p.Fatalf("the catalog has no table %s.%s", p.schema, name)
	}
	return t
}

func (e Engine) catalog(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE "Par ent" (a integer NOT NULL, b varchar(9) NOT NULL, c date, PRIMARY KEY (a, b));
		CREATE TABLE child (id integer PRIMARY KEY, a integer, b varchar(9), "Note" varchar(99), FOREIGN KEY (a, b) REFERENCES "Par ent" (a, b));
		CREATE TABLE bare (v varchar(9));
		CREATE INDEX child_note ON child ("Note", id);
		CREATE VIEW seen AS SELECT id FROM child;`)
	cat, err := p.inspector().Catalog(p.ctx)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, table := range cat.Tables {
		names = append(names, table.Schema+"|"+table.Name+"|"+table.Kind)
	}
	s := p.schema
	p.want("tables", names, []string{s + "|Par ent|table", s + "|bare|table", s + "|child|table", s + "|seen|view"})
	parent, child := cat.Table(s, "Par ent"), cat.Table(s, "child")
	p.want("key", parent.Key, []string{"a", "b"})
	p.want("no key", cat.Table(s, "bare").Key, []string(nil))
	p.want("links", child.Links, []datamap.CatalogLink{{Columns: []string{"a", "b"}, Schema: s, Table: "Par ent", ToColumns: []string{"a", "b"}}})
	var columns []string
	for _, c := range child.Columns {
		columns = append(columns, fmt.Sprintf("%s %s %t %t", c.Name, c.Class, c.Filled, c.Read))
	}
	p.want("columns", columns, []string{"id number true true", "a number false true", "b text false true", "Note text false true"})
	p.want("class of a date", parent.Column("c").Class, datamap.ClassTime)
	indexed := slices.ContainsFunc(child.Indexes, func(index []string) bool { return slices.Equal(index, []string{"Note", "id"}) })
	if !indexed || !child.Read || !child.Update || !child.Delete || cat.Database == "" {
		t.Errorf("%+v", child)
	}
}

func (e Engine) sample(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE few (id integer PRIMARY KEY, "Te xt" varchar(99)); INSERT INTO few VALUES (1, 'a'), (2, NULL), (3, 'c');`)
	read := func(limit int) []string {
		var rows []string
		err := p.inspector().Sample(p.ctx, systems.Table{Schema: p.schema, Name: "few"}, []string{"Te xt", "id"}, limit, func(row []*string) error {
			rows = append(rows, shown(row))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(rows)
		return rows
	}
	p.want("all of a small table", read(10), []string{"NULL,2", "a,1", "c,3"})
	p.want("no more than asked for", len(read(2)), 2)
	enough := errors.New("enough")
	err := p.inspector().Sample(p.ctx, systems.Table{Schema: p.schema, Name: "few"}, []string{"id"}, 10, func([]*string) error { return enough })
	if !errors.Is(err, enough) {
		t.Errorf("an error of the reader: %v", err)
	}
}

func shown(row []*string) string {
	parts := make([]string, len(row))
	for i, v := range row {
		parts[i] = "NULL"
		if v != nil {
			parts[i] = *v
		}
	}
	return strings.Join(parts, ",")
}

func (e Engine) rowsOfKeys(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE many (id integer PRIMARY KEY, owner integer, mail varchar(30));
		INSERT INTO many VALUES (1, 7, 'A@x.example'), (2, 7, NULL), (3, 7, 'b@x.example'), (4, 8, 'a@x.example'), (5, NULL, 'c@x.example'), (6, 9, NULL);`)
	c := p.collection("many", "id", "owner", "mail")
	read := func(by systems.Clause, each int) []string {
		var rows []string
		if err := p.inspector().Rows(p.ctx, c, by, []string{"owner", "id", "mail"}, each, func(row []*string) error {
			rows = append(rows, shown(row))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(rows)
		return rows
	}
	owners := keyClause([]string{"owner"}, []string{"7"}, []string{"8"}, []string{"100"})
	p.want("two of each key", read(owners, 2), []string{"7,1,A@x.example", "7,2,NULL", "8,4,a@x.example"})
	p.want("all", len(read(owners, 10)), 4)
	mail := systems.Clause{Columns: []string{"mail"}, Identities: []dsr.Identity{{Kind: "email", Value: "a@x.example"}, {Kind: "email", Value: "c@x.example"}}}
	p.want("by identity", read(mail, 10), []string{"7,1,A@x.example", "8,4,a@x.example", "NULL,5,c@x.example"})
	p.want("nothing to look for", read(keyClause([]string{"owner"}), 10), []string(nil))
}

func (e Engine) search(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE hay (id integer PRIMARY KEY, "No te" varchar(200), tel varchar(40), big bigint, born date);
		INSERT INTO hay VALUES (1, 'call Straw@X.example now', '138-0013 8000', 13800138000, '2026-01-01'), (2, 'STRAW@x.example', '+8613800138000', 138001380001, NULL),
			(3, 'straw%x.example', NULL, NULL, NULL), (4, NULL, '139', 1, NULL);`)
	find := func(n systems.Needle) []systems.Hit {
		hits, err := p.inspector().Search(p.ctx, p.table("hay"), n, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return hits
	}
	p.want("a text", find(systems.Needle{Texts: []string{"straw@x.example"}}), []systems.Hit{{Column: "No te", Rows: 2}})
	p.want("what looks like a pattern", find(systems.Needle{Texts: []string{"straw%x"}}), []systems.Hit{{Column: "No te", Rows: 1}})
	p.want("a number, with separators and without", find(systems.Needle{Texts: []string{"+8613800138000"}, Packed: "13800138000", Number: "13800138000"}),
		[]systems.Hit{{Column: "tel", Rows: 2}, {Column: "big", Rows: 1}})
	p.want("nothing", find(systems.Needle{Texts: []string{"needle"}, Packed: "99999999", Number: "99999999"}), []systems.Hit(nil))
}

// searchInTime: a search that takes too long ends, and says so instead of finding nothing.
func (e Engine) searchInTime(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE long_hay (id integer PRIMARY KEY, v varchar(200)); INSERT INTO long_hay VALUES (1, 'x');`)
	for range 17 { // doubles the rows
		p.exec(`INSERT INTO long_hay SELECT id + (SELECT max(id) FROM long_hay), 'some straw and no needle at all, over and over again' FROM long_hay`)
	}
	if _, err := p.inspector().Search(p.ctx, p.table("long_hay"), systems.Needle{Texts: []string{"needle "}, Packed: "12345678"}, time.Millisecond); err == nil {
		t.Error("a search of 131072 rows in a millisecond")
	}
}

func (e Engine) explained(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE plain (id integer PRIMARY KEY, owner integer, mail varchar(30));`)
	c := p.collection("plain", "id", "owner", "mail")
	sel := byKeys(c, []string{"owner"}, []string{"<owners>"})
	sel.Any = append(sel.Any, systems.Clause{Columns: []string{"mail"}, Identities: []dsr.Identity{systems.Placeholder("email")}})
	for _, plan := range []bool{false, true, true} {
		shown, err := p.inspector().Explain(p.ctx, sel, plan)
		if err != nil {
			t.Fatal(err)
		}
		values := strings.Join(shown.Values, " ")
		if !strings.Contains(shown.Statement, "plain") || strings.Contains(shown.Statement, "<owners>") ||
			!strings.Contains(values, "<owners>") || !strings.Contains(values, "<email>") || (shown.Plan != "") != plan {
			t.Errorf("plan %t: %+v", plan, shown)
		}
	}
}
