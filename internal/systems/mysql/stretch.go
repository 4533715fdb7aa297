package mysql

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// DuePage gives a page of due rows behind the cursor.
func (d *driver) DuePage(ctx context.Context, due systems.Due, after systems.Cursor, limit int) (systems.Page, error) {
	var out systems.Page
	err := d.within(ctx, askTimeout, func(s *session) error {
		q, err := s.query(ctx, due.Rows)
		if err != nil || q.empty() {
			return err
		}
		walked, err := q.walked(due.By)
		if err != nil {
			return err
		}
		var list, order, more []string
		for i, col := range walked {
			list, order = append(list, col.text()+" AS w"+strconv.Itoa(i)), append(order, q.ordered(col))
		}
		if after != nil {
			behind, err := q.beyond(walked, after, ">")
			if err != nil {
				return err
			}
			more = append(more, behind)
		}
		statement := q.rows(strings.Join(list, ", "), more...) + " ORDER BY " + strings.Join(order, ", ") + " LIMIT " + strconv.Itoa(limit)
		lead := len(walked) - len(q.shape.c.Key)
		return q.pages(ctx, statement, len(list), systems.PageSize, func(page [][]string) error {
			for _, row := range page {
				out.Last = row
				out.Keys = append(out.Keys, slices.Clone(row[lead:]))
			}
			return nil
		})
	})
	return out, err
}

// DueSpan says how far a page of due rows goes. The keys come here for their digest: the server's own ways to
// put texts together are cut short without a word.
func (d *driver) DueSpan(ctx context.Context, due systems.Due, after systems.Cursor, limit int) (systems.Span, error) {
	page, err := d.DuePage(ctx, due, after, limit)
	return systems.Span{Rows: int64(len(page.Keys)), Last: page.Last, Digest: systems.DigestKeys(page.Keys)}, err
}

// stretch are the conditions that t lies in a part of a walk.
func (q *query) stretch(of systems.Stretch) ([]string, error) {
	walked, err := q.walked(of.By)
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
		part, err := q.beyond(walked, end.cursor, end.than)
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
		x := q.codec(walked[i])
		text, ok, _ := x.value(cursor[i])
		if !ok {
			return "", fault.Newf(contract.ErrInternal, "%s: a cursor that was read is none", q.shape.c.ID())
		}
		left, v := q.ordered(walked[i]), x.cast(q.arg(text))
		if i == len(walked)-1 {
			out = left + " " + than + " " + v
			continue
		}
		out = fmt.Sprintf("%s %s= %s AND (%s %s %s OR (%s))", left, strict, v, left, strict, v, out)
	}
	return "(" + out + ")", nil
}

// deleteStretch deletes the due rows of a part of a walk: in one statement, unless somebody might refer to
// them. Then they are chosen and locked first, in pages, and it is looked again who refers to them.
func (e *eraser) deleteStretch() (systems.Applied, error) {
	self, err := e.selfKeys()
	if err != nil {
		return systems.Applied{}, err
	}
	if len(e.alone)+len(self) == 0 {
		n, err := e.exec("DELETE t FROM " + e.branch(0, nil))
		return systems.Applied{Rows: n, Deleted: n}, err
	}
	e.batch = systems.PageSize
	var done systems.Applied
	for {
		did, err := e.delete()
		done.Rows, done.Deleted = done.Rows+did.Rows, done.Deleted+did.Deleted
		if err != nil || did.Rows == 0 {
			return done, err
		}
	}
}

// Others counts the sessions of other people that are at work on the server. The status says of every session
// that it runs; only its own is ours, between two batches.
func (d *driver) Others(ctx context.Context) (int, error) {
	var n int
	err := d.within(ctx, askTimeout, func(s *session) error {
		var name, running string
		if err := s.conn.QueryRowContext(ctx, s.note+"SHOW GLOBAL STATUS LIKE 'Threads_running'").Scan(&name, &running); err != nil {
			return s.classify(ctx, nil, err)
		}
		all, err := strconv.Atoi(running)
		n = max(0, all-1)
		return err
	})
	return n, err
}
