package datamap

import (
	"slices"
	"strings"
)

// findLinks gathers the ways up: the foreign keys, and, for columns without one, what a name says.
func (d *drafts) findLinks() {
	at := map[[2]string]*draft{}
	for _, t := range d.all {
		at[[2]string{t.table.Schema, t.table.Name}] = t
	}
	for _, t := range d.all {
		for _, l := range t.table.Links {
			if to := at[[2]string{l.Schema, l.Table}]; to != nil {
				t.links = append(t.links, &draftLink{columns: l.Columns, to: to, toColumns: l.ToColumns,
					why: "by its foreign key; that the row is about the same person is not certain"})
			}
		}
	}
	for _, t := range d.all {
		t.links = append(t.links, d.compositeLinks(t)...)
		for _, col := range t.table.Columns {
			if l := d.linkByName(t, col); l != nil {
				t.links = append(t.links, l)
				g := t.guesses[col.Name]
				t.guesses[col.Name] = guess{category: "user.unique_id", identity: "", third: g.third, why: "by its name it leads to another table"}
			}
		}
	}
	for _, t := range d.all {
		for _, l := range t.links {
			if l.to != t {
				l.to.incomes++
			}
		}
	}
}

// linked reports whether a link covers the column already.
func (t *draft) linked(column string) bool {
	return slices.ContainsFunc(t.links, func(l *draftLink) bool { return slices.Contains(l.columns, column) })
}

// compositeLinks finds tables whose key of several columns stands in t under the same names, and
// is not all of t's own key: lines of an order, say.
func (d *drafts) compositeLinks(t *draft) []*draftLink {
	var found []*draftLink
	for _, to := range d.all {
		key := to.table.Key
		if to == t || len(key) < 2 || len(t.table.Key) <= len(key) {
			continue
		}
		fits := !slices.ContainsFunc(key, func(name string) bool {
			col := t.table.Column(name)
			return col == nil || !alike(col.Class, to.table.Column(name).Class)
		})
		known := slices.ContainsFunc(t.links, func(l *draftLink) bool { return l.to == to })
		if fits && !known && !slices.ContainsFunc(key, t.linked) {
			found = append(found, &draftLink{columns: key, to: to, toColumns: key, byName: true,
				why: "it has the columns of that key, but there is no constraint"})
		}
	}
	return found
}

// linkByName finds the table that a column such as customer_id, CustomerId or yonghu_id is named
// after; nil when there is none or more than one.
func (d *drafts) linkByName(t *draft, col CatalogColumn) *draftLink {
	words := wordsOf(col.Name)
	if len(words) == 0 || t.linked(col.Name) {
		return nil
	}
	last := words[len(words)-1]
	stem := strings.Join(words[:len(words)-1], "")
	switch {
	case last == "id" || last == "no" || last == "code" || last == "uuid":
	case len(words) == 1 && strings.HasSuffix(last, "id") && len(last) > 4:
		stem = strings.TrimSuffix(last, "id")
	default:
		return nil
	}
	// A role may stand before it: buyer_member_id is the id of a member.
	for before := 0; stem != ""; before++ {
		if found := d.namedAfter(t, col, stem); found != nil {
			return &draftLink{columns: []string{col.Name}, to: found, toColumns: found.table.Key, byName: true,
				why: "by the column's name; there is no constraint"}
		}
		if before >= len(words)-2 {
			break
		}
		stem = strings.Join(words[before+1:len(words)-1], "")
	}
	return nil
}

// namedAfter finds the one table of that name whose key the column could hold.
func (d *drafts) namedAfter(t *draft, col CatalogColumn, stem string) *draft {
	var found *draft
	for _, to := range d.all {
		if to == t || len(to.table.Key) != 1 || !alike(col.Class, to.table.Column(to.table.Key[0]).Class) {
			continue
		}
		if singular(tableStem(to.table.Name)) == singular(stem) {
			if found != nil {
				return nil
			}
			found = to
		}
	}
	return found
}

// tableStem is a table's name as one word, without what some houses put before every name.
func tableStem(name string) string {
	words := wordsOf(name)
	for len(words) > 1 && slices.Contains([]string{"t", "tb", "tbl", "tab", "sys", "app", "dim", "ods"}, words[0]) {
		words = words[1:]
	}
	return strings.Join(words, "")
}

func singular(word string) string {
	switch {
	case strings.HasSuffix(word, "ies"):
		return strings.TrimSuffix(word, "ies") + "y"
	case strings.HasSuffix(word, "sses"), strings.HasSuffix(word, "xes"), strings.HasSuffix(word, "ches"):
		return strings.TrimSuffix(word, "es")
	case strings.HasSuffix(word, "s") && !strings.HasSuffix(word, "ss"):
		return strings.TrimSuffix(word, "s")
	}
	return word
}

// alike reports whether values of two classes can be compared as keys.
func alike(a, b string) bool {
	return a == b && (a == ClassNumber || a == ClassText || a == ClassUUID)
}
