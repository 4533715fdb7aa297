package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
	"github.com/habeas-dsr/habeas/internal/systems/conformance"
)

func TestInspectorConformance(t *testing.T) {
	t.Parallel()
	conformance.RunInspector(t, conformance.Engine{
		Driver: "postgres",
		Fresh: func(t *testing.T) conformance.Database {
			dsn, exec := fresh(t)
			return conformance.Database{DSN: dsn, Schema: "public", Exec: exec}
		},
	})
}

func inspected(t *testing.T, statements string) (systems.Inspector, *datamap.Catalog, func(string)) {
	t.Helper()
	dsn, exec := fresh(t)
	exec(statements)
	d := open(t, dsn)
	cat, err := d.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d, &cat, exec
}

// What only PostgreSQL has: domains, partitions that carry the keys, inheritance, expressions.
func TestCatalogOfPostgres(t *testing.T) {
	t.Parallel()
	_, cat, _ := inspected(t, `
		CREATE DOMAIN mail AS text; CREATE DOMAIN work_mail AS mail; CREATE TYPE mood AS ENUM ('a');
		CREATE TABLE owner (id uuid PRIMARY KEY, m work_mail, e mood, j jsonb, a text[], b bytea, i inet, t timestamptz, f boolean,
			n numeric, twice numeric GENERATED ALWAYS AS (n * 2) STORED);
		CREATE TABLE pay (id bigint NOT NULL, owner uuid, at date NOT NULL, PRIMARY KEY (at, id)) PARTITION BY RANGE (at);
		CREATE TABLE pay_1 PARTITION OF pay FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
		ALTER TABLE pay_1 ADD FOREIGN KEY (owner) REFERENCES owner;
		INSERT INTO pay SELECT g, NULL, '2026-01-02' FROM generate_series(1, 50) g;
		CREATE TABLE nearly (a int NOT NULL, b int, c int NOT NULL);
		CREATE UNIQUE INDEX ON nearly (b); CREATE UNIQUE INDEX ON nearly (a) WHERE c > 0; CREATE UNIQUE INDEX ON nearly (lower(a::text));
		CREATE UNIQUE INDEX ON nearly (a, c); CREATE INDEX ON nearly (c, lower(b::text), a);
		CREATE MATERIALIZED VIEW kept AS SELECT 1 AS x;
		ANALYZE pay`)
	var classes []string
	for _, c := range cat.Table("public", "owner").Columns {
		classes = append(classes, c.Name+" "+c.Type+" "+c.Class)
	}
	want := []string{"id uuid uuid", "m text text", "e mood text", "j jsonb json", "a text[] array", "b bytea binary", "i inet other",
		"t timestamp with time zone time", "f boolean boolean", "n numeric number", "twice numeric number"}
	if diff := cmp.Diff(want, classes); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !cat.Table("public", "owner").Column("twice").Computed {
		t.Error("a generated column is not said to be one")
	}
	pay := cat.Table("public", "pay")
	if cat.Table("public", "pay_1") != nil || pay.Kind != datamap.TablePartitioned || pay.Rows != 50 || pay.Bytes == 0 {
		t.Errorf("partitions: %+v", pay)
	}
	if diff := cmp.Diff([]datamap.CatalogLink{{Columns: []string{"owner"}, Schema: "public", Table: "owner", ToColumns: []string{"id"}}}, pay.Links); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	nearly := cat.Table("public", "nearly")
	if diff := cmp.Diff([]string{"a", "c"}, nearly.Key); diff != "" {
		t.Errorf("a key that NULL or a condition breaks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{"b"}, {"a", "c"}, {"c"}}, nearly.Indexes); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if kept := cat.Table("public", "kept"); kept == nil || kept.Kind != datamap.TableMaterialized {
		t.Errorf("%+v", kept)
	}
}

func TestSearchOfPostgres(t *testing.T) {
	t.Parallel()
	i, cat, _ := inspected(t, `
		CREATE TABLE hay (id int PRIMARY KEY, j json, jb jsonb, a text[], b bytea, u uuid, x xml, r int4range, s text[][]);
		INSERT INTO hay VALUES (1, '{"m": "\u738b\u5c0f"}', '{"m": "\u738b\u5c0f", "x": {"y": ["Q\"Q"]}}', ARRAY['x', '王小'], convert_to('..王小..', 'UTF8'), NULL, '<a>王小</a>', NULL, NULL),
			(2, NULL, NULL, ARRAY['王', '小'], '\xcdf5d0a1', NULL, NULL, NULL, ARRAY[ARRAY['a', '王小']]);
		CREATE TABLE older (v text); CREATE TABLE younger () INHERITS (older); INSERT INTO younger VALUES ('王小');`)
	n := systems.Needle{Texts: []string{"王小", `\u738b\u5c0f`}, Bytes: [][]byte{[]byte("王小"), {0xcd, 0xf5, 0xd0, 0xa1}}}
	for table, want := range map[string][]systems.Hit{
		"hay":     {{Column: "j", Rows: 1}, {Column: "jb", Rows: 1}, {Column: "a", Rows: 1}, {Column: "b", Rows: 2}, {Column: "x", Rows: 1}, {Column: "s", Rows: 1}},
		"older":   nil,
		"younger": {{Column: "v", Rows: 1}},
	} {
		hits, err := i.Search(t.Context(), cat.Table("public", table), n, time.Minute)
		if diff := cmp.Diff(want, hits); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", table, err, diff)
		}
	}
	hits, err := i.Search(t.Context(), cat.Table("public", "hay"), systems.Needle{Texts: []string{`Q\"Q`}}, time.Minute)
	if diff := cmp.Diff([]systems.Hit{{Column: "jb", Rows: 1}}, hits); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// A table of many pages is sampled from all over, not from its beginning.
func TestSampleIsFromAllOver(t *testing.T) {
	t.Parallel()
	i, _, _ := inspected(t, `CREATE TABLE wide (id int PRIMARY KEY, v text); INSERT INTO wide SELECT g, repeat('x', 200) FROM generate_series(1, 50000) g; ANALYZE wide;
		CREATE VIEW v AS SELECT * FROM wide`)
	late, rows := 0, 0
	err := i.Sample(t.Context(), systems.Table{Schema: "public", Name: "wide"}, []string{"id"}, 300, func(row []*string) error {
		rows++
		if len(*row[0]) == 5 && *row[0] > "25000" {
			late++
		}
		return nil
	})
	if err != nil || rows < 30 || rows > 300 || late < rows/5 {
		t.Errorf("%d rows, %d of the second half, %v", rows, late, err)
	}
	rows = 0
	if err := i.Sample(t.Context(), systems.Table{Schema: "public", Name: "v"}, []string{"id"}, 30, func([]*string) error { rows++; return nil }); err != nil || rows != 30 {
		t.Errorf("of a view: %d rows, %v", rows, err)
	}
}

// Rights and row-level security are said, and nothing is searched around them.
func TestInspectingWithLittle(t *testing.T) {
	t.Parallel()
	dsn, exec := fresh(t)
	role := "inspecting_reader" // roles are of the whole cluster
	exec(`CREATE TABLE open (id int PRIMARY KEY, v text); CREATE TABLE closed (id int PRIMARY KEY); CREATE TABLE half (id int PRIMARY KEY, v text);
		CREATE TABLE hidden (id int PRIMARY KEY, v text); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
		DROP ROLE IF EXISTS ` + role + `; CREATE ROLE ` + role + ` LOGIN; GRANT SELECT ON open, hidden TO ` + role + `; GRANT SELECT (id) ON half TO ` + role)
	t.Cleanup(func() { exec("DROP OWNED BY " + role + "; DROP ROLE " + role) })
	d := open(t, strings.Replace(dsn, "postgres@", role+"@", 1))
	cat, err := d.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, table := range cat.Tables {
		line := table.Name
		for name, has := range map[string]bool{"read": table.Read, "update": table.Update, "delete": table.Delete, "secured": table.Secured} {
			if has {
				line += " " + name
			}
		}
		got = append(got, line)
	}
	half := cat.Table("public", "half")
	if half.Column("v").Read || !half.Column("id").Read || !half.Read {
		t.Errorf("%+v", half)
	}
	if len(got) != 4 || got[0] != "closed" || got[1] != "half read" || got[3] != "open read" {
		t.Errorf("%q", got)
	}
	n := systems.Needle{Texts: []string{"x1"}}
	if _, err := d.Search(t.Context(), half, n, time.Minute); err != nil {
		t.Errorf("what may be read is searched: %v", err)
	}
	if _, err := d.Search(t.Context(), cat.Table("public", "hidden"), n, time.Minute); !fault.Is(err, contract.ErrMapMismatch) {
		t.Errorf("rows behind a policy: %v", err)
	}
}
