package subject

import (
	"cmp"
	"slices"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// walk is the part of the map that can be reached from one account.
type walk struct {
	acc   Account
	home  *datamap.Collection // the directory of the account
	level map[*datamap.Collection]int
	order []*datamap.Collection // by level, then in map order
	loops map[*datamap.Collection]bool
}

// newWalk finds what can be reached and how deep it lies: one more than the deepest collection
// it is found through. No link leads into the directory itself: its row is known by its key, and
// a link (to a family, a company) would bring in other people's rows.
func newWalk(m *datamap.Map, acc Account) (*walk, error) {
	w := &walk{acc: acc, level: map[*datamap.Collection]int{}, loops: map[*datamap.Collection]bool{}}
	if s := m.System(acc.System); s != nil {
		w.home = s.Collection(acc.Collection)
	}
	if w.home == nil || w.home.Directory == nil || len(w.home.Key) != len(acc.Key) {
		return nil, fault.Newf(contract.ErrMapMismatch,
			"the account was found in %s.%s, which is no such directory in this data map", acc.System, acc.Collection)
	}
	w.level[w.home] = 0
	if acc.OwnRecordOnly {
		w.order = []*datamap.Collection{w.home}
		return w, nil
	}
	var all []*datamap.Collection
	for _, s := range m.Systems {
		all = append(all, s.Collections...)
	}
	for _, c := range all {
		if len(w.identitiesFor(c)) > 0 {
			w.level[c] = 0
		}
	}
	w.reach(all)
	w.settle(all)
	for _, c := range all {
		if _, reached := w.level[c]; reached {
			w.order = append(w.order, c)
		}
	}
	slices.SortStableFunc(w.order, func(a, b *datamap.Collection) int { return cmp.Compare(w.level[a], w.level[b]) })
	return w, nil
}

// reach closes the set of reached collections over the links.
func (w *walk) reach(all []*datamap.Collection) {
	for grown := true; grown; {
		grown = false
		for _, c := range all {
			if _, done := w.level[c]; !done && len(w.links(c)) > 0 {
				w.level[c], grown = 0, true
			}
		}
	}
}

// settle gives each collection its level. The longest path without a loop is shorter than the
// number of collections, so whatever still rises after that many rounds hangs on a loop.
func (w *walk) settle(all []*datamap.Collection) {
	for round := 0; round <= len(all); round++ {
		risen := false
		for _, c := range all {
			for _, l := range w.links(c) {
				if need := w.level[l.To] + 1; w.level[c] < need {
					w.level[c], risen = need, true
					if round == len(all) {
						w.loops[c] = true
					}
				}
			}
		}
		if !risen {
			return
		}
	}
}

// links are the links through which rows of c are found: those that lead to something reached.
func (w *walk) links(c *datamap.Collection) []*datamap.Link {
	if c == w.home || w.acc.OwnRecordOnly {
		return nil
	}
	var found []*datamap.Link
	for _, l := range c.Links {
		if _, reached := w.level[l.To]; reached {
			found = append(found, l)
		}
	}
	return found
}

// onward are the column sets of c whose keys other collections are found through, each once.
func (w *walk) onward(c *datamap.Collection) [][]string {
	var sets [][]string
	for _, child := range w.order {
		for _, l := range w.links(child) {
			same := func(set []string) bool { return slices.Equal(set, l.ToColumns) }
			if l.To == c && !slices.ContainsFunc(sets, same) {
				sets = append(sets, l.ToColumns)
			}
		}
	}
	return sets
}

// identitiesFor are the clauses by which rows of c are matched: one a match rule.
func (w *walk) identitiesFor(c *datamap.Collection) []systems.Clause {
	if c == w.home || w.acc.OwnRecordOnly {
		return nil
	}
	var clauses []systems.Clause
	for _, match := range c.Match {
		var ids []dsr.Identity
		for _, id := range w.acc.Identities {
			if id.Kind == match.Identity && !id.Shared {
				ids = append(ids, id)
			}
		}
		if len(ids) > 0 {
			clauses = append(clauses, systems.Clause{Columns: []string{match.Column}, Identities: ids})
		}
	}
	return clauses
}

// Steps is the walk over the map for one account: every collection that can be reached stands in
// exactly one step, behind all those it is found through. An account that the map does not know
// gives none.
func Steps(m *datamap.Map, acc Account) []Step {
	w, err := newWalk(m, acc)
	if err != nil {
		return nil
	}
	var steps []Step
	for _, c := range w.order {
		at := slices.IndexFunc(steps, func(s Step) bool { return s.Level == w.level[c] && s.System == c.System.Name })
		if at < 0 {
			steps, at = append(steps, Step{Level: w.level[c], System: c.System.Name}), len(steps)
		}
		steps[at].Collections = append(steps[at].Collections, c.Name)
	}
	return steps
}
