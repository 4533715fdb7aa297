package systems

import "slices"

// Edge says that rows of the change From refer to rows of the change To by a foreign key.
type Edge struct {
	From, To int
	Columns  []string // of From
	Cuttable bool     // one of the columns may be NULL and is not of the key
	Name     string   // of the foreign key
}

// Sort orders n changes so that what refers comes before what is referred to, and otherwise as
// they stand. Of foreign keys that run in a circle, one that can be cut is cut first; those that
// cannot are given back, with the changes that they hold up last in the order. Edges within one
// table must not be among them.
func Sort(n int, edges []Edge) (order []int, first []Circle, stuck []Edge) {
	done := make([]bool, n)
	open := func(e Edge) bool { return !done[e.From] && !done[e.To] }
	take := func(i int) { done[i] = true; order = append(order, i) }
	for len(order) < n {
		before := len(order)
		for i := range n {
			if !done[i] && !slices.ContainsFunc(edges, func(e Edge) bool { return e.To == i && open(e) }) {
				take(i)
			}
		}
		if len(order) > before {
			continue
		}
		at := slices.IndexFunc(edges, func(e Edge) bool { return open(e) && e.Cuttable })
		if at >= 0 {
			first = append(first, Circle{At: edges[at].From, Columns: edges[at].Columns})
			edges = slices.Delete(slices.Clone(edges), at, at+1)
			continue
		}
		for _, e := range edges {
			if open(e) {
				stuck = append(stuck, e)
			}
		}
		for i := range n {
			if !done[i] {
				take(i)
			}
		}
	}
	return order, first, stuck
}
