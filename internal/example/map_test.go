package example_test

import (
	"database/sql"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/examples/cloud"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/example"
)

// loadMap reads the example's data map from the folder itself, as the worker does.
func loadMap(t *testing.T) *datamap.Map {
	t.Helper()
	m, err := datamap.Load("../../examples/cloud/map")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Map and live schema agree both ways: every column of every table is in the map, and nothing else.
func TestMapIsTheSchema(t *testing.T) {
	t.Parallel()
	m := loadMap(t)
	dsn, db := load(t, example.Options{People: 100, LogsPerPerson: 1, Now: now})
	billing := open(t, dsn["billing"])
	want := columnsOf(t, db, `SELECT table_schema || '.' || table_name, array_to_string(array_agg(column_name::text ORDER BY column_name), ',')
		FROM information_schema.columns WHERE table_schema IN ('accounts', 'support') GROUP BY 1`)
	maps.Copy(want, columnsOf(t, billing, `SELECT CONCAT('billing.', table_name), GROUP_CONCAT(column_name ORDER BY column_name)
		FROM information_schema.columns WHERE table_schema = DATABASE() GROUP BY 1`))
	keys := columnsOf(t, db, `SELECT conrelid::regclass::text,
		(SELECT array_to_string(array_agg(attname::text ORDER BY place), ',') FROM unnest(conkey) WITH ORDINALITY AS k (num, place)
		 JOIN pg_attribute ON attrelid = conrelid AND attnum = num)
		FROM pg_constraint WHERE contype = 'p' AND connamespace IN ('accounts'::regnamespace, 'support'::regnamespace)`)
	maps.Copy(keys, columnsOf(t, billing, `SELECT CONCAT('billing.', table_name), GROUP_CONCAT(column_name ORDER BY ordinal_position)
		FROM information_schema.key_column_usage WHERE table_schema = DATABASE() AND constraint_name = 'PRIMARY' GROUP BY 1`))
	got, gotKeys := map[string][]string{}, map[string][]string{}
	for _, s := range m.Systems {
		for _, c := range s.Collections {
			table := c.Schema + "." + c.Table
			for _, column := range c.Columns {
				got[table] = append(got[table], column.Name)
			}
			slices.Sort(got[table])
			gotKeys[table] = c.Key
			if c.Name != c.Table || s.Name != c.Schema {
				t.Errorf("collection %s is table %s: the oracle expects one name", c.ID(), table)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("live schema (-) and map (+) differ:\n%s", diff)
	}
	if diff := cmp.Diff(keys, gotKeys); diff != "" {
		t.Errorf("live keys (-) and map (+) differ:\n%s", diff)
	}
}

func columnsOf(t *testing.T, db *sql.DB, query string) map[string][]string {
	t.Helper()
	rows, err := db.QueryContext(testContext(t), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	found := map[string][]string{}
	for rows.Next() {
		var table, columns string
		if err := rows.Scan(&table, &columns); err != nil {
			t.Fatal(err)
		}
		found[table] = strings.Split(columns, ",")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

// Every foreign key of the schema is a link of the map, so that nothing hangs loose.
func TestEveryForeignKeyIsALink(t *testing.T) {
	t.Parallel()
	m := loadMap(t)
	dsn, db := load(t, example.Options{People: 100, LogsPerPerson: 1, Now: now})
	keys := columnsOf(t, db, `SELECT conrelid::regclass::text || ' ' || confrelid::regclass::text, array_to_string(array_agg(attname::text), ',')
		FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1] WHERE contype = 'f' GROUP BY 1`)
	maps.Copy(keys, columnsOf(t, open(t, dsn["billing"]), `SELECT CONCAT('billing.', table_name, ' billing.', referenced_table_name), GROUP_CONCAT(column_name)
		FROM information_schema.key_column_usage WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL GROUP BY 1`))
	links := map[string][]string{}
	across := 0
	for _, s := range m.Systems {
		for _, c := range s.Collections {
			for _, l := range c.Links {
				if l.To.System != s {
					across++
					continue
				}
				links[c.Schema+"."+c.Table+" "+l.To.Schema+"."+l.To.Table] = l.Columns
			}
		}
	}
	if diff := cmp.Diff(keys, links); diff != "" {
		t.Errorf("foreign keys (-) and links (+) differ:\n%s", diff)
	}
	if across != 2 {
		t.Errorf("%d links across systems, 2 expected: orders and tickets", across)
	}
}

// What a reader of the package needs is there, in both languages.
func TestMapSpeaksBothLanguages(t *testing.T) {
	t.Parallel()
	m := loadMap(t)
	both := func(what string, text datamap.Text) {
		if text.ZH == "" || text.EN == "" {
			t.Errorf("%s lacks a language: %+v", what, text)
		}
	}
	both("company", m.Company.Name)
	for _, s := range m.Systems {
		both(s.Name, s.Title)
		if s.Owner == "" || s.Deputy == "" || s.Patience == 0 {
			t.Errorf("%s has no owner, deputy or patience", s.Name)
		}
		for _, c := range s.Collections {
			both(c.ID()+" title", c.Title)
			both(c.ID()+" purpose", c.Purpose)
			both(c.ID()+" retention", c.Retention)
			both(c.ID()+" source", c.Source)
			for _, column := range c.Columns {
				both(c.ID()+"."+column.Name, column.Title)
			}
		}
	}
}

// What must never leave in the clear, and what waits for a reviewer.
func TestMapGuardsWhatItMust(t *testing.T) {
	t.Parallel()
	m := loadMap(t)
	column := func(system, collection, name string) *datamap.Column {
		return m.System(system).Collection(collection).Column(name)
	}
	if c := column("accounts", "users", "password_hash"); c.Export != datamap.ExportHeld {
		t.Errorf("password_hash: %s", c.Export)
	}
	if c := column("accounts", "users", "id_number"); c.Export != datamap.ExportMask || c.Mask != "id_number" {
		t.Errorf("id_number: %s %s", c.Export, c.Mask)
	}
	if c := column("billing", "invoices", "bank_account"); c.Export != datamap.ExportMask || c.Mask != "bank_account" {
		t.Errorf("bank_account: %s %s", c.Export, c.Mask)
	}
	if c := column("support", "messages", "body"); !c.ThirdParty {
		t.Error("messages may leave without a reviewer's word")
	}
	for _, name := range []string{"name", "mobile", "email"} {
		if !column("accounts", "contacts", name).ThirdParty {
			t.Errorf("a contact's %s may leave without a reviewer's word", name)
		}
	}
	directories := m.Directories()
	if len(directories) != 2 || directories[0].Directory.OwnRecordOnly || !directories[1].Directory.OwnRecordOnly {
		t.Errorf("directories: %d", len(directories))
	}
}

// The files inside the program are those of the folder.
func TestEmbeddedMap(t *testing.T) {
	t.Parallel()
	sub, err := fs.Sub(cloud.Map, "map")
	if err != nil {
		t.Fatal(err)
	}
	m, err := datamap.LoadFS(sub)
	if err != nil {
		t.Fatal(err)
	}
	if m.Hash != loadMap(t).Hash {
		t.Error("another map is built in")
	}
}
