package mysql

import (
	"bufio"
	"context"
	"database/sql"
	"io"
	"strings"

	"github.com/habeas-dsr/habeas/internal/systems"
)

// bufferSize is what is gathered before the writer behind sees it.
const bufferSize = 256 << 10

// Stream writes the selection as JSON and as CSV from one reading.
func (d *driver) Stream(ctx context.Context, sel systems.Selection, json, csv io.Writer) (int64, error) {
	var rows int64
	err := d.within(ctx, streamTimeout, func(s *session) error {
		q, err := s.query(ctx, sel)
		if err != nil {
			return err
		}
		cells, err := q.shape.cells()
		if err != nil {
			return err
		}
		out := newSheet(cells, json, csv)
		if !q.empty() {
			if err := q.pump(ctx, out); err != nil {
				return err
			}
		}
		rows = out.rows
		return out.end()
	})
	if err != nil {
		return 0, err
	}
	return rows, nil
}

// pump moves the rows. Memory does not depend on their number: the driver reads them from the
// socket as they are asked for, and a value is not copied before it is written.
func (q *query) pump(ctx context.Context, out *sheet) error {
	list := make([]string, len(out.cells))
	for i, x := range out.cells {
		list[i] = x.sql
	}
	rows, err := q.run(ctx, q.rows(strings.Join(list, ", ")))
	if err != nil {
		return err
	}
	defer rows.Close()
	values, into := make([]sql.RawBytes, len(list)), make([]any, len(list))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return q.classify(ctx, q.shape.c, err)
		}
		if err := out.row(values); err != nil {
			return err
		}
	}
	return q.classify(ctx, q.shape.c, rows.Err())
}

// sheet writes rows in both formats.
type sheet struct {
	cells     []cell
	keys      [][]byte // of each cell in JSON, with what stands before it
	json, csv *bufio.Writer
	line      []byte
	rows      int64
}

func newSheet(cells []cell, json, csv io.Writer) *sheet {
	out := &sheet{cells: cells, json: bufio.NewWriterSize(json, bufferSize), csv: bufio.NewWriterSize(csv, bufferSize)}
	names := make([]string, len(cells))
	for i, x := range cells {
		before := byte(',')
		if i == 0 {
			before = '{'
		}
		out.keys = append(out.keys, append(appendString([]byte{before}, []byte(x.name)), ':'))
		names[i] = x.name
		if strings.ContainsAny(x.name, "\",\r\n") {
			names[i] = `"` + strings.ReplaceAll(x.name, `"`, `""`) + `"`
		}
	}
	out.json.WriteString("[\n")
	out.csv.WriteString("\ufeff" + strings.Join(names, ",") + "\r\n")
	return out
}

func (o *sheet) row(values []sql.RawBytes) error {
	o.line = o.line[:0]
	if o.rows > 0 {
		o.line = append(o.line, ",\n"...)
	}
	for i, x := range o.cells {
		o.line = x.appendJSON(append(o.line, o.keys[i]...), values[i])
	}
	if _, err := o.json.Write(append(o.line, '}')); err != nil {
		return err
	}
	o.line = o.line[:0]
	for i, x := range o.cells {
		if i > 0 {
			o.line = append(o.line, ',')
		}
		o.line = x.appendCSV(o.line, values[i])
	}
	o.rows++
	_, err := o.csv.Write(append(o.line, "\r\n"...))
	return err
}

func (o *sheet) end() error {
	if o.rows > 0 {
		o.json.WriteString("\n")
	}
	o.json.WriteString("]\n")
	if err := o.json.Flush(); err != nil { // the first failed write stays in the writer
		return err
	}
	return o.csv.Flush()
}
