package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/lib/pq" // reads the systems on PostgreSQL
)

// Row is a row as text: NULL is nil.
type Row map[string]*string

// text is the value of a column, "" for NULL.
func (r Row) text(column string) string {
	if v := r[column]; v != nil {
		return *v
	}
	return ""
}

// is says whether two rows are the same in every column.
func (r Row) is(other Row) bool { return r.differs(other) == "" }

// differs names a column in which two rows differ; "" is none.
func (r Row) differs(other Row) string {
	if len(r) != len(other) {
		return "the columns"
	}
	for column, v := range r {
		w, there := other[column]
		if !there || (v == nil) != (w == nil) || v != nil && *v != *w {
			return column
		}
	}
	return ""
}

// Rows are all rows by collection and key (its columns with "/" between them).
type Rows map[string]map[string]Row

// Count is how many there are.
func (r Rows) Count() (n int) {
	for _, rows := range r {
		n += len(rows)
	}
	return n
}

// Snapshot reads every row of every collection of the map in mapDir; systems are addresses by name.
func Snapshot(ctx context.Context, mapDir string, systems map[string]string) (Rows, error) {
	collections, err := readMap(mapDir)
	if err != nil {
		return nil, err
	}
	dbs := map[string]*sql.DB{}
	defer func() {
		for _, db := range dbs {
			_ = db.Close()
		}
	}()
	all := Rows{}
	for id, c := range collections {
		address, ok := systems[c.system]
		if !ok {
			return nil, fmt.Errorf("no address is known of the system %s", c.system)
		}
		if dbs[c.system] == nil {
			if dbs[c.system], err = open(address); err != nil {
				return nil, err
			}
		}
		if all[id], err = readRows(ctx, dbs[c.system], c, strings.HasPrefix(address, "mysql://")); err != nil {
			return nil, fmt.Errorf("reading %s: %w", id, err)
		}
	}
	return all, nil
}

func open(address string) (*sql.DB, error) {
	if !strings.HasPrefix(address, "mysql://") {
		return sql.Open("postgres", address)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("an address is no URL")
	}
	c := mysql.NewConfig()
	c.Net, c.Addr, c.DBName, c.User = "tcp", u.Host, strings.TrimPrefix(u.Path, "/"), u.User.Username()
	c.Passwd, _ = u.User.Password()
	c.Params = map[string]string{"time_zone": "'+00:00'"}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("an address of MariaDB cannot be used")
	}
	return sql.OpenDB(connector), nil
}

func readRows(ctx context.Context, db *sql.DB, c *collection, mariadb bool) (map[string]Row, error) {
	quoted := `"` + strings.ReplaceAll(c.Table, ".", `"."`) + `"`
	query := "SELECT row_to_json(t)::text FROM " + quoted + " AS t"
	if mariadb {
		query = "SELECT * FROM " + strings.ReplaceAll(quoted, `"`, "`")
	}
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	out := map[string]Row{}
	for rows.Next() {
		row, err := readRow(rows, mariadb)
		if err != nil {
			return nil, err
		}
		var key []string
		for _, column := range c.Key {
			key = append(key, row.text(column))
		}
		out[strings.Join(key, "/")] = row
	}
	return out, rows.Err()
}

func readRow(rows *sql.Rows, mariadb bool) (Row, error) {
	row := Row{}
	if mariadb {
		names, err := rows.Columns()
		if err != nil {
			return nil, err
		}
		values, into := make([]*string, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		for i, name := range names {
			row[name] = values[i]
		}
		return row, nil
	}
	var raw string
	if err := rows.Scan(&raw); err != nil {
		return nil, err
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal([]byte(raw), &values); err != nil {
		return nil, err
	}
	for name, value := range values {
		text := string(value)
		if text == "null" {
			row[name] = nil
			continue
		}
		if text[0] == '"' {
			if err := json.Unmarshal(value, &text); err != nil {
				return nil, err
			}
		}
		row[name] = &text
	}
	return row, nil
}

// moment reads a time as either database writes it.
func moment(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999", "2006-01-02 15:04:05.999999", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
