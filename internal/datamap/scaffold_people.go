package datamap

import (
	"slices"
	"strings"
)

// chooseDirectory takes the table that looks most like the one in which people are kept.
func (d *drafts) chooseDirectory() {
	best, most := (*draft)(nil), -100
	for _, t := range d.all {
		score := 2*len(t.identities(true)) + min(t.incomes, 4) - min(len(t.links), 3)
		if namesOneOf(t.table.Name, customerWords) {
			score += 3
			if len(wordsOf(t.table.Name)) == 1 {
				score++ // customers, before customer_contacts
			}
		}
		if t.staff {
			score -= 20
		}
		if score > most {
			best, most = t, score
		}
	}
	d.directory = best
	best.in = true
}

// identities are the matches that the columns suggest, in the order of the columns.
func (t *draft) identities(account bool) []draftMatch {
	var found []draftMatch
	for _, col := range t.table.Columns {
		g := t.guesses[col.Name]
		if g.identity != "" && !g.third && (account || g.identity != IdentityAccount) {
			found = append(found, draftMatch{column: col.Name, identity: g.identity, why: g.why})
		}
	}
	return found
}

// own takes in what hangs on the directory, level by level.
func (d *drafts) own() {
	for grown, level := true, 1; grown; level++ {
		grown = false
		var next []*draft
		for _, t := range d.all {
			if !t.in && slices.ContainsFunc(t.links, func(l *draftLink) bool { return l.to.in && l.to != t }) {
				next = append(next, t)
			}
		}
		for _, t := range next {
			t.in, t.level, grown = true, level, true
			if !slices.ContainsFunc(t.links, func(l *draftLink) bool { return l.to.in && l.to.level < level && !l.byName }) {
				t.whole = "only a name leads from here to " + d.directory.table.Ref()
			}
		}
	}
	for _, t := range d.all {
		for _, l := range t.links {
			if !t.in || !l.to.in {
				continue
			}
			switch {
			case t == d.directory || l.to == t:
				t.notes = append(t.notes, "not followed: "+l.String()+", which would bring in other people's rows")
			case l.to.level > t.level || reaches(l.to, t):
				t.notes = append(t.notes, "not followed: "+l.String()+", which would lead back here")
			default:
				t.kept = append(t.kept, l)
			}
		}
	}
}

// reaches reports whether kept links lead from one table to the other.
func reaches(from, to *draft) bool {
	return from == to || slices.ContainsFunc(from.kept, func(l *draftLink) bool { return l.to != from && reaches(l.to, to) })
}

// adopt takes in the tables that nothing leads to but that hold people by their own columns.
func (d *drafts) adopt() {
	for _, t := range d.all {
		if !t.in && len(t.identities(false)) > 0 {
			t.in, t.whole = true, "no link leads from here to "+d.directory.table.Ref()+", but its columns look like a person's"
		}
	}
}

// refer takes in what the rows of a person point at and what looks personal: an address kept in a
// table of its own. Such rows may be shared.
func (d *drafts) refer() {
	for _, owner := range slices.Clone(d.all) {
		if !owner.in || owner.whole != "" {
			continue
		}
		for _, l := range owner.links {
			switch {
			case l.to.in && (l.to.staff || l.to.whole != "") && !slices.Contains(owner.kept, l) && !slices.ContainsFunc(l.to.kept, func(k *draftLink) bool { return k.refers }):
				owner.notes = append(owner.notes, "not followed: "+l.String()+", who seem to be other people")
				continue
			case l.to == owner || l.to.staff || l.byName || (l.to.in && l.to.whole == "") || !l.to.personal():
				continue
			}
			l.to.in, l.to.level = true, owner.level+1
			l.to.whole = "rows of " + owner.table.Ref() + " point here, and its columns look personal"
			l.to.kept = append(l.to.kept, &draftLink{columns: l.toColumns, to: owner, toColumns: l.columns, refers: true,
				why: "several people may share a row"})
		}
	}
}

// personal reports whether the columns look like those of people rather than of things or firms.
func (t *draft) personal() bool {
	found := false
	for _, g := range t.guesses {
		if g.category == "user.professional_information.workplace" && !namesOneOf(t.table.Name, customerWords) {
			return false
		}
		for _, family := range []string{"user.contact", "user.name", "user.government_id", "user.financial"} {
			found = found || g.category == family || strings.HasPrefix(g.category, family+".")
		}
	}
	return found && len(t.table.Columns) > 3
}
