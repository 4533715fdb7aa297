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
