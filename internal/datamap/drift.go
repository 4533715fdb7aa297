package datamap

import (
	"fmt"
	"slices"
	"strings"
)

// Kinds of difference between the map and a catalog.
const (
	DriftUnmapped = "unmapped-table" // no file mentions it
	DriftIgnored  = "ignored-table"  // waved off, but not there
	DriftKind     = "wrong-kind"     // the column cannot be used as the map says
	DriftAdvice   = "advice"         // it works, but slowly or not for every value
	DriftNoWrite  = "read-only"      // reading is all that the account may do
)

// Difference is one thing in which a map and a live schema differ. It holds names, never values.
type Difference struct {
	Kind       string
	Collection string // empty where the whole system is meant
	Column     string
	Text, Hint string
}

// Drift holds a system's file against the live schema, as far as names and types go; what only a
// driver knows (rights on columns, plans) is its Check. The tables that others map, which are
// systems in the same database, are not called unmapped. A link between two systems is judged by
// parents, which gives the column at its other end; nil where that is not known.
func Drift(s *System, cat Catalog, others []*System, parents func(c *Collection, column string) *CatalogColumn) []Difference {
	d := drift{system: s, cat: cat, parents: parents}
	d.tables(others)
	for _, c := range s.Collections {
		if t := cat.Table(c.Schema, c.Table); t != nil {
			d.links(c, t)
			d.directory(c, t)
		}
	}
	d.writable()
	return d.found
}

type drift struct {
	system  *System
	cat     Catalog
	parents func(*Collection, string) *CatalogColumn
	found   []Difference
}

func (d *drift) add(kind, collection, column, text, hint string) {
	where := d.system.Name
	if collection != "" {
		where += "." + collection
	}
	d.found = append(d.found, Difference{Kind: kind, Collection: collection, Column: column, Text: where + ": " + text, Hint: hint})
}

// tables lists what no file mentions. A view shows rows that stand elsewhere, so it may be left out.
func (d *drift) tables(others []*System) {
	type name struct{ schema, table string }
	mapped, ignored := map[name]bool{}, map[name]bool{}
	for _, s := range append([]*System{d.system}, others...) {
		for _, c := range s.Collections {
			mapped[name{c.Schema, c.Table}] = true
		}
		for _, t := range s.Ignored {
			ignored[name{t.Schema, t.Table}] = true
		}
	}
	for i := range d.cat.Tables {
		t := &d.cat.Tables[i]
		at := name{t.Schema, t.Name}
		if t.Kind != TableView && !mapped[at] && !ignored[at] {
			d.add(DriftUnmapped, "", "", "no file mentions the "+t.Kind+" "+t.Ref(),
				"map it, or wave it off under ignore_tables with a reason")
		}
	}
	for _, t := range d.system.Ignored {
		if d.cat.Table(t.Schema, t.Table) == nil {
			d.add(DriftIgnored, "", "", "ignore_tables names "+TableRef(t.Schema, t.Table)+", which is not there", "take the line away")
		}
	}
}

// links judges types and indexes.
func (d *drift) links(c *Collection, t *CatalogTable) {
	for _, l := range c.Links {
		for i, column := range l.Columns {
			child := t.Column(column)
			if l.Expr != nil || child == nil || i >= len(l.ToColumns) {
				continue
			}
			parent := d.parents(l.To, l.ToColumns[i])
			if parent == nil {
				continue
			}
			what := fmt.Sprintf("column %s of %s is %s, but %s of %s, which it leads to, is %s",
				column, t.Ref(), child.Type, l.ToColumns[i], l.To.ID(), parent.Type)
			switch {
			case alike(child.Class, parent.Class) || child.Class == ClassText || child.Class == parent.Class && child.Class != ClassOther:
			case parent.Class == ClassText:
				d.add(DriftAdvice, c.Name, column, what+": a value that does not fit would stop a case", "")
			default:
				d.add(DriftKind, c.Name, column, what+": they can never be equal", "correct the link")
			}
		}
		if l.Expr == nil && len(l.Columns) > 0 && t.Kind == TablePlain && !d.indexed(t, l.Columns) {
			d.add(DriftAdvice, c.Name, strings.Join(l.Columns, ", "),
				"no index begins with "+strings.Join(l.Columns, " or ")+" of "+t.Ref()+", by which it is searched", "make one")
		}
	}
}

// indexed reports whether an index can serve a search by the columns. A driver's own advice knows
// more of tables that are large.
func (d *drift) indexed(t *CatalogTable, columns []string) bool {
	return slices.ContainsFunc(t.Indexes, func(index []string) bool { return slices.Contains(columns, index[0]) })
}

func (d *drift) directory(c *Collection, t *CatalogTable) {
	if c.Directory == nil {
		return
	}
	for _, ch := range c.Directory.Channels {
		if col := t.Column(ch.Since); col != nil && col.Class != ClassTime {
			d.add(DriftKind, c.Name, ch.Since, "column "+ch.Since+" of "+t.Ref()+" says since when a channel stands, but it is "+col.Type, "name a column with a time")
		}
		if col := t.Column(ch.Column); col != nil && col.Class != ClassText && col.Class != ClassNumber {
			d.add(DriftKind, c.Name, ch.Column, "column "+ch.Column+" of "+t.Ref()+" is "+col.Type+", which is no "+ch.Kind, "name the column with the address")
		}
	}
	if col := t.Column(c.Directory.Language); col != nil && col.Class != ClassText {
		d.add(DriftKind, c.Name, c.Directory.Language, "column "+c.Directory.Language+" of "+t.Ref()+" is "+col.Type+", which is no language", "name a column with zh or en")
	}
}

// writable says once for the system what the account may not do beside reading: nothing is wrong
// with that until somebody asks for a correction or a deletion.
func (d *drift) writable() {
	var update, remove []string
	for _, c := range d.system.Collections {
		if t := d.cat.Table(c.Schema, c.Table); t != nil && t.Kind != TableView {
			if !t.Update {
				update = append(update, t.Ref())
			}
			if !t.Delete {
				remove = append(remove, t.Ref())
			}
		}
	}
	for _, lacks := range []struct {
		right  string
		tables []string
	}{{"update", update}, {"delete from", remove}} {
		if n := len(lacks.tables); n > 0 {
			shown := lacks.tables[:min(n, 3)]
			more := ""
			if n > len(shown) {
				more = fmt.Sprintf(" and %d more", n-len(shown))
			}
			d.add(DriftNoWrite, "", "", "the account may not "+lacks.right+" "+strings.Join(shown, ", ")+more,
				"access cases only read; deletion and correction will need it")
		}
	}
}
