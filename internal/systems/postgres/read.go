package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lib/pq"

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
		statement := q.prefix() + "SELECT count(*) FROM (" + q.rows("1") + ") AS r"
		return q.classify(ctx, sel.Collection, q.tx.GetContext(ctx, &n, statement, q.args...))
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
			inner = append(inner, "t."+pq.QuoteIdentifier(col.Name)+`::text COLLATE "C" AS `+out)
			outer = append(outer, out)
			whole = append(whole, out+" IS NOT NULL")
		}
		width := len(live)
		if sel.From != "" || sel.Until != "" {
			from, err := q.periodSQL(sel.From, systems.PeriodStart)
			if err != nil {
				return err
			}
			until, err := q.periodSQL(sel.Until, systems.PeriodEnd)
			if err != nil {
				return err
			}
			inner, outer, width = append(inner, from+" AS kf", until+" AS ku"), append(outer, "kf", "ku"), width+2
		}
		list := strings.Join(outer, ", ")
		statement := q.prefix() + "SELECT DISTINCT " + list + " FROM (" + q.rows(strings.Join(inner, ", ")) +
			") AS r WHERE " + strings.Join(whole, " AND ") + " ORDER BY " + list
		return q.pages(ctx, statement, width, page, yield)
	})
}

// pages reads text tuples and hands them on a page at a time. The pages are the caller's to keep.
func (q *query) pages(ctx context.Context, statement string, width, size int, yield func([][]string) error) error {
	rows, err := q.tx.QueryContext(ctx, statement, q.args...)
	if err != nil {
		return q.classify(ctx, q.shape.c, err)
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

// directoryColumns are the columns of a Row.
func directoryColumns(c *datamap.Collection) []string {
	names := slices.Concat(c.Key, []string{c.Directory.Account, c.Directory.Language})
	for _, ch := range c.Directory.Channels {
		names = append(names, ch.Column, ch.Since)
	}
	for _, m := range c.Match {
		names = append(names, m.Column)
		if m.Valid != nil {
			names = append(names, m.Valid.From, m.Valid.Until)
		}
	}
	for _, fact := range c.Facts() {
		names = append(names, fact.Name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
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
			for _, name := range carriers(c, id.Kind) {
				some = append(some, q.anyIdentity(name, []dsr.Identity{id}, ""))
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

// carriers are the columns of a directory that hold identities of the kind; the account's name
// is one whether or not a match rule says so.
func carriers(c *datamap.Collection, kind string) []string {
	var names []string
	for _, m := range c.Match {
		if m.Identity == kind {
			names = append(names, m.Column)
		}
	}
	if kind == "account" && c.Directory.Account != "" && !slices.Contains(names, c.Directory.Account) {
		names = append(names, c.Directory.Account)
	}
	return names
}

func (q *query) lookup(ctx context.Context, condition string, limit int) ([]systems.Row, error) {
	c := q.shape.c
	names := directoryColumns(c)
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = q.rowText(name)
	}
	order := make([]string, len(c.Key))
	for i, name := range c.Key {
		order[i] = "t." + pq.QuoteIdentifier(name)
	}
	statement := "SELECT " + strings.Join(list, ", ") + " FROM " + quoted(c) + " AS t WHERE " + condition +
		" ORDER BY " + strings.Join(order, ", ") + " LIMIT " + strconv.Itoa(max(limit, 0))
	rows, err := q.tx.QueryContext(ctx, statement, q.args...)
	if err != nil {
		return nil, q.classify(ctx, c, err)
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
func (q *query) rowText(name string) string {
	x := "t." + pq.QuoteIdentifier(name)
	since := func(ch datamap.Channel) bool { return ch.Since == name }
	bounds := func(m datamap.Match) bool { return m.Valid != nil && (m.Valid.From == name || m.Valid.Until == name) }
	if (slices.ContainsFunc(q.shape.c.Directory.Channels, since) || slices.ContainsFunc(q.shape.c.Match, bounds)) && !slices.Contains(q.shape.c.Key, name) {
		switch q.shape.columns[name].Type {
		case "timestamp with time zone":
			return "to_char(" + x + ` AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
		case "timestamp without time zone", "date":
			return "to_char(" + x + `::timestamp, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
		}
	}
	return x + "::text"
}
