package subject

import (
	"cmp"
	"slices"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// walk is the part of the map that can be reached from one account.
type walk struct {
	m       *datamap.Map
	acc     Account
	home    *datamap.Collection // the directory of the account
	reached map[*datamap.Collection]bool
	order   []*datamap.Collection // what is reached, by level, then in map order
	groups  []*group              // in the order in which they are visited
	of      map[*datamap.Collection]*group
	givers  []*datamap.Collection // those with a match that widens, in map order
	rounds  int
	// deep keeps to the links that a deletion goes along: those of rows that go with what they
	// refer to.
	deep bool
}

// way is one way in which rows of a collection are found from rows of another (or its own).
type way struct {
	link *datamap.Link
	// from is where the keys come from, and have which of its columns hold them.
	from *datamap.Collection
	have []string
	// want are the columns of the collection itself that hold them.
	want []string
	up   bool
}

// newWalk finds what can be reached and how deep it lies. No link leads into the directory
// itself: its row is known by its key, and a link (to a family, a company) would bring in other
// people's rows.
func newWalk(m *datamap.Map, acc Account, rounds int, deep bool) (*walk, error) {
	w := &walk{deep: deep, m: m, acc: acc, reached: map[*datamap.Collection]bool{}, of: map[*datamap.Collection]*group{},
		rounds: cmp.Or(rounds, DefaultRounds)}
	if s := m.System(acc.System); s != nil {
		w.home = s.Collection(acc.Collection)
	}
	if w.home == nil || w.home.Directory == nil || len(w.home.Key) != len(acc.Key) {
		return nil, fault.Newf(contract.ErrMapMismatch,
			"the account was found in %s.%s, which is no such directory in this data map", acc.System, acc.Collection)
	}
	w.reached[w.home] = true
	all := []*datamap.Collection{w.home}
	if !acc.OwnRecordOnly {
		all = nil
		for _, s := range m.Systems {
			all = append(all, s.Collections...)
		}
		for _, c := range all {
			if len(w.widening(c)) > 0 {
				w.givers = append(w.givers, c)
			}
		}
		w.reach(all)
	}
	w.gather(all)
	for _, g := range w.groups {
		w.order = append(w.order, g.all...)
	}
	at := make(map[*datamap.Collection]int, len(all))
	for i, c := range all {
		at[c] = i
	}
	slices.SortStableFunc(w.order, func(a, b *datamap.Collection) int {
		return cmp.Or(cmp.Compare(w.of[a].first, w.of[b].first), cmp.Compare(at[a], at[b]))
	})
	return w, nil
}

// reach closes the set of reached collections over identities, links and what widens.
func (w *walk) reach(all []*datamap.Collection) {
	for grown := true; grown; {
		grown = false
		for _, c := range all {
			if !w.reached[c] && (w.known(c) || len(w.ways(c)) > 0 || len(w.wideners(c)) > 0) {
				w.reached[c], grown = true, true
			}
		}
	}
}

// known reports whether an identity of the account finds rows of c.
func (w *walk) known(c *datamap.Collection) bool {
	return c != w.home && slices.ContainsFunc(c.Match, func(match datamap.Match) bool {
		return slices.ContainsFunc(w.acc.Identities, func(id dsr.Identity) bool { return usableFor(match, id) })
	})
}

// usableFor reports whether the identity may find rows by the match rule.
func usableFor(match datamap.Match, id dsr.Identity) bool {
	timed := match.Valid != nil && match.Valid.At != ""
	return id.Kind == match.Identity && !id.Shared && (timed || !id.Bound)
}

// ways are the links through which rows of c are found: those that lead to something reached.
func (w *walk) ways(c *datamap.Collection) []way {
	if c == w.home || w.acc.OwnRecordOnly {
		return nil
	}
	var found []way
	for _, l := range c.Links {
		if !w.reached[l.To] || l.Follow == datamap.FollowNone || l.Shared == datamap.SharedHide || (w.deep && !cascades(l)) {
			continue
		}
		if l.Follow == datamap.FollowUp {
			found = append(found, way{link: l, from: c, have: l.Columns, want: l.ToColumns, up: true})
			continue
		}
		found = append(found, way{link: l, from: l.To, have: l.ToColumns, want: l.Columns})
	}
	return found
}

// wideners are the reached collections whose values may find rows of c by its match rules.
func (w *walk) wideners(c *datamap.Collection) []*datamap.Collection {
	if c == w.home || w.acc.OwnRecordOnly || len(c.Match) == 0 {
		return nil
	}
	var found []*datamap.Collection
	for _, from := range w.givers {
		if w.reached[from] && slices.ContainsFunc(w.widening(from), func(given datamap.Match) bool {
			return slices.ContainsFunc(c.Match, func(m datamap.Match) bool { return m.Identity == given.Identity })
		}) {
			found = append(found, from)
		}
	}
	return found
}

// keySet is a set of keys that other collections are found through.
type keySet struct {
	columns     []string
	from, until string // columns with the time in which a key holds; may be empty
}

// name is the set's columns in the key store.
func (k keySet) name() []string {
	if k.from == "" && k.until == "" {
		return k.columns
	}
	return slices.Concat(k.columns, []string{"", k.from, k.until})
}

func (p way) set() keySet {
	k := keySet{columns: p.have}
	if v := p.link.Valid; v != nil && v.At != "" {
		k.from, k.until = v.From, v.Until
	}
	return k
}

// onward are the key sets of c, each once.
func (w *walk) onward(c *datamap.Collection) []keySet {
	var sets []keySet
	if w.deep {
		return w.allSets(c)
	}
	for _, child := range w.order {
		for _, p := range w.ways(child) {
			if p.from != c {
				continue
			}
			set := p.set()
			if !slices.ContainsFunc(sets, func(k keySet) bool { return slices.Equal(k.name(), set.name()) }) {
				sets = append(sets, set)
			}
		}
	}
	return sets
}

// hanging are the collections that the systems left out take with them: their own, and all that
// is found through those. An answer without these keys would miss rows and look whole.
func (w *walk) hanging(without []string) map[*datamap.Collection]bool {
	gone := map[*datamap.Collection]bool{}
	if len(without) == 0 {
		return gone
	}
	for grown := true; grown; {
		grown = false
		for _, c := range w.order {
			if !gone[c] && (slices.Contains(without, c.System.Name) ||
				slices.ContainsFunc(w.sources(c), func(from *datamap.Collection) bool { return from != c && gone[from] })) {
				gone[c], grown = true, true
			}
		}
	}
	return gone
}

// sources are the collections that c is found through; c itself among them when it leads back.
func (w *walk) sources(c *datamap.Collection) []*datamap.Collection {
	found := w.wideners(c)
	for _, p := range w.ways(c) {
		if !slices.Contains(found, p.from) {
			found = append(found, p.from)
		}
	}
	return found
}
