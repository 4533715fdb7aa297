package conformance

import (
	"context"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// beyond are the clauses beyond plain keys and identities. Answers are written down by hand.
func (e Engine) beyond(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE calls (id integer PRIMARY KEY, owner integer, code varchar(9), doc json, number varchar(20),
		at timestamp NULL, since timestamp NULL, until timestamp NULL, state varchar(9));`)
	p.exec(`INSERT INTO calls VALUES
		(1, 7, '12-a', '{"a": {"b": 7}}', '13800138000', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-09 00:00:00', 'new'),
		(2, 7, '1', '{"a": {"b": "7"}}', '13800138000', '2026-01-05 00:00:00', '2026-01-02 00:00:00', NULL, 'old'),
		(3, 8, '2', '{"a": {"b": [7, 8]}}', '13800138000', '2026-01-09 00:00:00', '2026-01-03 00:00:00', '2026-01-04 00:00:00', NULL),
		(4, NULL, NULL, NULL, '13800138000', NULL, NULL, NULL, 'new'),
		(5, 9, '', '{"a": null}', NULL, '2026-01-05 00:00:00', NULL, NULL, 'new'),
		(6, 9, '123', '{"a": {"b": [null, 9]}}', '13900139000', '2026-01-08 23:59:59', '2026-01-01 00:00:00', '2026-01-02 00:00:00', 'x');`)
	c := p.collection("calls", "id", "owner", "code", "doc", "number", "at", "since", "until", "state")
	c.Match = []datamap.Match{{Column: "number", Identity: "mobile"}}
	any := func(clauses ...systems.Clause) systems.Selection {
		return systems.Selection{Collection: c, Any: clauses}
	}
	with := func(clause systems.Clause, change func(*systems.Clause)) systems.Selection {
		change(&clause)
		return any(clause)
	}
	prefix, path, list := &datamap.Expr{Prefix: 1}, &datamap.Expr{JSONPath: []string{"a", "b"}}, &datamap.Expr{JSONPath: []string{"a", "b"}, ArrayElement: true}
	p.want("prefix", p.ids(with(keyClause([]string{"code"}, []string{"1"}), func(c *systems.Clause) { c.Expr = prefix })), []string{"1", "2", "6"})
	p.want("JSON path", p.ids(with(keyClause([]string{"doc"}, []string{"7"}), func(c *systems.Clause) { c.Expr = path })), []string{"1", "2"})
	p.want("elements", p.ids(with(keyClause([]string{"doc"}, []string{"8"}, []string{"9"}), func(c *systems.Clause) { c.Expr = list })), []string{"3", "6"})

	day := func(n int) string { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC).Format(systems.PeriodLayout) }
	timed := func(tuples ...[]string) systems.Selection {
		return with(keyClause([]string{"owner"}, tuples...), func(c *systems.Clause) { c.At = "at" })
	}
	p.want("a time", p.ids(timed([]string{"7", day(1), day(5)}, []string{"8", day(9), systems.PeriodEnd})), []string{"1", "3"})
	p.want("either time of one key", p.ids(timed([]string{"7", day(2), day(4)}, []string{"7", day(4), day(6)})), []string{"2"})
	p.want("all time", p.ids(timed([]string{"7", systems.PeriodStart, systems.PeriodEnd})), []string{"1", "2"})

	mobile := dsr.Identity{Kind: "mobile", Value: "+8613800138000", From: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 1, 9, 0, 0, 0, 0, time.UTC)}
	ids := systems.Clause{Columns: []string{"number"}, Identities: []dsr.Identity{mobile}}
	p.want("an identity without a time", p.ids(any(ids)), []string{"1", "2", "3", "4"})
	p.want("an identity with a time", p.ids(with(ids, func(c *systems.Clause) { c.At = "at" })), []string{"2"})
	ids.Identities = append(ids.Identities, dsr.Identity{Kind: "mobile", Value: "+8613900139000"}, dsr.Identity{Kind: "mobile", Value: "13800138000", Exact: true})
	p.want("several identities", p.ids(any(ids)), []string{"1", "2", "3", "4", "6"})

	e.conditions(p, c)
	e.narrowed(p, c)

	var tuples [][]string
	sel := any(keyClause([]string{"id"}, []string{"1"}, []string{"2"}, []string{"5"}))
	sel.From, sel.Until = "since", "until"
	if err := p.sys.Keys(p.ctx, sel, []string{"id"}, 10, func(keys [][]string) error { tuples = append(tuples, keys...); return nil }); err != nil {
		t.Fatal(err)
	}
	p.want("periods", tuples, [][]string{{"1", day(1), day(9)}, {"2", day(2), systems.PeriodEnd}, {"5", systems.PeriodStart, systems.PeriodEnd}})
}

// conditions are clauses that rows must fulfil besides.
func (e Engine) conditions(p *place, c *datamap.Collection) {
	p.Helper()
	everything := keyClause([]string{"id"}, []string{"1"}, []string{"2"}, []string{"3"}, []string{"4"}, []string{"5"}, []string{"6"})
	is := func(column, op string, values ...string) *datamap.Condition {
		return &datamap.Condition{Column: column, Op: op, Values: values}
	}
	for _, look := range []struct {
		what string
		when *datamap.Condition
		want []string
	}{
		{"eq", is("state", datamap.OpEq, "new"), []string{"1", "4", "5"}},
		{"eq is to the letter", is("state", datamap.OpEq, "NEW"), nil},
		{"ne holds for no NULL", is("state", datamap.OpNe, "new"), []string{"2", "6"}},
		{"lt", is("owner", datamap.OpLt, "8"), []string{"1", "2"}},
		{"le", is("owner", datamap.OpLe, "8"), []string{"1", "2", "3"}},
		{"gt", is("owner", datamap.OpGt, "8"), []string{"5", "6"}},
		{"ge", is("at", datamap.OpGe, "2026-01-05 00:00:00"), []string{"2", "3", "5", "6"}},
		{"in", is("state", datamap.OpIn, "old", "x"), []string{"2", "6"}},
		{"is_null", is("state", datamap.OpIsNull), []string{"3"}},
		{"not_null", is("state", datamap.OpNotNull), []string{"1", "2", "4", "5", "6"}},
		{"all", &datamap.Condition{All: []*datamap.Condition{is("state", datamap.OpEq, "new"), is("owner", datamap.OpEq, "9")}}, []string{"5"}},
		{"any in all", &datamap.Condition{All: []*datamap.Condition{is("owner", datamap.OpNotNull),
			{Any: []*datamap.Condition{is("state", datamap.OpIsNull), is("state", datamap.OpEq, "new")}}}}, []string{"1", "3", "5"}},
	} {
		clause := everything
		clause.When = look.when
		p.want(look.what, p.ids(systems.Selection{Collection: c, Any: []systems.Clause{clause}}), look.want)
	}
	// What a condition refuses another clause may still give.
	first := everything
	first.When = is("state", datamap.OpEq, "new")
	p.want("a condition is of its clause alone", p.ids(systems.Selection{Collection: c, Any: []systems.Clause{first, keyClause([]string{"owner"}, []string{"7"})}}),
		[]string{"1", "2", "4", "5"})
	none := keyClause([]string{"owner"})
	none.When = first.When
	p.want("a condition without keys", p.ids(systems.Selection{Collection: c, Any: []systems.Clause{none, keyClause([]string{"owner"}, []string{"8"})}}), []string{"3"})
}

// narrowed are selections with Only and Except.
func (e Engine) narrowed(p *place, c *datamap.Collection) {
	p.Helper()
	owners := keyClause([]string{"owner"}, []string{"7"}, []string{"8"}, []string{"9"})
	others := func(expr *datamap.Expr, columns []string, tuples ...[]string) systems.Clause {
		clause := keyClause(columns, tuples...)
		clause.Others, clause.Expr = true, expr
		return clause
	}
	list := &datamap.Expr{JSONPath: []string{"a", "b"}, ArrayElement: true}
	for _, look := range []struct {
		what         string
		only, except []systems.Clause
		want         []string
	}{
		{"only", []systems.Clause{keyClause([]string{"id"}, []string{"2"}, []string{"4"}), keyClause([]string{"code"}, []string{"2"})}, nil, []string{"2", "3"}},
		{"only of nothing", []systems.Clause{keyClause([]string{"id"})}, nil, nil},
		{"only a condition", []systems.Clause{{When: &datamap.Condition{Column: "state", Op: datamap.OpEq, Values: []string{"new"}}}}, nil, []string{"1", "5"}},
		{"except", nil, []systems.Clause{keyClause([]string{"owner"}, []string{"7"}), keyClause([]string{"code"}, []string{"2"})}, []string{"5", "6"}},
		{"except of nothing", nil, []systems.Clause{keyClause([]string{"id"})}, []string{"1", "2", "3", "5", "6"}},
		{"others", []systems.Clause{others(nil, []string{"owner"}, []string{"7"})}, nil, []string{"3", "5", "6"}},
		{"others of none", []systems.Clause{others(nil, []string{"state"})}, nil, []string{"1", "2", "5", "6"}},
		{"other pairs", []systems.Clause{others(nil, []string{"owner", "state"}, []string{"7", "new"}, []string{"9", "x"})}, nil, []string{"2", "5"}},
		{"other elements", []systems.Clause{others(list, []string{"doc"}, []string{"7"}, []string{"9"})}, nil, []string{"3"}},
		{"both", []systems.Clause{others(nil, []string{"owner"}, []string{"7"})}, []systems.Clause{keyClause([]string{"id"}, []string{"5"})}, []string{"3", "6"}},
	} {
		p.want(look.what, p.ids(systems.Selection{Collection: c, Any: []systems.Clause{owners}, Only: look.only, Except: look.except}), look.want)
	}
}

// sourceReplaced puts keys in the place of those that the selection reads, while they are given.
func (e Engine) sourceReplaced(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE steps (id integer PRIMARY KEY, prior integer); INSERT INTO steps VALUES (1, 1), (2, 1), (3, 2);`)
	c := p.collection("steps", "id", "prior")
	kept := [][]string{{"1"}}
	sel := systems.Selection{Collection: c, Any: []systems.Clause{{Columns: []string{"prior"},
		Keys: func(_ context.Context, yield func([][]string) error) error { return yield(kept) }}}}
	if err := p.sys.Keys(p.ctx, sel, []string{"id"}, 1, func(keys [][]string) error { kept = keys; return nil }); err != nil {
		t.Fatal(err)
	}
	p.want("the last page", kept, [][]string{{"2"}})
}
