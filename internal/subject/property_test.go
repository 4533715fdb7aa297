package subject

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// row is one row of every table of the property test; nil is NULL.
type row struct {
	id   int
	a, b *int
	mail *string
}

func (r row) cell(column string) (int, bool) {
	p := map[string]*int{"id": &r.id, "a": r.a, "b": r.b}[column]
	if p == nil {
		return 0, false
	}
	return *p, true
}

const tables = 6

// TestAgreesWithReference makes random maps over random data in three databases, and holds the
// answer against a reference that reads everything and follows links in memory.
func TestAgreesWithReference(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "s0", "s1", "s2")
	var all []*datamap.Collection
	for i := range tables {
		system := fmt.Sprintf("s%d", i%3)
		w.exec(t, system, fmt.Sprintf("CREATE TABLE t%d (id int PRIMARY KEY, a int, b int, mail text)", i))
		all = append(all, w.add(system, fmt.Sprintf("t%d", i), "id", "a", "b", "mail"))
	}
	home := all[0]
	home.Match = []datamap.Match{{Column: "mail", Identity: "email"}}
	home.Directory = &datamap.Directory{Account: "id", Channels: []datamap.Channel{{Kind: "email", Column: "mail"}}}

	rapid.Check(t, func(rt *rapid.T) {
		drawMap(rt, all)
		data := map[*datamap.Collection][]row{}
		for _, c := range all {
			data[c] = drawRows(rt, c)
			load(rt, w.dbs[c.System.Name], c, data[c])
		}
		who := rapid.SampledFrom(data[home]).Draw(rt, "who")
		acc := w.find(rt, dsr.Identity{Kind: "account", Value: fmt.Sprint(who.id)})
		want, got := reference(all, data, who), w.answer(rt, acc)
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("reference and answer differ (-want +got):\n%s", diff)
		}
	})
}

// drawMap gives every collection but the directory up to three ways in, from a random order in
// which parents come first.
func drawMap(rt *rapid.T, all []*datamap.Collection) {
	order := append([]*datamap.Collection{all[0]}, rapid.Permutation(all[1:]).Draw(rt, "order")...)
	joins := []string{"a=id", "b=id", "a=a", "a=b", "id=a", "a,b=a,b", "b,a=id,b"}
	for i, c := range order[1:] {
		c.Match, c.Links = nil, nil
		if rapid.Bool().Draw(rt, "matched") {
			c.Match = []datamap.Match{{Column: "mail", Identity: "email"}}
		}
		for range rapid.IntRange(0, 3).Draw(rt, "links") {
			from, to, _ := strings.Cut(rapid.SampledFrom(joins).Draw(rt, "join"), "=")
			link(c, from, rapid.SampledFrom(order[:i+1]).Draw(rt, "to"), to)
		}
	}
}

func drawRows(rt *rapid.T, c *datamap.Collection) []row {
	// Few values, so that rows meet in many ways.
	one, two, three := 1, 2, 3
	number := rapid.SampledFrom([]*int{nil, &one, &two, &three})
	texts := []string{"u1@x.example", "U1@x.example", " u1@x.example", "u2@x.example", "u3@x.example", "U3@x.example", "not a mail"}
	mails := []*string{nil}
	for i := range texts {
		mails = append(mails, &texts[i])
	}
	mail := rapid.SampledFrom(mails)
	ids := rapid.SliceOfNDistinct(rapid.IntRange(0, 9), 3, 10, rapid.ID[int]).Draw(rt, c.Name)
	rows := make([]row, len(ids))
	for i, id := range ids {
		rows[i] = row{id: id, a: number.Draw(rt, "a"), b: number.Draw(rt, "b"), mail: mail.Draw(rt, "mail")}
	}
	return rows
}

func load(rt *rapid.T, db *sql.DB, c *datamap.Collection, rows []row) {
	rt.Helper()
	if _, err := db.Exec("TRUNCATE " + c.Table); err != nil {
		rt.Fatalf("%v", err)
	}
	for _, r := range rows {
		if _, err := db.Exec("INSERT INTO "+c.Table+" VALUES ($1, $2, $3, $4)", r.id, r.a, r.b, r.mail); err != nil {
			rt.Fatalf("%v", err)
		}
	}
}

// usable says how a reference row's e-mail may be used: "plain", "exact" or not at all.
func usable(dir []row, who row) string {
	if who.mail == nil || !strings.Contains(*who.mail, "@") {
		return ""
	}
	same, exact := 0, 0
	for _, r := range dir {
		if r.mail != nil && spelt(*r.mail) == spelt(*who.mail) {
			same++
			if *r.mail == *who.mail {
				exact++
			}
		}
	}
	switch {
	case same == 1:
		return "plain"
	case exact == 1:
		return "exact"
	}
	return ""
}

func spelt(mail string) string { return strings.ToLower(strings.TrimSpace(mail)) }

// reference reads everything and follows links until nothing is added.
func reference(all []*datamap.Collection, data map[*datamap.Collection][]row, who row) map[string][]string {
	home := all[0]
	mine := map[*datamap.Collection]map[int]bool{}
	for _, c := range all {
		mine[c] = map[int]bool{}
	}
	mine[home][who.id] = true
	how := usable(data[home], who)
	belongs := func(c *datamap.Collection, r row) bool {
		if len(c.Match) > 0 && r.mail != nil {
			if (how == "plain" && spelt(*r.mail) == spelt(*who.mail)) || (how == "exact" && *r.mail == *who.mail) {
				return true
			}
		}
		return slices.ContainsFunc(c.Links, func(l *datamap.Link) bool {
			return slices.ContainsFunc(data[l.To], func(parent row) bool { return mine[l.To][parent.id] && joins(l, r, parent) })
		})
	}
	for grown := true; grown; {
		grown = false
		for _, c := range all[1:] {
			for _, r := range data[c] {
				if !mine[c][r.id] && belongs(c, r) {
					mine[c][r.id], grown = true, true
				}
			}
		}
	}
	out := map[string][]string{}
	for c, ids := range mine {
		for id := range ids {
			out[c.ID()] = append(out[c.ID()], fmt.Sprint(id))
		}
		slices.Sort(out[c.ID()])
		if len(ids) == 0 {
			delete(out, c.ID())
		}
	}
	return out
}

func joins(l *datamap.Link, child, parent row) bool {
	for i := range l.Columns {
		x, there := child.cell(l.Columns[i])
		y, here := parent.cell(l.ToColumns[i])
		if !there || !here || x != y {
			return false
		}
	}
	return true
}
