package mysql

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

func inspected(t *testing.T, statements string) (opened, *datamap.Catalog) {
	t.Helper()
	db, exec := fresh(t)
	exec(statements)
	d := open(t, db.URL, db.Name)
	cat, err := d.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d, &cat
}

// What only MariaDB has: JSON that is a text with a check, indexes over beginnings, sequences.
func TestCatalogOfMariaDB(t *testing.T) {
	t.Parallel()
	d, cat := inspected(t, `
		CREATE TABLE "Own er" (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, "J'x" json, plain longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, e enum('a'),
			b varbinary(9), u uuid, i inet6, yes bit(1), bits bit(9), d decimal(9,2), twice decimal(9,2) AS (d * 2) VIRTUAL, w timestamp NULL,
			v varchar(9) NOT NULL DEFAULT 'x' COMMENT 'a word') COMMENT = 'people';
		CREATE TABLE pay (id bigint NOT NULL, at date NOT NULL, PRIMARY KEY (at, id)) PARTITION BY RANGE COLUMNS (at) (PARTITION p VALUES LESS THAN (MAXVALUE));
		CREATE TABLE nearly (a int NOT NULL, b int, c int NOT NULL, v varchar(99) NOT NULL, UNIQUE KEY one (b), UNIQUE KEY two (v(3)), UNIQUE KEY three (a, c, b),
			UNIQUE KEY four (c, a), KEY five (v(5), a), FULLTEXT KEY six (v));
		CREATE TABLE child (id int PRIMARY KEY, two bigint unsigned, one bigint unsigned, FOREIGN KEY (two) REFERENCES "Own er" (id), FOREIGN KEY (one) REFERENCES "Own er" (id));
		CREATE SEQUENCE numbers; CREATE VIEW seen AS SELECT id FROM child`)
	owner := cat.Table(d.schema, "Own er")
	var classes []string
	for _, c := range owner.Columns {
		classes = append(classes, c.Name+" "+c.Type+" "+c.Class)
	}
	want := []string{"id bigint unsigned number", "J'x json json", "plain longtext text", "e enum text", "b varbinary binary", "u uuid uuid", "i inet6 other",
		"yes bit boolean", "bits bit number", "d decimal number", "twice decimal number", "w timestamp time", "v varchar text"}
	if diff := cmp.Diff(want, classes); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !owner.Column("twice").Computed || owner.Column("v").Computed || owner.Comment != "people" || owner.Column("v").Comment != "a word" {
		t.Errorf("%+v", owner)
	}
	if pay := cat.Table(d.schema, "pay"); pay.Kind != datamap.TablePartitioned || !slices.Equal(pay.Key, []string{"at", "id"}) {
		t.Errorf("%+v", pay)
	}
	nearly := cat.Table(d.schema, "nearly")
	if diff := cmp.Diff([]string{"c", "a"}, nearly.Key); diff != "" {
		t.Errorf("a key that NULL or a beginning breaks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{"v", "a"}, {"c", "a"}, {"b"}, {"a", "c", "b"}, {"v"}}, nearly.Indexes); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	links := []datamap.CatalogLink{{Columns: []string{"one"}, Schema: d.schema, Table: "Own er", ToColumns: []string{"id"}},
		{Columns: []string{"two"}, Schema: d.schema, Table: "Own er", ToColumns: []string{"id"}}}
	if diff := cmp.Diff(links, cat.Table(d.schema, "child").Links); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if seen := cat.Table(d.schema, "seen"); seen.Kind != datamap.TableView || seen.Rows != -1 || seen.Comment != "" || len(cat.Tables) != 5 {
		t.Errorf("%d tables; %+v", len(cat.Tables), seen)
	}
}

// The databases that the map names are listed beside the account's own.
func TestCatalogOfTwoDatabases(t *testing.T) {
	t.Parallel()
	db, exec := fresh(t)
	other, execThere := fresh(t)
	exec("CREATE TABLE here (id int PRIMARY KEY)")
	execThere("CREATE TABLE there (id int PRIMARY KEY)")
	d := open(t, db.URL, db.Name)
	c := d.table("there", "id")
	c.Schema = other.Name
	d.system.Collections = append(d.system.Collections, c)
	cat, err := d.Catalog(t.Context())
	if err != nil || len(cat.Tables) != 2 || cat.Table(db.Name, "here") == nil || cat.Table(other.Name, "there") == nil {
		t.Errorf("%+v, %v", cat, err)
	}
}

func TestSearchOfMariaDB(t *testing.T) {
	t.Parallel()
	d, cat := inspected(t, `
		CREATE TABLE hay (id int PRIMARY KEY, j json, b blob, g varchar(9) CHARACTER SET gbk, e enum('王小', 'x'), tel varchar(40), big decimal(20,0), u uuid);
		INSERT INTO hay VALUES (1, '{"m": "\u738b\u5c0f"}', convert('..王小..' USING utf8mb4), '王小', '王小', '１３８ 0013-8000', 13800138000, NULL),
			(2, '{"x": ["王小"]}', x'cdf5d0a1', '王', 'x', '+86(138)00138000', 1, '6ba7b810-9dad-11d1-80b4-00c04fd430c8'), (3, '"Q\"Q"', NULL, NULL, NULL, NULL, NULL, NULL)`)
	table := cat.Table(d.schema, "hay")
	for what, look := range map[string]struct {
		n    systems.Needle
		want []systems.Hit
	}{
		"a name": {systems.Needle{Texts: []string{"王小", `\u738b\u5c0f`}, Bytes: [][]byte{[]byte("王小"), {0xcd, 0xf5, 0xd0, 0xa1}}},
			[]systems.Hit{{Column: "j", Rows: 2}, {Column: "b", Rows: 2}, {Column: "g", Rows: 1}, {Column: "e", Rows: 1}}},
		"a quote inside JSON": {systems.Needle{Texts: []string{`q\"q`}}, []systems.Hit{{Column: "j", Rows: 1}}},
		"a mobile":            {systems.Needle{Texts: []string{"+8613800138000"}, Packed: "13800138000", Number: "13800138000"}, []systems.Hit{{Column: "tel", Rows: 2}, {Column: "big", Rows: 1}}},
		"a UUID":              {systems.Needle{Texts: []string{"6BA7B810-9dad"}}, []systems.Hit{{Column: "u", Rows: 1}}},
		"a letter is no other, whatever the collation": {systems.Needle{Texts: []string{"wáng"}}, nil},
	} {
		hits, err := d.Search(t.Context(), table, look.n, time.Minute)
		if diff := cmp.Diff(look.want, hits); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
		}
	}
}

// A large table is sampled from all over, not from its beginning.
func TestSampleIsFromAllOver(t *testing.T) {
	t.Parallel()
	d, _ := inspected(t, `CREATE TABLE wide (id int PRIMARY KEY, v varchar(200)); INSERT INTO wide SELECT seq, repeat('x', 100) FROM seq_1_to_20000;
		CREATE TABLE worded (id varchar(20) PRIMARY KEY); INSERT INTO worded SELECT LPAD(seq, 9, '0') FROM seq_1_to_20000; ANALYZE TABLE wide, worded;
		CREATE VIEW v AS SELECT * FROM wide`)
	for table, least := range map[string]int{"wide": 300, "worded": 100, "v": 300} {
		late, rows := 0, 0
		err := d.Sample(t.Context(), systems.Table{Schema: d.schema, Name: table}, []string{"id"}, 300, func(row []*string) error {
			rows++
			if id := "00000000" + *row[0]; id[len(id)-5:] > "05000" {
				late++
			}
			return nil
		})
		if err != nil || rows < least || rows > 300 || (late == 0 && table != "v") {
			t.Errorf("%s: %d rows, %d of them late, %v", table, rows, late, err)
		}
	}
}

// Rights are said as they are, also those that come by a role, and nothing is searched around them.
func TestInspectingWithLittle(t *testing.T) {
	t.Parallel()
	db, exec := fresh(t)
	reader, role := account(t, exec), "role_"+db.Name
	on := func(table string) string { return " ON " + db.Name + "." + table + " TO " }
	exec(`CREATE TABLE open (id int PRIMARY KEY, v varchar(9)); CREATE TABLE closed (id int PRIMARY KEY); CREATE TABLE half (id int PRIMARY KEY, v varchar(9));
		CREATE TABLE full_ (id int PRIMARY KEY, v varchar(9)); INSERT INTO half VALUES (1, 'x1');
		CREATE ROLE ` + role + `; GRANT SELECT, UPDATE, DELETE` + on("full_") + role + `; GRANT ` + role + ` TO ` + reader + `@'127.0.0.1'; SET DEFAULT ROLE ` + role + ` FOR ` + reader + `@'127.0.0.1';
		GRANT SELECT` + on("open") + reader + `@'127.0.0.1'; GRANT SELECT (id)` + on("half") + reader + `@'127.0.0.1'`)
	t.Cleanup(func() { exec("DROP ROLE " + role) })
	d := open(t, db.As(reader), db.Name)
	cat, err := d.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, table := range cat.Tables {
		line := table.Name
		for _, right := range []struct {
			name string
			has  bool
		}{{"read", table.Read}, {"update", table.Update}, {"delete", table.Delete}} {
			if right.has {
				line += " " + right.name
			}
		}
		got = append(got, line)
	}
	if diff := cmp.Diff([]string{"full_ read update delete", "half read", "open read"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if hits, err := d.Search(t.Context(), cat.Table(db.Name, "half"), systems.Needle{Texts: []string{"x1"}}, time.Minute); err != nil || hits != nil {
		t.Errorf("what may be read is searched: %v, %v", hits, err)
	}
}

func TestGrantsAreRead(t *testing.T) {
	t.Parallel()
	for _, look := range []struct {
		in, name string
		pattern  bool
		want     bool
	}{
		{"*", "shop", true, true}, {"`shop`", "shop", true, true}, {"`sh_p`", "shop", true, true}, {"`sh\\_p`", "shop", true, false}, {"`sh\\_p`", "sh_p", true, true},
		{"`s%`", "shop", true, true}, {"`s.`", "sh", true, false}, {"`a``b`", "a`b", true, true}, {"`t_1`", "tx1", false, false}, {"`商店%`", "商店一", true, true},
	} {
		if got := granted(look.in, look.name, look.pattern); got != look.want {
			t.Errorf("%s for %s: %t", look.in, look.name, got)
		}
	}
	for line, want := range map[string]bool{
		"GRANT SELECT, DELETE ON `a`.* TO `x`@`%`": true, "GRANT ALL PRIVILEGES ON *.* TO `x`@`%`": true, "GRANT SELECT (`DELETE`) ON `a`.`b` TO `x`@`%`": false,
		"GRANT SELECT, DELETE HISTORY ON `a`.`b` TO `x`@`%`": false,
	} {
		parts := grantLine.FindStringSubmatch(line)
		if parts == nil || deleteRight.MatchString(parts[1]) != want {
			t.Errorf("%s: %q", line, strings.Join(parts, "|"))
		}
	}
}
