package mysql

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Keys are compared as the column's type, uncut, and texts byte for byte: whatever the server
// would call equal beside that is another key.
func TestKeyTypes(t *testing.T) {
	t.Parallel()
	db, exec := fresh(t)
	exec(`CREATE TABLE t (id int PRIMARY KEY, v varchar(9), c char(3), l varchar(9) CHARACTER SET latin1, n decimal(5,1), big bigint unsigned, dt datetime(6), ts timestamp NULL,
			d date, tm time, e enum('a', 'B'), u uuid, b varbinary(4), bt bit(9), i4 inet4, i6 inet6, z int(6) zerofill, y year,
			KEY (v), KEY (c), KEY (l), KEY (n), KEY (big), KEY (dt), KEY (ts), KEY (d), KEY (e), KEY (u), KEY (b), KEY (bt), KEY (i6), KEY (z));
		SET time_zone = '+00:00';
		INSERT INTO t VALUES (1, 'Abc', 'ab', 'é', 1.5, 18446744073709551615, '2026-01-01 00:00:00.000001', '2026-01-01 08:00:00', '2026-01-01', '-01:02:03', 'B',
			'6ba7b810-9dad-11d1-80b4-00c04fd430c8', x'00ff', b'100000001', '192.0.2.7', '2001:db8::7', 42, 2026), (2, '0', '0', '0', 0, 0, NULL, NULL, NULL, '00:00:00', NULL, NULL, '', 0, NULL, NULL, 0, NULL)`)
	d := open(t, db.URL, db.Name)
	columns := []string{"v", "c", "l", "n", "big", "dt", "ts", "d", "tm", "e", "u", "b", "bt", "i4", "i6", "z", "y"}
	c := d.table("t", append([]string{"id"}, columns...)...)
	for _, look := range []struct {
		column, key string
		want        int64
	}{
		{"v", "Abc", 1}, {"v", "abc", 0}, {"v", "Abc ", 0}, {"v", "Äbc", 0}, {"v", "Abcd", 0}, {"v", "0", 1}, {"v", "", 0},
		{"c", "ab", 1}, {"c", "abcd", 0}, {"l", "é", 1}, {"l", "e", 0}, {"l", "数", 0}, {"l", "?", 0}, {"n", "1.5", 1}, {"n", "1.50", 1}, {"n", "+1.5", 1}, {"n", "1.54", 0}, {"n", "-0.0", 1},
		{"big", "18446744073709551615", 1}, {"big", "-1", 0}, {"big", "0", 1}, {"dt", "2026-01-01 00:00:00.000001", 1}, {"dt", "2026-01-01T08:00:00.000001+08:00", 1},
		{"dt", "2026-01-01", 0}, {"ts", "2026-01-01 08:00:00+00", 1}, {"ts", "2026-01-01 08:00:00.1", 0}, {"d", "2026-01-01", 1}, {"d", "2026-01-01 00:00:00", 1}, {"d", "2026-01-01 00:00:01", 0},
		{"tm", "-01:02:03", 1}, {"tm", "-01:02:03.000", 1}, {"tm", "01:02:03", 0}, {"e", "B", 1}, {"e", "b", 0}, {"e", "2", 0},
		{"u", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", 1}, {"u", "6ba7b8109dad11d180b400c04fd430c8", 1}, {"b", `\x00ff`, 1}, {"b", `\x00FF`, 1}, {"b", `\x`, 1}, {"b", `\x00`, 0},
		{"bt", "257", 1}, {"bt", "0", 1}, {"i4", "192.0.2.7", 1}, {"i6", "2001:DB8:0::7", 1}, {"z", "42", 1}, {"z", "000042", 1}, {"y", "2026", 1},
	} {
		sel := systems.Selection{Collection: c, Any: []systems.Clause{{Columns: []string{look.column}, Keys: systems.OneKey(look.key)}}}
		if n, err := d.Count(t.Context(), sel); err != nil || n != look.want {
			t.Errorf("%s = %q: %d rows, %v; want %d", look.column, look.key, n, err, look.want)
		}
		// The other way in which keys are used: turned round, and so without the column's index.
		sel.Any = []systems.Clause{{Columns: []string{"id"}, Keys: systems.OneKey("1")}, {Columns: []string{"id"}, Keys: systems.OneKey("2")}}
		sel.Only = []systems.Clause{{Columns: []string{look.column}, Keys: systems.OneKey(look.key)}}
		if n, err := d.Count(t.Context(), sel); err != nil || n != look.want {
			t.Errorf("only %s = %q: %d rows, %v; want %d", look.column, look.key, n, err, look.want)
		}
	}
	for _, look := range [][2]string{{"big", "x"}, {"big", "1.5"}, {"n", "1e3"}, {"n", ""}, {"dt", "yesterday"}, {"d", "2026-02-30"}, {"u", "x"}, {"b", "00ff"}, {"bt", ""}, {"i4", "x"}, {"tm", "noon"}, {"z", "0x1"}} {
		sel := systems.Selection{Collection: c, Any: []systems.Clause{{Columns: []string{look[0]}, Keys: systems.OneKey(look[1])}}}
		if _, err := d.Count(t.Context(), sel); !fault.Is(err, contract.ErrMapMismatch) {
			t.Errorf("%s = %q: %v", look[0], look[1], err)
		}
	}
	for _, column := range columns {
		err := d.Keys(t.Context(), byKey(c, "1"), []string{column}, 10, func(keys [][]string) error {
			sel := systems.Selection{Collection: c, Any: []systems.Clause{{Columns: []string{column}, Keys: systems.OneKey(keys[0]...)}}}
			n, err := d.Count(t.Context(), sel)
			if n != 1 {
				t.Errorf("the key %q that %s gave does not find it again", keys[0], column)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// Views, partitioned tables, generated columns, other databases and engines read like tables.
func TestKindsOfTable(t *testing.T) {
	t.Parallel()
	db, exec := fresh(t)
	exec(`CREATE TABLE base (id int NOT NULL, at date NOT NULL, twice int AS (id * 2) VIRTUAL, kept int AS (id * 3) PERSISTENT, seen int INVISIBLE DEFAULT 5, KEY (id))
			PARTITION BY RANGE COLUMNS (at) (PARTITION p1 VALUES LESS THAN ('2026-01-01'), PARTITION p2 VALUES LESS THAN (MAXVALUE));
		INSERT INTO base (id, at) VALUES (1, '2025-05-05'), (1, '2026-05-05'), (2, '2026-05-05');
		CREATE VIEW merged AS SELECT id, at, twice, kept, seen FROM base;
		CREATE ALGORITHM=TEMPTABLE VIEW made AS SELECT id, at, twice, kept, seen FROM base;
		CREATE TABLE isam (id int, at date, twice int, kept int, seen int) ENGINE=MyISAM;
		CREATE TABLE aria (id int, at date, twice int, kept int, seen int, KEY (id)) ENGINE=Aria;
		CREATE TABLE versions (id int, at date, twice int, kept int, seen int) WITH SYSTEM VERSIONING;
		INSERT INTO isam SELECT * FROM merged; INSERT INTO aria SELECT * FROM merged; INSERT INTO versions SELECT * FROM merged`)
	d := open(t, db.URL, db.Name)
	var all []*datamap.Collection
	for _, name := range []string{"base", "merged", "made", "isam", "aria", "versions"} {
		c := d.table(name, "id", "at", "twice", "kept", "seen")
		all = append(all, c)
		if n := d.count(t, byKey(c, "1")); n != 2 {
			t.Errorf("%s: %d rows", name, n)
		}
		var j, v bytes.Buffer
		want := "[\n" + `{"id":2,"at":"2026-05-05","twice":4,"kept":6,"seen":5}` + "\n]\n"
		if _, err := d.Stream(t.Context(), byKey(c, "2"), &j, &v); err != nil || j.String() != want {
			t.Errorf("%s: %v\n%s", name, err, j.String())
		}
	}
	findings, err := d.Check(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range findings {
		got = append(got, f.Kind+" "+f.Collection)
	}
	if diff := cmp.Diff([]string{"advice isam", "advice aria"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	exec("CREATE TABLE " + `"other ` + db.Name + `"` + " (id int)") // a table of an odd name, not a database
	c := d.table("other "+db.Name, "id")
	if n := d.count(t, byKey(c, "1")); n != 0 {
		t.Errorf("%d rows", n)
	}
}

// A loose comparison would give other people's rows.
func TestLooseness(t *testing.T) {
	t.Parallel()
	db, exec := fresh(t)
	for _, collation := range []string{"utf8mb4_general_ci", "utf8mb4_unicode_ci", "utf8mb4_unicode_520_ci", "utf8mb4_bin", "utf8mb4_nopad_bin",
		"utf8mb4_unicode_nopad_ci", "utf8mb3_general_ci", "latin1_swedish_ci", "utf8mb4_turkish_ci"} {
		exec(`DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, v varchar(30) COLLATE ` + collation + `, KEY (v));
			INSERT INTO t VALUES (1, 'ana@x.example'), (2, 'ANA@X.example  '), (3, '  Ana@x.example'), (4, 'aná@x.example'), (5, 'ana@x.example' || char(9)),
			(6, 'ana@x.examplf'), (7, '0'), (8, ''), (9, ' '), (10, 'ana@x.example.'), (11, NULL)`)
		d := open(t, db.URL, db.Name)
		c := d.table("t", "id", "v")
		for _, look := range []struct {
			id   dsr.Identity
			want int64
		}{
			{dsr.Identity{Kind: "email", Value: "ana@x.example"}, 3},
			{dsr.Identity{Kind: "email", Value: "ana@x.example", Exact: true}, 1},
			{dsr.Identity{Kind: "email", Value: "ANA@X.example  ", Exact: true}, 1},
			{dsr.Identity{Kind: "account", Value: "ana@x.example"}, 1},
			{dsr.Identity{Kind: "account", Value: "Ana@x.example"}, 1},
			{dsr.Identity{Kind: "email", Value: "0"}, 1},
			{dsr.Identity{Kind: "account", Value: "0"}, 1},
			{dsr.Identity{Kind: "email", Value: "aná@x.example"}, 1},
			{dsr.Identity{Kind: "email", Value: "%"}, 0},
			{dsr.Identity{Kind: "email", Value: `' OR 1=1 -- \`}, 0},
		} {
			if n := d.count(t, byIdentity(c, "v", look.id)); n != look.want {
				t.Errorf("%s: %+v: %d rows, want %d", collation, look.id, n, look.want)
			}
		}
	}
}

// The prefilter by a column's own collation must let through whatever the normaliser calls equal:
// every letter against every other, in each collation that is trusted with it. Five signs are the
// exception, and stand where no mailbox and no number has them.
func TestBlindCollationsAreBlind(t *testing.T) {
	t.Parallel()
	db, exec := fresh(t)
	d := open(t, db.URL, db.Name)
	for _, charset := range []string{"utf8mb4", "utf8mb3"} {
		exec(`SET collation_connection = utf8mb4_nopad_bin; DROP TABLE IF EXISTS letters;
			CREATE TABLE letters (c varchar(1) COLLATE utf8mb4_nopad_bin, l varchar(9) COLLATE utf8mb4_nopad_bin, u varchar(9) COLLATE utf8mb4_nopad_bin, KEY (l), KEY (u));
			INSERT INTO letters (c) SELECT CHAR(seq USING utf32) FROM seq_1_to_` + map[string]string{"utf8mb4": "131071", "utf8mb3": "65535"}[charset] + ` WHERE seq NOT BETWEEN 55296 AND 57343;
			UPDATE letters SET l = LOWER(CONVERT(c USING ` + charset + `)), u = UPPER(CONVERT(c USING ` + charset + `))`)
		for _, rules := range blind {
			for fold, except := range map[string]string{"l": "\u2126\u212a\u212b", "u": "\u0131\u0345"} { // signs of ohm, kelvin, angstrom; dotless i, iota below
				collation := charset + "_" + rules
				var missed []string
				err := d.db.Select(&missed, `SELECT DISTINCT p.c FROM letters p JOIN letters q ON p.`+fold+` = q.`+fold+` AND HEX(p.c) > HEX(q.c)
					WHERE CONVERT(p.c USING `+charset+`) COLLATE `+collation+` <> CONVERT(q.c USING `+charset+`) COLLATE `+collation)
				missed = slices.DeleteFunc(missed, func(c string) bool { return strings.Contains(except, c) })
				// The iota below is the upper case of two more.
				missed = slices.DeleteFunc(missed, func(c string) bool { return fold == "u" && strings.Contains("\u0399\u03b9\u1fbe", c) })
				if err != nil || len(missed) > 0 {
					t.Errorf("%s, %s: the normaliser finds an equal of %q that the collation does not; %v", collation, fold, missed, err)
				}
			}
		}
	}
}

// A column that can hold neither identity nor link is refused by that name.
func TestWrongKinds(t *testing.T) {
	t.Parallel()
	db, exec := fresh(t)
	exec(`CREATE TABLE t (id int PRIMARY KEY, f double, doc json, b blob)`)
	d := open(t, db.URL, db.Name)
	c := d.table("t", "id", "f", "doc", "b")
	c.Match = []datamap.Match{{Column: "doc", Identity: "email"}, {Column: "b", Identity: "email"}}
	c.Links = []*datamap.Link{{From: c, Columns: []string{"f"}, To: c, ToColumns: []string{"doc"}}}
	findings, err := d.Check(t.Context(), []*datamap.Collection{c})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range findings {
		got = append(got, f.Kind+" "+f.Column)
	}
	if diff := cmp.Diff([]string{"wrong-kind doc", "wrong-kind b", "wrong-kind f", "wrong-kind doc"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
