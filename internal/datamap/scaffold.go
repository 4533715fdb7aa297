package datamap

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// ColumnSample is what a sample of a column's values looks like: counts, no values.
type ColumnSample struct {
	Values int            // sampled, without NULL and empty text
	Shapes map[string]int // identity → how many are shaped like one (ShapeOf)
}

// Add counts one value.
func (s *ColumnSample) Add(value string) {
	if strings.TrimSpace(value) == "" {
		return
	}
	s.Values++
	if shape := ShapeOf(value); shape != "" {
		if s.Shapes == nil {
			s.Shapes = map[string]int{}
		}
		s.Shapes[shape]++
	}
}

// most is the commonest shape; "" when there is none.
func (s ColumnSample) most() (shape string, count int) {
	for _, kind := range shaped {
		if s.Shapes[kind] > count {
			shape, count = kind, s.Shapes[kind]
		}
	}
	return shape, count
}

// Samples are samples by table (CatalogTable.Ref) and column.
type Samples map[string]map[string]ColumnSample

// Scaffolding is what Scaffold needs beside the schema.
type Scaffolding struct {
	System  string // name of the system; made from Fallback when empty, and then a guess
	Driver  string
	Title   string // of the system, such as the database's name; may be empty
	Samples Samples
}

// GuessMark begins the comment on every line of a scaffold that is not a fact of the schema.
const GuessMark = "# guess: "

// Scaffold writes the first draft of a system's file from its live schema. What the schema states
// stands as it is; everything else is a guess and its line says so, with the reason, behind
// GuessMark. The draft loads as soon as the guesses are right, and often before.
//
// Error: contract.ErrBadInput when no table can be read.
func Scaffold(cat Catalog, s Scaffolding) ([]byte, error) {
	d := newDrafts(cat, s)
	if len(d.all) == 0 {
		return nil, fault.New(contract.ErrBadInput, "the account sees no table that it may read", nil).
			WithHint("grant it SELECT on the tables that hold people's data")
	}
	d.findLinks()
	d.chooseDirectory()
	d.own()
	d.adopt()
	d.refer()
	for _, t := range d.all {
		d.settle(t)
	}
	return d.write(), nil
}

// drafts is a scaffold while it is made.
type drafts struct {
	Scaffolding
	all       []*draft // every table that holds rows of its own and may be read
	unread    []*CatalogTable
	directory *draft
}

// draft is one table on its way into the map.
type draft struct {
	table   *CatalogTable
	name    string
	guesses map[string]guess
	links   []*draftLink // every way up that the schema or a name offers
	in      bool         // becomes a collection
	level   int
	whole   string // why the whole collection is a guess; "" where constraints lead to it
	kept    []*draftLink
	matches []draftMatch
	notes   []string
	staff   bool
	incomes int // links that lead here
}

type draftLink struct {
	columns   []string
	to        *draft
	toColumns []string
	refers    bool
	why       string
	byName    bool
}

type draftMatch struct{ column, identity, why string }

func newDrafts(cat Catalog, s Scaffolding) *drafts {
	d := &drafts{Scaffolding: s}
	taken := map[string]bool{}
	for i := range cat.Tables {
		t := &cat.Tables[i]
		switch {
		case t.Kind == TableView:
			continue
		case !t.Read || t.Secured || len(t.Columns) == 0:
			d.unread = append(d.unread, t)
			continue
		}
		one := &draft{table: t, name: collectionNameOf(t, taken), guesses: map[string]guess{}, staff: namesOneOf(t.Name, staffWords)}
		for _, col := range t.Columns {
			linked := slices.ContainsFunc(t.Links, func(l CatalogLink) bool { return slices.Contains(l.Columns, col.Name) })
			one.guesses[col.Name] = guessColumn(col, s.Samples[t.Ref()][col.Name], slices.Contains(t.Key, col.Name), linked)
		}
		d.all = append(d.all, one)
	}
	return d
}

var notInName = regexp.MustCompile(`[^a-z0-9]+`)

// collectionNameOf makes a name that the format allows and that no other table has.
func collectionNameOf(t *CatalogTable, taken map[string]bool) string {
	plain := func(s string) string {
		return strings.Trim(notInName.ReplaceAllString(strings.Join(wordsAndDigits(s), "_"), "_"), "_")
	}
	name := plain(t.Name)
	if name == "" || name[0] < 'a' {
		name = "t_" + name
	}
	name = strings.TrimRight(name[:min(len(name), 50)], "_")
	for try, n := name, 2; ; n++ {
		if !taken[try] {
			taken[try] = true
			return try
		}
		if schema := plain(t.Schema); n == 2 && schema != "" && schema[0] >= 'a' && len(schema)+len(name) < 60 {
			try = schema + "_" + name
			continue
		}
		try = name + "_" + strconv.Itoa(n)
	}
}

// wordsAndDigits is wordsOf with the digits kept, so that log1 and log2 stay apart.
func wordsAndDigits(name string) []string {
	if strings.ToLower(name) == name || strings.ToUpper(name) == name {
		return []string{strings.ToLower(name)}
	}
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if r >= 'A' && r <= 'Z' && i > 0 && runes[i-1] >= 'a' && runes[i-1] <= 'z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return []string{strings.ToLower(b.String())}
}

// chooseDirectory takes the table that looks most like the one in which people are kept.
func (d *drafts) chooseDirectory() {
	best, most := (*draft)(nil), -100
	for _, t := range d.all {
		score := 2*len(t.identities(true)) + min(t.incomes, 4) - min(len(t.links), 3)
		if namesOneOf(t.table.Name, customerWords) {
			score += 3
			if len(wordsOf(t.table.Name)) == 1 {
				score++ // customers, before customer_contacts
			}
		}
		if t.staff {
			score -= 20
		}
		if score > most {
			best, most = t, score
		}
	}
	d.directory = best
	best.in = true
}

// identities are the matches that the columns suggest, in the order of the columns.
func (t *draft) identities(account bool) []draftMatch {
	var found []draftMatch
	for _, col := range t.table.Columns {
		g := t.guesses[col.Name]
		if g.identity != "" && !g.third && (account || g.identity != IdentityAccount) {
			found = append(found, draftMatch{column: col.Name, identity: g.identity, why: g.why})
		}
	}
	return found
}

// own takes in what hangs on the directory, level by level.
func (d *drafts) own() {
	for grown, level := true, 1; grown; level++ {
		grown = false
		var next []*draft
		for _, t := range d.all {
			if !t.in && slices.ContainsFunc(t.links, func(l *draftLink) bool { return l.to.in && l.to != t }) {
				next = append(next, t)
			}
		}
		for _, t := range next {
			t.in, t.level, grown = true, level, true
			if !slices.ContainsFunc(t.links, func(l *draftLink) bool { return l.to.in && l.to.level < level && !l.byName }) {
				t.whole = "only a name leads from here to " + d.directory.table.Ref()
			}
		}
	}
	for _, t := range d.all {
		for _, l := range t.links {
			if !t.in || !l.to.in {
				continue
			}
			switch {
			case t == d.directory || l.to == t:
				t.notes = append(t.notes, "not followed: "+l.String()+", which would bring in other people's rows")
			case l.to.level > t.level || reaches(l.to, t):
				t.notes = append(t.notes, "not followed: "+l.String()+", which would lead back here")
			default:
				t.kept = append(t.kept, l)
			}
		}
	}
}

// reaches reports whether kept links lead from one table to the other.
func reaches(from, to *draft) bool {
	return from == to || slices.ContainsFunc(from.kept, func(l *draftLink) bool { return l.to != from && reaches(l.to, to) })
}

// adopt takes in the tables that nothing leads to but that hold people by their own columns.
func (d *drafts) adopt() {
	for _, t := range d.all {
		if !t.in && len(t.identities(false)) > 0 {
			t.in, t.whole = true, "no link leads from here to "+d.directory.table.Ref()+", but its columns look like a person's"
		}
	}
}

// refer takes in what the rows of a person point at and what looks personal: an address kept in a
// table of its own. Such rows may be shared.
func (d *drafts) refer() {
	for _, owner := range slices.Clone(d.all) {
		if !owner.in || owner.whole != "" {
			continue
		}
		for _, l := range owner.links {
			switch {
			case l.to.in && (l.to.staff || l.to.whole != "") && !slices.Contains(owner.kept, l) && !slices.ContainsFunc(l.to.kept, func(k *draftLink) bool { return k.refers }):
				owner.notes = append(owner.notes, "not followed: "+l.String()+", who seem to be other people")
				continue
			case l.to == owner || l.to.staff || l.byName || (l.to.in && l.to.whole == "") || !l.to.personal():
				continue
			}
			l.to.in, l.to.level = true, owner.level+1
			l.to.whole = "rows of " + owner.table.Ref() + " point here, and its columns look personal"
			l.to.kept = append(l.to.kept, &draftLink{columns: l.toColumns, to: owner, toColumns: l.columns, refers: true,
				why: "several people may share a row"})
		}
	}
}

// personal reports whether the columns look like those of people rather than of things or firms.
func (t *draft) personal() bool {
	found := false
	for _, g := range t.guesses {
		if g.category == "user.professional_information.workplace" && !namesOneOf(t.table.Name, customerWords) {
			return false
		}
		for _, family := range []string{"user.contact", "user.name", "user.government_id", "user.financial"} {
			found = found || g.category == family || strings.HasPrefix(g.category, family+".")
		}
	}
	return found && len(t.table.Columns) > 3
}

// settle decides how rows of a collection are matched.
func (d *drafts) settle(t *draft) {
	if !t.in {
		return
	}
	slices.SortStableFunc(t.kept, func(a, b *draftLink) int { return cmp.Compare(a.to.level, b.to.level) })
	belongs := slices.ContainsFunc(t.kept, func(l *draftLink) bool {
		return !l.refers && !slices.ContainsFunc(l.columns, func(c string) bool { return !t.table.Column(c).Filled })
	})
	switch {
	case t == d.directory:
		t.matches = t.identities(true)
		if len(t.matches) == 0 {
			t.matches = []draftMatch{{t.key()[0], IdentityAccount, "no column looks like an identity; perhaps people know this"}}
		}
	case !belongs:
		t.matches = t.identities(false)
	}
}

// key is the key, or what may serve as one.
func (t *draft) key() []string {
	if len(t.table.Key) > 0 {
		return t.table.Key
	}
	for _, col := range t.table.Columns {
		if col.Filled {
			return []string{col.Name}
		}
	}
	return []string{t.table.Columns[0].Name}
}

func (l *draftLink) String() string {
	return "[" + strings.Join(l.columns, ", ") + "] to " + l.to.table.Ref()
}

// countOf is "3 of 40".
func countOf(n, of int) string { return strconv.Itoa(n) + " of " + strconv.Itoa(of) }
