package mysql

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// rowsOf chooses and locks a batch of rows: their keys, and the columns behind them, as text.
func (e *eraser) rowsOf(limit int, columns []string, more ...string) ([][]*string, error) {
	list := e.keyTexts()
	for _, name := range columns {
		list = append(list, strategyText(e.shape.columns[name])+" AS x"+strconv.Itoa(len(list)))
	}
	statement := e.rows(strings.Join(list, ", "), more...)
	if len(e.when) == 1 {
		statement += " LIMIT " + strconv.Itoa(limit) + " FOR UPDATE"
	} else {
		statement = "SELECT * FROM (" + statement + ") AS r LIMIT " + strconv.Itoa(limit)
	}
	rows, err := e.run(e.ctx, statement)
	if err != nil {
		return nil, err
	}
	return e.scan(rows, len(list))
}

// among are those of chosen and locked rows for which a condition over t holds now.
func (e *eraser) among(rows [][]*string, condition string) ([][]*string, error) {
	from, err := e.keyed(rows, nil)
	if err != nil {
		return nil, err
	}
	found, err := e.run(e.ctx, "SELECT "+strings.Join(e.keyTexts(), ", ")+" FROM "+from+" WHERE "+condition)
	if err != nil {
		return nil, err
	}
	return e.scan(found, len(e.shape.c.Key))
}

// keyTexts are the columns of the key as text.
func (e *eraser) keyTexts() []string {
	list := make([]string, len(e.shape.c.Key))
	for i, name := range e.shape.c.Key {
		list[i] = strategyText(e.shape.columns[name]) + " AS x" + strconv.Itoa(i)
	}
	return list
}

// scan reads rows of so many columns, and closes them.
func (e *eraser) scan(rows *sql.Rows, columns int) ([][]*string, error) {
	defer rows.Close()
	var out [][]*string
	for rows.Next() {
		row, into := make([]*string, columns), make([]any, columns)
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, e.classify(e.ctx, e.shape.c, err)
		}
		out = append(out, row)
	}
	return out, e.classify(e.ctx, e.shape.c, rows.Err())
}

// strategyText is a column as the text that strategies see: binary is hex digits.
func strategyText(c column) string {
	if c.class() == binaryClass {
		return "LOWER(HEX(" + c.of() + "))"
	}
	return c.text()
}

// keyed is a FROM of chosen rows: k has their keys and the values behind them, t the table.
func (e *eraser) keyed(rows [][]*string, columns []string) (string, error) {
	names := slices.Concat(e.shape.c.Key, columns)
	page := make([][]*string, len(rows))
	longest := make([]int, len(names))
	for n, row := range rows {
		page[n] = make([]*string, len(names))
		for i := range names {
			value := row[i]
			if i < len(e.shape.c.Key) && value != nil {
				key := *value
				if e.shape.columns[names[i]].class() == binaryClass {
					key = `\x` + key
				}
				text, ok, _ := e.codec(e.shape.columns[names[i]]).value(key)
				if !ok {
					return "", fault.Newf(contract.ErrInternal, "%s: a key that was read is none", e.shape.c.ID())
				}
				value = &text
			}
			page[n][i] = value
			if value != nil {
				longest[i] = max(longest[i], len([]rune(*value)))
			}
		}
	}
	text, err := json.Marshal(page)
	if err != nil {
		return "", err
	}
	h := e.reserve(string(text))
	if err := e.keep(e.ctx, h); err != nil {
		return "", e.classify(e.ctx, e.shape.c, err)
	}
	var defs, on []string
	for i, name := range names {
		kind := "LONGTEXT CHARACTER SET utf8mb4"
		if i < len(e.shape.c.Key) {
			x := e.codec(e.shape.columns[name])
			if kind = x.table; strings.Contains(kind, "%d") {
				kind = fmt.Sprintf(kind, max(longest[i], 1))
			}
			column := "k.c" + strconv.Itoa(i)
			on = append(on, x.seek(column))
			if exact := x.exact(column); exact != x.seek(column) {
				on = append(on, exact)
			}
		}
		defs = append(defs, fmt.Sprintf("c%d %s PATH '$[%d]'", i, kind, i))
	}
	return "JSON_TABLE(" + h.name + ", '$[*]' COLUMNS (" + strings.Join(defs, ", ") + ")) AS k STRAIGHT_JOIN " + quoted(e.shape.c) + " AS t ON " + strings.Join(on, " AND "), nil
}

// exec runs a statement that writes and gives the number of rows.
func (e *eraser) exec(statement string) (int64, error) {
	if err := e.keep(e.ctx, e.late...); err != nil {
		return 0, e.classify(e.ctx, e.shape.c, err)
	}
	e.late = nil
	result, err := e.conn.ExecContext(e.ctx, e.note+statement)
	if err != nil {
		return 0, e.refused(e.ctx, e.shape.c, err)
	}
	return result.RowsAffected()
}

func (e *eraser) deleteThese(rows [][]*string, more string) (int64, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	from, err := e.keyed(rows, nil)
	if err != nil {
		return 0, err
	}
	if more != "" {
		more = " WHERE " + more
	}
	return e.exec("DELETE t FROM " + from + more)
}

func (e *eraser) set(rows [][]*string, assignment string) (int64, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	from, err := e.keyed(rows, nil)
	if err != nil {
		return 0, err
	}
	return e.exec("UPDATE " + from + " SET " + assignment)
}

// assign writes values into columns of rows.
func (e *eraser) assign(rows [][]*string, columns []string) (int64, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	from, err := e.keyed(rows, columns)
	if err != nil {
		return 0, err
	}
	sets := make([]string, len(columns))
	for i, name := range columns {
		col, value := e.shape.columns[name], "k.c"+strconv.Itoa(len(e.shape.c.Key)+i)
		switch col.class() {
		case binaryClass:
			value = "UNHEX(" + value + ")"
		case bitClass:
			value = "CAST(" + value + " AS UNSIGNED)"
		}
		sets[i] = col.of() + " = " + value
	}
	return e.exec("UPDATE " + from + " SET " + strings.Join(sets, ", "))
}
