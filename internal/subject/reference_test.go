package subject

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// outcome is what a search gives, as the reference and the search both tell it.
type outcome struct {
	Rows    map[string][]string // keys, by collection
	Shared  map[string]int64
	Widened []string
	LeftOut []string
}

// reference reads everything and follows the map row by row until nothing is added. It shares
// nothing with the search but the map's types, so that one mistake is not made twice.
func (w *random) reference() outcome { return w.follow(nil).outcome() }

// follow follows the map; set may bound it first.
func (w *random) follow(set func(*follower)) *follower {
	f := &follower{random: w, home: w.all[0], mine: map[*datamap.Collection]map[*row]bool{}, reached: map[*datamap.Collection]bool{}}
	for _, c := range w.all {
		f.mine[c] = map[*row]bool{}
	}
	if set != nil {
		set(f)
	}
	f.mine[f.home][w.who] = true
	f.ids = f.taken(f.home, w.who)
	f.static()
	for grown := true; grown; {
		grown = false
		for _, c := range w.all[1:] {
			for _, r := range w.data[c] {
				if !f.mine[c][r] && f.reached[c] && f.belongs(c, r) && (f.past == nil || !f.past(c, r)) {
					f.mine[c][r], grown = true, true
					for _, id := range f.widened(c, r) {
						if !slices.Contains(f.ids, id) {
							f.ids = append(f.ids, id)
						}
					}
				}
			}
		}
	}
	return f
}

// known is an identity that may be used, and how; days bound it.
type known struct {
	kind, norm, raw string
	use             string
	from, until     int // 0: open
}

type follower struct {
	*random
	home    *datamap.Collection
	mine    map[*datamap.Collection]map[*row]bool
	ids     []known
	reached map[*datamap.Collection]bool
	only    func(*datamap.Link) bool             // the links that are followed; nil: all
	past    func(*datamap.Collection, *row) bool // rows that are passed over; nil: none
}

// plainly is the one form of a value; "" when it is none of the kind.
func plainly(kind, value string) string {
	if kind == datamap.IdentityEmail {
		if !strings.Contains(value, "@") {
			return ""
		}
		return strings.ToLower(strings.TrimSpace(value))
	}
	digits := ""
	for _, r := range value {
		if r >= '0' && r <= '9' {
			digits += string(r)
		}
	}
	return digits
}

func (r *row) word(column string) string {
	p := map[string]*string{"mail": r.mail, "badge": r.badge}[column]
	if p == nil {
		return ""
	}
	return *p
}

func day(p *int) int {
	if p == nil {
		return 0
	}
	return *p
}

// read gives the identity in one column of a row, not yet judged.
func read(m datamap.Match, r *row) (known, bool) {
	id := known{kind: m.Identity, raw: r.word(m.Column), norm: plainly(m.Identity, r.word(m.Column))}
	if m.Valid != nil && m.Valid.From != "" {
		id.from, id.until = day(r.f), day(r.u)
	}
	return id, id.norm != ""
}

// taken are the identities of a directory row that may be used.
func (f *follower) taken(c *datamap.Collection, r *row) []known {
	var ids []known
	for _, m := range c.Match {
		if id, ok := read(m, r); ok {
			ids = append(ids, f.judged(id))
		}
	}
	return ids
}

// widened are the identities that a row of the person adds.
func (f *follower) widened(c *datamap.Collection, r *row) []known {
	var ids []known
	for _, m := range c.Match {
		if !m.Widens || (m.Valid != nil && !holds(m.Valid.When, r)) {
			continue
		}
		if id, ok := read(m, r); ok {
			ids = append(ids, f.judged(id))
		}
	}
	return ids
}

// judged holds an identity against every directory row but the person's own.
func (f *follower) judged(id known) known {
	same, exact := 0, 0
	overlap, overlapExact := false, false
	for _, c := range f.all {
		if c.Directory == nil {
			continue
		}
		for _, m := range c.Match {
			for _, r := range f.data[c] {
				other, ok := read(m, r)
				if !ok || r == f.who || other.kind != id.kind || other.norm != id.norm {
					continue
				}
				never := (id.until != 0 && other.from != 0 && id.until <= other.from) || (other.until != 0 && id.from != 0 && other.until <= id.from)
				same++
				overlap = overlap || !never
				if other.raw == id.raw {
					exact++
					overlapExact = overlapExact || !never
				}
			}
		}
	}
	switch {
	case same == 0:
		id.use = "plain"
	case !overlap:
		id.use = "bound"
	case id.kind != datamap.IdentityEmail || overlapExact:
		id.use = "shared"
	case exact == 0:
		id.use = "exact"
	default:
		id.use = "exact, bound"
	}
	return id
}

// finds reports whether the identity finds the row by the rule.
func (id known) finds(m datamap.Match, r *row) bool {
	timed := m.Valid != nil && m.Valid.At != ""
	switch {
	case id.kind != m.Identity || id.use == "shared" || (strings.Contains(id.use, "bound") && !timed):
		return false
	case plainly(m.Identity, r.word(m.Column)) != id.norm, strings.Contains(id.use, "exact") && r.word(m.Column) != id.raw:
		return false
	case timed && (r.at == nil || *r.at < id.from || (id.until != 0 && *r.at >= id.until)):
		return false
	}
	return m.Valid == nil || holds(m.Valid.When, r)
}

func (f *follower) belongs(c *datamap.Collection, r *row) bool {
	for _, m := range c.Match {
		if slices.ContainsFunc(f.ids, func(id known) bool { return id.finds(m, r) }) {
			return true
		}
	}
	for _, l := range f.followed(c) {
		for parent := range f.mine[l.To] {
			if f.leads(l, r, parent) {
				return true
			}
		}
	}
	return false
}

// followed are the links that bring rows of c.
func (f *follower) followed(c *datamap.Collection) []*datamap.Link {
	return slices.DeleteFunc(slices.Clone(c.Links), func(l *datamap.Link) bool {
		return c == f.home || l.Follow == datamap.FollowNone || l.Shared == datamap.SharedHide || !f.reached[l.To] || (f.only != nil && !f.only(l))
	})
}

func (f *follower) leads(l *datamap.Link, r, parent *row) bool {
	low, high := r, parent
	if l.Follow == datamap.FollowUp {
		low, high = parent, r
	}
	if !slices.Contains(childKeys(l, low), parentKey(l, high)) || parentKey(l, high) == "" {
		return false
	}
	v := l.Valid
	if v == nil {
		return true
	}
	if v.At != "" {
		if r.at == nil || (v.From != "" && *r.at < day(parent.f)) || (v.Until != "" && parent.u != nil && *r.at >= *parent.u) {
			return false
		}
	}
	return holds(v.When, r)
}

// parentKey is the key that a link leads to; "" when a part of it is NULL.
func parentKey(l *datamap.Link, r *row) string { return r.tuple(l.ToColumns) }

func (r *row) tuple(columns []string) string {
	key := ""
	for _, name := range columns {
		n := map[string]*int{"id": &r.id, "k": &r.k, "a": r.a, "b": r.b}[name]
		if n == nil {
			return ""
		}
		key += "/" + strconv.Itoa(*n)
	}
	return key
}

// childKeys are the keys that a row holds by a link: several where it holds a list.
func childKeys(l *datamap.Link, r *row) []string {
	e := l.Expr
	switch {
	case e == nil:
		if key := r.tuple(l.Columns); key != "" {
			return []string{key}
		}
		return nil
	case e.Prefix > 0:
		if r.p == nil {
			return nil
		}
		return []string{"/" + (*r.p + " ")[:min(1, len(*r.p))]}
	case len(e.JSONPath) > 0:
		switch {
		case r.cutJSON && !r.list:
			return nil
		case r.cutJSON && !e.ArrayElement:
			return []string{"/the text of a list"}
		case r.cutJSON:
			var keys []string
			for _, n := range r.left {
				keys = append(keys, "/"+strconv.Itoa(n))
			}
			return keys
		case r.j == nil || (e.ArrayElement && !r.jl):
			return nil
		case e.ArrayElement:
			return []string{"/" + strconv.Itoa(*r.j), "/" + strconv.Itoa(*r.j+1)}
		case r.jl:
			return []string{"/the text of a list"}
		}
		return []string{"/" + strconv.Itoa(*r.j)}
	}
	var keys []string
	for _, n := range r.r {
		keys = append(keys, "/"+strconv.Itoa(n))
	}
	return keys
}

func holds(c *datamap.Condition, r *row) bool {
	switch {
	case c == nil:
		return true
	case len(c.All) > 0:
		return !slices.ContainsFunc(c.All, func(inner *datamap.Condition) bool { return !holds(inner, r) })
	case len(c.Any) > 0:
		return slices.ContainsFunc(c.Any, func(inner *datamap.Condition) bool { return holds(inner, r) })
	}
	p := map[string]*int{"a": r.a, "b": r.b}[c.Column]
	if p == nil || c.Op == datamap.OpIsNull {
		return p == nil && c.Op == datamap.OpIsNull
	}
	value := 0
	if len(c.Values) > 0 {
		value, _ = strconv.Atoi(c.Values[0])
	}
	switch c.Op {
	case datamap.OpEq:
		return *p == value
	case datamap.OpNe:
		return *p != value
	case datamap.OpLt:
		return *p < value
	case datamap.OpGe:
		return *p >= value
	case datamap.OpIn:
		return slices.Contains(c.Values, strconv.Itoa(*p))
	}
	return true // not NULL
}

// static closes the set of collections that can be reached at all.
func (f *follower) static() {
	f.reached[f.home] = true
	for grown := true; grown; {
		grown = false
		for _, c := range f.all[1:] {
			if !f.reached[c] && (len(f.followed(c)) > 0 || len(f.givers(c)) > 0 || f.matched(c)) {
				f.reached[c], grown = true, true
			}
		}
	}
}

func (f *follower) matched(c *datamap.Collection) bool {
	return slices.ContainsFunc(c.Match, func(m datamap.Match) bool {
		timed := m.Valid != nil && m.Valid.At != ""
		return slices.ContainsFunc(f.ids, func(id known) bool {
			return id.kind == m.Identity && id.use != "shared" && (timed || !strings.Contains(id.use, "bound"))
		})
	})
}

// givers are the collections whose values may find rows of c.
func (f *follower) givers(c *datamap.Collection) []*datamap.Collection {
	var found []*datamap.Collection
	for _, from := range f.all[1:] {
		for _, given := range from.Match {
			if f.reached[from] && given.Widens && slices.ContainsFunc(c.Match, func(m datamap.Match) bool { return m.Identity == given.Identity }) {
				found = append(found, from)
			}
		}
	}
	return found
}

func (f *follower) outcome() outcome {
	out := outcome{Rows: map[string][]string{}, Shared: map[string]int64{}}
	gone := map[*datamap.Collection]bool{}
	for grown := true; grown; {
		grown = false
		for _, c := range f.all {
			lost := slices.Contains(f.without, c.System.Name)
			if c != f.home {
				lost = lost || slices.ContainsFunc(f.givers(c), func(from *datamap.Collection) bool { return gone[from] }) ||
					slices.ContainsFunc(f.followed(c), func(l *datamap.Link) bool { return gone[l.To] })
			}
			if !gone[c] && f.reached[c] && lost {
				gone[c], grown = true, true
			}
		}
	}
	for _, s := range f.m.Systems {
		for _, c := range s.Collections {
			if gone[c] {
				out.LeftOut = append(out.LeftOut, c.ID())
			}
		}
	}
	for _, c := range f.all {
		if gone[c] {
			continue
		}
		for r := range f.mine[c] {
			out.Rows[c.ID()] = append(out.Rows[c.ID()], fmt.Sprintf("%d/%d", r.id, r.k))
			if c != f.home && f.shared(c, r) {
				out.Shared[c.ID()]++
			}
			if c == f.home {
				continue
			}
			for _, m := range c.Match {
				one := &datamap.Collection{Match: []datamap.Match{m}}
				for _, id := range f.widened(one, r) {
					text := tell(c, m, id)
					if !slices.Contains(out.Widened, text) {
						out.Widened = append(out.Widened, text)
					}
				}
			}
		}
		slices.Sort(out.Rows[c.ID()])
	}
	slices.Sort(out.Widened)
	return out
}

func tell(c *datamap.Collection, m datamap.Match, id known) string {
	value, at := id.norm, [2]string{}
	if strings.Contains(id.use, "exact") {
		value = id.raw
	}
	for i, d := range []int{id.from, id.until} {
		if d != 0 {
			at[i] = time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC).Format(systems.PeriodLayout)
		}
	}
	return fmt.Sprintf("%s.%s %q exact=%v bound=%v shared=%v %s-%s", c.ID(), m.Column, value,
		strings.Contains(id.use, "exact"), strings.Contains(id.use, "bound"), id.use == "shared", at[0], at[1])
}

// shared reports whether somebody else may claim the row: it hangs on a row that is not the
// person's (or on none), or a row that is not the person's has the key on which it hangs.
func (f *follower) shared(c *datamap.Collection, r *row) bool {
	return slices.ContainsFunc(f.followed(c), func(l *datamap.Link) bool { return f.claimedBy(l, r) })
}

// claimedBy reports whether somebody else may claim the row by the link.
func (f *follower) claimedBy(l *datamap.Link, r *row) bool {
	if (l.Self() && l.Follow == datamap.FollowUp) || (l.Valid != nil && l.Valid.At != "") {
		return false
	}
	tellsRows := !slices.ContainsFunc(l.To.Key, func(name string) bool { return !slices.Contains(l.ToColumns, name) })
	for _, key := range childKeys(l, r) {
		mine, others := false, false
		for _, parent := range f.data[l.To] {
			if parentKey(l, parent) == key {
				mine, others = mine || f.mine[l.To][parent], others || !f.mine[l.To][parent]
			}
		}
		if (!mine && (tellsRows || l.Relation == datamap.Belongs)) || (mine && others) {
			return true
		}
	}
	return false
}

// tell counts what the seed had in it.
func (w *random) tell(t *tally, s Search, got outcome) {
	t.add("seeds", 1)
	for _, ids := range got.Rows {
		t.add("rows", len(ids))
	}
	for _, n := range got.Shared {
		t.add("rows shared", int(n))
	}
	for _, text := range got.Widened {
		switch {
		case strings.Contains(text, "shared=true"):
			t.add("values that must not", 1)
		default:
			t.add("values that widen", 1)
		}
	}
	for _, id := range s.Account.Identities {
		if id.Exact {
			t.add("identities that are exact", 1)
		}
		if id.Bound {
			t.add("identities bound to a time", 1)
		}
	}
	t.add("collections left out", len(got.LeftOut))
	walk, err := s.walk()
	if err != nil {
		return
	}
	for _, g := range walk.groups {
		switch {
		case len(g.systems) > 1:
			t.add("circles through systems", 1)
		case len(g.all) > 1:
			t.add("circles in one system", 1)
		}
	}
	for _, c := range walk.order {
		for _, p := range walk.ways(c) {
			if p.link.Self() {
				t.add("self-references", 1)
			}
			if p.link.Expr != nil {
				t.add("links by a part", 1)
			}
			if p.link.Valid != nil && p.link.Valid.At != "" {
				t.add("links with a time", 1)
			}
		}
	}
}
