package subject

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

const maxTables = 6

// ownKinds are the company's own kinds of identity in the random maps.
var ownKinds = []datamap.OwnIdentity{{Name: "badge", Normaliser: datamap.NormaliserDigits}}

// row is one row of every random table; nil is NULL. Times are days.
type row struct {
	id, k       int
	a, b        *int
	login       *string
	mail, badge *string
	// j is a document: {"x": {"y": j}}, or {"x": {"y": [list]}} where the row says so.
	j        *int
	jl       bool
	r        []int
	p        *string
	at, f, u *int
	// What a deletion left of the document's list, once cutJSON.
	cutJSON, list bool
	left          []int
}

func (r *row) document() *string {
	switch {
	case r.cutJSON && !r.list:
		doc := `{"x": {"y": null}}`
		return &doc
	case r.cutJSON:
		parts := []string{"null"}
		for _, n := range r.left {
			if n == *r.j {
				parts = append([]string{strconv.Itoa(n)}, parts...)
			} else {
				parts = append(parts, strconv.Itoa(n))
			}
		}
		doc := `{"x": {"y": [` + strings.Join(parts, ", ") + `]}}`
		return &doc
	}
	if r.j == nil {
		return nil
	}
	doc := fmt.Sprintf(`{"x": {"y": %d}}`, *r.j)
	if r.jl {
		doc = fmt.Sprintf(`{"x": {"y": [%d, null, %d]}}`, *r.j, *r.j+1)
	}
	return &doc
}

// random is the map and the data of one seed.
type random struct {
	*rand.Rand
	m       *datamap.Map
	all     []*datamap.Collection // the first is the directory of the person
	data    map[*datamap.Collection][]*row
	who     *row
	without []string
}

func newRandom(seed int64, made map[string]*datamap.System) *random {
	w := &random{Rand: rand.New(rand.NewPCG(uint64(seed), 7)), data: map[*datamap.Collection][]*row{}}
	w.m = &datamap.Map{Company: datamap.Company{Identities: ownKinds}}
	for _, name := range []string{"s0", "s1", "s2"} {
		made[name].Collections = nil
		w.m.Systems = append(w.m.Systems, made[name])
	}
	used := 1 + w.IntN(3)
	for i := range 3 + w.IntN(maxTables-2) {
		s := w.m.Systems[w.IntN(used)]
		c := &datamap.Collection{System: s, Name: "t" + strconv.Itoa(i), Schema: s.Name, Table: "t" + strconv.Itoa(i), Key: []string{"id"}}
		if i > 0 && w.chance(0.4) {
			c.Key = []string{"id", "k"}
		}
		for _, name := range []string{"id", "k", "a", "b", "login", "mail", "badge", "j", "r", "p", "at", "f", "u"} {
			c.Columns = append(c.Columns, &datamap.Column{Name: name, Category: "user", Export: datamap.ExportShow})
		}
		s.Collections = append(s.Collections, c)
		w.all = append(w.all, c)
	}
	for i, c := range w.all {
		w.drawMatch(c, i)
		w.drawLinks(c, i)
		w.drawRows(c)
	}
	rows := w.data[w.all[0]]
	w.who = rows[w.IntN(len(rows))]
	if used > 1 && w.chance(0.15) {
		w.without = []string{w.m.Systems[w.IntN(used)].Name}
	}
	return w
}

func (w *random) chance(p float64) bool { return w.Float64() < p }

// drawMatch gives the first collection, and sometimes the second, a directory, and others some
// match rules.
func (w *random) drawMatch(c *datamap.Collection, i int) {
	directory := i == 0 || (i == 1 && w.chance(0.4))
	for _, rule := range []struct{ column, kind string }{{"mail", datamap.IdentityEmail}, {"badge", "badge"}} {
		if !directory && w.chance(0.5) {
			continue
		}
		m := datamap.Match{Column: rule.column, Identity: rule.kind}
		m.Widens = !directory && w.chance(0.5)
		if w.chance(0.35) {
			m.Valid = &datamap.Valid{}
			if directory || (m.Widens && w.chance(0.5)) {
				m.Valid.From, m.Valid.Until = "f", "u"
			}
			if !directory && w.chance(0.6) {
				m.Valid.At = "at"
			}
			if !directory && w.chance(0.3) {
				m.Valid.When = w.drawCondition()
			}
			if *m.Valid == (datamap.Valid{}) {
				m.Valid = nil
			}
		}
		c.Match = append(c.Match, m)
	}
	if directory {
		c.Directory = &datamap.Directory{Channels: []datamap.Channel{{Kind: "email", Column: "mail"}}}
		if i == 0 {
			c.Directory.Account = "login"
		}
	}
}

func (w *random) drawCondition() *datamap.Condition {
	one := func() *datamap.Condition {
		op := pick(w, datamap.OpEq, datamap.OpNe, datamap.OpLt, datamap.OpGe, datamap.OpIn, datamap.OpIsNull, datamap.OpNotNull)
		c := &datamap.Condition{Column: pick(w, "a", "b"), Op: op}
		switch op {
		case datamap.OpIsNull, datamap.OpNotNull:
		case datamap.OpIn:
			c.Values = []string{"1", "3"}
		default:
			c.Values = []string{strconv.Itoa(1 + w.IntN(3))}
		}
		return c
	}
	switch w.IntN(3) {
	case 0:
		return one()
	case 1:
		return &datamap.Condition{All: []*datamap.Condition{one(), one()}}
	}
	return &datamap.Condition{Any: []*datamap.Condition{one(), {All: []*datamap.Condition{one(), one()}}}}
}

func pick[T any](w *random, of ...T) T { return of[w.IntN(len(of))] }

// drawLinks gives a collection up to three links to any other or to itself.
func (w *random) drawLinks(c *datamap.Collection, i int) {
	joins := []string{"a=id", "a=id", "b=id", "b=id", "a=id", "b=a", "a=a", "a=b", "id=a", "a,b=a,b", "b,a=id,b", "a,b=id,k", "id,k=a,b"}
	parts := []string{"j=id", "j=a", "r=id", "r=b", "p=id", "p=a", "j=id,list"}
	for range 1 + w.IntN(3) {
		to := w.all[0]
		switch {
		case w.chance(0.15):
			to = c
		case w.chance(0.6):
			to = pick(w, w.all...)
		}
		l := &datamap.Link{From: c, To: to, Relation: pick(w, datamap.Belongs, datamap.Refers), Follow: datamap.FollowDown}
		join := pick(w, joins...)
		if w.chance(0.25) {
			join = pick(w, parts...)
		}
		columns, toColumns, _ := strings.Cut(join, "=")
		l.Columns, l.ToColumns = strings.Split(columns, ","), strings.Split(strings.TrimSuffix(toColumns, ",list"), ",")
		switch columns {
		case "j":
			l.Expr = &datamap.Expr{JSONPath: []string{"x", "y"}, ArrayElement: strings.HasSuffix(toColumns, ",list")}
		case "r":
			l.Expr = &datamap.Expr{ArrayElement: true}
		case "p":
			l.Expr = &datamap.Expr{Prefix: 1}
		}
		if l.To == c && slices.Equal(l.Columns, l.ToColumns) {
			continue
		}
		w.drawUse(l)
		if !slices.ContainsFunc(c.Links, func(o *datamap.Link) bool {
			return o.To == l.To && slices.Equal(o.Columns, l.Columns) && slices.Equal(o.ToColumns, l.ToColumns)
		}) {
			c.Links = append(c.Links, l)
		}
	}
}

// drawUse draws how a link is followed and when it counts, within what Load lets through.
func (w *random) drawUse(l *datamap.Link) {
	if w.chance(0.2) {
		l.Valid = &datamap.Valid{}
		if w.chance(0.7) {
			l.Valid.At, l.Valid.From, l.Valid.Until = "at", pick(w, "f", ""), "u"
		}
		if l.Valid.At == "" || w.chance(0.3) {
			l.Valid.When = w.drawCondition()
		}
	}
	if l.Self() {
		l.Follow = pick(w, datamap.FollowDown, datamap.FollowUp, datamap.FollowNone)
		if l.Follow == datamap.FollowUp && (l.Expr != nil || (l.Valid != nil && l.Valid.At != "")) {
			l.Follow = datamap.FollowDown
		}
	}
	if l.Relation == datamap.Refers {
		l.Shared = datamap.SharedShow
		if w.chance(0.1) {
			l.Shared = datamap.SharedHide
		}
	}
}

// drawRows fills a table. Few values, so that rows meet in many ways.
func (w *random) drawRows(c *datamap.Collection) {
	numbers := func() *int {
		if n := w.IntN(5); n > 0 {
			return &n
		}
		return nil
	}
	days := func() *int {
		if n := w.IntN(6); n > 0 {
			n *= 4
			return &n
		}
		return nil
	}
	mails := []string{"u1@x.example", "U1@x.example", " u1@x.example", "u2@x.example", "u3@x.example", "U3@x.example", "u4@x.example", "not a mail"}
	badges := []string{"100", "1-00", "2/00", "200", "300", "none"}
	words := func(of []string) *string {
		if i := w.IntN(len(of) + 2); i < len(of) {
			return &of[i]
		}
		return nil
	}
	seen := map[[2]int]bool{}
	for range 4 + w.IntN(8) {
		r := &row{id: 1 + w.IntN(6), k: w.IntN(4), a: numbers(), b: numbers(), mail: words(mails), badge: words(badges), j: numbers(), jl: w.chance(0.3),
			p: words([]string{"1-a", "2", "3x", "", "12"}), at: days(), f: days(), u: days()}
		login := "u" + strconv.Itoa(r.id)
		r.login = &login
		key := [2]int{r.id, r.k}
		if len(c.Key) == 1 {
			key[1] = 0
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		if w.chance(0.7) {
			r.r = []int{}
			for range w.IntN(3) {
				r.r = append(r.r, 1+w.IntN(4))
			}
		}
		w.data[c] = append(w.data[c], r)
	}
}

// String shows the map and the data, for the report of a failure.
func (w *random) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the person is row %d of %s; without %v\n", w.who.id, w.all[0].ID(), w.without)
	for _, c := range w.all {
		fmt.Fprintf(&b, "%s key %v directory %v\n", c.ID(), c.Key, c.Directory != nil)
		for _, m := range c.Match {
			fmt.Fprintf(&b, "  match %s as %s widens %v valid %s\n", m.Column, m.Identity, m.Widens, validText(m.Valid))
		}
		for _, l := range c.Links {
			fmt.Fprintf(&b, "  link %v -> %s %v %s follow %s shared %s expr %+v valid %s\n", l.Columns, l.To.ID(), l.ToColumns, l.Relation, l.Follow, l.Shared, l.Expr, validText(l.Valid))
		}
		for _, r := range w.data[c] {
			fmt.Fprintf(&b, "    id %d k %d a %s b %s mail %s badge %s j %s list %v r %v p %s at %s f %s u %s\n", r.id, r.k, number(r.a), number(r.b),
				text(r.mail), text(r.badge), text(r.document()), r.jl, r.r, text(r.p), number(r.at), number(r.f), number(r.u))
		}
	}
	return b.String()
}

func validText(v *datamap.Valid) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("from %q until %q at %q when %s", v.From, v.Until, v.At, conditionText(v.When))
}

func conditionText(c *datamap.Condition) string {
	if c == nil {
		return "-"
	}
	text := c.Column + " " + c.Op + " " + strings.Join(c.Values, ",")
	for _, inner := range c.All {
		text += " all(" + conditionText(inner) + ")"
	}
	for _, inner := range c.Any {
		text += " any(" + conditionText(inner) + ")"
	}
	return text
}
