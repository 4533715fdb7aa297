package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Count counts the selected rows.
func (d *driver) Count(ctx context.Context, sel systems.Selection) (int64, error) {
	var n int64
	err := d.within(ctx, askTimeout, func(s *session) error {
		q, err := s.query(ctx, sel)
		if err != nil || q.empty() {
			return err
		}
		rows, err := q.run(ctx, "SELECT COUNT(*) FROM ("+q.rows("1 AS one")+") AS r")
		if err != nil {
			return err
		}
		defer rows.Close()
		if rows.Next() {
			err = rows.Scan(&n)
		}
		if err == nil {
			err = rows.Err()
		}
		return q.classify(ctx, sel.Collection, err)
	})
	return n, err
}

// Keys yields the distinct tuples of the columns over the selected rows.
func (d *driver) Keys(ctx context.Context, sel systems.Selection, columns []string, page int, yield func([][]string) error) error {
	return d.within(ctx, askTimeout, func(s *session) error {
		q, err := s.query(ctx, sel)
		if err != nil {
			return err
		}
		live, err := q.columns(columns, 0)
		if err != nil || q.empty() {
			return err
		}
		var inner, outer, whole []string
		for i, col := range live {
			if !col.linkable() {
				return fault.Newf(contract.ErrMapMismatch, "%s: column %s is %s, which cannot be followed as a link",
					sel.Collection.ID(), col.Name, col.Type)
			}
			out := fmt.Sprintf("k%d", i)
			inner = append(inner, q.bytes(col.text())+" AS "+out)
			outer, whole = append(outer, out), append(whole, out+" IS NOT NULL")
		}
		if sel.From != "" || sel.Until != "" {
			from, err := q.period(sel.From, systems.PeriodStart)
			if err != nil {
				return err
			}
			until, err := q.period(sel.Until, systems.PeriodEnd)
			if err != nil {
				return err
			}
			inner, outer = append(inner, from+" AS kf", until+" AS ku"), append(outer, "kf", "ku")
		}
		list := strings.Join(outer, ", ")
		return q.pages(ctx, "SELECT DISTINCT "+list+" FROM ("+q.rows(strings.Join(inner, ", "))+") AS r WHERE "+
			strings.Join(whole, " AND ")+" ORDER BY "+list, len(outer), page, yield)
	})
}

// pages reads text tuples and hands them on a page at a time. The pages are the caller's to keep.
func (q *query) pages(ctx context.Context, statement string, width, size int, yield func([][]string) error) error {
	rows, err := q.run(ctx, statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	var page [][]string
	for rows.Next() {
		tuple, into := make([]string, width), make([]any, width)
		for i := range tuple {
			into[i] = &tuple[i]
		}
		if err := rows.Scan(into...); err != nil {
			return q.classify(ctx, q.shape.c, err)
		}
		if page = append(page, tuple); len(page) >= max(size, 1) {
			if err := yield(page); err != nil {
				return err
			}
			page = nil
		}
	}
	if err := rows.Err(); err != nil {
		return q.classify(ctx, q.shape.c, err)
	}
	if len(page) > 0 {
		return yield(page)
	}
	return nil
}

// Lookup finds directory rows.
func (d *driver) Lookup(ctx context.Context, c *datamap.Collection, by []dsr.Identity, limit int) ([]systems.Row, error) {
	if c.Directory == nil {
		return nil, fault.Newf(contract.ErrInternal, "%s is not a directory", c.ID())
	}
	var found []systems.Row
	err := d.within(ctx, askTimeout, func(s *session) error {
		sh, err := s.usable(ctx, c)
		if err != nil {
			return err
		}
		q := &query{session: s, shape: sh}
		var all []string
		for _, id := range by {
			var some []string
			for _, name := range systems.Carriers(c, id.Kind) {
				some = append(some, q.anyIdentity(sh.columns[name], []dsr.Identity{id}, ""))
			}
			if len(some) == 0 {
				return nil // no column can hold it, so no row does
			}
			all = append(all, "("+strings.Join(some, " OR ")+")")
		}
		if len(all) == 0 {
			return nil
		}
		found, err = q.lookup(ctx, strings.Join(all, " AND "), limit)
		return err
	})
	return found, err
}

func (q *query) lookup(ctx context.Context, condition string, limit int) ([]systems.Row, error) {
	c := q.shape.c
	names := systems.RowColumns(c)
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = q.rowText(name)
	}
	order := make([]string, 0, 2*len(c.Key))
	for _, name := range c.Key {
		order = append(order, q.shape.columns[name].of(), q.bytes(q.shape.columns[name].text()))
	}
	rows, err := q.run(ctx, "SELECT "+strings.Join(list, ", ")+" FROM "+quoted(c)+" AS t WHERE "+condition+
		" ORDER BY "+strings.Join(order, ", ")+" LIMIT "+strconv.Itoa(max(limit, 0)))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []systems.Row
	for rows.Next() {
		values, into := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, q.classify(ctx, c, err)
		}
		row := systems.Row{}
		for i, v := range values {
			if v.Valid {
				row[names[i]] = v.String
			}
		}
		found = append(found, row)
	}
	return found, q.classify(ctx, c, rows.Err())
}

// rowText is a directory column as text: in RFC 3339 where it says since when a channel stands.
// A day of zeros is none.
func (q *query) rowText(name string) string {
	live := q.shape.columns[name]
	if live.timed() && slices.Contains(systems.RowTimes(q.shape.c), name) {
		x := moment(live.of())
		return "CASE WHEN YEAR(" + x + ") > 0 THEN " + rfc3339(x) + " END"
	}
	return live.text()
}
