package mysql

import (
	"context"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// largeTable is from what size a search without an index is worth a word.
const largeTable = 1 << 20

// Check holds the collections against the live schema.
func (d *driver) Check(ctx context.Context, collections []*datamap.Collection) ([]systems.Finding, error) {
	var all []systems.Finding
	err := d.within(ctx, askTimeout, func(s *session) error {
		for _, c := range collections {
			sh, findings, err := s.describe(ctx, c)
			if err != nil {
				return err
			}
			report := reporter{c: c, found: findings}
			if sh != nil {
				sh.followed(&report, collections)
				sh.snapshot(&report)
				if systems.Mismatch(report.found) == nil && sh.bytes >= largeTable {
					sh.advise(&report)
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
				case !exists && !slices.Contains(systems.Needed(sh.c), name):
					report.add(systems.MissingColumn, name, report.table()+" has no column "+name, "")
				case exists && !live.linkable():
					report.add(systems.WrongKind, name,
						"column "+name+" of "+report.table()+" is "+live.Type+", which cannot be followed as a link", "")
				}
			}
		}
	}
}

// transactional are the engines that give a snapshot.
var transactional = []string{"InnoDB", "ROCKSDB", "TokuDB", ""}

// snapshot says so where the table's engine has none. It is read all the same.
func (sh *shape) snapshot(report *reporter) {
	if sh.view || slices.Contains(transactional, sh.engine) {
		return
	}
	report.add(systems.Advice, "", report.table()+" is kept by "+sh.engine+", which has no snapshots: rows that change while they are read may come as they were or as they are",
		"ALTER TABLE "+quoted(sh.c)+" ENGINE = InnoDB;")
}

// advise says which ways into a large table have no index.
func (sh *shape) advise(report *reporter) {
	if sh.view {
		return // a view has no indexes of its own
	}
	for _, m := range sh.c.Match {
		live := sh.columns[m.Column]
		switch {
		case !sh.sargable(live, m.Identity):
			report.add(systems.Advice, m.Column, "a search by "+m.Column+" reads all of "+report.table()+
				": no index can serve it, as the values are compared after the normaliser", "")
		case !slices.Contains(sh.first, m.Column):
			sh.noIndex(report, []string{m.Column})
		}
	}
	for _, l := range sh.c.Links {
		switch {
		case l.Expr != nil:
			report.add(systems.Advice, l.Columns[0], "a search by a part of "+l.Columns[0]+" reads all of "+report.table()+": no index can serve it", "")
		case !sh.indexed(l.Columns):
			sh.noIndex(report, l.Columns)
		}
	}
}

func (sh *shape) noIndex(report *reporter, columns []string) {
	names := make([]string, len(columns))
	for i, name := range columns {
		names[i] = quote(name)
	}
	report.add(systems.Advice, strings.Join(columns, ", "), "a search by "+strings.Join(columns, ", ")+" reads all of "+report.table(),
		"ALTER TABLE "+quoted(sh.c)+" ADD INDEX ("+strings.Join(names, ", ")+");")
}

// indexed reports whether an index begins with one of the columns.
func (sh *shape) indexed(columns []string) bool {
	return slices.ContainsFunc(sh.first, func(name string) bool { return slices.Contains(columns, name) })
}
