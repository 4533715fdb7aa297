package conformance

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/systems"
)

func (e Engine) keys(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE tickets (id integer PRIMARY KEY, owner integer, tag varchar(9));
		INSERT INTO tickets VALUES (1, 7, 'b'), (2, 7, 'b'), (3, 7, 'a'), (4, 7, NULL), (5, NULL, 'c'), (6, 8, 'd'), (10, 7, 'A');`)
	c := p.collection("tickets", "id", "owner", "tag")
	mine := byKeys(c, []string{"owner"}, []string{"7"})
	var pages [][][]string
	gather := func(keys [][]string) error { pages = append(pages, keys); return nil }
	if err := p.sys.Keys(p.ctx, mine, []string{"owner", "tag"}, 2, gather); err != nil {
		t.Fatal(err)
	}
	p.want("distinct whole tuples, two a page", pages, [][][]string{{{"7", "A"}, {"7", "a"}}, {{"7", "b"}}})

	stop := errors.New("enough")
	if err := p.sys.Keys(p.ctx, mine, []string{"id"}, 1, func([][]string) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of yield came back as %v", err)
	}
	failing := systems.Selection{Collection: c, Any: []systems.Clause{{Columns: []string{"id"}, Keys: numbers(1, 1)}}}
	failing.Any[0].Keys = func(context.Context, func([][]string) error) error { return stop }
	if _, err := p.sys.Count(p.ctx, failing); !errors.Is(err, stop) {
		t.Errorf("an error of the key source came back as %v", err)
	}
}

func (e Engine) compositeKeys(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE parts (id integer PRIMARY KEY, shop integer, code varchar(9));
		INSERT INTO parts VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'a'), (4, 2, 'b'), (5, 1, 'a'), (6, NULL, 'a'), (7, 1, NULL);`)
	c := p.collection("parts", "id", "shop", "code")
	p.want("pairs, not a cross", p.ids(byKeys(c, []string{"shop", "code"}, []string{"1", "a"}, []string{"2", "b"})), []string{"1", "4", "5"})
	p.want("columns in the clause's order", p.ids(byKeys(c, []string{"code", "shop"}, []string{"b", "1"})), []string{"2"})
}

func (e Engine) nullNeverJoins(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE notes (id integer PRIMARY KEY, owner integer, email varchar(99));
		INSERT INTO notes VALUES (1, NULL, NULL), (2, 7, NULL), (3, NULL, 'a@x.example'), (4, 0, ''), (5, 8, 'b@x.example');`)
	c := p.collection("notes", "id", "owner", "email")
	// Both clauses, so that leaving out what an earlier one gave must not trip over NULL either.
	p.want("either", p.ids(systems.Selection{Collection: c, Any: []systems.Clause{
		keyClause([]string{"owner"}, []string{"7"}),
		{Columns: []string{"email"}, Identities: []dsr.Identity{{Kind: "email", Value: "a@x.example"}}},
	}}), []string{"2", "3"})
	p.want("the other way round", p.ids(systems.Selection{Collection: c, Any: []systems.Clause{
		{Columns: []string{"email"}, Identities: []dsr.Identity{{Kind: "email", Value: "a@x.example"}}},
		keyClause([]string{"owner"}, []string{"7"}),
	}}), []string{"2", "3"})
}

func (e Engine) eachRowOnce(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE calls (id integer PRIMARY KEY, caller integer, callee integer, email varchar(99));
		INSERT INTO calls VALUES (1, 7, 7, 'a@x.example'), (2, 7, 8, 'b@x.example'), (3, 8, 7, 'a@x.example'),
		(4, 8, 8, 'a@x.example'), (5, 8, 8, 'b@x.example'), (6, NULL, 7, NULL);`)
	c := p.collection("calls", "id", "caller", "callee", "email")
	clauses := []systems.Clause{
		keyClause([]string{"caller"}, []string{"7"}, []string{"7"}), // a key may come twice
		keyClause([]string{"callee"}, []string{"7"}),
		{Columns: []string{"email"}, Identities: []dsr.Identity{
			{Kind: "email", Value: "a@x.example"}, {Kind: "email", Value: "A@x.example"},
		}},
		keyClause([]string{"id"}, []string{"1"}),
	}
	p.want("all clauses", p.ids(systems.Selection{Collection: c, Any: clauses}), []string{"1", "2", "3", "4", "6"})
}

// manyKeys needs more keys than travel at a time, in two clauses that overlap.
func (e Engine) manyKeys(t *testing.T) {
	p := e.place(t)
	const n = 2*systems.PageSize + 500
	p.exec(`CREATE TABLE many (id integer PRIMARY KEY, a integer, b integer)`)
	for from := 0; from < 3*n; from += 5000 {
		values := ""
		for id := from; id < min(from+5000, 3*n); id++ {
			values += fmt.Sprintf(",(%d,%d,%d)", id, id, id-n)
		}
		p.exec("INSERT INTO many VALUES " + values[1:])
	}
	c := p.collection("many", "id", "a", "b")
	// a in [0, n) is the first third; b in [0, n+500) is the second third and 500 more;
	// a in [n-10, n+10) is ten of each.
	sel := systems.Selection{Collection: c, Any: []systems.Clause{
		{Columns: []string{"a"}, Keys: numbers(0, n)},
		{Columns: []string{"b"}, Keys: numbers(0, n+500)},
		{Columns: []string{"a"}, Keys: numbers(n-10, 20)},
	}}
	got, err := p.sys.Count(p.ctx, sel)
	if err != nil {
		t.Fatal(err)
	}
	p.want("rows", got, int64(2*n+500))
	p.want("one clause", len(p.ids(systems.Selection{Collection: c, Any: sel.Any[:1]})), n)
	both := systems.Clause{Columns: []string{"a", "b"}, Keys: func(ctx context.Context, yield func([][]string) error) error {
		return numbers(n, n)(ctx, func(keys [][]string) error {
			var pairs [][]string
			for i, k := range keys {
				pairs = append(pairs, []string{k[0], fmt.Sprint(i)}) // right on the first page only
			}
			return yield(pairs)
		})
	}}
	p.want("pairs", len(p.ids(systems.Selection{Collection: c, Any: []systems.Clause{both}})), 999)
}

func (e Engine) match(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE people (id integer PRIMARY KEY, v varchar(99));
		INSERT INTO people VALUES
		(1, 'li@x.example'), (2, ' Li@X.example '), (3, 'li@x.example.org'), (4, 'xli@x.example'), (5, 'L_@x.example'),
		(11, '13800138000'), (12, '+86 138-0013-8000'), (13, '008613800138000'), (14, '8613800138000'), (15, '(86)138 0013 8000'),
		(16, '+1 3800138000'), (17, '138001380001'), (18, '１３８００１３８０００'), (19, '013800138000'), (20, '+1 415 555 2671'), (21, '14155552671'),
		(22, 'n/a'), (23, '+13800138000'),
		(31, '99010119900101123x'), (32, ' 99010119900101123X'), (33, '990101199001011234'),
		(41, 'Wang'), (42, 'wang '), (43, 'Wang '), (44, 'wang'), (51, '91990101ma0000001x');`)
	c := p.collection("people", "id", "v")
	for _, look := range []struct {
		what string
		id   dsr.Identity
		want []string
	}{
		{"e-mail, any case", dsr.Identity{Kind: "email", Value: "li@x.example"}, []string{"1", "2"}},
		{"e-mail, exact", dsr.Identity{Kind: "email", Value: "li@x.example", Exact: true}, []string{"1"}},
		{"e-mail, exact with blanks", dsr.Identity{Kind: "email", Value: " Li@X.example ", Exact: true}, []string{"2"}},
		{"no wildcards", dsr.Identity{Kind: "email", Value: "%@x.example"}, nil},
		{"mobile", dsr.Identity{Kind: "mobile", Value: "+8613800138000"}, []string{"11", "12", "13", "14", "15", "18", "19"}},
		{"mobile, exact", dsr.Identity{Kind: "mobile", Value: "+86 138-0013-8000", Exact: true}, []string{"12"}},
		{"a foreign number is not the Chinese one of the same digits", dsr.Identity{Kind: "mobile", Value: "+14155552671"}, []string{"20"}},
		{"nor the other way", dsr.Identity{Kind: "mobile", Value: "+8614155552671"}, []string{"21"}},
		{"national ID", dsr.Identity{Kind: "national_id", Value: "99010119900101123X"}, []string{"31", "32"}},
		{"account", dsr.Identity{Kind: "account", Value: "wang"}, []string{"42", "44"}},
		{"account, exact", dsr.Identity{Kind: "account", Value: "wang", Exact: true}, []string{"44"}},
		{"enterprise code", dsr.Identity{Kind: "enterprise_code", Value: "91990101MA0000001X"}, []string{"51"}},
		{"one of the company's own", dsr.Identity{Kind: "badge", Value: "Wang"}, []string{"41", "43"}},
	} {
		sel := systems.Selection{Collection: c, Any: []systems.Clause{{Columns: []string{"v"}, Identities: []dsr.Identity{look.id}}}}
		p.want(look.what, p.ids(sel), look.want)
	}
}

func (e Engine) lookup(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE users (id integer PRIMARY KEY, login varchar(99), lang varchar(9), email varchar(99), email_since timestamp,
		mobile varchar(99), secret varchar(9));
		INSERT INTO users VALUES (10, 'li', 'zh', 'Li@x.example', '2026-01-02 03:04:05', '13800138000', 's'),
		(9, 'LI', 'en', 'li@x.example', NULL, NULL, 's'), (11, 'wang', NULL, 'wang@x.example', NULL, '+8613800138000', 's');`)
	c := p.collection("users", "id", "login", "lang", "email", "email_since", "mobile", "secret")
	c.Match = []datamap.Match{{Column: "email", Identity: "email"}, {Column: "mobile", Identity: "mobile"}}
	c.Directory = &datamap.Directory{Account: "login", Language: "lang", Channels: []datamap.Channel{
		{Kind: "email", Column: "email", Since: "email_since"}, {Kind: "mobile", Column: "mobile"},
	}}
	li10 := systems.Row{"id": "10", "login": "li", "lang": "zh", "email": "Li@x.example",
		"email_since": "2026-01-02T03:04:05.000000Z", "mobile": "13800138000"}
	li9 := systems.Row{"id": "9", "login": "LI", "lang": "en", "email": "li@x.example"}
	wang := systems.Row{"id": "11", "login": "wang", "email": "wang@x.example", "mobile": "+8613800138000"}
	email := dsr.Identity{Kind: "email", Value: "li@x.example"}
	mobile := dsr.Identity{Kind: "mobile", Value: "+8613800138000"}
	for _, look := range []struct {
		what  string
		by    []dsr.Identity
		limit int
		want  []systems.Row
	}{
		{"two e-mails that differ in case", []dsr.Identity{email}, 9, []systems.Row{li9, li10}},
		{"the limit", []dsr.Identity{email}, 1, []systems.Row{li9}},
		{"a shared mobile", []dsr.Identity{mobile}, 9, []systems.Row{li10, wang}},
		{"both", []dsr.Identity{email, mobile}, 9, []systems.Row{li10}},
		{"the account's name, to the letter", []dsr.Identity{{Kind: "account", Value: "li"}}, 9, []systems.Row{li10}},
		{"both, of which one is wrong", []dsr.Identity{email, {Kind: "account", Value: "wang"}}, 9, nil},
		{"a kind that the directory lacks", []dsr.Identity{email, {Kind: "national_id", Value: "x"}}, 9, nil},
		{"nobody", []dsr.Identity{{Kind: "email", Value: "no@x.example"}}, 9, nil},
		{"nothing asked", nil, 9, nil},
	} {
		got, err := p.sys.Lookup(p.ctx, c, look.by, look.limit)
		if err != nil {
			t.Fatalf("%s: %v", look.what, err)
		}
		p.want(look.what, got, look.want)
	}
}
