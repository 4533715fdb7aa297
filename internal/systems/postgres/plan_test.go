package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// large makes a table of 60,000 rows that is worth an index; rows of key k have owner k/10.
func large(t *testing.T) (*driver, *datamap.Collection, func(string)) {
	t.Helper()
	dsn, exec := fresh(t)
	exec(`CREATE TABLE large (id int PRIMARY KEY, owner int, part text, email text, mobile varchar(30), note text);
		INSERT INTO large SELECT g, g/10, 'p' || g%3, 'User' || g || '@x.example', '138' || lpad(g::text, 8, '0'), repeat('n', 30)
		FROM generate_series(1, 60000) g; ANALYZE large`)
	d := open(t, dsn)
	c := d.table("large", "id", "owner", "part", "email", "mobile", "note")
	c.Match = []datamap.Match{{Column: "email", Identity: "email"}, {Column: "mobile", Identity: "mobile"}}
	c.Links = []*datamap.Link{
		{From: c, Columns: []string{"owner"}, To: c, ToColumns: []string{"id"}},
		{From: c, Columns: []string{"owner", "part"}, To: c, ToColumns: []string{"id", "part"}},
	}
	return d, c, exec
}

// Check advises indexes; with exactly those in place it has no more advice, and no search by any
// one clause, by several, or by more than a page of keys reads the whole table.
func TestAdvisedIndexesServe(t *testing.T) {
	t.Parallel()
	d, c, exec := large(t)
	findings, err := d.Check(t.Context(), []*datamap.Collection{c})
	if err != nil {
		t.Fatal(err)
	}
	var columns []string
	for _, f := range findings {
		if f.Kind != systems.Advice || f.Stops() {
			t.Fatalf("unexpected: %+v", f)
		}
		columns = append(columns, f.Column)
		exec(strings.ReplaceAll(f.Hint, " CONCURRENTLY", ""))
	}
	if diff := cmp.Diff([]string{"email", "mobile", "owner", "owner, part"}, columns); diff != "" {
		t.Fatalf("advice (-want +got):\n%s", diff)
	}
	exec("ANALYZE large")
	if findings, err = d.Check(t.Context(), []*datamap.Collection{c}); err != nil || len(findings) > 0 {
		t.Fatalf("with the advised indexes: %v, %v", findings, err)
	}

	email := systems.Clause{Columns: []string{"email"}, Identities: []dsr.Identity{{Kind: "email", Value: "user77@x.example"}}}
	exact := systems.Clause{Columns: []string{"email"}, Identities: []dsr.Identity{
		{Kind: "email", Value: "User78@x.example", Exact: true}, {Kind: "email", Value: "user79@x.example"},
	}}
	mobile := systems.Clause{Columns: []string{"mobile"}, Identities: []dsr.Identity{{Kind: "mobile", Value: "+8613800000077"}}}
	owner := systems.Clause{Columns: []string{"owner"}, Keys: systems.OneKey("7")}
	pair := systems.Clause{Columns: []string{"owner", "part"}, Keys: systems.OneKey("9", "p0")}
	pages := systems.Clause{Columns: []string{"owner"}, Keys: func(_ context.Context, yield func([][]string) error) error {
		var keys [][]string
		for i := range systems.PageSize + 5 {
			keys = append(keys, []string{fmt.Sprint(7_000_000 + i)})
		}
		return yield(append(keys, []string{"8"}))
	}}
	for _, look := range []struct {
		what string
		any  []systems.Clause
		want int64
	}{
		{"e-mail", []systems.Clause{email}, 1},
		{"e-mail, exact and not", []systems.Clause{exact}, 2},
		{"mobile", []systems.Clause{mobile}, 1},
		{"link", []systems.Clause{owner}, 10},
		{"composite link", []systems.Clause{pair}, 4},
		{"pages", []systems.Clause{pages}, 10},
		{"everything", []systems.Clause{email, exact, mobile, owner, pair, pages}, 10 + 4 + 10},
	} {
		sel := systems.Selection{Collection: c, Any: look.any}
		if n, err := d.Count(t.Context(), sel); err != nil || n != look.want {
			t.Errorf("%s: %d rows, %v; want %d", look.what, n, err, look.want)
		}
		if plan := explain(t, d, sel); strings.Contains(plan, "Seq Scan on large") {
			t.Errorf("%s reads the whole table:\n%s", look.what, plan)
		}
	}
}

func explain(t *testing.T, d *driver, sel systems.Selection) string {
	t.Helper()
	var plan []string
	err := d.within(t.Context(), askTimeout, func(s *session) error {
		q, err := s.query(t.Context(), sel)
		if err != nil {
			return err
		}
		return s.tx.SelectContext(t.Context(), &plan, "EXPLAIN "+q.prefix()+q.rows("t.id"), q.args...)
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "\n")
}

// Small tables are not worth a word.
func TestNoAdviceOnSmallTables(t *testing.T) {
	t.Parallel()
	dsn, exec := fresh(t)
	exec(`CREATE TABLE small (id int PRIMARY KEY, email text); INSERT INTO small VALUES (1, 'a@x.example')`)
	d := open(t, dsn)
	c := d.table("small", "id", "email")
	c.Match = []datamap.Match{{Column: "email", Identity: "email"}}
	if findings, err := d.Check(t.Context(), []*datamap.Collection{c}); err != nil || len(findings) > 0 {
		t.Errorf("%v, %v", findings, err)
	}
}
