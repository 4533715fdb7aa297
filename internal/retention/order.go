package retention

import (
	"slices"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Referrers are the tables whose rows refer to rows of a collection: by foreign keys, those of the live
// schema and what else the driver knows of, mapped or not, and by the links of the map within the
// system. A row goes when none does.
func Referrers(cat datamap.Catalog, c *datamap.Collection, foreign ...systems.Referrer) []systems.Referrer {
	var list []systems.Referrer
	add := func(r systems.Referrer) {
		same := func(o systems.Referrer) bool {
			return o.Table == r.Table && slices.Equal(o.From, r.From) && slices.Equal(o.Columns, r.Columns)
		}
		if !slices.ContainsFunc(list, same) {
			list = append(list, r)
		}
	}
	for _, r := range foreign {
		add(r)
	}
	for i := range cat.Tables {
		t := &cat.Tables[i]
		for _, l := range t.Links {
			if l.Schema == c.Schema && l.Table == c.Table {
				add(systems.Referrer{Table: systems.Table{Schema: t.Schema, Name: t.Name}, From: l.Columns, Columns: l.ToColumns})
			}
		}
	}
	for _, child := range c.System.Collections {
		t, own := cat.Table(child.Schema, child.Table), cat.Table(c.Schema, c.Table)
		for _, l := range child.Links {
			if l.To != c || l.Expr != nil || t == nil || own == nil || t.Kind == datamap.TableView {
				continue
			}
			r := systems.Referrer{Table: systems.Table{Schema: t.Schema, Name: t.Name}, From: l.Columns, Columns: l.ToColumns}
			for i, name := range l.Columns {
				from, to := t.Column(name), own.Column(l.ToColumns[i])
				r.Text = r.Text || (from != nil && to != nil && from.Class != to.Class)
			}
			add(r)
		}
	}
	return list
}

// Unread are the referrers that the account may not read, so that nothing can be said of them.
func Unread(cat datamap.Catalog, list []systems.Referrer) error {
	for _, r := range list {
		if t := cat.Table(r.Table.Schema, r.Table.Name); t != nil && !t.Read { // of others the query itself says so
			return fault.Newf(contract.ErrMapMismatch, "rows of %s refer to rows whose time is up, and the account may not read them", datamap.TableRef(r.Table.Schema, r.Table.Name)).
				WithHint("grant SELECT on it")
		}
	}
	return nil
}

// Order puts the rules in the order in which they run: children before parents, and otherwise as they
// stand in the map. Tables that refer to each other in a circle keep the order of the map: what is
// referred to stays, and goes in a later run.
func Order(rules []Rule, cat datamap.Catalog) []Rule {
	var edges []systems.Edge
	for to, parent := range rules {
		for _, r := range Referrers(cat, parent.Collection) {
			for from, child := range rules {
				if child.Collection != parent.Collection && child.Collection.Schema == r.Table.Schema && child.Collection.Table == r.Table.Name {
					edges = append(edges, systems.Edge{From: from, To: to, Columns: r.From})
				}
			}
		}
	}
	order, _, _ := systems.Sort(len(rules), edges)
	out := make([]Rule, len(rules))
	for i, n := range order {
		out[i] = rules[n]
	}
	return out
}
