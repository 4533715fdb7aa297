package systems

import "slices"

// Edge says that rows of the change From refer to rows of the change To by a foreign key.
type Edge struct {
	From, To int
	Columns  []string // of From
	Cuttable bool     // one of the columns may be NULL and is not of the key
	Deferred bool     // the engine can wait with its check for the end of the transaction
	Name     string   // of the foreign key
}

// SortTogether is Sort for an engine that can wait with the check of some foreign keys: what runs in a
// circle that cannot be cut goes in one transaction, where such keys open it.
func SortTogether(n int, edges []Edge) (order []int, first []Circle, together []int, stuck []Edge) {
	if order, first, stuck = Sort(n, edges); len(stuck) == 0 {
		return order, first, nil, nil
	}
	var firm []Edge
	for _, e := range edges {
		if open := slices.ContainsFunc(stuck, func(s Edge) bool { return s.Name == e.Name && s.From == e.From && s.To == e.To }); !open || !e.Deferred {
			firm = append(firm, e)
		}
	}
	again, cut, still := Sort(n, firm)
	if len(still) > 0 {
		return order, first, nil, stuck
	}
	for _, i := range again { // all that the circle held up, in its new order
		if slices.ContainsFunc(stuck, func(e Edge) bool { return e.From == i || e.To == i }) {
			together = append(together, i)
		}
	}
	return again, cut, together, nil
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
