package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// cut is the assignment that cuts the reference, over the table as d, and the condition that it is
// not cut yet; nothing where it cannot be cut.
func (e *eraser) cut() (set string, more func(alias string) string, err error) {
	ref := e.change.Cut
	live, err := e.columns(ref.Columns, 0)
	if err != nil {
		return "", nil, err
	}
	if ref.Expr == nil || ref.Expr.Prefix > 0 {
		for _, col := range slices.Backward(live) {
			if !e.facts.columns[col.Name].Filled && !slices.Contains(e.shape.c.Key, col.Name) {
				name := pq.QuoteIdentifier(col.Name)
				return name + " = NULL", func(alias string) string { return alias + "." + name + " IS NOT NULL" }, nil
			}
		}
		return "", nil, nil
	}
	name := pq.QuoteIdentifier(live[0].Name)
	return name + " = " + without(ref.Expr, live[0], "d."+name), nil, nil
}

// without is the column x without the elements, or the part, that refers to one of the keys of
// the selection, which are the first of its sets.
func without(expr *datamap.Expr, live column, x string) string {
	if live.Category == "A" {
		return "ARRAY(SELECT e.v FROM unnest(" + x + ") WITH ORDINALITY AS e(v, n) WHERE e.v IS NULL OR NOT EXISTS (SELECT FROM k0 WHERE k0.c0 = e.v) ORDER BY e.n)"
	}
	document := x
	if live.Type == "json" {
		document = x + "::jsonb"
	}
	cleared := "'null'::jsonb"
	if expr.ArrayElement {
		part := partSQL(expr, x)
		cleared = "coalesce((SELECT jsonb_agg(e.v ORDER BY e.n) FROM jsonb_array_elements(" + part + ") WITH ORDINALITY AS e(v, n)" +
			" WHERE NOT EXISTS (SELECT FROM k0 WHERE k0.c0 = e.v #>> '{}')), '[]'::jsonb)"
		if len(expr.JSONPath) == 0 {
			return "(" + cleared + ")::" + live.Type
		}
	}
	keys := make([]string, len(expr.JSONPath))
	for i, key := range expr.JSONPath {
		keys[i] = literal(key)
	}
	return "jsonb_set(" + document + ", ARRAY[" + strings.Join(keys, ", ") + "]::text[], " + cleared + ")::" + live.Type
}

// refcount cuts the reference and deletes the rows that nobody else keeps alive. The rows are
// locked first, so that whoever takes the last reference away sees that it is the last.
func (e *eraser) refcount(ctx context.Context) (systems.Applied, error) {
	set, _, err := e.cut()
	if err != nil {
		return systems.Applied{}, err
	}
	rows, err := e.rowKeys(ctx, nil)
	if err != nil || len(rows) == 0 {
		return systems.Applied{}, err
	}
	var done systems.Applied
	if set != "" {
		n, err := e.exec(ctx, e.prefix()+"UPDATE "+quoted(e.shape.c)+" AS d SET "+set+" WHERE "+e.chosen(nil), e.args)
		if err != nil {
			return done, err
		}
		done.Rows = n
	}
	from, match, args := e.keyed(rows, nil)
	alive, err := e.alive()
	if err != nil {
		return done, err
	}
	n, err := e.exec(ctx, "DELETE FROM "+quoted(e.shape.c)+" AS d USING "+from+" WHERE "+match+" AND NOT ("+alive+")", args)
	done.Deleted, done.Changed = n, max(done.Rows-n, 0)
	done.Rows = max(done.Rows, n)
	return done, err
}

// alive is the condition that the row d has an owner.
func (e *eraser) alive() (string, error) {
	parts := []string{"false"}
	for _, owner := range e.change.Owners {
		live, err := e.columns(owner.Columns, 0)
		if err != nil {
			return "", err
		}
		if owner.Table != nil {
			var matches []string
			for i, col := range live {
				matches = append(matches, "o."+pq.QuoteIdentifier(owner.From[i])+" = d."+pq.QuoteIdentifier(col.Name))
			}
			parts = append(parts, "EXISTS (SELECT FROM "+tableName(*owner.Table)+" AS o WHERE "+strings.Join(matches, " AND ")+")")
			continue
		}
		parts = append(parts, "("+whole(owner.Expr, live)+")")
	}
	return strings.Join(parts, " OR "), nil
}

// whole is the condition that the row d holds a whole reference.
func whole(expr *datamap.Expr, live []column) string {
	x := "d." + pq.QuoteIdentifier(live[0].Name)
	switch {
	case expr == nil:
		all := make([]string, len(live))
		for i, col := range live {
			all[i] = "d." + pq.QuoteIdentifier(col.Name) + " IS NOT NULL"
		}
		return strings.Join(all, " AND ")
	case live[0].Category == "A" && expr.ArrayElement:
		return "EXISTS (SELECT FROM unnest(" + x + ") AS e(v) WHERE e.v IS NOT NULL)"
	case expr.ArrayElement:
		part := partSQL(expr, x)
		return "EXISTS (SELECT FROM jsonb_array_elements_text(CASE WHEN jsonb_typeof(" + part + ") = 'array' THEN " + part + " ELSE '[]'::jsonb END) AS e(v) WHERE e.v IS NOT NULL)"
	}
	return partSQL(expr, x) + " IS NOT NULL"
}
