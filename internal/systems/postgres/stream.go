package postgres

import (
	"bufio"
	"context"
	"database/sql"
	"io"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// bufferSize is what is gathered before the writer behind sees it.
const bufferSize = 256 << 10

// frame is what stands round the rows of a format.
type frame struct{ start, between, end, last string }

var (
	jsonFrame = frame{start: "[\n", between: ",\n", end: "\n", last: "]\n"}
	csvFrame  = frame{between: "\r\n", end: "\r\n"}
)

// Stream writes the selection as JSON and as CSV, one statement each, from one snapshot.
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
		if rows, err = q.pass(ctx, q.jsonStatement(cells), jsonFrame, json); err != nil {
			return err
		}
		heading := csvFrame
		heading.start = "\ufeff" + csvHeader(cells) + "\r\n"
		again, err := q.pass(ctx, q.csvStatement(cells), heading, csv)
		if err == nil && again != rows {
			err = fault.Newf(contract.ErrInternal, "%s: one snapshot gave %d rows, then %d", sel.Collection.ID(), rows, again)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return rows, nil
}

func (q *query) jsonStatement(cells []cell) string {
	return q.prefix() + "SELECT row_to_json(r) FROM (" + q.rows(jsonList(cells)) + ") AS r"
}

func (q *query) csvStatement(cells []cell) string { return q.prefix() + q.rows(q.csvLine(cells)) }

// pass runs a statement of one text column and moves its bytes. Memory does not depend on the
// number of rows: lib/pq reads them from the socket as they are asked for.
func (q *query) pass(ctx context.Context, statement string, f frame, to io.Writer) (int64, error) {
	w := bufio.NewWriterSize(to, bufferSize)
	w.WriteString(f.start)
	var n int64
	if !q.empty() {
		var err error
		if n, err = q.pump(ctx, statement, f.between, w); err != nil {
			return n, err
		}
	}
	if n > 0 {
		w.WriteString(f.end)
	}
	w.WriteString(f.last)
	return n, w.Flush() // the first failed write stays in w
}

func (q *query) pump(ctx context.Context, statement, between string, w *bufio.Writer) (int64, error) {
	rows, err := q.tx.QueryContext(ctx, statement, q.args...)
	if err != nil {
		return 0, q.classify(ctx, q.shape.c, err)
	}
	defer rows.Close()
	var n int64
	var raw sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&raw); err != nil {
			return n, q.classify(ctx, q.shape.c, err)
		}
		if n > 0 {
			w.WriteString(between)
		}
		if _, err := w.Write(raw); err != nil {
			return n, err
		}
		n++
	}
	return n, q.classify(ctx, q.shape.c, rows.Err())
}
