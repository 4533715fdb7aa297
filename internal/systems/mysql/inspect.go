package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// inspectTimeout bounds the statements of the tools, which nobody's case waits for.
const inspectTimeout = 2 * time.Minute

func tableName(t systems.Table) string { return quote(t.Schema) + "." + quote(t.Name) }

// live reads the columns of a table, in its order.
func (s *session) live(ctx context.Context, t systems.Table) ([]column, error) {
	var columns []column
	err := s.conn.SelectContext(ctx, &columns, s.note+columnsSQL, t.Schema, t.Name)
	return columns, s.classify(ctx, nil, err)
}

// stretches is from how many places of a table a sample is taken.
const stretches = 50

// Sample takes the first rows of a small table, and of a large one some from each of many stretches
// of its key; where the key is no whole number, rows at random, for which the table is read through.
func (d *driver) Sample(ctx context.Context, t systems.Table, columns []string, limit int, yield func([]*string) error) error {
	return d.within(ctx, inspectTimeout, func(s *session) error {
		live, err := s.live(ctx, t)
		if err != nil {
			return err
		}
		list := make([]string, len(columns))
		for i, name := range columns {
			n := slices.IndexFunc(live, func(c column) bool { return c.Name == name })
			if n < 0 {
				return fault.Newf(contract.ErrMapMismatch, "system %s: %s.%s has no column %s", d.system.Name, t.Schema, t.Name, name)
			}
			list[i] = fmt.Sprintf("LEFT(%s, %d)", live[n].text(), systems.SampleLength)
		}
		from := "SELECT " + strings.Join(list, ", ") + " FROM " + tableName(t) + " AS t"
		end := " LIMIT " + strconv.Itoa(limit)
		var estimate int64
		err = s.conn.GetContext(ctx, &estimate, s.note+"SELECT COALESCE(MAX(TABLE_ROWS), 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?", t.Schema, t.Name)
		if err != nil {
			return s.classify(ctx, nil, err)
		}
		if limit <= 0 || estimate < 4*int64(limit) {
			return s.texts(ctx, nil, from+end, len(columns), yield)
		}
		branches, err := s.stretched(ctx, t, from, limit)
		if err != nil {
			return err
		}
		if branches != "" {
			return s.texts(ctx, nil, branches+end, len(columns), yield)
		}
		share := strconv.FormatFloat(2*float64(limit)/float64(estimate), 'f', 6, 64)
		return s.texts(ctx, nil, from+" WHERE RAND() < "+share+end, len(columns), yield)
	})
}

// stretched is the statement that takes rows from each stretch of the key; empty where the key is
// no whole number.
func (s *session) stretched(ctx context.Context, t systems.Table, from string, limit int) (string, error) {
	var keys []struct {
		Name string `db:"name"`
		Type string `db:"type"`
	}
	err := s.conn.SelectContext(ctx, &keys, s.note+`SELECT c.COLUMN_NAME AS name, LOWER(c.DATA_TYPE) AS type
		FROM information_schema.COLUMNS c JOIN information_schema.STATISTICS i
			ON i.TABLE_SCHEMA = c.TABLE_SCHEMA AND i.TABLE_NAME = c.TABLE_NAME AND i.COLUMN_NAME = c.COLUMN_NAME
		WHERE c.TABLE_SCHEMA = ? AND c.TABLE_NAME = ? AND i.INDEX_NAME = 'PRIMARY'`, t.Schema, t.Name)
	if err != nil {
		return "", s.classify(ctx, nil, err)
	}
	if len(keys) != 1 || !strings.HasSuffix(keys[0].Type, "int") {
		return "", nil
	}
	key := "t." + quote(keys[0].Name)
	var low, high sql.NullFloat64
	err = s.conn.QueryRowContext(ctx, s.note+"SELECT MIN("+key+"), MAX("+key+") FROM "+tableName(t)+" AS t").Scan(&low, &high)
	if err != nil {
		return "", s.classify(ctx, nil, err)
	}
	count := min(stretches, limit)
	each := (limit + count - 1) / count
	step := (high.Float64 - low.Float64 + 1) / float64(count)
	branches := make([]string, count)
	for i := range branches {
		bound := func(n int) string { return strconv.FormatFloat(low.Float64+step*float64(n), 'f', 0, 64) }
		end := " AND " + key + " < " + bound(i+1)
		if i == count-1 {
			end = ""
		}
		branches[i] = "(" + from + " WHERE " + key + " >= " + bound(i) + end + " ORDER BY " + key + " LIMIT " + strconv.Itoa(each) + ")"
	}
	return strings.Join(branches, " UNION ALL "), nil
}

// texts reads rows of texts.
func (s *session) texts(ctx context.Context, c *datamap.Collection, statement string, width int, yield func([]*string) error) error {
	rows, err := s.conn.QueryContext(ctx, s.note+statement)
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
		live, err := q.columns(columns, 0)
		if err != nil {
			return err
		}
		same, err := q.columns(by.Columns, 0)
		if err != nil {
			return err
		}
		var inner, outer, parts, order []string
		for i, col := range live {
			inner = append(inner, fmt.Sprintf("%s AS v%d", col.text(), i))
			outer = append(outer, fmt.Sprintf("v%d", i))
		}
		for _, col := range same { // byte for byte, whatever the column's collation calls the same
			parts = append(parts, q.bytes(col.text()))
		}
		for _, name := range c.Key {
			order = append(order, "t."+quote(name))
		}
		inner = append(inner, "ROW_NUMBER() OVER (PARTITION BY "+strings.Join(parts, ", ")+" ORDER BY "+strings.Join(order, ", ")+") AS n")
		if err := q.keep(ctx, q.late...); err != nil {
			return q.classify(ctx, c, err)
		}
		return q.texts(ctx, c, "SELECT "+strings.Join(outer, ", ")+" FROM ("+q.rows(strings.Join(inner, ", "))+") AS r WHERE n <= "+
			strconv.Itoa(each), len(columns), yield)
	})
}
