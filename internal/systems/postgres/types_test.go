package postgres

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Keys are compared as the column's type, uncut: neither a length, nor a scale, nor a domain's
// check, nor the case rule of citext may be lost or added.
func TestKeyTypes(t *testing.T) {
	t.Parallel()
	dsn, exec := fresh(t)
	exec(`CREATE DOMAIN short AS varchar(3) CHECK (VALUE <> 'bad'); CREATE TYPE mood AS ENUM ('ok', 'a,b');
		CREATE TABLE t (id int PRIMARY KEY, v3 varchar(3), c3 char(3), n numeric(4,1), ts timestamp(0), dom short, e mood, u uuid, b bytea);
		INSERT INTO t VALUES (1, 'abc', 'ab', 1.5, '2026-01-01', 'abc', 'a,b', '6ba7b810-9dad-11d1-80b4-00c04fd430c8', '\x00ff')`)
	d := open(t, dsn)
	c := d.table("t", "id", "v3", "c3", "n", "ts", "dom", "e", "u", "b")
	for _, look := range []struct {
		column, key string
		want        int64
	}{
		{"v3", "abc", 1}, {"v3", "abcd", 0}, {"c3", "ab", 1}, {"c3", "ab ", 1}, {"c3", "abcd", 0}, {"n", "1.5", 1}, {"n", "1.50", 1},
		{"n", "1.54", 0}, {"ts", "2026-01-01 00:00:00", 1}, {"ts", "2026-01-01 00:00:00.1", 0}, {"dom", "abc", 1}, {"dom", "bad", 0},
		{"e", "a,b", 1}, {"u", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", 1}, {"b", `\x00ff`, 1}, {"v3", `{"}`, 0},
	} {
		sel := systems.Selection{Collection: c, Any: []systems.Clause{{Columns: []string{look.column}, Keys: systems.OneKey(look.key)}}}
		if n, err := d.Count(t.Context(), sel); err != nil || n != look.want {
			t.Errorf("%s = %q: %d rows, %v; want %d", look.column, look.key, n, err, look.want)
		}
	}
	for _, column := range []string{"v3", "c3", "n", "ts", "dom", "e", "u", "b"} {
		err := d.Keys(t.Context(), byKey(c, "1"), []string{column}, 10, func(keys [][]string) error {
			sel := systems.Selection{Collection: c, Any: []systems.Clause{{Columns: []string{column}, Keys: systems.OneKey(keys[0]...)}}}
			n, err := d.Count(t.Context(), sel)
			if n != 1 {
				t.Errorf("the key that %s gave does not find it again", column)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// Views, materialised views, partitions and other schemas read like tables.
func TestKindsOfTable(t *testing.T) {
	t.Parallel()
	dsn, exec := fresh(t)
	exec(`CREATE SCHEMA "Other"; CREATE TABLE "Other".base (id int, at date) PARTITION BY RANGE (at);
		CREATE TABLE "Other".p1 PARTITION OF "Other".base FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
		CREATE TABLE "Other".p2 PARTITION OF "Other".base DEFAULT;
		INSERT INTO "Other".base VALUES (1, '2025-05-05'), (1, '2026-05-05'), (2, '2026-05-05');
		CREATE VIEW "Other".seen AS SELECT * FROM "Other".base; CREATE MATERIALIZED VIEW "Other".kept AS SELECT * FROM "Other".base`)
	d := open(t, dsn)
	for _, name := range []string{"base", "seen", "kept"} {
		c := d.table(name, "id", "at")
		c.Schema = "Other"
		if n, err := d.Count(t.Context(), byKey(c, "1")); err != nil || n != 2 {
			t.Errorf("%s: %d rows, %v", name, n, err)
		}
	}
}

func TestCitextMatch(t *testing.T) {
	t.Parallel()
	if !hasContrib(t, "citext") {
		return
	}
	dsn, exec := fresh(t)
	exec(`CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; CREATE TABLE t (id int PRIMARY KEY, e ext.citext);
		INSERT INTO t VALUES (1, 'A@x.example'), (2, 'a@x.example')`)
	d := open(t, dsn)
	c := d.table("t", "id", "e")
	for exact, want := range map[bool]int64{false: 2, true: 1} {
		n, err := d.Count(t.Context(), byIdentity(c, "e", dsr.Identity{Kind: "email", Value: "a@x.example", Exact: exact}))
		if err != nil || n != want {
			t.Errorf("exact %v: %d rows, %v", exact, n, err)
		}
	}
}

// A column that can hold neither identity nor link is refused by that name.
func TestWrongKinds(t *testing.T) {
	t.Parallel()
	dsn, exec := fresh(t)
	exec(`CREATE TABLE t (id int PRIMARY KEY, tags text[], doc jsonb)`)
	d := open(t, dsn)
	c := d.table("t", "id", "tags", "doc")
	c.Match = []datamap.Match{{Column: "doc", Identity: "email"}}
	c.Links = []*datamap.Link{{From: c, Columns: []string{"tags"}, To: c, ToColumns: []string{"doc"}}}
	findings, err := d.Check(t.Context(), []*datamap.Collection{c})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range findings {
		got = append(got, f.Kind+" "+f.Column)
	}
	if diff := cmp.Diff([]string{"wrong-kind doc", "wrong-kind tags", "wrong-kind doc"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Fields inside JSON are hidden wherever their path leads, and nothing else is touched.
func TestPathsInsideJSON(t *testing.T) {
	t.Parallel()
	dsn, exec := fresh(t)
	exec(`CREATE TABLE t (id int PRIMARY KEY, doc jsonb, raw json);
		INSERT INTO t VALUES
		(1, '{"who": {"mail": "li@x.example", "pin": 1234, "age": 7}, "n": 1.50}', '{"who": {"mail": "li@x.example"}}'),
		(2, '{"who": [{"mail": "li@x.example"}]}', '[{"who": {"mail": "li@x.example"}}]'),
		(3, '{"who": {"mail": null, "pin": {"old": 1}}}', '{"a.b": "secret"}'),
		(4, NULL, '"text"'), (5, '{"who": {"mail": ["li@x.example"]}}', '{"who": 1}')`)
	d := open(t, dsn)
	c := d.table("t", "id", "doc", "raw")
	mail := datamap.Path{Name: "who.mail", Keys: []string{"who", "mail"}, Export: datamap.ExportMask, Mask: "email"}
	c.Columns[1].Paths = []datamap.Path{mail, {Name: "who.pin", Keys: []string{"who", "pin"}, Export: datamap.ExportHeld},
		{Name: "n", Keys: []string{"n"}, Export: datamap.ExportShow}}
	c.Columns[2].Paths = []datamap.Path{mail, {Name: `"a.b"`, Keys: []string{"a.b"}, Export: datamap.ExportMask, Mask: "all"}}
	for id, want := range map[string]string{
		"1": `{"id":1,"doc":{"n": 1.50, "who": {"age": 7, "pin": "held", "mail": "l***@x.example"}},"raw":{"who": {"mail": "l***@x.example"}}}`,
		"2": `{"id":2,"doc":{"who": "***"},"raw":"***"}`,
		"3": `{"id":3,"doc":{"who": {"pin": "***", "mail": null}},"raw":{"a.b": "***"}}`,
		"4": `{"id":4,"doc":null,"raw":"text"}`,
		"5": `{"id":5,"doc":{"who": {"mail": "***"}},"raw":{"who": 1}}`,
	} {
		var j, v bytes.Buffer
		if _, err := d.Stream(t.Context(), byKey(c, id), &j, &v); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("[\n"+want+"\n]\n", j.String()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if strings.Contains(v.String(), "li@x") || strings.Contains(v.String(), "1234") {
			t.Errorf("the CSV shows it: %s", v.String())
		}
	}
	c.Columns[0].Paths = c.Columns[1].Paths
	if findings, err := d.Check(t.Context(), []*datamap.Collection{c}); err != nil || len(findings) != 1 || findings[0].Kind != systems.WrongKind {
		t.Errorf("%v, %v", findings, err)
	}
}
