package retention

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Parts of a rule. A rule that blocks has a second one, and rows that deletion cases blocked have one
// of their own.
const (
	PartMain    = ""
	PartUntil   = "until"   // of block: the second date
	PartBlocked = "blocked" // rows that a deletion case blocked, whose duty to keep is over
)

// Rule is one thing that happens to the rows of one collection.
type Rule struct {
	Collection *datamap.Collection
	Part       string // one of Part…
	Action     string // systems.Delete, systems.Anonymise or systems.Block
	Mark       *datamap.Mark
	Purpose    datamap.Text
	Basis      string
	Usual      int // per cent
	Line       int

	when    []*datamap.Condition // all of them hold
	grounds []ground
	by      string // the column in whose order rows are walked; "" for that of the key
	zone    string
}

// ground keeps a row until the time after its column is over.
type ground struct {
	Span    datamap.Span
	Column  string
	Parent  *datamap.Link
	Missing bool
	Else    string
	Law     datamap.Text
}

// Name is the rule's within its system: "login_logs", "login_logs/until".
func (r Rule) Name() string {
	if r.Part == PartMain {
		return r.Collection.Name
	}
	return r.Collection.Name + "/" + r.Part
}

// Span is how long rows are kept, and since when, in words of the map.
func (r Rule) Span() string {
	g := r.grounds[0]
	since := g.Column
	if g.Parent != nil {
		since = g.Parent.To.Name + "." + since
	}
	return g.Span.String() + " since " + since
}

// Floors are the laws' least times, in words.
func (r Rule) Floors(lang string) []string {
	var list []string
	for _, g := range r.grounds[1:] {
		list = append(list, g.Span.String()+": "+g.Law.In(lang))
	}
	return list
}

// Rules are those of a system, in the order of the map.
func Rules(s *datamap.System) []Rule {
	var rules []Rule
	for _, c := range s.Collections {
		if x := c.Expiry; x != nil {
			rules = append(rules, mainRule(c, x))
			if x.Action == datamap.ExpiryBlock {
				rules = append(rules, untilRule(c, x))
			}
		}
		if d := c.Deletion; d != nil && d.Keep != nil && d.Keep.Blocked != "" && d.Keep.Since != "" && d.Keep.Then == datamap.DeletionDelete {
			rules = append(rules, blockedRule(c, d))
		}
	}
	return rules
}

// Find gives the rule of that name.
func Find(s *datamap.System, name string) (Rule, error) {
	for _, r := range Rules(s) {
		if r.Name() == name {
			return r, nil
		}
	}
	return Rule{}, fault.Newf(contract.ErrMapMismatch, "the data map has no rule of retention %s.%s any more", s.Name, name)
}

func mainRule(c *datamap.Collection, x *datamap.Expiry) Rule {
	r := Rule{Collection: c, Action: x.Action, Mark: x.Marked, Purpose: x.Purpose, Basis: x.LegalBasis, Usual: x.Usual, Line: x.Line, zone: x.Zone}
	if x.When != nil {
		r.when = append(r.when, x.When)
	}
	if x.Marked != nil {
		r.when = append(r.when, unmarked(*x.Marked))
	}
	r.grounds = append([]ground{{Span: x.After, Column: x.Since, Parent: x.Parent, Missing: x.Null == datamap.NullDue, Else: x.Else}}, floors(x)...)
	if x.Parent == nil && x.Else == "" && x.Null != datamap.NullDue {
		r.by = x.Since
	}
	return r
}

func floors(x *datamap.Expiry) []ground {
	var list []ground
	for _, f := range x.Floors {
		g := ground{Span: f.AtLeast, Column: f.Since, Law: f.Law}
		if f.Since == "" {
			g.Column, g.Parent, g.Else, g.Missing = x.Since, x.Parent, x.Else, x.Null == datamap.NullDue
		}
		list = append(list, g)
	}
	return list
}

func untilRule(c *datamap.Collection, x *datamap.Expiry) Rule {
	r := mainRule(c, x)
	r.Part, r.Action, r.Mark = PartUntil, systems.Delete, nil
	r.grounds[0].Span = x.Until
	r.when[len(r.when)-1] = marked(*x.Marked)
	return r
}

func blockedRule(c *datamap.Collection, d *datamap.Deletion) Rule {
	k := d.Keep
	return Rule{Collection: c, Part: PartBlocked, Action: systems.Delete, Basis: k.Basis, Usual: 100, Line: d.Line, by: k.Since,
		when: []*datamap.Condition{marked(datamap.Mark{Column: k.Blocked, Value: k.BlockedValue})},
		grounds: []ground{{Span: datamap.Span{Months: k.Months, Days: k.Days}, Column: k.Since},
			{Span: datamap.Span{Months: k.Months, Days: k.Days}, Column: k.Since, Law: k.Law}}}
}

func marked(m datamap.Mark) *datamap.Condition {
	return &datamap.Condition{Column: m.Column, Op: datamap.OpEq, Values: []string{m.Value}}
}

func unmarked(m datamap.Mark) *datamap.Condition {
	return &datamap.Condition{Any: []*datamap.Condition{{Column: m.Column, Op: datamap.OpIsNull}, {Column: m.Column, Op: datamap.OpNe, Values: []string{m.Value}}}}
}

// Zone is the time zone in which the rule counts days.
func (r Rule) Zone() *time.Location {
	zone, err := time.LoadLocation(r.zone) // "" is UTC; the map was checked when it was read
	if err != nil {
		return time.UTC
	}
	return zone
}

// Before is the first day whose rows the rule keeps at now, by its own span and without the floors.
func (r Rule) Before(now time.Time) time.Time {
	return jurisdiction.OverBefore(r.grounds[0].Span.Months, r.grounds[0].Span.Days, now, r.Zone())
}

// Clause are the rows that are due at now.
func (r Rule) Clause(now time.Time) systems.Clause {
	var clause systems.Clause
	switch len(r.when) {
	case 0:
	case 1:
		clause.When = r.when[0]
	default:
		clause.When = &datamap.Condition{All: r.when}
	}
	for _, g := range r.grounds {
		day := jurisdiction.OverBefore(g.Span.Months, g.Span.Days, now, r.Zone())
		clause.Over = append(clause.Over, systems.Over{Column: g.Column, Parent: g.Parent, Missing: g.Missing, Else: g.Else,
			Day: day, At: jurisdiction.Begins(day, r.Zone())})
	}
	return clause
}

// Due are those rows for a walk; of a rule that deletes, with alone, those to which none of these refer.
func (r Rule) Due(now time.Time, alone []systems.Referrer) systems.Due {
	clause := r.Clause(now)
	if r.Action == systems.Delete {
		clause.Alone = alone
	}
	return systems.Due{Rows: systems.Selection{Collection: r.Collection, Any: []systems.Clause{clause}}, By: r.by}
}

// Version is SHA-256 over all that decides what the rule does: another version is another rule, and
// needs a signature of its own.
func (r Rule) Version() []byte {
	type erase struct {
		Column   string
		Strategy datamap.Strategy
	}
	type span struct {
		Span, Column, Parent, Else string
		Missing                    bool
		Law                        datamap.Text
	}
	body := struct {
		Format                            int
		System, Rule, Table, Action, Zone string
		Key, When                         []string
		Mark                              *datamap.Mark
		Erase                             []erase
		Grounds                           []span
		Purpose                           datamap.Text
		Basis                             string
		Usual                             int
	}{Format: 1, System: r.Collection.System.Name, Rule: r.Name(), Table: datamap.TableRef(r.Collection.Schema, r.Collection.Table), Action: r.Action,
		Zone: r.zone, Key: r.Collection.Key, Mark: r.Mark, Purpose: r.Purpose, Basis: r.Basis, Usual: r.Usual}
	for _, c := range r.when {
		body.When = append(body.When, written(c))
	}
	for _, g := range r.grounds {
		s := span{Span: g.Span.String(), Column: g.Column, Else: g.Else, Missing: g.Missing, Law: g.Law}
		if g.Parent != nil {
			s.Parent = fmt.Sprintf("%q to %s %q", g.Parent.Columns, g.Parent.To.ID(), g.Parent.ToColumns)
		}
		body.Grounds = append(body.Grounds, s)
	}
	if r.Action == systems.Anonymise {
		for _, col := range r.Collection.Erased() {
			how := *col.Erase
			how.Line = 0
			body.Erase = append(body.Erase, erase{col.Name, how})
		}
	}
	raw, _ := json.Marshal(body) // texts, numbers and lists of them always encode
	sum := sha256.Sum256(raw)
	return sum[:]
}

// written is a condition as text, without its place in the file.
func written(c *datamap.Condition) string {
	switch {
	case len(c.All) > 0:
		return fmt.Sprintf("all%q", texts(c.All))
	case len(c.Any) > 0:
		return fmt.Sprintf("any%q", texts(c.Any))
	}
	return fmt.Sprintf("%q %s %q", c.Column, c.Op, c.Values)
}

func texts(list []*datamap.Condition) []string {
	out := make([]string, len(list))
	for i, c := range list {
		out[i] = written(c)
	}
	return out
}

// Floors are what a law knows of the least times for which records are kept.
func Floors(p jurisdiction.Profile) []datamap.KnownFloor {
	list := make([]datamap.KnownFloor, len(p.KeptAtLeast))
	for i, k := range p.KeptAtLeast {
		list[i] = datamap.KnownFloor{What: k.What, Categories: slices.Clone(k.Categories), AtLeast: datamap.Span{Months: k.Months(), Days: k.Days()}, Source: k.Source}
	}
	return list
}
