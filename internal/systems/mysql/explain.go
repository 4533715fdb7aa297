package mysql

import (
	"context"
	"database/sql"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Explain shows the statement, and asks the planner with what stands for the values. Keys are
// taken as they are: what stands for one need not be of its column's type, as nothing is run.
func (d *driver) Explain(ctx context.Context, sel systems.Selection, plan bool) (systems.Explained, error) {
	var out systems.Explained
	err := d.within(ctx, inspectTimeout, func(s *session) error {
		s.asked = &out.Values
		q, err := s.query(ctx, sel)
		if err != nil {
			return err
		}
		if q.empty() {
			return fault.Newf(contract.ErrInternal, "%s: nothing selects its rows", sel.Collection.ID())
		}
		list := make([]string, len(sel.Collection.Key))
		for i, name := range sel.Collection.Key {
			list[i] = "t." + quote(name)
		}
		out.Statement = q.rows(strings.Join(list, ", "))
		if !plan {
			return nil
		}
		rows, err := q.run(ctx, "EXPLAIN "+out.Statement)
		if err != nil {
			return err
		}
		defer rows.Close()
		out.Plan, err = planText(rows)
		return q.classify(ctx, sel.Collection, err)
	})
	return out, err
}

// planText is a plan as lines of "name=value", without what is empty.
func planText(rows *sql.Rows) (string, error) {
	names, err := rows.Columns()
	if err != nil {
		return "", err
	}
	var lines []string
	for rows.Next() {
		values, into := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return "", err
		}
		var parts []string
		for i, v := range values {
			if v.Valid && v.String != "" {
				parts = append(parts, names[i]+"="+v.String)
			}
		}
		lines = append(lines, strings.Join(parts, " "))
	}
	return strings.Join(lines, "\n"), rows.Err()
}
