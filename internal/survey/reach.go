package survey

import (
	"context"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Bounds of the walk from sampled rows up to people.
const (
	reachDepth  = 24   // links in a row
	reachEach   = 10   // rows looked at for one key
	reachPage   = 1000 // keys in one statement
	matchPage   = 100  // identities in one statement
	manyPersons = 4    // beyond these a row has enough of them
)

// person is one directory row.
type person struct {
	home *datamap.Collection
	key  string
}

// node is one row on the way up.
type node struct {
	c       *datamap.Collection
	key     []*string
	columns map[string]*string
	// persons who reach it: true where the map says that only they do (no link that refers).
	persons map[person]bool
	maybe   bool // something that this walk does not follow may reach it
	up      []edge
}

type edge struct {
	to     *node
	shared bool // the row at this end may be shared
}

// reach is the part of the data over some sampled rows: every row through which they are found.
type reach struct {
	m     *datamap.Map
	open  Opener
	nodes map[*datamap.Collection]map[string]*node
	fresh map[*datamap.Collection][]*node
	count int
	limit int
	cut   bool // there was more than the limit: what is missing proves nothing
	held  map[dsr.Identity][]holder
	wrong map[string]string // collections that cannot be read, so that what hangs on them is open
}

// holder is a directory row that carries an identity, and how it writes it.
type holder struct {
	person
	raw string
}

func newReach(m *datamap.Map, open Opener, limit int, wrong map[string]string) *reach {
	return &reach{m: m, open: open, limit: limit, wrong: wrong, held: map[dsr.Identity][]holder{},
		nodes: map[*datamap.Collection]map[string]*node{}, fresh: map[*datamap.Collection][]*node{}}
}

// wanted are the columns of c that the walk reads.
func wanted(m *datamap.Map, c *datamap.Collection) []string {
	names := slices.Clone(c.Key)
	for _, match := range c.Match {
		names = append(names, match.Column)
	}
	if c.Directory != nil && c.Directory.Account != "" {
		names = append(names, c.Directory.Account)
	}
	for _, l := range c.Links {
		names = append(names, l.Columns...)
	}
	for _, s := range m.Systems {
		for _, other := range s.Collections {
			for _, l := range other.Links {
				if l.To == c {
					names = append(names, l.ToColumns...)
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// add puts a row, read in the order of columns, among the nodes.
func (r *reach) add(c *datamap.Collection, columns []string, row []*string) *node {
	n := &node{c: c, columns: map[string]*string{}, persons: map[person]bool{}}
	for i, name := range columns {
		n.columns[name] = row[i]
	}
	for _, name := range c.Key {
		n.key = append(n.key, n.columns[name])
	}
	id := tuple(n.key)
	if r.nodes[c] == nil {
		r.nodes[c] = map[string]*node{}
	}
	if known := r.nodes[c][id]; known != nil {
		return known
	}
	r.nodes[c][id] = n
	r.fresh[c] = append(r.fresh[c], n)
	r.count++
	return n
}

// tuple is a key as one text.
func tuple(values []*string) string {
	var b strings.Builder
	for _, v := range values {
		if v == nil {
			b.WriteString("\x00-\x1f")
			continue
		}
		b.WriteString(*v + "\x1f")
	}
	return b.String()
}

// climb follows matches and links up from every row, until there are no new ones.
func (r *reach) climb(ctx context.Context) error {
	for depth := 0; len(r.fresh) > 0; depth++ {
		if depth == reachDepth || r.count > r.limit {
			r.cut = true
			break
		}
		round := r.fresh
		r.fresh = map[*datamap.Collection][]*node{}
		for _, s := range r.m.Systems {
			for _, c := range s.Collections {
				if err := r.expand(ctx, c, round[c]); err != nil {
					return err
				}
			}
		}
	}
	r.spread()
	return nil
}

func (r *reach) expand(ctx context.Context, c *datamap.Collection, rows []*node) error {
	if len(rows) == 0 {
		return nil
	}
	if c.Directory != nil {
		for _, n := range rows {
			n.persons[person{c, tuple(n.key)}] = true
		}
	}
	for _, match := range c.Match {
		if err := r.matched(ctx, rows, match); err != nil {
			return err
		}
	}
	for _, l := range c.Links {
		var err error
		switch {
		case l.Self() && l.Follow == datamap.FollowNone:
		case l.Expr != nil || l.Valid != nil || r.wrong[l.To.ID()] != "":
			doubt(rows, l.Columns)
		case l.Self() && l.Follow == datamap.FollowUp:
			err = r.linked(ctx, rows, l.ToColumns, l.To, l.Columns, l.Relation == datamap.Refers)
		default:
			err = r.linked(ctx, rows, l.Columns, l.To, l.ToColumns, l.Relation == datamap.Refers)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// doubt marks the rows with something in the columns, whose rule is not followed here.
func doubt(rows []*node, columns []string) {
	for _, n := range rows {
		n.maybe = n.maybe || n.values(columns) != nil
	}
}

// values is the row's tuple of the columns; nil when one of them is NULL, which never joins.
func (n *node) values(columns []string) []*string {
	out := make([]*string, len(columns))
	for i, name := range columns {
		if out[i] = n.columns[name]; out[i] == nil {
			return nil
		}
	}
	return out
}

// linked ties each row to the rows of another collection that hold the same values.
func (r *reach) linked(ctx context.Context, rows []*node, own []string, to *datamap.Collection, columns []string, shared bool) error {
	waiting := map[string][]*node{}
	var keys [][]string
	for _, n := range rows {
		if n.c.Directory != nil && n.c == to {
			continue // nobody is found through another row of the directory
		}
		values := n.values(own)
		if values == nil {
			continue
		}
		at := tuple(values)
		if waiting[at] == nil {
			plain := make([]string, len(values))
			for i, v := range values {
				plain[i] = *v
			}
			keys = append(keys, plain)
		}
		waiting[at] = append(waiting[at], n)
	}
	names := wanted(r.m, to)
	for page := range slices.Chunk(keys, reachPage) {
		err := r.read(ctx, to, columns, page, names, func(row []*string) {
			parent := r.add(to, names, row)
			for _, n := range waiting[tuple(parent.values(columns))] {
				if n != parent {
					n.up = append(n.up, edge{parent, shared})
				}
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// read fetches rows by keys. A key that does not fit the column's type cannot stand there, so a
// page that is refused is halved until only such keys are left out.
func (r *reach) read(ctx context.Context, c *datamap.Collection, columns []string, keys [][]string, want []string, each func([]*string)) error {
	_, i, err := inspector(ctx, c.System, r.open)
	if err != nil {
		return err
	}
	var rows [][]*string
	source := func(_ context.Context, yield func([][]string) error) error { return yield(keys) }
	err = i.Rows(ctx, c, systems.Clause{Columns: columns, Keys: source}, want, reachEach, func(row []*string) error {
		rows = append(rows, row)
		return nil
	})
	switch {
	case err == nil:
		for _, row := range rows {
			each(row)
		}
		return nil
	case !fault.Is(err, contract.ErrMapMismatch):
		return err
	case len(keys) == 1:
		return nil
	}
	half := len(keys) / 2
	if err := r.read(ctx, c, columns, keys[:half], want, each); err != nil {
		return err
	}
	return r.read(ctx, c, columns, keys[half:], want, each)
}

// spread hands people down from row to row until nothing changes. Nobody is handed down to a row
// of their own directory, nor from a directory whose people see only their own record.
func (r *reach) spread() {
	for changed := true; changed; {
		changed = false
		for _, rows := range r.nodes {
			for _, n := range rows {
				for _, e := range n.up {
					changed = n.take(e) || changed
				}
			}
		}
	}
}

func (n *node) take(e edge) bool {
	changed := e.to.maybe && !n.maybe
	n.maybe = n.maybe || e.to.maybe
	for p, alone := range e.to.persons {
		if p.home == n.c || p.home.Directory.OwnRecordOnly {
			continue
		}
		alone = alone && !e.shared
		was, known := n.persons[p]
		if (!known && len(n.persons) < manyPersons) || (known && alone && !was) {
			n.persons[p], changed = alone, true
		}
	}
	return changed
}
