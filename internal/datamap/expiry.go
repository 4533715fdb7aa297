package datamap

import (
	"slices"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// What happens to rows whose time is up.
const (
	ExpiryDelete    = "delete"
	ExpiryAnonymise = "anonymise"
	ExpiryBlock     = "block" // a flag takes them out of use until a second date, at which they go
)

// What a missing time means.
const (
	NullNever = "never" // the row's time is never up
	NullDue   = "due"   // it is up already
)

// DefaultUsual is the share of a collection's rows, in per cent, that one run may touch without a
// signature where the map does not say.
const DefaultUsual = 5

// Span is a length of time in months or days; the other one is 0.
type Span struct{ Months, Days int }

// Expiry says when the rows of a collection have been kept long enough, and what happens then. A row
// is due when the time since Since is over, every floor is, and it fulfils When.
type Expiry struct {
	After  Span
	Since  string // the column with the time
	Parent *Link  // not nil: Since is a column of the collection that this link leads to
	Null   string // one of Null…; empty where the map does not say
	Else   string // the column that counts instead where Since is NULL; may be empty
	Zone   string // IANA name: whose days count, and whose clock a time without a zone shows; may be empty
	When   *Condition
	Action string // one of Expiry…
	// Marked is what a row that was anonymised or blocked carries, so that none is touched twice.
	Marked *Mark
	Until  Span // of block: after how long since Since the row goes
	Floors []Floor
	// NoFloor is why no law's floor applies although a profile knows one for these categories.
	NoFloor    Text
	Purpose    Text
	LegalBasis string
	Usual      int // per cent
	Line       int
}

// Mark is a column and its value in a marked row.
type Mark struct{ Column, Value string }

// Floor is the least time for which a law has the rows kept.
type Floor struct {
	AtLeast Span
	Since   string // a column of the collection; empty: as the rule's. NULL: kept
	Law     Text
	Line    int
}

// Sweep says when and how fast the rows of a system go.
type Sweep struct {
	At   string // "03:30"
	Zone string // IANA name
	Rate int    // rows a second at most; 0: no bound
	// Window are the hours of the zone in which rows go; the zero Window is the whole day.
	Window Window
	// Yield is how many times as long as a batch took a sweep rests after it, while others are at work on the
	// server; 0: never.
	Yield int
}

// DefaultSweep is that of a system whose file does not say: not between two and three, the hour
// that daylight saving takes away and gives twice.
var DefaultSweep = Sweep{At: "03:30", Zone: "UTC", Yield: 3}

// readSpan reads "3y", "18m" or "180d".
func (f *file) readSpan(n ast.Node, what string) Span {
	text, ok := f.str(n, what)
	if !ok {
		return Span{}
	}
	parts := period.FindStringSubmatch(text)
	if parts == nil {
		f.node(n, `%s must be a number of years, months or days such as "3y", "18m" or "180d"`, what)
		return Span{}
	}
	number, _ := strconv.Atoi(parts[1]) // digits alone, by the expression
	switch parts[2] {
	case "y":
		return Span{Months: 12 * number}
	case "m":
		return Span{Months: number}
	}
	return Span{Days: number}
}

// expiry reads when the rows of a collection go.
func (f *file) expiry(r *record, c *Collection, look columnCheck) {
	n, ok := r.get("expiry")
	if !ok {
		return
	}
	e := f.record(n, "an expiry", expiryKeys)
	if e == nil {
		return
	}
	x := &Expiry{Zone: f.zone(e), Usual: DefaultUsual}
	x.Line, _ = position(r.fields["expiry"].key)
	c.Expiry = x
	if after, ok := e.need("after"); ok {
		x.After = f.readSpan(after, "after")
	}
	f.expirySince(e, c, x, look)
	f.expiryNull(e, x, look)
	if when, ok := e.get("when"); ok {
		x.When = f.condition(when, look, 0)
	}
	f.expiryAction(e, c, x, look)
	if list, ok := e.get("at_least"); ok {
		nodes, _ := f.items(list, "at_least")
		for _, node := range nodes {
			f.floor(node, x, look)
		}
	}
	x.NoFloor = f.title(e, "no_floor", false)
	x.Purpose = f.title(e, "purpose", true)
	if basis, at := e.needText("legal_basis"); basis != "" {
		if !known(basis, legalBases) {
			f.choice(at, "legal basis", basis, legalBases)
		}
		x.LegalBasis = basis
	}
	if usual, ok := e.get("usual"); ok {
		if v, ok := f.integer(usual, "usual", 1, 100); ok {
			x.Usual = v
		}
	}
}

// zone reads the name of a time zone.
func (f *file) zone(r *record) string {
	n, ok := r.get("zone")
	if !ok {
		return ""
	}
	name, ok := f.str(n, "zone")
	if _, err := time.LoadLocation(name); ok && (err != nil || name == "" || name == "Local") {
		f.node(n, "zone must be the IANA name of a time zone, such as Asia/Shanghai or UTC")
		return ""
	}
	return name
}

// expirySince reads the column that the time is reckoned from: one of the collection, or
// {parent: collection, column: …}.
func (f *file) expirySince(e *record, c *Collection, x *Expiry, look columnCheck) {
	n, ok := e.need("since")
	if !ok {
		return
	}
	if _, plain := n.(*ast.StringNode); plain {
		x.Since = look.one(e, "since", true)
		return
	}
	r := f.record(n, "since", sinceKeys)
	if r == nil {
		return
	}
	name, at := r.needText("parent")
	column, columnAt := r.needText("column")
	x.Since = column
	if name == "" || column == "" {
		return
	}
	f.later = append(f.later, func(*loading) {
		var parents []string
		for _, l := range c.Links {
			if l.To == nil || l.To.System != c.System || l.Expr != nil || l.Self() {
				continue
			}
			if l.To.Name == name {
				x.Parent = l
				columnCheck{file: f, collection: l.To, silent: len(l.To.Columns) == 0}.has(columnAt, column)
				return
			}
			parents = append(parents, l.To.Name)
		}
		if len(parents) == 0 {
			f.node(at, "no link leads from %s to another collection of its system by whole columns, so that it has no parent to reckon from", quoted(c.Name))
			return
		}
		f.choice(at, "parent", name, parents)
	})
}

// expiryNull reads what a missing time means: a word, or another column that counts instead.
func (f *file) expiryNull(e *record, x *Expiry, look columnCheck) {
	entry, stands := e.fields["missing"]
	if !stands {
		return
	}
	if n, ok := entry.value.(*ast.StringNode); ok {
		if x.Null, _ = f.str(n, "missing"); !known(x.Null, nulls) {
			f.choice(n, "meaning", x.Null, nulls)
		}
		return
	}
	if entry.value == nil || entry.value.Type() == ast.NullType {
		e.need("missing")
		return
	}
	if r := f.record(entry.value, "missing", missingKeys); r != nil {
		x.Null, x.Else = NullNever, look.one(r, "since", true)
		if _, own := e.fields["since"].value.(*ast.StringNode); !own {
			f.node(entry.value, "another column can stand in for one of the collection only, not for a parent's")
		}
	}
}

func (f *file) expiryAction(e *record, c *Collection, x *Expiry, look columnCheck) {
	action, at := e.needText("action")
	if action != "" && !known(action, expiryActions) {
		f.choice(at, "action", action, expiryActions)
		return
	}
	x.Action = action
	if n, ok := e.get("marked"); ok {
		if m := f.record(n, "marked", blockedKeys); m != nil {
			x.Marked = &Mark{Column: look.one(m, "column", true)}
			if v, ok := m.need("value"); ok {
				x.Marked.Value, _ = f.scalar(v, "value")
			}
			if slices.Contains(c.Key, x.Marked.Column) {
				f.node(n, "the column %s is of the key and cannot be a mark", quoted(x.Marked.Column))
			}
			if col := c.Column(x.Marked.Column); col != nil && col.Erase != nil && action == ExpiryAnonymise {
				f.node(n, "the column %s is anonymised itself and cannot be the mark", quoted(col.Name))
			}
		}
	}
	if n, ok := e.get("until"); ok {
		x.Until = f.readSpan(n, "until")
	}
	mark, until := e.fields["marked"], e.fields["until"]
	switch {
	case action == ExpiryDelete && mark.key != nil:
		f.node(mark.key, `"marked" goes with anonymise and block: a deleted row needs no mark`)
	case action != ExpiryDelete && mark.key == nil && !e.meant["marked"]:
		f.node(e.node, `%s needs "marked": a column and its value in a row that was dealt with, so that none is touched twice`, action)
	}
	switch {
	case action == ExpiryBlock && until.key == nil && !e.meant["until"]:
		f.node(e.node, `block needs "until": after how long since the same time the rows are deleted`)
	case action != ExpiryBlock && until.key != nil:
		f.node(until.key, `"until" goes with action: block`)
	case action == ExpiryBlock && x.Until != (Span{}) && !x.Until.longer(x.After):
		f.node(until.key, "until must be longer than after")
	}
}

// longer compares two spans roughly, a month being 30 days.
func (s Span) longer(other Span) bool { return 30*s.Months+s.Days > 30*other.Months+other.Days }

// Covers says whether the span is at least as long as the other one, whatever months they meet.
func (s Span) Covers(other Span) bool {
	if s.Days == 0 && other.Days == 0 {
		return s.Months >= other.Months
	}
	return 28*s.Months+s.Days >= 31*other.Months+other.Days
}

func (f *file) floor(n ast.Node, x *Expiry, look columnCheck) {
	r := f.record(n, "a floor", floorKeys)
	if r == nil {
		return
	}
	floor := Floor{Law: f.title(r, "law", true), Since: look.one(r, "since", false)}
	floor.Line, _ = position(n)
	if span, ok := r.need("for"); ok {
		floor.AtLeast = f.readSpan(span, "for")
	}
	x.Floors = append(x.Floors, floor)
}

// sweep reads when and how fast the rows of a system go.
func (f *file) sweep(r *record, s *System) {
	s.Sweep = DefaultSweep
	n, ok := r.get("sweep")
	if !ok {
		return
	}
	w := f.record(n, "sweep", sweepKeys)
	if w == nil {
		return
	}
	if at, ok := w.get("at"); ok {
		text, _ := f.str(at, "at")
		if _, err := time.Parse("15:04", text); err != nil || len(text) != 5 {
			f.node(at, `at must be a time of the day such as "03:30", in quotes`)
		} else {
			s.Sweep.At = text
		}
	}
	if zone := f.zone(w); zone != "" {
		s.Sweep.Zone = zone
	}
	if rate, ok := w.get("rate"); ok {
		s.Sweep.Rate, _ = f.integer(rate, "rate", 1, 10_000_000)
	}
	if yield, ok := w.get("yield"); ok {
		s.Sweep.Yield, _ = f.integer(yield, "yield", 0, 100)
	}
	if window, ok := w.get("window"); ok {
		f.window(w, window, s)
	}
}
