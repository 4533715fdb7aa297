package datamap

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// The purposes that every map has: a person may object to them without giving a reason.
const (
	PurposeMarketing = "marketing" // 消费者权益保护法 29(3), GDPR Art. 21(2)
	PurposeTracking  = "tracking"  // Civ. Code 1798.120, Sec-GPC
)

// everyPurpose is the word of a restriction of all purposes, which therefore names none.
const everyPurpose = "all"

// Purpose is something that data is used for, and that a person may have stopped.
type Purpose struct {
	Name  string
	Title Text
}

// builtIn are the purposes that every map has; company.yaml may give them other titles.
var builtIn = []Purpose{
	{PurposeMarketing, Text{ZH: "营销", EN: "Marketing"}},
	{PurposeTracking, Text{ZH: "跟踪", EN: "Tracking"}},
}

// Stop says what the end of one purpose means for the person's own rows of a collection: columns get
// new values, or the rows go.
type Stop struct {
	Purpose string
	Set     []NewValue
	// Lift is what the columns get when a restriction ends; empty: nothing comes back by itself.
	Lift   []NewValue
	Delete bool
	Line   int
}

// NewValue is a value for a column: StrategyConstant or StrategyNull.
type NewValue struct {
	Column string
	Value  Strategy
}

// Closure is a fact that stands in the way of closing an account: rows of the person that fulfil a
// condition, such as orders that are not paid. It refuses nothing; a reviewer sees the count.
type Closure struct {
	Title Text
	When  *Condition
	Line  int
}

// purposes reads the company's purposes and puts them behind the two that every map has.
func (f *file) purposes(company *record) []Purpose {
	list := slices.Clone(builtIn)
	n, ok := company.get("purposes")
	if !ok {
		return list
	}
	entries, _ := f.entries(n, "purposes")
	for _, e := range entries {
		if !purposeName.MatchString(e.name) || len(e.name) > 40 || e.name == everyPurpose {
			f.node(e.key, "a purpose's name has lower-case letters, digits and single hyphens, begins with a letter, has 40 characters at most and is not %q", everyPurpose)
		}
		if e.value == nil || e.value.Type() == ast.NullType {
			f.node(e.key, "the purpose %s says nothing", quoted(e.name))
			continue
		}
		p := Purpose{Name: e.name, Title: f.languageText(e.value, "the purpose "+quoted(e.name))}
		if i := slices.IndexFunc(list, func(known Purpose) bool { return known.Name == e.name }); i >= 0 {
			list[i] = p
			continue
		}
		list = append(list, p)
	}
	return list
}

// knownPurpose notes a name that is no purpose of the company.
func (f *file) knownPurpose(l *loading, at ast.Node, name string) {
	if l.own == nil {
		return
	}
	if names := l.PurposeNames(); !known(name, names) {
		f.choice(at, "purpose", name, names)
	}
}

// PurposeNames are the names of the purposes, in order.
func (m *Map) PurposeNames() []string {
	var names []string
	for _, p := range m.Company.Purposes {
		names = append(names, p.Name)
	}
	return names
}

// Purpose finds a purpose by name; nil when there is none.
func (m *Map) Purpose(name string) *Purpose {
	for i := range m.Company.Purposes {
		if m.Company.Purposes[i].Name == name {
			return &m.Company.Purposes[i]
		}
	}
	return nil
}

// stops reads what the end of each purpose means for a collection.
func (f *file) stops(r *record, c *Collection, look columnCheck) {
	n, ok := r.get("stops")
	if !ok {
		return
	}
	nodes, _ := f.items(n, "stops")
	for _, node := range nodes {
		s := f.record(node, "a stop", stopKeys)
		if s == nil {
			continue
		}
		stop := Stop{Delete: s.boolean("delete")}
		stop.Line, _ = position(node)
		var at ast.Node
		if stop.Purpose, at = s.needText("purpose"); stop.Purpose != "" {
			f.later = append(f.later, func(l *loading) { f.knownPurpose(l, at, stop.Purpose) })
		}
		stop.Set = f.newValues(s, "set", c, look)
		stop.Lift = f.newValues(s, "lift", c, look)
		f.stop(node, c, stop)
		if slices.ContainsFunc(c.Stops, func(had Stop) bool { return had.Purpose == stop.Purpose }) {
			f.node(node, "the purpose %s stands here a second time", quoted(stop.Purpose))
		}
		c.Stops = append(c.Stops, stop)
	}
}

// stop holds the parts of one against each other.
func (f *file) stop(node ast.Node, c *Collection, s Stop) {
	switch {
	case s.Delete && len(s.Set)+len(s.Lift) > 0:
		f.node(node, `a stop either has "set", or the rows go (delete: true)`)
	case !s.Delete && len(s.Set) == 0:
		f.node(node, `a stop says what happens: "set" with the new value of a column, or delete: true`)
	case s.Delete && c.Directory != nil:
		f.node(node, "%s is a directory: the end of a purpose does not delete an account", quoted(c.Name))
	}
	for _, v := range s.Lift {
		if !slices.ContainsFunc(s.Set, func(set NewValue) bool { return set.Column == v.Column }) && !s.Delete {
			f.node(node, `"lift" gives the column %s another value, which "set" did not touch`, quoted(v.Column))
		}
	}
	f.later = append(f.later, func(*loading) {
		if !deepReached(c, map[*Collection]bool{}) {
			f.node(node, "nobody's rows of %s can be changed: it has no match, and no link that deletion goes along (deletion: deep) leads to a collection with one", quoted(c.Name))
		}
	})
}

// newValues reads columns and the values that they get.
func (f *file) newValues(r *record, key string, c *Collection, look columnCheck) []NewValue {
	n, ok := r.get(key)
	if !ok {
		return nil
	}
	list, _ := f.entries(n, key)
	var values []NewValue
	for _, e := range list {
		look.has(e.key, e.name)
		if slices.Contains(c.Key, e.name) {
			f.node(e.key, "the column %s is of the key, by which a row is known again, so it keeps its value", quoted(e.name))
		}
		v := NewValue{Column: e.name, Value: Strategy{With: StrategyNull}}
		v.Value.Line, _ = position(e.key)
		if e.value != nil && e.value.Type() != ast.NullType {
			v.Value.With = StrategyConstant
			v.Value.Value, _ = f.scalar(e.value, "the value of "+e.name)
		}
		values = append(values, v)
	}
	return values
}

// deepReached says whether rows of the collection are found along links that deletion follows.
func deepReached(c *Collection, seen map[*Collection]bool) bool {
	if c.Directory != nil || len(c.Match) > 0 {
		return true
	}
	seen[c] = true
	return slices.ContainsFunc(c.Links, func(l *Link) bool { return deep(l) && l.To != nil && !seen[l.To] && deepReached(l.To, seen) })
}

// deep says whether rows of the link go along with what they refer to.
func deep(l *Link) bool {
	return l.Deletion == Deep && l.Follow != FollowUp && l.Follow != FollowNone && l.Shared != SharedHide
}

// closure reads what stands in the way of closing an account.
func (f *file) closure(r *record, c *Collection, look columnCheck) {
	n, ok := r.get("closure")
	if !ok {
		return
	}
	nodes, _ := f.items(n, "closure")
	for _, node := range nodes {
		one := f.record(node, "a fact of closure", closureKeys)
		if one == nil {
			continue
		}
		fact := Closure{Title: f.title(one, "title", true)}
		fact.Line, _ = position(node)
		if when, ok := one.need("when"); ok {
			fact.When = f.condition(when, look, 0)
		}
		c.Closure = append(c.Closure, fact)
	}
}

// givenBy reads whether the person gave what stands in the collection; a column may say otherwise.
func (f *file) givenBy(r *record, c *Collection) {
	c.Given = r.boolean("given")
	for _, col := range c.Columns {
		col.Given = c.Given && col.Ignore == ""
		if said, stands := f.givens[col]; stands {
			col.Given = said
		}
	}
}
