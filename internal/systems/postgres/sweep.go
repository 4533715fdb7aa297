package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
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

// DuePage gives a page of due rows behind the cursor. The keys come as one array a column, so that a row
// costs next to nothing on its way.
func (d *driver) DuePage(ctx context.Context, due systems.Due, after systems.Cursor, limit int) (systems.Page, error) {
	var out systems.Page
	err := d.within(ctx, askTimeout, func(s *session) error {
		s.recent = true
		q, err := s.query(ctx, due.Rows)
		if err != nil || q.empty() {
			return err
		}
		walked, err := q.walked(due.By)
		if err != nil {
			return err
		}
		lead := len(walked) - len(q.shape.c.Key)
		statement, err := q.page(walked, lead, after, limit)
		if err != nil {
			return err
		}
		columns, missing := make([]pq.StringArray, len(walked)-lead+1), false
		into := []any{&missing}
		for i := range columns {
			into = append(into, &columns[i])
		}
		first := make([]sql.NullString, lead)
		for i := range first {
			into = append(into, &first[i])
		}
		if err := q.tx.QueryRowContext(ctx, statement, q.args...).Scan(into...); err != nil {
			return q.classify(ctx, q.shape.c, err)
		}
		if missing {
			return fault.Newf(contract.ErrMapMismatch, "%s: a column of the key, or of the walk, is NULL in a due row", q.shape.c.ID())
		}
		out = paged(columns, q.shape.kind != "p")
		if n := len(out.Keys); n > 0 {
			for _, v := range first {
				out.Last = append(out.Last, v.String)
			}
			out.Last = append(out.Last, out.Keys[n-1]...)
		}
		return nil
	})
	return out, err
}

// page is the statement of a page: whether anything is NULL in it, an array of each column of the key and of
// the places, and the last values of the columns that are walked before the key.
func (q *query) page(walked []column, lead int, after systems.Cursor, limit int) (string, error) {
	var list, order, outer, last, null []string
	for i, col := range walked {
		x, name := "t."+pq.QuoteIdentifier(col.Name), "w"+strconv.Itoa(i)
		order, null = append(order, x), append(null, "r."+name+" IS NULL")
		if i < lead {
			list, last = append(list, x+" AS "+name), append(last, "(array_agg(r."+name+"))[count(*)]::text")
			continue
		}
		list, outer = append(list, x+"::text AS "+name), append(outer, "coalesce(array_agg(r."+name+") FILTER (WHERE r."+name+" IS NOT NULL), '{}')")
	}
	list, outer = append(list, "t.ctid::text AS place"), append(outer, "coalesce(array_agg(r.place), '{}')")
	inner := q.rows(strings.Join(list, ", "))
	if after != nil {
		behind, err := q.behind(walked, after)
		if err != nil {
			return "", err
		}
		inner += " AND " + behind
	}
	inner += " ORDER BY " + strings.Join(order, ", ") + " LIMIT " + strconv.Itoa(limit)
	return q.prefix() + "SELECT coalesce(bool_or(" + strings.Join(null, " OR ") + "), false), " + strings.Join(append(outer, last...), ", ") + " FROM (" + inner + ") AS r", nil
}

// paged puts columns together to rows; the last column are the places.
func paged(columns []pq.StringArray, places bool) systems.Page {
	var out systems.Page
	n, width := len(columns[0]), len(columns)-1
	fields := make([]string, n*width)
	for row := range n {
		key := fields[row*width : (row+1)*width : (row+1)*width]
		for i := range key {
			key[i] = columns[i][row]
		}
		out.Keys = append(out.Keys, key)
	}
	if places {
		out.Places = columns[width]
	}
	return out
}

// behind is the condition that t comes after the cursor: the first column decides by its index.
func (q *query) behind(walked []column, after systems.Cursor) (string, error) {
	if len(after) != len(walked) {
		return "", fault.Newf(contract.ErrInternal, "%s: a cursor of %d columns for %d", q.shape.c.ID(), len(after), len(walked))
	}
	out := ""
	for i := len(walked) - 1; i >= 0; i-- {
		x, v := "t."+pq.QuoteIdentifier(walked[i].Name), q.arg(after[i])+"::"+walked[i].Type
		switch {
		case i == len(walked)-1:
			out = x + " > " + v
		default:
			out = fmt.Sprintf("%s >= %s AND (%s > %s OR (%s))", x, v, x, v, out)
		}
	}
	return "(" + out + ")", nil
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
