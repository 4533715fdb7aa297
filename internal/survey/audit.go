package survey

import (
	"context"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// AuditOptions bound an audit.
type AuditOptions struct {
	Rows int // sampled of each collection
	Keys int // shown of each finding
}

// nodesPerRow is how many rows above it a sampled row may bring in, on average.
const nodesPerRow = 40

// Audited is what the audit of one collection found: counts and keys, no values.
type Audited struct {
	Collection string   `json:"collection"`
	Sampled    int      `json:"sampled"`
	Unreached  Some     `json:"unreached"` // rows that no person reaches: a link is missing
	Shared     Some     `json:"shared"`    // rows that several people reach, and the map does not say so
	Shapes     []Shaped `json:"shapes"`    // values that the column's category does not expect
	Doubtful   int      `json:"doubtful"`  // rows that only a rule with an expression, a time or widening may reach
	Not        string   `json:"not_audited,omitempty"`
}

// Some is a number of rows and the keys of the first of them.
type Some struct {
	Rows int      `json:"rows"`
	Keys []string `json:"keys,omitempty"` // left out where the key itself is personal
}

// Shaped is a column with values that look like an identity.
type Shaped struct {
	Column   string `json:"column"`
	Category string `json:"category,omitempty"` // empty when the column is ignored
	Identity string `json:"identity"`
	Rows     int    `json:"rows"`
}

// Clean reports whether there is nothing to mend. A collection that could not be looked at is not.
func (a Audited) Clean() bool {
	return a.Unreached.Rows == 0 && a.Shared.Rows == 0 && len(a.Shapes) == 0 && a.Not == ""
}

// Audit holds the map against samples of the rows: whether people reach them, how many people do,
// and whether columns hold what their category says. A sample proves what it finds, never that
// there is nothing else.
func Audit(ctx context.Context, m *datamap.Map, open Opener, o AuditOptions, progress Progress) ([]Audited, error) {
	var all []*datamap.Collection
	for _, s := range m.Systems {
		all = append(all, s.Collections...)
	}
	a := auditing{m: m, open: open, AuditOptions: o, catalogs: map[string]datamap.Catalog{}, wrong: map[string]string{}}
	if err := a.prepare(ctx); err != nil {
		return nil, err
	}
	out := make([]Audited, 0, len(all))
	for n, c := range all {
		progress.at(int64(n), int64(len(all)), c.ID())
		one, err := a.collection(ctx, c)
		if err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			one = Audited{Collection: c.ID(), Shapes: []Shaped{}, Not: short(err)}
		}
		out = append(out, one)
	}
	progress.at(int64(len(all)), int64(len(all)), "")
	return out, nil
}

type auditing struct {
	AuditOptions
	m        *datamap.Map
	open     Opener
	catalogs map[string]datamap.Catalog
	wrong    map[string]string // collection → what stops it
}

// prepare holds the map against the schemas first: with a map that does not fit, no count would
// mean anything.
func (a *auditing) prepare(ctx context.Context) error {
	for _, s := range a.m.Systems {
		if s.Outside != nil {
			continue
		}
		opened, i, err := inspector(ctx, s, a.open)
		if err != nil {
			return err
		}
		found, err := opened.Check(ctx, s.Collections)
		if err != nil {
			return err
		}
		for _, f := range found {
			if id := s.Name + "." + f.Collection; f.Stops() && a.wrong[id] == "" {
				a.wrong[id] = f.Text
			}
		}
		if a.catalogs[s.Name], err = i.Catalog(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (a *auditing) collection(ctx context.Context, c *datamap.Collection) (Audited, error) {
	out := Audited{Collection: c.ID(), Shapes: []Shaped{}, Not: a.wrong[c.ID()]}
	if out.Not != "" {
		return out, nil
	}
	_, i, err := inspector(ctx, c.System, a.open)
	if err != nil {
		return out, err
	}
	table := systems.Table{Schema: c.Schema, Name: c.Table}
	r := newReach(a.m, a.open, nodesPerRow*a.Rows, a.wrong)
	names := wanted(a.m, c)
	var sample []*node
	err = i.Sample(ctx, table, names, a.Rows, func(row []*string) error {
		sample = append(sample, r.add(c, names, row))
		return nil
	})
	if err != nil {
		return out, err
	}
	out.Sampled = len(sample)
	if err := r.climb(ctx); err != nil {
		return out, err
	}
	a.judge(&out, c, r, sample)
	out.Shapes, err = a.shapes(ctx, i, c)
	return out, err
}

// judge counts the people of each sampled row.
func (a *auditing) judge(out *Audited, c *datamap.Collection, r *reach, sample []*node) {
	if r.cut {
		out.Not = "its rows hang on too many others: people were not counted for all of them"
	}
	for _, n := range sample {
		strict := 0
		for p, alone := range n.persons {
			if alone && !p.home.Directory.OwnRecordOnly { // a contact's own row is somebody's contact as well
				strict++
			}
		}
		switch {
		case strict > 1:
			out.Shared.add(c, n, a.Keys)
		case len(n.persons) > 0:
		case n.maybe || r.cut:
			out.Doubtful++
		default:
			out.Unreached.add(c, n, a.Keys)
		}
	}
}

func (s *Some) add(c *datamap.Collection, n *node, most int) {
	s.Rows++
	if len(s.Keys) >= most || personalKey(c) {
		return
	}
	parts := make([]string, len(n.key))
	for i, v := range n.key {
		switch {
		case v == nil:
			parts[i] = "NULL"
		case datamap.ShapeOf(*v) != "" || len(*v) > 64:
			return
		default:
			parts[i] = *v
		}
	}
	s.Keys = append(s.Keys, strings.Join(parts, ","))
}

// personalKey reports whether a key says who somebody is, so that it is not for a terminal.
func personalKey(c *datamap.Collection) bool {
	return slices.ContainsFunc(c.Key, func(name string) bool {
		if slices.ContainsFunc(c.Match, func(m datamap.Match) bool { return m.Column == name }) {
			return true
		}
		col := c.Column(name)
		if col == nil {
			return true
		}
		for _, family := range []string{"user.contact", "user.name", "user.government_id", "user.financial", "user.account", "user.device", "user.biometrics"} {
			if col.Category == family || strings.HasPrefix(col.Category, family+".") {
				return true
			}
		}
		return strings.HasPrefix(col.Category, "pd:")
	})
}

// shapes looks for values in columns whose category does not expect them.
func (a *auditing) shapes(ctx context.Context, i systems.Inspector, c *datamap.Collection) ([]Shaped, error) {
	cat := a.catalogs[c.System.Name]
	t := cat.Table(c.Schema, c.Table)
	out := []Shaped{}
	if t == nil {
		return out, nil
	}
	var columns []*datamap.Column
	var names, classes []string
	for _, col := range c.Columns {
		live := t.Column(col.Name)
		if live == nil || !live.Read {
			continue
		}
		switch live.Class {
		case datamap.ClassText, datamap.ClassJSON, datamap.ClassArray, datamap.ClassOther, datamap.ClassNumber:
			columns, names, classes = append(columns, col), append(names, col.Name), append(classes, live.Class)
		}
	}
	if len(names) == 0 {
		return out, nil
	}
	counts := make([]map[string]int, len(names))
	rows := 0
	err := i.Sample(ctx, systems.Table{Schema: c.Schema, Name: c.Table}, names, a.Rows, func(row []*string) error {
		rows++
		for n, v := range row {
			if v == nil {
				continue
			}
			for _, shape := range shapesOf(*v, classes[n]) {
				if counts[n] == nil {
					counts[n] = map[string]int{}
				}
				counts[n][shape]++
			}
		}
		return nil
	})
	for n, col := range columns {
		for _, shape := range datamap.Identities() {
			found := counts[n][shape]
			if found == 0 || expects(c, col, shape) || (classes[n] == datamap.ClassNumber && found*5 < rows) {
				continue
			}
			out = append(out, Shaped{Column: col.Name, Category: col.Category, Identity: shape, Rows: found})
		}
	}
	return out, err
}

// shapesOf looks into texts, but takes a number only as a whole: one of eleven digits by chance is
// no mobile, a column of them is.
func shapesOf(value, class string) []string {
	if class != datamap.ClassNumber {
		return datamap.ShapesIn(value)
	}
	if shape := datamap.ShapeOf(value); shape != "" {
		return []string{shape}
	}
	return nil
}

// expects reports whether the map knows that the column may hold the identity: by its category, by
// that of a path inside it, or by a match.
func expects(c *datamap.Collection, col *datamap.Column, identity string) bool {
	return datamap.Expects(col.Category, identity) ||
		slices.ContainsFunc(col.Paths, func(p datamap.Path) bool { return datamap.Expects(p.Category, identity) }) ||
		slices.ContainsFunc(c.Match, func(m datamap.Match) bool { return m.Column == col.Name && m.Identity == identity })
}
