package postgres

import (
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// wantStops runs the preflight of one change and wants one stopping finding with these words.
func (d *driver) wantStops(t *testing.T, change systems.Change, kind string, words ...string) {
	t.Helper()
	pre, err := d.Preflight(t.Context(), []systems.Change{change}, 10)
	if err != nil {
		t.Errorf("%s of %s: %v", change.Action, change.Rows.Collection.Table, err)
		return
	}
	found := false
	for _, f := range pre.Findings {
		all := f.Kind == kind
		for _, word := range words {
			all = all && strings.Contains(f.Text, word)
		}
		found = found || all
	}
	if !found || systems.Mismatch(pre.Findings) == nil {
		t.Errorf("%s of %s: %+v", change.Action, change.Rows.Collection.Table, pre.Findings)
	}
}

// TestThePreflightNamesMissingRights, also to tables that the map does not know and that hang on
// the rows.
func TestThePreflightNamesMissingRights(t *testing.T) {
	t.Parallel()
	dsn, exec := fresh(t)
	worker := role(t, exec)
	exec(`CREATE TABLE seen (id int PRIMARY KEY, a int, b int); CREATE TABLE users (id int PRIMARY KEY, a int); CREATE TABLE secured (id int PRIMARY KEY, a int);
		CREATE TABLE hidden (id int PRIMARY KEY, u int REFERENCES users ON DELETE CASCADE);
		INSERT INTO seen VALUES (1, 7, 7); INSERT INTO users VALUES (1, 7); INSERT INTO secured VALUES (1, 7), (2, 7);
		ALTER TABLE secured ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON secured USING (id = 1);
		GRANT SELECT ON seen TO ` + worker + `; GRANT UPDATE (b) ON seen TO ` + worker + `; GRANT SELECT, DELETE, UPDATE ON users, secured TO ` + worker)
	d := open(t, as(t, dsn, worker))
	seen, users, secured := d.table("seen", "id", "a", "b"), d.table("users", "id", "a"), d.table("secured", "id", "a")
	rows := func(c *datamap.Collection) systems.Change {
		return systems.Change{Rows: byKey(c, "1"), Action: systems.Delete}
	}
	d.wantStops(t, rows(seen), systems.NoPrivilege, "may not delete from public.seen")
	cut := rows(seen)
	cut.Action, cut.Cut.Columns = systems.Unlink, []string{"a"}
	d.wantStops(t, cut, systems.NoPrivilege, "may not change column a")
	counted := rows(seen)
	counted.Action, counted.Cut.Columns = systems.Refcount, []string{"a"}
	d.wantStops(t, counted, systems.NoPrivilege, "may not delete from public.seen")
	exec("GRANT DELETE ON seen TO " + worker)
	d.wantStops(t, counted, systems.NoPrivilege, "public.seen")
	set := rows(seen)
	set.Action, set.Set = systems.Anonymise, []systems.Assignment{{Column: "a", Strategy: datamap.Strategy{With: "null"}}}
	d.wantStops(t, set, systems.NoPrivilege, "may not change column a")
	d.wantStops(t, rows(users), systems.NoPrivilege, "public.hidden", "foreign key")
	d.wantStops(t, rows(secured), systems.RowSecurity, "public.secured")
	exec("GRANT SELECT ON hidden TO " + worker + "; INSERT INTO hidden VALUES (5, 1)")
	d.wantStops(t, rows(users), systems.OtherRows, "1 rows of public.hidden", "deleted along")
}

// TestErasesFromPartitions: rows of a partitioned table go, whichever partition has them, and so do
// those that refer to each other.
func TestErasesFromPartitions(t *testing.T) {
	t.Parallel()
	dsn, exec := fresh(t)
	exec(`CREATE TABLE logs (id int, owner int, v text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
		CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM (0) TO (10); CREATE TABLE logs_2 PARTITION OF logs FOR VALUES FROM (10) TO (20);
		CREATE TABLE notes (id int PRIMARY KEY, log int REFERENCES logs);
		INSERT INTO logs SELECT i, 7 + i % 2, 'x' FROM generate_series(1, 19) AS i; INSERT INTO notes VALUES (1, 2), (2, 3);`)
	d := open(t, dsn)
	logs, notes := d.table("logs", "id", "owner", "v"), d.table("notes", "id", "log")
	change := systems.Change{Action: systems.Delete, Rows: systems.Selection{Collection: logs, Any: []systems.Clause{{Columns: []string{"owner"}, Keys: systems.OneKey("7")}}}}
	d.wantStops(t, change, systems.OtherRows, "1 rows of public.notes")
	exec("DELETE FROM notes WHERE id = 1")
	set := change
	set.Action, set.Set = systems.Anonymise, []systems.Assignment{{Column: "v", Strategy: datamap.Strategy{With: "empty"}}}
	if done, err := d.Erase(t.Context(), set, 10); err != nil || done.Changed != 9 {
		t.Errorf("anonymising: %+v, %v", done, err)
	}
	pre, err := d.Preflight(t.Context(), []systems.Change{change}, 4)
	if err != nil || len(pre.Findings) > 0 {
		t.Fatalf("%+v, %v", pre.Findings, err)
	}
	for _, want := range []int64{4, 4, 1, 0} {
		if done, err := d.Erase(t.Context(), change, 4); err != nil || done.Deleted != want {
			t.Errorf("deleted %+v, want %d: %v", done, want, err)
		}
	}
	if n, err := d.Count(t.Context(), systems.Selection{Collection: logs, Any: []systems.Clause{{Columns: []string{"owner"}, Keys: systems.OneKey("8")}}}); err != nil || n != 10 {
		t.Errorf("another's: %d, %v", n, err)
	}
	if n, err := d.Count(t.Context(), byKey(notes, "2")); err != nil || n != 1 {
		t.Errorf("another's note: %d, %v", n, err)
	}
}
