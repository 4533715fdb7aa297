package mysql

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
func large(t *testing.T) (opened, *datamap.Collection, func(string)) {
	t.Helper()
	db, exec := fresh(t)
	exec(`CREATE TABLE large (id int PRIMARY KEY, owner int, part varchar(9), code varchar(40), email varchar(60), mobile varchar(30), note text);
		INSERT INTO large SELECT seq, seq DIV 10, 'p' || (seq % 3), 'Code-' || seq, 'User' || seq || '@x.example', '138' || lpad(seq, 8, '0'), repeat('n', 30)
		FROM seq_1_to_60000; ANALYZE TABLE large`)
	d := open(t, db.URL, db.Name)
	c := d.table("large", "id", "owner", "part", "code", "email", "mobile", "note")
	c.Match = []datamap.Match{{Column: "email", Identity: "email"}, {Column: "mobile", Identity: "mobile"}}
	c.Links = []*datamap.Link{
		{From: c, Columns: []string{"code"}, To: c, ToColumns: []string{"code"}},
		{From: c, Columns: []string{"owner", "part"}, To: c, ToColumns: []string{"id", "part"}},
	}
	return d, c, exec
}

// Check advises indexes; with exactly those in place no search that can have one reads the whole
// table: neither by any one clause, nor by several, nor by more than a page of keys.
func TestAdvisedIndexesServe(t *testing.T) {
	t.Parallel()
	d, c, exec := large(t)
	advice := func() []string {
		t.Helper()
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
			if f.Hint != "" {
				exec(strings.ReplaceAll(f.Hint, "`", `"`))
			}
		}
		return columns
	}
	if diff := cmp.Diff([]string{"email", "mobile", "code", "owner, part"}, advice()); diff != "" {
		t.Fatalf("advice (-want +got):\n%s", diff)
	}
	exec("ANALYZE TABLE large")
	if diff := cmp.Diff([]string{"mobile"}, advice()); diff != "" { // for which no index can serve
		t.Fatalf("with the advised indexes (-want +got):\n%s", diff)
	}

	email := systems.Clause{Columns: []string{"email"}, Identities: []dsr.Identity{{Kind: "email", Value: "user77@x.example"}}}
	exact := systems.Clause{Columns: []string{"email"}, Identities: []dsr.Identity{
		{Kind: "email", Value: "User78@x.example", Exact: true}, {Kind: "email", Value: "user79@x.example"},
	}}
	code := systems.Clause{Columns: []string{"code"}, Keys: systems.OneKey("Code-7")}
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
		{"link of a text", []systems.Clause{code}, 1},
		{"composite link", []systems.Clause{pair}, 4},
		{"pages", []systems.Clause{pages}, 10},
		{"everything", []systems.Clause{email, exact, code, pair, pages}, 1 + 2 + 1 + 4 + 10},
	} {
		sel := systems.Selection{Collection: c, Any: look.any}
		if n := d.count(t, sel); n != look.want {
			t.Errorf("%s: %d rows; want %d", look.what, n, look.want)
		}
		for _, line := range explain(t, d, sel) {
			if strings.Contains(line, " t ALL ") || strings.Contains(line, " t index ") {
				t.Errorf("%s reads the whole table:\n%s", look.what, line)
			}
		}
	}
}

// explain gives "select-type table access key rows" of each step.
func explain(t *testing.T, d opened, sel systems.Selection) []string {
	t.Helper()
	var plan []string
	err := d.within(t.Context(), askTimeout, func(s *session) error {
		q, err := s.query(t.Context(), sel)
		if err != nil {
			return err
		}
		rows, err := q.run(t.Context(), "EXPLAIN "+q.rows("t.`id`"))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var part [10]*string
			into := make([]any, len(part))
			for i := range part {
				into[i] = &part[i]
			}
			if err := rows.Scan(into...); err != nil {
				return err
			}
			line := ""
			for _, i := range []int{1, 2, 3, 5, 8} {
				if part[i] != nil {
					line += *part[i]
				}
				line += " "
			}
			plan = append(plan, line)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// Small tables are not worth a word.
func TestNoAdviceOnSmallTables(t *testing.T) {
	t.Parallel()
	db, exec := fresh(t)
	exec(`CREATE TABLE small (id int PRIMARY KEY, email text); INSERT INTO small VALUES (1, 'a@x.example')`)
	d := open(t, db.URL, db.Name)
	c := d.table("small", "id", "email")
	c.Match = []datamap.Match{{Column: "email", Identity: "email"}}
	if findings, err := d.Check(t.Context(), []*datamap.Collection{c}); err != nil || len(findings) > 0 {
		t.Errorf("%v, %v", findings, err)
	}
}
