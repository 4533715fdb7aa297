package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// largeTable is from what size a search without an index is worth a word.
const largeTable = 1 << 20

// Check holds the collections against the live schema.
func (d *driver) Check(ctx context.Context, collections []*datamap.Collection) ([]systems.Finding, error) {
	var all []systems.Finding
	err := d.within(ctx, askTimeout, func(s *session) error {
		// So the planner shows whether an index could serve, whatever the table's statistics.
		if _, err := s.tx.ExecContext(ctx, "SELECT set_config('enable_seqscan', 'off', true)"); err != nil {
			return s.classify(ctx, nil, err)
		}
		for _, c := range collections {
			sh, findings, err := s.describe(ctx, c)
			if err != nil {
				return err
			}
			report := reporter{c: c, found: findings}
			if sh != nil {
				sh.followed(&report, collections)
				if systems.Mismatch(report.found) == nil && sh.bytes >= largeTable {
					if err := s.advise(ctx, sh, &report); err != nil {
						return err
					}
				}
			}
			all = append(all, report.found...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// followed checks the columns of this table that links of the given collections lead to.
func (sh *shape) followed(report *reporter, collections []*datamap.Collection) {
	var seen []string
	for _, c := range collections {
		for _, l := range c.Links {
			if l.To != sh.c {
				continue
			}
			for _, name := range l.ToColumns {
				if slices.Contains(seen, name) {
					continue
				}
				seen = append(seen, name)
				live, exists := sh.columns[name]
				switch {
				case !exists && !slices.Contains(needed(sh.c), name):
					report.add(systems.MissingColumn, name, report.table()+" has no column "+name, "")
				case exists && !live.linkable():
					report.add(systems.WrongKind, name,
						"column "+name+" of "+report.table()+" is "+live.Type+", which cannot be followed as a link", "")
				}
			}
		}
	}
}

// advise asks the planner whether each way into a large table has an index.
func (s *session) advise(ctx context.Context, sh *shape, report *reporter) error {
	if !slices.Contains([]string{"r", "p", "m"}, sh.kind) {
		return nil // a view or a foreign table has no indexes of its own
	}
	for _, m := range sh.c.Match {
		name := pq.QuoteIdentifier(m.Column)
		condition := s.sameSQL(m.Identity, "t."+name+"::text") + " = 'x'"
		err := s.adviseOne(ctx, sh, report, []string{m.Column}, condition, "("+s.sameSQL(m.Identity, name+"::text")+")")
		if err != nil {
			return err
		}
	}
	for _, l := range sh.c.Links {
		if l.Expr != nil {
			if err := s.adviseExpr(ctx, sh, report, l); err != nil {
				return err
			}
			continue
		}
		var conditions, names []string
		for _, column := range l.Columns {
			name := pq.QuoteIdentifier(column)
			names = append(names, name)
			conditions = append(conditions, "t."+name+" = (SELECT "+name+" FROM "+quoted(sh.c)+" LIMIT 1)")
		}
		err := s.adviseOne(ctx, sh, report, l.Columns, strings.Join(conditions, " AND "), strings.Join(names, ", "))
		if err != nil {
			return err
		}
	}
	return nil
}

// adviseExpr is advise for a link by a part of a column. The elements of a JSON list have no
// index that would serve.
func (s *session) adviseExpr(ctx context.Context, sh *shape, report *reporter, l *datamap.Link) error {
	name := pq.QuoteIdentifier(l.Columns[0])
	if l.Expr.ArrayElement {
		if sh.columns[l.Columns[0]].Category != "A" {
			return nil
		}
		return s.adviseUsing(ctx, sh, report, l.Columns, "t."+name+" && (SELECT "+name+" FROM "+quoted(sh.c)+" LIMIT 1)", "USING gin ("+name+")")
	}
	return s.adviseOne(ctx, sh, report, l.Columns, partSQL(l.Expr, "t."+name)+" = 'x'", "("+partSQL(l.Expr, name)+")")
}

func (s *session) adviseOne(ctx context.Context, sh *shape, report *reporter, columns []string, condition, index string) error {
	return s.adviseUsing(ctx, sh, report, columns, condition, "("+index+")")
}

func (s *session) adviseUsing(ctx context.Context, sh *shape, report *reporter, columns []string, condition, index string) error {
	var plan string
	err := s.tx.GetContext(ctx, &plan, "EXPLAIN (FORMAT JSON) SELECT 1 FROM "+quoted(sh.c)+" AS t WHERE "+condition)
	if err != nil {
		return s.classify(ctx, sh.c, err)
	}
	if strings.Contains(plan, `"Index Cond"`) {
		return nil
	}
	report.add(systems.Advice, strings.Join(columns, ", "),
		"a search by "+strings.Join(columns, ", ")+" reads all of "+report.table(),
		"CREATE INDEX CONCURRENTLY ON "+quoted(sh.c)+" "+index+";")
	return nil
}
