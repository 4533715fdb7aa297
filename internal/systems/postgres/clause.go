package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// clause turns one clause into a condition; nil when no row can fulfil it.
func (q *query) clause(ctx context.Context, clause systems.Clause) (*condition, error) {
	if clause.Keys != nil {
		return q.keys(ctx, clause)
	}
	if len(clause.Columns) == 0 {
		when, err := q.plain(ctx, clause)
		return &condition{holds: when, fails: "(" + when + ") IS NOT TRUE"}, err
	}
	return q.identities(clause)
}

// identities is a clause on one column. The parameter goes through the same expression as the
// column, so that the two cannot differ in what they call equal.
func (q *query) identities(clause systems.Clause) (*condition, error) {
	live, err := q.columns(clause.Columns, 1)
	if err != nil {
		return nil, err
	}
	at, err := q.time(clause.At)
	if err != nil {
		return nil, err
	}
	holds := q.anyIdentity(live[0].Name, clause.Identities, at)
	if holds == "" {
		return nil, nil
	}
	if clause.When != nil {
		when, err := q.condition(clause.When)
		if err != nil {
			return nil, err
		}
		holds = "(" + holds + " AND " + when + ")"
	}
	return &condition{holds: holds, fails: holds + " IS NOT TRUE"}, nil
}

// anyIdentity is the condition that the column holds one of the identities; at, where there is
// one, is an expression for the time of the row.
func (q *query) anyIdentity(name string, ids []dsr.Identity, at string) string {
	text := "t." + pq.QuoteIdentifier(name) + "::text"
	var alternatives, plain []string
	kind := ""
	for _, id := range ids {
		if !id.Exact && at == "" && (kind == "" || kind == id.Kind) {
			kind, plain = id.Kind, append(plain, id.Value)
			continue
		}
		p := q.arg(id.Value) + "::text"
		same := q.sameSQL(id.Kind, text) + " = " + q.sameSQL(id.Kind, p)
		if id.Exact {
			// The first half finds it by the index; the second is the answer, byte for byte.
			same = "(" + same + " AND " + text + ` COLLATE "C" = ` + p + ")"
		}
		if at != "" {
			same = "(" + same + q.during(at, id) + ")"
		}
		alternatives = append(alternatives, same)
	}
	switch {
	case len(plain) == 1:
		alternatives = append(alternatives, q.sameSQL(kind, text)+" = "+q.sameSQL(kind, q.arg(plain[0])+"::text"))
	case len(plain) > 1:
		// One sub-select, so that any number of values is one look into the index each.
		alternatives = append(alternatives, q.sameSQL(kind, text)+" = ANY(ARRAY(SELECT "+q.sameSQL(kind, "u.v")+
			" FROM unnest("+q.arg(pq.Array(plain))+"::text[]) AS u(v)))")
	}
	if len(alternatives) == 0 {
		return ""
	}
	return "(" + strings.Join(alternatives, " OR ") + ")"
}

// during bounds the time of a row by that of the identity.
func (q *query) during(at string, id dsr.Identity) string {
	bounds := " AND " + at + " IS NOT NULL"
	if !id.From.IsZero() {
		bounds += " AND " + at + " >= " + q.arg(id.From.UTC().Format(systems.PeriodLayout)) + "::timestamptz"
	}
	if !id.Until.IsZero() {
		bounds += " AND " + at + " < " + q.arg(id.Until.UTC().Format(systems.PeriodLayout)) + "::timestamptz"
	}
	return bounds
}

// keys is a clause on a set of keys.
func (q *query) keys(ctx context.Context, clause systems.Clause) (*condition, error) {
	live, err := q.columns(clause.Columns, 0)
	if err != nil {
		return nil, err
	}
	params := len(q.args)
	to, err := q.target(clause, live)
	if err != nil {
		return nil, err
	}
	up := upload{q: q, ctx: ctx, width: len(to.types), name: to.name}
	if err := clause.Keys(ctx, up.add); err != nil {
		return nil, err
	}
	if to.plain && up.sent == 0 && up.width == 1 && up.page != nil && len(up.page[0]) <= fewKeys {
		// The planner looks these values up in the column's statistics: a person who owns most of
		// a table is read from end to end, anybody else by the index.
		one := "t." + pq.QuoteIdentifier(live[0].Name) + " = ANY(" + q.arg(pq.Array(up.page[0])) + "::" + live[0].Type + "[])"
		return &condition{holds: one, fails: "(" + one + ") IS NOT TRUE"}, nil
	}
	source, err := up.finish(to.types)
	if err != nil {
		return nil, err
	}
	if source == "" {
		q.args = q.args[:params] // a parameter that no statement names is an error
		if clause.Others {       // every whole key is another one
			return &condition{holds: "(" + to.whole + ")", fails: "NOT (" + to.whole + ")"}, nil
		}
		return nil, nil
	}
	outer := make([]string, len(to.types))
	for i := range outer {
		outer[i] = fmt.Sprintf("c%d", i)
	}
	q.with = append(q.with, fmt.Sprintf("%s(%s) AS (%s)", up.name, strings.Join(outer, ", "), source))
	q.used++
	if clause.Others && to.others != "" {
		return &condition{holds: to.others, fails: "NOT " + to.others}, nil
	}
	if to.overlap != "" {
		holds := "(" + to.overlap + " && ARRAY(SELECT c0 FROM " + up.name + "))"
		return &condition{holds: holds, fails: holds + " IS NOT TRUE"}, nil
	}
	exists := "EXISTS (SELECT FROM " + up.name + to.beside + " WHERE " + to.match + ")"
	if clause.Others {
		return &condition{holds: "(" + to.whole + " AND NOT " + exists + ")", fails: "(NOT (" + to.whole + ") OR " + exists + ")"}, nil
	}
	return &condition{holds: exists, fails: "NOT " + exists}, nil
}

// target is what keys are compared with.
type target struct {
	name    string   // of the keys
	types   []string // of the values of a key
	match   string   // the condition over t and the key, whose columns are c0, c1, …
	whole   string   // that no column is NULL
	beside  string   // what stands beside the keys in FROM
	overlap string   // an array that is to overlap the keys, in place of match
	others  string   // for a list: the condition that an element is none of the keys
	plain   bool     // nothing but columns that equal keys
}

func (q *query) target(clause systems.Clause, live []column) (target, error) {
	to := target{name: "k" + strconv.Itoa(q.used), plain: clause.Expr == nil && clause.At == "" && clause.When == nil && !clause.Others}
	var matches, whole []string
	if clause.Expr != nil {
		if err := q.expression(clause, live, &to); err != nil {
			return to, err
		}
		matches = append(matches, to.match)
	} else {
		for i, col := range live {
			name := "t." + pq.QuoteIdentifier(col.Name)
			to.types = append(to.types, col.Type)
			matches = append(matches, fmt.Sprintf("%s.c%d = %s", to.name, i, name))
			whole = append(whole, name+" IS NOT NULL")
		}
		to.whole = strings.Join(whole, " AND ")
	}
	if clause.Others && (clause.At != "" || clause.When != nil) {
		return to, fault.Newf(contract.ErrInternal, "%s: a clause turned round that is not plain", q.shape.c.ID())
	}
	if clause.At != "" {
		at, err := q.time(clause.At)
		if err != nil {
			return to, err
		}
		n := len(to.types)
		to.types = append(to.types, "timestamptz", "timestamptz")
		matches = append(matches, fmt.Sprintf("%s >= %s.c%d AND %s < %s.c%d", at, to.name, n, at, to.name, n+1))
	}
	if clause.When != nil {
		when, err := q.condition(clause.When)
		if err != nil {
			return to, err
		}
		matches = append(matches, when)
	}
	if to.overlap != "" && len(matches) > 1 {
		matches[0], to.overlap = to.name+".c0 = ANY("+to.overlap+")", ""
	}
	to.match = strings.Join(matches, " AND ")
	return to, nil
}

// expression is a target for a part of one column.
func (q *query) expression(clause systems.Clause, live []column, to *target) error {
	if len(live) != 1 {
		return fault.Newf(contract.ErrInternal, "%s: an expression over %d columns", q.shape.c.ID(), len(live))
	}
	col, x := live[0], "t."+pq.QuoteIdentifier(live[0].Name)
	if !col.yields(clause.Expr) {
		return fault.Newf(contract.ErrMapMismatch, "%s: column %s is %s, of which no such part can be taken", q.shape.c.ID(), col.Name, col.Type)
	}
	to.types = []string{"text"}
	if col.Category == "A" && clause.Expr.ArrayElement {
		to.types, to.overlap = []string{strings.TrimSuffix(col.Type, "[]")}, x
		to.whole = "EXISTS (SELECT FROM unnest(" + x + ") AS e(v) WHERE e.v IS NOT NULL)"
		to.others = "EXISTS (SELECT FROM unnest(" + x + ") AS e(v) WHERE e.v IS NOT NULL AND NOT EXISTS (SELECT FROM " + to.name + " WHERE " + to.name + ".c0 = e.v))"
		return nil
	}
	part := partSQL(clause.Expr, x)
	if clause.Expr.ArrayElement {
		to.beside = ", jsonb_array_elements_text(CASE WHEN jsonb_typeof(" + part + ") = 'array' THEN " + part + " ELSE '[]'::jsonb END) AS e(v)"
		part = "e.v"
		elements := strings.TrimPrefix(to.beside, ", ")
		to.whole = "EXISTS (SELECT FROM " + elements + " WHERE e.v IS NOT NULL)"
		to.others = "EXISTS (SELECT FROM " + elements + " WHERE e.v IS NOT NULL AND NOT EXISTS (SELECT FROM " + to.name + " WHERE " + to.name + ".c0 = e.v))"
	} else {
		to.whole = part + " IS NOT NULL"
	}
	to.match = to.name + ".c0 = " + part
	return nil
}

// partSQL is the part of x that refers: text, or jsonb where its elements do.
func partSQL(e *datamap.Expr, x string) string {
	if e.Prefix > 0 {
		return fmt.Sprintf("left(%s::text, %d)", x, e.Prefix)
	}
	keys := make([]string, len(e.JSONPath))
	for i, key := range e.JSONPath {
		keys[i] = literal(key)
	}
	path := "ARRAY[" + strings.Join(keys, ", ") + "]::text[]"
	switch {
	case e.ArrayElement && len(keys) == 0:
		return "(" + x + "::jsonb)"
	case e.ArrayElement:
		return "(" + x + "::jsonb #> " + path + ")"
	}
	return "(" + x + " #>> " + path + ")"
}

// yields reports whether the part can be taken of this column.
func (c column) yields(e *datamap.Expr) bool {
	switch {
	case e.Prefix > 0:
		return c.Category == "S" || c.Type == "uuid"
	case len(e.JSONPath) > 0:
		return c.isJSON()
	}
	return c.isJSON() || (c.Category == "A" && !strings.HasPrefix(c.Type, "json") && !strings.HasPrefix(c.Type, "xml"))
}

// time is a column as an instant; one without a zone is taken for UTC. "" gives "".
func (q *query) time(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	live, err := q.columns([]string{name}, 1)
	if err != nil {
		return "", err
	}
	if !live[0].timed() {
		return "", fault.Newf(contract.ErrMapMismatch, "%s: column %s is %s, which is no time", q.shape.c.ID(), name, live[0].Type)
	}
	return "t." + pq.QuoteIdentifier(name) + "::timestamptz", nil // the session's zone is UTC
}

func (c column) timed() bool {
	return c.Type == "timestamp with time zone" || c.Type == "timestamp without time zone" || c.Type == "date"
}

// periodSQL is the time at one end of a period, in the form of systems.PeriodLayout.
func (q *query) periodSQL(name, open string) (string, error) {
	if name == "" {
		return literal(open), nil
	}
	x, err := q.time(name)
	if err != nil {
		return "", err
	}
	// Times beyond the calendar, infinity among them, become the ends of it.
	x = "greatest(least(coalesce(" + x + ", " + literal(open) + "), " + literal(systems.PeriodEnd) + "), " + literal(systems.PeriodStart) + ")"
	return "to_char(" + x + ` AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`, nil
}

// condition is a condition of the map over t. Values are parameters of the column's type.
func (q *query) condition(c *datamap.Condition) (string, error) {
	list, word := c.All, " AND "
	if len(c.Any) > 0 {
		list, word = c.Any, " OR "
	}
	if len(list) == 0 {
		return q.comparison(c)
	}
	parts := make([]string, len(list))
	for i, inner := range list {
		var err error
		if parts[i], err = q.condition(inner); err != nil {
			return "", err
		}
	}
	return "(" + strings.Join(parts, word) + ")", nil
}

var operators = map[string]string{
	datamap.OpEq: " = ", datamap.OpNe: " <> ", datamap.OpLt: " < ", datamap.OpLe: " <= ", datamap.OpGt: " > ", datamap.OpGe: " >= ",
}

func (q *query) comparison(c *datamap.Condition) (string, error) {
	live, err := q.columns([]string{c.Column}, 1)
	if err != nil {
		return "", err
	}
	name := "t." + pq.QuoteIdentifier(c.Column)
	switch c.Op {
	case datamap.OpIsNull:
		return name + " IS NULL", nil
	case datamap.OpNotNull:
		return name + " IS NOT NULL", nil
	case datamap.OpIn:
		return name + " = ANY(" + q.arg(pq.Array(c.Values)) + "::" + live[0].Type + "[])", nil
	}
	op, known := operators[c.Op]
	if !known || len(c.Values) != 1 || !live[0].linkable() {
		return "", fault.Newf(contract.ErrMapMismatch, "%s: the condition on column %s (%s) cannot be tested", q.shape.c.ID(), c.Column, live[0].Type)
	}
	return name + op + q.arg(c.Values[0]) + "::" + live[0].Type, nil
}
