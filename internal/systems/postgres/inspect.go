package postgres

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// inspectTimeout bounds the statements of the tools, which nobody's case waits for.
const inspectTimeout = 2 * time.Minute

func tableName(t systems.Table) string {
	return pq.QuoteIdentifier(t.Schema) + "." + pq.QuoteIdentifier(t.Name)
}

// Sample picks whole pages of a large table at random, and the first rows of a small one.
func (d *driver) Sample(ctx context.Context, t systems.Table, columns []string, limit int, yield func([]*string) error) error {
	return d.within(ctx, inspectTimeout, func(s *session) error {
		var estimate float64
		err := s.tx.GetContext(ctx, &estimate, `SELECT coalesce((SELECT sum(greatest(l.reltuples, 0))
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
				LATERAL (SELECT reltuples FROM pg_class WHERE oid = c.oid AND c.relkind IN ('r', 'm') UNION ALL
					SELECT x.reltuples FROM pg_partition_tree(c.oid) p JOIN pg_class x ON x.oid = p.relid WHERE c.relkind = 'p' AND p.isleaf) AS l
			WHERE n.nspname = $1 AND c.relname = $2), 0)`, t.Schema, t.Name)
		if err != nil {
			return s.classify(ctx, nil, err)
		}
		list := make([]string, len(columns))
		for i, column := range columns {
			list[i] = fmt.Sprintf("left(t.%s::text, %d)", pq.QuoteIdentifier(column), systems.SampleLength)
		}
		from := "SELECT " + strings.Join(list, ", ") + " FROM " + tableName(t) + " AS t"
		end := " LIMIT " + strconv.Itoa(limit)
		given := 0
		counted := func(row []*string) error { given++; return yield(row) }
		if share := 200 * float64(limit) / max(estimate, 1); share < 50 {
			// Twice as many as wanted, as pages differ in how many rows they hold. They come in the
			// order of the table: cut off as they are, they would be of its first half.
			sampled := from + " TABLESAMPLE SYSTEM (" + strconv.FormatFloat(max(share, 0.0001), 'f', 4, 64) + ") ORDER BY random()" + end
			if err := s.texts(ctx, nil, sampled, nil, len(columns), counted); err != nil || given > 0 {
				return err
			}
		}
		return s.texts(ctx, nil, from+end, nil, len(columns), yield)
	})
}

// texts reads rows of texts.
func (s *session) texts(ctx context.Context, c *datamap.Collection, statement string, args []any, width int, yield func([]*string) error) error {
	rows, err := s.tx.QueryContext(ctx, statement, args...)
	if err != nil {
		return s.classify(ctx, c, err)
	}
	defer rows.Close()
	for rows.Next() {
		values, into := make([]sql.NullString, width), make([]any, width)
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return s.classify(ctx, c, err)
		}
		row := make([]*string, width)
		for i := range values {
			if values[i].Valid {
				row[i] = &values[i].String
			}
		}
		if err := yield(row); err != nil {
			return err
		}
	}
	return s.classify(ctx, c, rows.Err())
}

// Rows numbers the rows of each tuple, so that a row which everybody refers to costs no more
// than another.
func (d *driver) Rows(ctx context.Context, c *datamap.Collection, by systems.Clause, columns []string, each int, yield func([]*string) error) error {
	return d.within(ctx, inspectTimeout, func(s *session) error {
		q, err := s.query(ctx, systems.Selection{Collection: c, Any: []systems.Clause{by}})
		if err != nil || q.empty() {
			return err
		}
		if _, err := q.columns(columns, 0); err != nil {
			return err
		}
		var inner, outer, parts, order []string
		for i, column := range columns {
			inner = append(inner, fmt.Sprintf("t.%s::text AS v%d", pq.QuoteIdentifier(column), i))
			outer = append(outer, fmt.Sprintf("v%d", i))
		}
		for _, column := range by.Columns {
			parts = append(parts, "t."+pq.QuoteIdentifier(column))
		}
		for _, column := range c.Key {
			order = append(order, "t."+pq.QuoteIdentifier(column))
		}
		inner = append(inner, "row_number() OVER (PARTITION BY "+strings.Join(parts, ", ")+" ORDER BY "+strings.Join(order, ", ")+") AS n")
		statement := q.prefix() + "SELECT " + strings.Join(outer, ", ") + " FROM (" + q.rows(strings.Join(inner, ", ")) +
			") AS r WHERE n <= " + strconv.Itoa(each)
		return q.texts(ctx, c, statement, q.args, len(columns), yield)
	})
}

// Search is one count for each column, all in one pass over the table.
func (d *driver) Search(ctx context.Context, t *datamap.CatalogTable, n systems.Needle, limit time.Duration) ([]systems.Hit, error) {
	var hits []systems.Hit
	err := d.within(ctx, limit, func(s *session) error {
		q := &query{session: s}
		var names, counts []string
		f := finder{texts: q.arg(pq.Array(n.Texts)), packed: q.arg(n.Packed),
			number: q.arg(n.Number), bytes: q.arg(pq.Array(n.Bytes)), utf8: s.utf8, n: n}
		for _, col := range t.Columns {
			if condition := f.condition(col); condition != "" && col.Read {
				names = append(names, col.Name)
				counts = append(counts, "count(*) FILTER (WHERE "+condition+")")
			}
		}
		if len(names) == 0 {
			return nil
		}
		from := tableName(systems.Table{Schema: t.Schema, Name: t.Name})
		if t.Kind == datamap.TablePlain {
			from = "ONLY " + from // what inherits from it is a table of its own
		}
		// The parameters stand in the WITH part, so that each has a type whichever is used. Both
		// sides are lowered by the database, whose locale may leave some letters alone.
		statement := "WITH n(texts, packed, number, bytes) AS (SELECT ARRAY(SELECT lower(v) FROM unnest(" + f.texts + "::text[]) AS u(v)), lower(" + f.packed + "::text), " +
			f.number + "::text, " + f.bytes + "::bytea[]) SELECT ARRAY[" + strings.Join(counts, ", ") + "] FROM n, " + from + " AS t"
		var found pq.Int64Array
		if err := s.tx.QueryRowContext(ctx, statement, q.args...).Scan(&found); err != nil {
			return s.classify(ctx, nil, err)
		}
		for i, rows := range found {
			if rows > 0 {
				hits = append(hits, systems.Hit{Column: names[i], Rows: rows})
			}
		}
		return nil
	})
	return hits, err
}

// finder writes the conditions of a search. The needle is in n(texts, packed, number, bytes).
type finder struct {
	texts, packed, number, bytes string
	utf8                         bool
	n                            systems.Needle
}

func (f finder) condition(col datamap.CatalogColumn) string {
	x := "t." + pq.QuoteIdentifier(col.Name)
	switch col.Class {
	case datamap.ClassTime, datamap.ClassBoolean:
		return ""
	case datamap.ClassNumber:
		if f.n.Number == "" {
			return ""
		}
		return x + "::text = n.number"
	case datamap.ClassBinary:
		return "EXISTS (SELECT FROM unnest(n.bytes) AS b(v) WHERE position(b.v IN " + x + ") > 0)"
	case datamap.ClassArray:
		return f.within("array_to_string(" + x + `, E'\n')`)
	}
	return f.within(x + "::text")
}

// within is the condition that the text x holds the needle.
func (f finder) within(x string) string {
	condition := "EXISTS (SELECT FROM unnest(n.texts) AS s(v) WHERE strpos(lower(" + x + "), s.v) > 0)"
	if f.n.Packed == "" {
		return condition
	}
	from, to := "", ""
	separators := systems.Separators
	if f.utf8 {
		from, to = "０１２３４５６７８９", "0123456789"
	} else {
		separators = " -.()\t"
	}
	packed := "translate(lower(" + x + "), " + literal(from+separators) + ", " + literal(to) + ")"
	return "(" + condition + " OR strpos(" + packed + ", n.packed) > 0)"
}

// plans numbers the prepared statements of Explain: a name outlives its transaction.
var plans atomic.Int64

// Explain shows the statement, and asks the planner with every parameter unknown.
func (d *driver) Explain(ctx context.Context, sel systems.Selection, plan bool) (systems.Explained, error) {
	var out systems.Explained
	err := d.within(ctx, inspectTimeout, func(s *session) error {
		q, err := s.query(ctx, sel)
		if err != nil {
			return err
		}
		if q.empty() {
			return fault.Newf(contract.ErrInternal, "%s: nothing selects its rows", sel.Collection.ID())
		}
		list := make([]string, len(sel.Collection.Key))
		for i, column := range sel.Collection.Key {
			list[i] = "t." + pq.QuoteIdentifier(column)
		}
		out.Statement = q.prefix() + q.rows(strings.Join(list, ", "))
		for _, arg := range q.args {
			out.Values = append(out.Values, plainValue(arg))
		}
		if plan {
			out.Plan, err = s.plan(ctx, sel.Collection, out.Statement, len(q.args))
		}
		return err
	})
	return out, err
}

func (s *session) plan(ctx context.Context, c *datamap.Collection, statement string, args int) (string, error) {
	prepared := "habeas_plan_" + strconv.FormatInt(plans.Add(1), 10)
	nulls := ""
	if args > 0 {
		nulls = "(" + strings.TrimSuffix(strings.Repeat("NULL, ", args), ", ") + ")"
	}
	for _, step := range []string{
		"SELECT set_config('plan_cache_mode', 'force_generic_plan', true)",
		"PREPARE " + prepared + " AS " + statement,
	} {
		if _, err := s.tx.ExecContext(ctx, step); err != nil {
			return "", s.classify(ctx, c, err)
		}
	}
	var lines []string
	if err := s.tx.SelectContext(ctx, &lines, "EXPLAIN EXECUTE "+prepared+nulls); err != nil {
		return "", s.classify(ctx, c, err)
	}
	_, err := s.tx.ExecContext(ctx, "DEALLOCATE "+prepared)
	return strings.Join(lines, "\n"), s.classify(ctx, c, err)
}

func plainValue(arg any) string {
	if valuer, ok := arg.(sqldriver.Valuer); ok {
		if v, err := valuer.Value(); err == nil {
			arg = v
		}
	}
	return fmt.Sprint(arg)
}
