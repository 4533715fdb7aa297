package mysql

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// A server that is read-only, as a replica is, answers everything that a case and the tools ask: an
// ordinary account may write nothing there.
func TestReadOnlyServerAnswers(t *testing.T) { //nolint:paralleltest // it changes the server under everybody
	db, exec := fresh(t)
	reader := account(t, exec)
	exec(`CREATE TABLE users (id int PRIMARY KEY, login varchar(9), email varchar(40), boss int, KEY (boss)); INSERT INTO users VALUES (1, 'wang', 'Wang@x.example', NULL),
		(2, 'li', NULL, 1), (3, 'zhao', 'wang@x.example', 1); GRANT SELECT, INSERT ON ` + db.Name + `.* TO ` + reader + `@'127.0.0.1'; SET GLOBAL read_only = ON`)
	defer exec("SET GLOBAL read_only = OFF")
	d := open(t, db.As(reader), db.Name)
	if _, err := d.db.Exec("INSERT INTO users VALUES (4, 'x', NULL, NULL)"); err == nil {
		t.Fatal("the server is not read-only")
	}
	c := d.table("users", "id", "login", "email", "boss")
	c.Match = []datamap.Match{{Column: "email", Identity: "email"}}
	c.Directory = &datamap.Directory{Account: "login", Channels: []datamap.Channel{{Kind: "email", Column: "email"}}}
	if findings, err := d.Check(t.Context(), []*datamap.Collection{c}); err != nil || len(findings) > 0 {
		t.Errorf("check: %v, %v", findings, err)
	}
	if rows, err := d.Lookup(t.Context(), c, []dsr.Identity{{Kind: "email", Value: "wang@x.example"}}, 9); err != nil || len(rows) != 2 {
		t.Errorf("lookup: %d rows, %v", len(rows), err)
	}
	sel := systems.Selection{Collection: c, Any: []systems.Clause{{Columns: []string{"boss"}, Keys: systems.OneKey("1")}}}
	var j, v bytes.Buffer
	if n, err := d.Stream(t.Context(), sel, &j, &v); err != nil || n != 2 || d.count(t, sel) != 2 {
		t.Errorf("stream: %d, %v", n, err)
	}
	cat, err := d.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hits, err := d.Search(t.Context(), cat.Table(db.Name, "users"), systems.Needle{Texts: []string{"wang@x.example"}}, time.Minute)
	if diff := cmp.Diff([]systems.Hit{{Column: "email", Rows: 2}}, hits); err != nil || diff != "" {
		t.Errorf("search: %v\n%s", err, diff)
	}
	if shown, err := d.Explain(t.Context(), sel, true); err != nil || shown.Plan == "" {
		t.Errorf("explain: %v", err)
	}
}
