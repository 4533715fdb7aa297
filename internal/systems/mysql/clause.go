package mysql

import (
	"context"
	"fmt"
	"strconv"
	"strings"

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

// identities is a clause on one column. The value goes through the same expression as the column,
// so that the two cannot differ in what they call equal.
func (q *query) identities(clause systems.Clause) (*condition, error) {
	live, err := q.columns(clause.Columns, 1)
	if err != nil {
		return nil, err
	}
	at, err := q.time(clause.At)
	if err != nil {
		return nil, err
	}
	holds := q.anyIdentity(live[0], clause.Identities, at)
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
	return &condition{holds: holds, fails: "(" + holds + ") IS NOT TRUE"}, nil
}

// anyIdentity is the condition that the column holds one of the identities; at, where there is
// one, is an expression for the time of the row.
func (q *query) anyIdentity(live column, ids []dsr.Identity, at string) string {
	var alternatives []string
	for _, id := range ids {
		v := q.arg(id.Value)
		p := "CONVERT(" + v + " USING utf8mb4)"
		same := q.bytes(q.sameSQL(id.Kind, live.text())) + " = " + q.sameSQL(id.Kind, p)
		if id.Exact {
			same += " AND " + q.bytes(live.text()) + " = " + p
		}
		if q.shape.sargable(live, id.Kind) { // the first part finds it by the index, the others are the answer
			same = near(live, v) + " AND " + same
		}
		if at != "" {
			same += q.during(at, id)
		}
		alternatives = append(alternatives, "("+same+")")
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
		bounds += " AND " + at + " >= " + moment(q.arg(id.From.UTC().Format(momentSQL)))
	}
	if !id.Until.IsZero() {
		bounds += " AND " + at + " < " + moment(q.arg(id.Until.UTC().Format(momentSQL)))
	}
	return bounds
}

const momentSQL = "2006-01-02 15:04:05.000000"

func moment(x string) string { return "CAST(" + x + " AS DATETIME(6))" }

// driven is up to how many keys a view is asked one by one, whose indexes are not known.
const driven = 1000

// keys is a clause on a set of keys.
func (q *query) keys(ctx context.Context, clause systems.Clause) (*condition, error) {
	live, err := q.columns(clause.Columns, 0)
	if err != nil {
		return nil, err
	}
	to, err := q.target(clause, live)
	if err != nil {
		return nil, err
	}
	up := &upload{q: q, ctx: ctx, codecs: to.codecs, names: to.names, longest: make([]int, len(to.codecs))}
	if err := clause.Keys(ctx, up.add); err != nil {
		return nil, err
	}
	if err := up.finish(); err != nil {
		return nil, err
	}
	if up.total == 0 {
		if clause.Others { // every whole key is another one
			return &condition{holds: "(" + to.whole + ")", fails: "NOT (" + to.whole + ")"}, nil
		}
		return nil, nil
	}
	exists := "EXISTS (SELECT 1 FROM " + up.table(len(to.codecs)) + " AS k" + to.beside + " WHERE " + to.match + ")"
	if clause.Others && to.others != nil {
		others := to.others(up.table(len(to.codecs)))
		return &condition{holds: others, fails: "NOT " + others}, nil
	}
	if clause.Others {
		return &condition{holds: "(" + to.whole + " AND NOT " + exists + ")", fails: "(NOT (" + to.whole + ") OR " + exists + ")"}, nil
	}
	made := &condition{holds: exists, fails: "NOT " + exists, also: !to.plain}
	if to.seek != "" && ((q.shape.view && up.total <= driven) || q.shape.indexed(clause.Columns)) {
		made.drive = up.table(len(live)) + " AS k STRAIGHT_JOIN " + quoted(q.shape.c) + " AS t ON " + to.seek
	}
	return made, nil
}

// target is what keys are compared with.
type target struct {
	codecs []codec
	names  []string // of their columns
	match  string   // the condition over t and the key, as k.c0, k.c1, …
	seek   string   // the same, or wider by At and When, in the form that finds rows by an index
	whole  string   // that no column is NULL
	beside string   // what stands beside the keys in FROM
	plain  bool     // nothing but columns that equal keys
	// others, for a list, is the condition that an element is none of the keys in the table.
	others func(keys string) string
}

func (q *query) target(clause systems.Clause, live []column) (target, error) {
	to := target{plain: clause.Expr == nil && clause.At == "" && clause.When == nil && !clause.Others}
	if clause.Others && (clause.At != "" || clause.When != nil) {
		return to, fault.Newf(contract.ErrInternal, "%s: a clause turned round that is not plain", q.shape.c.ID())
	}
	var matches []string
	if clause.Expr != nil {
		if err := q.expression(clause, live, &to); err != nil {
			return to, err
		}
		matches = append(matches, to.match)
	} else {
		var err error
		if matches, err = q.equal(live, &to); err != nil {
			return to, err
		}
	}
	if clause.At != "" {
		at, err := q.time(clause.At)
		if err != nil {
			return to, err
		}
		n := len(to.codecs)
		period := codec{value: momentKey, table: "DATETIME(6)"}
		to.codecs, to.names = append(to.codecs, period, period), append(to.names, clause.At, clause.At)
		matches = append(matches, fmt.Sprintf("%s >= k.c%d AND %s < k.c%d", at, n, at, n+1))
	}
	if clause.When != nil {
		when, err := q.condition(clause.When)
		if err != nil {
			return to, err
		}
		matches = append(matches, when)
	}
	to.match = strings.Join(matches, " AND ")
	return to, nil
}

// equal is a target of whole columns.
func (q *query) equal(live []column, to *target) (matches []string, err error) {
	var seeks, whole []string
	for i, col := range live {
		if !col.linkable() {
			return nil, fault.Newf(contract.ErrMapMismatch, "%s: column %s is %s, which cannot be followed as a link", q.shape.c.ID(), col.Name, col.Type)
		}
		x, key := q.codec(col), "k.c"+strconv.Itoa(i)
		to.codecs, to.names = append(to.codecs, x), append(to.names, col.Name)
		exact, seek := x.exact(key), x.seek(key)
		matches, whole = append(matches, exact), append(whole, col.of()+" IS NOT NULL")
		seeks = append(seeks, seek)
		if seek != exact {
			seeks = append(seeks, exact)
		}
	}
	to.seek, to.whole = strings.Join(seeks, " AND "), strings.Join(whole, " AND ")
	return matches, nil
}

// expression is a target for a part of one column.
func (q *query) expression(clause systems.Clause, live []column, to *target) error {
	if len(live) != 1 {
		return fault.Newf(contract.ErrInternal, "%s: an expression over %d columns", q.shape.c.ID(), len(live))
	}
	col := live[0]
	if !col.yields(clause.Expr) {
		return fault.Newf(contract.ErrMapMismatch, "%s: column %s is %s, of which no such part can be taken", q.shape.c.ID(), col.Name, col.Type)
	}
	var x codec
	if clause.Expr.ArrayElement {
		elements := "JSON_TABLE(" + list(clause.Expr, col) + ", '$[*]' COLUMNS (v LONGTEXT CHARACTER SET utf8mb4 PATH '$')) AS e"
		to.beside = " STRAIGHT_JOIN " + elements
		q.asText(&x, "e.v")
		to.whole = "EXISTS (SELECT 1 FROM " + elements + " WHERE e.v IS NOT NULL)"
		to.others = func(keys string) string {
			return "EXISTS (SELECT 1 FROM " + elements + " WHERE e.v IS NOT NULL AND " + q.bytes("e.v") + " NOT IN (SELECT c0 FROM " + keys + " AS k))"
		}
	} else {
		q.asText(&x, part(clause.Expr, col))
		to.whole = part(clause.Expr, col) + " IS NOT NULL"
	}
	to.codecs, to.names, to.match = []codec{x}, []string{col.Name}, x.exact("k.c0")
	return nil
}

// part is the part of the column that refers, as text.
func part(e *datamap.Expr, col column) string {
	if e.Prefix > 0 {
		return "LEFT(" + col.text() + ", " + strconv.Itoa(e.Prefix) + ")"
	}
	inside := "JSON_EXTRACT(" + document(col) + ", " + jsonPath(e.JSONPath) + ")"
	return "CONVERT(CASE WHEN JSON_TYPE(" + inside + ") <> 'NULL' THEN JSON_UNQUOTE(" + inside + ") END USING utf8mb4)"
}

// list is the list in the column whose elements refer; what is none is an empty one.
func list(e *datamap.Expr, col column) string {
	inside := "JSON_EXTRACT(" + document(col) + ", " + jsonPath(e.JSONPath) + ")"
	return "CASE WHEN JSON_TYPE(" + inside + ") = 'ARRAY' THEN " + inside + " ELSE '[]' END"
}

// document is the column where it holds JSON: MariaDB lets other text in when told to.
func document(col column) string {
	return "CASE WHEN JSON_VALID(" + col.of() + ") THEN " + col.of() + " END"
}

// time is a column as a moment in UTC; one without a zone is taken for UTC. "" gives "".
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
	return moment(live[0].of()), nil // the session's zone is UTC
}

// period is the time at one end of a period, in the form of systems.PeriodLayout. A day of
// zeros, which the server may keep for none, is open.
func (q *query) period(name, open string) (string, error) {
	if name == "" {
		return q.bytes(literal(open)), nil
	}
	x, err := q.time(name)
	if err != nil {
		return "", err
	}
	return q.bytes("CASE WHEN COALESCE(YEAR(" + x + "), 0) = 0 THEN " + literal(open) + " ELSE " + rfc3339(x) + " END"), nil
}

// rfc3339 is the moment x as text, in UTC with microseconds.
func rfc3339(x string) string {
	return "CAST(DATE_FORMAT(" + x + ", '%Y-%m-%dT%H:%i:%s.%fZ') AS CHAR CHARACTER SET utf8mb4)"
}

// condition is a condition of the map over t. Values are of the column's type.
func (q *query) condition(c *datamap.Condition) (string, error) {
	parts, word := c.All, " AND "
	if len(c.Any) > 0 {
		parts, word = c.Any, " OR "
	}
	if len(parts) == 0 {
		return q.comparison(c)
	}
	made := make([]string, len(parts))
	for i, inner := range parts {
		var err error
		if made[i], err = q.condition(inner); err != nil {
			return "", err
		}
	}
	return "(" + strings.Join(made, word) + ")", nil
}

var operators = map[string]string{
	datamap.OpEq: " = ", datamap.OpNe: " <> ", datamap.OpLt: " < ", datamap.OpLe: " <= ", datamap.OpGt: " > ", datamap.OpGe: " >= ",
}

func (q *query) comparison(c *datamap.Condition) (string, error) {
	live, err := q.columns([]string{c.Column}, 1)
	if err != nil {
		return "", err
	}
	col := live[0]
	switch c.Op {
	case datamap.OpIsNull:
		return col.of() + " IS NULL", nil
	case datamap.OpNotNull:
		return col.of() + " IS NOT NULL", nil
	}
	untestable := fault.Newf(contract.ErrMapMismatch, "%s: the condition on column %s (%s) cannot be tested", q.shape.c.ID(), c.Column, col.Type)
	op, known := operators[c.Op]
	if c.Op == datamap.OpIn {
		op, known = " IN ", len(c.Values) > 0
	}
	if !known || (c.Op != datamap.OpIn && len(c.Values) != 1) || !col.linkable() {
		return "", untestable
	}
	x := q.codec(col)
	values := make([]string, len(c.Values))
	for i, v := range c.Values {
		if col.class() == numberClass && (v == "true" || v == "false") { // BOOLEAN is a TINYINT here
			v = map[string]string{"true": "1", "false": "0"}[v]
		}
		text, ok, _ := x.value(v)
		if !ok {
			return "", untestable
		}
		values[i] = x.cast(q.arg(text))
	}
	left := col.of()
	if col.class() == textClass || col.class() == wordClass {
		left = q.bytes(col.text())
	}
	return left + op + "(" + strings.Join(values, ", ") + ")", nil
}
