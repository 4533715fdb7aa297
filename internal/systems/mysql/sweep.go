package mysql

import (
	"context"
	"slices"
	"strconv"
	"strings"

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
		if parts = append(parts, part); r.Table.Schema != q.shape.c.Schema || r.Table.Name != q.shape.c.Table {
			q.alone = append(q.alone, part) // a row of the table itself may not be looked for while rows go
		}
	}
	if len(parts) == 0 {
		return "", fault.Newf(contract.ErrInternal, "%s: a clause that says nothing", q.shape.c.ID())
	}
	return "(" + strings.Join(parts, " AND ") + ")", nil
}

// times are the conditions that the column x lies before the day, and that it holds no time. A
// column without a zone is held against the day itself; a day of zeros is none.
func (q *query) times(c *datamap.Collection, live column, exists bool, x string, o systems.Over) (past, none string, err error) {
	if !exists || !live.timed() {
		return "", "", fault.Newf(contract.ErrMapMismatch, "%s: a rule of retention reckons from a column of %s that is not there or no time", q.shape.c.ID(), c.ID())
	}
	at := o.Day
	if live.class() == stampClass {
		at = o.At.UTC()
	}
	return "(" + x + " < " + moment(q.arg(at.Format(momentSQL))) + " AND YEAR(" + x + ") > 0)", "(" + x + " IS NULL OR YEAR(" + x + ") = 0)", nil
}

func (q *query) over(ctx context.Context, o systems.Over) (string, error) {
	if o.Parent != nil {
		return q.parentOver(ctx, o)
	}
	live, exists := q.shape.columns[o.Column]
	past, none, err := q.times(q.shape.c, live, exists, live.of(), o)
	switch {
	case err != nil:
	case o.Missing:
		past = "(" + past + " OR " + none + ")"
	case o.Else != "":
		other, there := q.shape.columns[o.Else]
		instead, _, wrong := q.times(q.shape.c, other, there, other.of(), o)
		past, err = "("+past+" OR ("+none+" AND "+instead+"))", wrong
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
		join = append(join, "p."+quote(o.Parent.ToColumns[i])+" = t."+quote(name))
	}
	live, exists := sh.columns[o.Column]
	past, none, err := q.times(parent, live, exists, "p."+quote(o.Column), o)
	if err != nil {
		return "", err
	}
	rows := "SELECT 1 FROM " + quoted(parent) + " AS p WHERE " + strings.Join(join, " AND ")
	if o.Missing {
		return "NOT EXISTS (" + rows + " AND NOT " + none + " AND NOT " + past + ")", nil
	}
	some := "EXISTS (" + rows + " AND " + past + ")"
	if slices.Equal(o.Parent.ToColumns, parent.Key) {
		return some, nil
	}
	return "(" + some + " AND NOT EXISTS (" + rows + " AND " + past + " IS NOT TRUE))", nil
}

// unreferred is the condition over t that no row of the other table refers to it; a row that refers
// to itself does not count.
func (q *query) unreferred(r systems.Referrer) string {
	var join []string
	for i, name := range r.From {
		a, b := "r."+quote(name), "t."+quote(r.Columns[i])
		if r.Text {
			a, b = q.bytes("CAST("+a+" AS CHAR CHARACTER SET utf8mb4)"), q.bytes("CAST("+b+" AS CHAR CHARACTER SET utf8mb4)")
		}
		join = append(join, a+" = "+b)
	}
	if r.Table.Schema == q.shape.c.Schema && r.Table.Name == q.shape.c.Table {
		var same []string
		for _, name := range q.shape.c.Key {
			same = append(same, "r."+quote(name)+" <=> t."+quote(name))
		}
		join = append(join, "NOT ("+strings.Join(same, " AND ")+")")
	}
	return "NOT EXISTS (SELECT 1 FROM " + quote(r.Table.Schema) + "." + quote(r.Table.Name) + " AS r WHERE " + strings.Join(join, " AND ") + ")"
}

// walked are the columns by which due rows are walked.
func (q *query) walked(by string) ([]column, error) {
	names := q.shape.c.Key
	if by != "" && !slices.Contains(names, by) {
		names = append([]string{by}, names...)
	}
	return q.columns(names, 0)
}

// ordered is the expression by which rows are put in the order of the column, and which a key of its
// codec is compared with.
func (q *query) ordered(c column) string {
	switch c.class() {
	case textClass, wordClass:
		return q.bytes(c.text())
	case binaryClass:
		return q.bytes("HEX(" + c.of() + ")")
	case timeClass:
		return q.bytes("CAST(CAST(" + c.of() + " AS TIME(6)) AS CHAR CHARACTER SET utf8mb4)")
	}
	return c.of()
}

// CountDue counts the due rows.
func (d *driver) CountDue(ctx context.Context, due systems.Due) (systems.Dues, error) {
	var out systems.Dues
	err := d.within(ctx, askTimeout, func(s *session) error {
		q, err := s.query(ctx, due.Rows)
		if err != nil || q.empty() {
			return err
		}
		day := "NULL"
		if due.By != "" {
			day = "CAST(t." + quote(due.By) + " AS DATE)"
		}
		statement := "SELECT COUNT(*), COALESCE(CAST(MIN(r.day) AS CHAR), ''), COALESCE(CAST(MAX(r.day) AS CHAR), ''), (SELECT COUNT(*) FROM " + quoted(q.shape.c) +
			") FROM (" + q.rows(day+" AS day") + ") AS r"
		return q.pages(ctx, statement, 4, 1, func(page [][]string) error {
			row := page[0]
			out.Oldest, out.Newest = row[1], row[2]
			if out.Rows, err = strconv.ParseInt(row[0], 10, 64); err == nil {
				out.Table, err = strconv.ParseInt(row[3], 10, 64)
			}
			return err
		})
	})
	return out, err
}

// Foreign lists the tables whose foreign keys lead to the collection.
func (d *driver) Foreign(ctx context.Context, c *datamap.Collection) ([]systems.Referrer, error) {
	var list []systems.Referrer
	err := d.within(ctx, askTimeout, func(s *session) error {
		keys, err := s.foreignKeys(ctx, c)
		for _, key := range keys {
			list = append(list, systems.Referrer{Table: systems.Table{Schema: key.Schema, Name: key.Table}, From: key.Columns, Columns: key.Keys})
		}
		return err
	})
	return list, err
}
