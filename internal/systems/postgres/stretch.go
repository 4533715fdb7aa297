package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// walk is one look at the due rows behind a cursor.
type walk struct {
	*query
	columns []column // by which they are walked: what comes before the key, and the key
	lead    int      // how many come before it
}

// walking runs f with the walk, unless no row can be due.
func (d *driver) walking(ctx context.Context, due systems.Due, f func(*walk) error) error {
	return d.within(ctx, askTimeout, func(s *session) error {
		s.recent = true
		q, err := s.query(ctx, due.Rows)
		if err != nil || q.empty() {
			return err
		}
		columns, err := q.walked(due.By)
		if err != nil {
			return err
		}
		return f(&walk{query: q, columns: columns, lead: len(columns) - len(q.shape.c.Key)})
	})
}

// rows are up to limit due rows behind the cursor as a subquery in their order, of the columns w0 ….
func (w *walk) rows(after systems.Cursor, limit int) (string, error) {
	var list, order []string
	for i, col := range w.columns {
		x := "t." + pq.QuoteIdentifier(col.Name)
		list, order = append(list, x+" AS w"+strconv.Itoa(i)), append(order, x)
	}
	inner := w.query.rows(strings.Join(list, ", "))
	if after != nil {
		behind, err := w.beyond(w.columns, after, ">")
		if err != nil {
			return "", err
		}
		inner += " AND " + behind
	}
	return "(" + inner + " ORDER BY " + strings.Join(order, ", ") + " LIMIT " + strconv.Itoa(limit) + ") AS r", nil
}

// walkedColumn is a column of the subquery.
func walkedColumn(i int) string { return "r.w" + strconv.Itoa(i) }

// missing is the expression whether a column that is walked is NULL in one of the rows.
func (w *walk) missing() string {
	parts := make([]string, len(w.columns))
	for i := range w.columns {
		parts[i] = walkedColumn(i) + " IS NULL"
	}
	return "coalesce(bool_or(" + strings.Join(parts, " OR ") + "), false)"
}

// ask runs the statement, whose first column is missing.
func (w *walk) ask(ctx context.Context, list []string, rows string, into ...any) error {
	var missing bool
	statement := w.prefix() + "SELECT " + strings.Join(append([]string{w.missing()}, list...), ", ") + " FROM " + rows
	if err := w.tx.QueryRowContext(ctx, statement, w.args...).Scan(append([]any{&missing}, into...)...); err != nil {
		return w.classify(ctx, w.shape.c, err)
	}
	if missing {
		return fault.Newf(contract.ErrMapMismatch, "%s: a column of the key, or of the walk, is NULL in a due row", w.shape.c.ID())
	}
	return nil
}

// last is the expression of the value that a column has in the last row, as text: of the one that comes first in the
// order, which is a time, the greatest.
func (w *walk) last(i int) string {
	if i < w.lead {
		return "max(" + walkedColumn(i) + ")::text"
	}
	return "(array_agg(" + walkedColumn(i) + "))[count(*)]::text"
}

// field is a column of the key as systems.DigestKeys has it; a number, a time or a UUID has nothing to escape.
func (w *walk) field(i int) string {
	x := walkedColumn(i) + "::text"
	if col := w.columns[i]; col.Category == "N" || col.Category == "D" || col.Type == "uuid" {
		return x
	}
	return `replace(replace(replace(` + x + `, '\', '\\'), ',', '\,'), ';', '\;')`
}

// DuePage gives a page of due rows behind the cursor. The keys come as one array a column, so that a row
// costs next to nothing on its way.
func (d *driver) DuePage(ctx context.Context, due systems.Due, after systems.Cursor, limit int) (systems.Page, error) {
	var out systems.Page
	err := d.walking(ctx, due, func(w *walk) error {
		rows, err := w.rows(after, limit)
		if err != nil {
			return err
		}
		var list []string
		var into []any
		keys, first := make([]pq.StringArray, len(w.columns)-w.lead), make([]sql.NullString, w.lead)
		for i := range w.columns {
			if i < w.lead {
				list, into = append(list, w.last(i)), append(into, &first[i])
				continue
			}
			list, into = append(list, "coalesce(array_agg("+walkedColumn(i)+"::text) FILTER (WHERE "+walkedColumn(i)+" IS NOT NULL), '{}')"), append(into, &keys[i-w.lead])
		}
		if err := w.ask(ctx, list, rows, into...); err != nil {
			return err
		}
		out.Keys = paged(keys)
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

// paged puts columns together to rows.
func paged(columns []pq.StringArray) [][]string {
	var out [][]string
	n, width := len(columns[0]), len(columns)
	fields := make([]string, n*width)
	for row := range n {
		key := fields[row*width : (row+1)*width : (row+1)*width]
		for i := range key {
			key[i] = columns[i][row]
		}
		out = append(out, key)
	}
	return out
}

// DueSpan says how far a page of due rows goes. The digest of their keys is made here, as systems.DigestKeys
// does it, so that they need not travel.
func (d *driver) DueSpan(ctx context.Context, due systems.Due, after systems.Cursor, limit int) (systems.Span, error) {
	var out systems.Span
	err := d.walking(ctx, due, func(w *walk) error {
		rows, err := w.rows(after, limit)
		if err != nil {
			return err
		}
		var ends, fields []string
		into, walked := []any{&out.Rows, &out.Digest}, make([]sql.NullString, len(w.columns))
		for i := range w.columns {
			ends, into = append(ends, w.last(i)), append(into, &walked[i])
			if i >= w.lead {
				fields = append(fields, w.field(i))
			}
		}
		digest := "sha256(convert_to(coalesce(string_agg(" + strings.Join(fields, " || ',' || ") + ", ';'), ''), 'UTF8'))"
		if err := w.ask(ctx, append([]string{"count(*)", digest}, ends...), rows, into...); err != nil {
			return err
		}
		if out.Rows > 0 {
			for _, v := range walked {
				out.Last = append(out.Last, v.String)
			}
		}
		return nil
	})
	return out, err
}

// stretch are the conditions that t lies in a part of a walk.
func (q *query) stretch(of systems.Stretch) ([]string, error) {
	columns, err := q.walked(of.By)
	if err != nil {
		return nil, err
	}
	var parts []string
	for _, end := range []struct {
		cursor systems.Cursor
		than   string
	}{{of.After, ">"}, {of.Last, "<="}} {
		if end.cursor == nil {
			continue
		}
		part, err := q.beyond(columns, end.cursor, end.than)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// beyond is the condition that t comes after the cursor (>), or not (<=): the first column decides by its
// index.
func (q *query) beyond(walked []column, cursor systems.Cursor, than string) (string, error) {
	if len(cursor) != len(walked) {
		return "", fault.Newf(contract.ErrInternal, "%s: a cursor of %d columns for %d", q.shape.c.ID(), len(cursor), len(walked))
	}
	strict := than[:1]
	out := ""
	for i := len(walked) - 1; i >= 0; i-- {
		x, v := "t."+pq.QuoteIdentifier(walked[i].Name), q.arg(cursor[i])+"::"+walked[i].Type
		switch {
		case i == len(walked)-1:
			out = x + " " + than + " " + v
		default:
			out = fmt.Sprintf("%s %s= %s AND (%s %s %s OR (%s))", x, strict, v, x, strict, v, out)
		}
	}
	return "(" + out + ")", nil
}

// deleteStretch deletes the due rows of a part of a walk: one way through the index, and each row as it is met.
// Rows that somebody changed meanwhile are held against the condition again by the server.
func (s *session) deleteStretch(ctx context.Context, change systems.Change) (systems.Applied, error) {
	s.recent = true
	defer func() { s.recent = false }()
	q, err := s.query(ctx, change.Rows)
	if err != nil || q.empty() {
		return systems.Applied{}, err
	}
	e := &eraser{query: q, change: change}
	from := quoted(q.shape.c) + " AS t WHERE " + q.where(0)
	if len(q.alone) > 0 {
		// Nobody can refer to a locked row; whoever did before is seen by the next statement.
		if _, err := e.exec(ctx, q.prefix()+"SELECT count(*) FROM (SELECT FROM "+from+" FOR UPDATE OF t) AS l", q.args); err != nil {
			return systems.Applied{}, err
		}
	}
	n, err := e.exec(ctx, q.prefix()+"DELETE FROM "+from, q.args)
	return systems.Applied{Rows: n, Deleted: n}, err
}

// othersSQL counts who is at work: whoever has a snapshot or has written something. Of other people's sessions an
// account without pg_read_all_stats sees no more than that; with it, a transaction that somebody left open
// a second ago or longer does not count. Server processes have no user.
const othersSQL = `SELECT count(*) FROM pg_stat_activity
	WHERE pid <> pg_backend_pid() AND usesysid IS NOT NULL AND datid IS NOT NULL AND application_name NOT LIKE 'habeas%'
		AND (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL OR state = 'active')
		AND NOT coalesce(state LIKE 'idle%' AND state_change < clock_timestamp() - interval '1 second', false)`

// Others counts the sessions of other people that are at work on the server.
func (d *driver) Others(ctx context.Context) (int, error) {
	var n int
	err := d.within(ctx, askTimeout, func(s *session) error {
		return s.classify(ctx, nil, s.tx.GetContext(ctx, &n, othersSQL))
	})
	return n, err
}
