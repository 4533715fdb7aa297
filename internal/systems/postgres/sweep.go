package postgres

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// plain is a clause without columns: a condition, times that are over, and who may not refer.
func (q *query) plain(ctx context.Context, clause systems.Clause) (string, error) {
	var parts []string
	if clause.When != nil {
		when, err := q.condition(clause.When)
		if err != nil {
			return "", err
		}
		parts = append(parts, when)
	}
	for _, over := range clause.Over {
		part, err := q.over(ctx, over)
		if err != nil {
			return "", err
		}
		parts = append(parts, part)
	}
	if clause.Stretch != nil {
		between, err := q.stretch(*clause.Stretch)
		if err != nil {
			return "", err
		}
		parts = append(parts, between...)
	}
	for _, r := range clause.Alone {
		part := q.unreferred(r)
		q.alone, parts = append(q.alone, part), append(parts, part)
	}
	if len(parts) == 0 {
		return "", fault.Newf(contract.ErrInternal, "%s: a clause that says nothing", q.shape.c.ID())
	}
	return "(" + strings.Join(parts, " AND ") + ")", nil
}

// before compares a column with a day: one without a zone with the day itself.
func (q *query) before(c *datamap.Collection, live column, exists bool, x string, o systems.Over) (string, error) {
	if !exists || !live.timed() {
		return "", fault.Newf(contract.ErrMapMismatch, "%s: a rule of retention reckons from a column of %s that is not there or no time", q.shape.c.ID(), c.ID())
	}
	if live.Type == "timestamp with time zone" {
		return x + " < " + q.arg(o.At.UTC().Format(systems.PeriodLayout)) + "::timestamptz", nil
	}
	return x + " < " + q.arg(o.Day.Format(time.DateOnly)) + "::" + live.Type, nil
}

func (q *query) over(ctx context.Context, o systems.Over) (string, error) {
	if o.Parent != nil {
		return q.parentOver(ctx, o)
	}
	x := "t." + pq.QuoteIdentifier(o.Column)
	live, exists := q.shape.columns[o.Column]
	past, err := q.before(q.shape.c, live, exists, x, o)
	switch {
	case err != nil:
	case o.Missing:
		past = "(" + past + " OR " + x + " IS NULL)"
	case o.Else != "":
		other, there := q.shape.columns[o.Else]
		instead, wrong := q.before(q.shape.c, other, there, "t."+pq.QuoteIdentifier(o.Else), o)
		past, err = "("+past+" OR ("+x+" IS NULL AND "+instead+"))", wrong
	}
	return past, err
}

// parentOver looks at the parent's rows: there is one, unless its lack counts too, and none whose time
// is not over.
func (q *query) parentOver(ctx context.Context, o systems.Over) (string, error) {
	parent := o.Parent.To
	sh, err := q.usable(ctx, parent)
	if err != nil {
		return "", err
	}
	var join []string
	for i, name := range o.Parent.Columns {
		own, theirs := q.shape.columns[name], sh.columns[o.Parent.ToColumns[i]]
		a, b := "t."+pq.QuoteIdentifier(name), "p."+pq.QuoteIdentifier(o.Parent.ToColumns[i])
		if own.Type != theirs.Type {
			a, b = a+"::text", b+"::text"
		}
		join = append(join, b+" = "+a)
	}
	live, exists := sh.columns[o.Column]
	past, err := q.before(parent, live, exists, "p."+pq.QuoteIdentifier(o.Column), o)
	if err != nil {
		return "", err
	}
	rows := "SELECT FROM " + quoted(parent) + " AS p WHERE " + strings.Join(join, " AND ")
	if o.Missing {
		return "NOT EXISTS (" + rows + " AND p." + pq.QuoteIdentifier(o.Column) + " IS NOT NULL AND NOT (" + past + "))", nil
	}
	some := "EXISTS (" + rows + " AND " + past + ")"
	if slices.Equal(o.Parent.ToColumns, parent.Key) {
		return some, nil
	}
	return "(" + some + " AND NOT EXISTS (" + rows + " AND (" + past + ") IS NOT TRUE))", nil
}

// unreferred is the condition over t that no row of the other table refers to it; a row that refers
// to itself does not count.
func (q *query) unreferred(r systems.Referrer) string {
	var join []string
	for i, name := range r.From {
		a, b := "r."+pq.QuoteIdentifier(name), "t."+pq.QuoteIdentifier(r.Columns[i])
		if r.Text {
			a, b = a+"::text", b+"::text"
		}
		join = append(join, a+" = "+b)
	}
	if r.Table.Schema == q.shape.c.Schema && r.Table.Name == q.shape.c.Table {
		join = append(join, "(r.tableoid, r.ctid) <> (t.tableoid, t.ctid)")
	}
	return "NOT EXISTS (SELECT FROM " + pq.QuoteIdentifier(r.Table.Schema) + "." + pq.QuoteIdentifier(r.Table.Name) + " AS r WHERE " + strings.Join(join, " AND ") + ")"
}

// walked are the columns by which due rows are walked.
func (q *query) walked(by string) ([]column, error) {
	names := q.shape.c.Key
	if by != "" && !slices.Contains(names, by) {
		names = append([]string{by}, names...)
	}
	return q.columns(names, 0)
}

// CountDue counts the due rows.
func (d *driver) CountDue(ctx context.Context, due systems.Due) (systems.Dues, error) {
	var out systems.Dues
	err := d.within(ctx, askTimeout, func(s *session) error {
		q, err := s.query(ctx, due.Rows)
		if err != nil || q.empty() {
			return err
		}
		day := "NULL::date"
		if due.By != "" {
			day = "t." + pq.QuoteIdentifier(due.By) + "::date"
		}
		statement := q.prefix() + "SELECT count(*)::text, coalesce(min(r.day)::text, ''), coalesce(max(r.day)::text, ''), (SELECT count(*) FROM " + quoted(q.shape.c) +
			")::text FROM (" + q.rows(day+" AS day") + ") AS r"
		return q.texts(ctx, q.shape.c, statement, q.args, 4, func(row []*string) error {
			out.Oldest, out.Newest = *row[1], *row[2]
			if out.Rows, err = strconv.ParseInt(*row[0], 10, 64); err == nil {
				out.Table, err = strconv.ParseInt(*row[3], 10, 64)
			}
			return err
		})
	})
	return out, err
}

const referringSQL = `SELECT n.nspname, r.relname,
	(SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(f.conkey) WITH ORDINALITY AS k(num, n) JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.num)::text,
	(SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(f.confkey) WITH ORDINALITY AS k(num, n) JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.num)::text
FROM pg_constraint f JOIN pg_class r ON r.oid = f.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace
WHERE f.contype = 'f' AND f.conparentid = 0 AND f.confrelid = to_regclass($1) ORDER BY 1, 2, 3`

// Foreign lists the tables whose foreign keys lead to the collection; those of a single partition too.
func (d *driver) Foreign(ctx context.Context, c *datamap.Collection) ([]systems.Referrer, error) {
	var list []systems.Referrer
	err := d.within(ctx, askTimeout, func(s *session) error {
		return s.texts(ctx, c, referringSQL, []any{quoted(c)}, 4, func(row []*string) error {
			r := systems.Referrer{Table: systems.Table{Schema: *row[0], Name: *row[1]}}
			if err := json.Unmarshal([]byte(*row[2]), &r.From); err != nil {
				return err
			}
			err := json.Unmarshal([]byte(*row[3]), &r.Columns)
			list = append(list, r)
			return err
		})
	})
	return list, err
}
