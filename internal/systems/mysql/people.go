package mysql

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// People yields the selected rows of a directory.
func (d *driver) People(ctx context.Context, sel systems.Selection, more []string, page int, yield func([]systems.Row) error) error {
	c := sel.Collection
	if c.Directory == nil {
		return fault.Newf(contract.ErrInternal, "%s is not a directory", c.ID())
	}
	return d.within(ctx, streamTimeout, func(s *session) error {
		q, err := s.query(ctx, sel)
		if err != nil || q.empty() {
			return err
		}
		names := systems.RowColumns(c)
		if len(more) > 0 {
			if _, err := q.columns(more, 0); err != nil {
				return err
			}
			names = slices.Compact(slices.Sorted(slices.Values(slices.Concat(names, more))))
		}
		list := make([]string, len(names))
		for i, name := range names {
			list[i] = q.rowText(name) + " AS c" + strconv.Itoa(i)
		}
		rows, err := q.run(ctx, q.rows(strings.Join(list, ", ")))
		if err != nil {
			return err
		}
		defer rows.Close()
		var some []systems.Row
		for rows.Next() {
			values, into := make([]sql.NullString, len(names)), make([]any, len(names))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				return q.classify(ctx, c, err)
			}
			row := systems.Row{}
			for i, v := range values {
				if v.Valid {
					row[names[i]] = v.String
				}
			}
			if some = append(some, row); len(some) >= max(page, 1) {
				if err := yield(some); err != nil {
					return err
				}
				some = nil
			}
		}
		if err := rows.Err(); err != nil {
			return q.classify(ctx, c, err)
		}
		if len(some) > 0 {
			return yield(some)
		}
		return nil
	})
}
