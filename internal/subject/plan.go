package subject

import (
	"cmp"
	"slices"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// DefaultRounds is how often a circle that runs through several systems is followed round.
const DefaultRounds = 8

// group is collections that are found through each other: a circle of links, or one collection
// alone. A circle within one system is followed in one step until nothing new is found. One that
// runs through several systems takes its systems in turn, a fixed number of rounds, because the
// plan is made before anything is known of the data; the last round must find nothing new.
type group struct {
	all     []*datamap.Collection // in map order
	circle  bool                  // they lead back to themselves
	systems []string              // in the order of their turn
	first   int                   // level of the first step
	last    int                   // level of the last step
}

// turn says which round a level is for the system, from 0, and whether it is its turn at all.
func (g *group) turn(level int, system string) (round int, ok bool) {
	if level < g.first || level > g.last {
		return 0, false
	}
	n := len(g.systems)
	return (level - g.first) / n, g.systems[(level-g.first)%n] == system
}

// before reports whether the turn of one system comes before that of another.
func (g *group) before(one, other string) bool {
	return slices.Index(g.systems, one) < slices.Index(g.systems, other)
}

// gather puts what is reached into groups and settles their levels: one more than the deepest
// group that they are found through.
func (w *walk) gather(all []*datamap.Collection) {
	t := tarjan{w: w, index: map[*datamap.Collection]int{}, low: map[*datamap.Collection]int{}, open: map[*datamap.Collection]bool{}}
	for _, c := range all {
		if _, seen := t.index[c]; w.reached[c] && !seen {
			t.visit(c)
		}
	}
	place := func(c *datamap.Collection) int { return slices.Index(all, c) }
	for _, g := range w.groups { // what they are found through comes before
		slices.SortFunc(g.all, func(a, b *datamap.Collection) int { return cmp.Compare(place(a), place(b)) })
		for _, c := range g.all {
			if !slices.Contains(g.systems, c.System.Name) {
				g.systems = append(g.systems, c.System.Name)
			}
			for _, from := range w.sources(c) {
				if other := w.of[from]; other != g {
					g.first = max(g.first, other.last+1)
				} else {
					g.circle = true
				}
			}
		}
		g.last = g.first
		if len(g.systems) > 1 {
			g.last = g.first + len(g.systems)*w.rounds - 1
		}
	}
}

// tarjan finds the groups of collections that lead to each other, sources first.
type tarjan struct {
	w     *walk
	next  int
	index map[*datamap.Collection]int
	low   map[*datamap.Collection]int
	open  map[*datamap.Collection]bool
	stack []*datamap.Collection
}

func (t *tarjan) visit(c *datamap.Collection) {
	t.next++
	t.index[c], t.low[c], t.open[c] = t.next, t.next, true
	t.stack = append(t.stack, c)
	for _, from := range t.w.sources(c) {
		if _, seen := t.index[from]; !seen {
			t.visit(from)
			t.low[c] = min(t.low[c], t.low[from])
		} else if t.open[from] {
			t.low[c] = min(t.low[c], t.index[from])
		}
	}
	if t.low[c] != t.index[c] {
		return
	}
	g := &group{}
	for {
		last := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		t.open[last], t.w.of[last] = false, g
		g.all = append(g.all, last)
		if last == c {
			break
		}
	}
	t.w.groups = append(t.w.groups, g)
}

// Steps is the walk over the map for one account: every collection that can be reached stands in
// one step, behind all those it is found through; those of a circle through several systems stand
// in one step each round. An account that the map does not know gives none.
func Steps(m *datamap.Map, acc Account) []Step { return Search{Map: m, Account: acc}.Steps() }

// Steps is the walk; see the function of that name.
func (s Search) Steps() []Step {
	w, err := s.walk()
	if err != nil {
		return nil
	}
	var steps []Step
	for level := 0; ; level++ {
		start := len(steps)
		for _, c := range w.order {
			if _, turn := w.of[c].turn(level, c.System.Name); !turn {
				continue
			}
			at := slices.IndexFunc(steps[start:], func(s Step) bool { return s.System == c.System.Name })
			if at < 0 {
				steps, at = append(steps, Step{Level: level, System: c.System.Name}), len(steps)-start
			}
			steps[start+at].Collections = append(steps[start+at].Collections, c.Name)
		}
		if len(steps) == start {
			return steps
		}
	}
}
