package subject

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

// Audience is everybody behind the rows of one collection that fulfil a condition: not one person's
// rows, as a Search finds, but all rows' persons. It goes from the rows up to the directories in
// hops, each one set-based statement in one system; between hops the keys wait in the key store.
type Audience struct {
	Map        *datamap.Map
	Collection *datamap.Collection
	Where      *datamap.Condition // nil: every row
	Keys       KeyStore
	Open       Opener
}

// Hop is one visit to one system.
type Hop struct {
	System string // whose rows are read
	in     *datamap.Collection
	link   *datamap.Link // up which the keys of this hop lead; nil for one that gives people
	from   *datamap.Link // up which we came; nil in the first hop
	match  string        // the column of the first collection whose identities we come by
	kind   string        // of those identities
}

// Concerned is one directory row, or somebody without one whose e-mail address a row holds.
type Concerned struct {
	Account Account // without identities; System is empty for somebody without a directory row
	Postal  string  // the postal address that the directory holds; may be empty
}

// audiencePage is how many rows travel at a time, and how many identities one statement names.
const (
	audiencePage = 2_000
	identityPage = 500
	postalFamily = "user.contact.address"
)

// Hops lists the visits in their order. A collection from which no way leads to a person is a
// contract.ErrMapMismatch: name those people in a CSV.
func (a Audience) Hops() ([]Hop, error) {
	c := a.Collection
	if c.Directory != nil {
		return []Hop{{System: c.System.Name, in: c}}, nil
	}
	path := a.path()
	var hops []Hop
	for i, link := range path {
		h := Hop{System: link.From.System.Name, in: link.From, link: link}
		if i > 0 {
			h.from = path[i-1]
		}
		hops = append(hops, h)
	}
	if n := len(path); n > 0 {
		top := path[n-1].To
		hops = append(hops, Hop{System: top.System.Name, in: top, from: path[n-1]})
	}
	for _, match := range c.Match {
		if match.Valid != nil {
			continue
		}
		hops = append(hops, Hop{System: c.System.Name, in: c, match: match.Column, kind: match.Identity})
		for _, dir := range a.Map.Directories() {
			if len(systems.Carriers(dir, match.Identity)) > 0 {
				hops = append(hops, Hop{System: dir.System.Name, in: dir, match: match.Column, kind: match.Identity})
			}
		}
	}
	if len(hops) == 0 {
		return nil, fault.Newf(contract.ErrMapMismatch, "%s: no plain link leads from here to a directory, and no column holds an identity", c.ID()).
			WithHint("name the people concerned in a CSV")
	}
	return hops, nil
}

// path is the shortest way up plain links that belong to a person, from the collection to a directory.
func (a Audience) path() []*datamap.Link {
	type way struct {
		at    *datamap.Collection
		links []*datamap.Link
	}
	seen := map[*datamap.Collection]bool{a.Collection: true}
	for queue := []way{{at: a.Collection}}; len(queue) > 0; queue = queue[1:] {
		now := queue[0]
		if now.at.Directory != nil {
			return now.links
		}
		for _, l := range now.at.Links {
			if l.Relation != datamap.Belongs || l.Expr != nil || l.Valid != nil || l.To == nil || seen[l.To] {
				continue
			}
			seen[l.To] = true
			queue = append(queue, way{l.To, append(slices.Clone(now.links), l)})
		}
	}
	return nil
}

// Gives says whether the hop gives people; otherwise it only gathers keys.
func (h Hop) Gives(a Audience) bool { return h.link == nil && (h.match == "" || h.in != a.Collection) }

// everyone is a condition that every row fulfils.
func everyone(c *datamap.Collection) *datamap.Condition {
	return &datamap.Condition{Column: c.Key[0], Op: datamap.OpNotNull}
}

// start selects the rows that fulfil the condition.
func (a Audience) start() systems.Clause {
	if a.Where != nil {
		return systems.Clause{When: a.Where}
	}
	return systems.Clause{When: everyone(a.Collection)}
}

// Visit makes one hop. It may run again at any time; those before it must have been made. people
// gets what a hop that gives people finds.
func (a Audience) Visit(ctx context.Context, h Hop, people func([]Concerned) error) error {
	sys, err := a.Open(h.System)
	if err != nil {
		return err
	}
	switch {
	case h.link != nil:
		return a.gather(ctx, sys, a.selection(h), h.link.Columns)
	case h.match != "" && h.in == a.Collection:
		return a.identities(ctx, sys, h, people)
	case h.match != "":
		return a.byIdentity(ctx, sys, h, people)
	}
	return a.list(ctx, sys, a.selection(h), people)
}

// selection is the rows of a hop: by the condition in the first, by the keys of the one before later.
func (a Audience) selection(h Hop) systems.Selection {
	clause := a.start()
	if h.from != nil {
		clause = systems.Clause{Columns: h.from.ToColumns, Keys: func(ctx context.Context, yield func([][]string) error) error {
			return a.Keys.Keys(ctx, a.shelf(h.from.From), h.from.Columns, yield)
		}}
	}
	return systems.Selection{Collection: h.in, Any: []systems.Clause{clause}}
}

// shelf is where the keys of a collection lie, apart from those of a case's search.
func (a Audience) shelf(c *datamap.Collection) string { return a.Collection.ID() + ">" + c.ID() }

func (a Audience) gather(ctx context.Context, sys systems.System, sel systems.Selection, columns []string) error {
	return a.put(ctx, a.shelf(sel.Collection), columns, func(yield func([][]string) error) error {
		return sys.Keys(ctx, sel, columns, systems.PageSize, yield)
	})
}

func (a Audience) put(ctx context.Context, shelf string, columns []string, source func(func([][]string) error) error) error {
	chunk := 0
	err := source(func(keys [][]string) error {
		chunk++
		return a.Keys.PutKeys(ctx, shelf, columns, chunk-1, keys)
	})
	if err == nil && chunk == 0 {
		chunk, err = 1, a.Keys.PutKeys(ctx, shelf, columns, 0, nil)
	}
	if err != nil {
		return err
	}
	return a.Keys.TrimKeys(ctx, shelf, columns, chunk)
}

// list reads directory rows.
func (a Audience) list(ctx context.Context, sys systems.System, sel systems.Selection, people func([]Concerned) error) error {
	rows, err := systems.AudienceOf(sel.Collection.System, sys)
	if err != nil {
		return err
	}
	postal := postalColumn(sel.Collection)
	var more []string
	if postal != "" {
		more = []string{postal}
	}
	return rows.People(ctx, sel, more, audiencePage, func(some []systems.Row) error {
		out := make([]Concerned, len(some))
		for i, row := range some {
			account := accountOf(sel.Collection, row)
			account.Identities = nil
			out[i] = Concerned{Account: account, Postal: strings.TrimSpace(row[postal])}
		}
		return people(out)
	})
}

func postalColumn(c *datamap.Collection) string {
	for _, col := range c.Columns {
		if col.Category == postalFamily && !col.ThirdParty {
			return col.Name
		}
	}
	return ""
}

// identities gathers what stands in a column that holds identities, for the rows that no link leads
// up from, or for all where the collection has no way up. E-mail addresses are people by themselves.
func (a Audience) identities(ctx context.Context, sys systems.System, h Hop, people func([]Concerned) error) error {
	sel := systems.Selection{Collection: h.in, Any: []systems.Clause{a.start()}}
	if path := a.path(); len(path) > 0 {
		loose := &datamap.Condition{}
		for _, column := range path[0].Columns {
			loose.Any = append(loose.Any, &datamap.Condition{Column: column, Op: datamap.OpIsNull})
		}
		sel.Only = []systems.Clause{{When: loose}}
	}
	return a.put(ctx, a.shelf(h.in), []string{h.match}, func(yield func([][]string) error) error {
		return sys.Keys(ctx, sel, []string{h.match}, systems.PageSize, func(keys [][]string) error {
			if h.kind == datamap.IdentityEmail {
				if err := people(addresses(keys)); err != nil {
					return err
				}
			}
			return yield(keys)
		})
	})
}

func addresses(keys [][]string) []Concerned {
	var out []Concerned
	for _, key := range keys {
		if address := strings.TrimSpace(key[0]); strings.Contains(address, "@") {
			out = append(out, Concerned{Account: Account{Channels: []Channel{{Kind: "email", Address: address}}}})
		}
	}
	return out
}

// byIdentity finds the directory rows that carry the identities gathered before.
func (a Audience) byIdentity(ctx context.Context, sys systems.System, h Hop, people func([]Concerned) error) error {
	columns := systems.Carriers(h.in, h.kind)
	return a.Keys.Keys(ctx, a.shelf(a.Collection), []string{h.match}, func(keys [][]string) error {
		for page := range slices.Chunk(keys, identityPage) {
			var ids []dsr.Identity
			for _, key := range page {
				if value, err := a.Map.Normalise(h.kind, key[0]); err == nil {
					ids = append(ids, dsr.Identity{Kind: h.kind, Value: value})
				}
			}
			if len(ids) == 0 {
				continue
			}
			sel := systems.Selection{Collection: h.in}
			for _, column := range columns {
				sel.Any = append(sel.Any, systems.Clause{Columns: []string{column}, Identities: ids})
			}
			if err := a.list(ctx, sys, sel, people); err != nil {
				return err
			}
		}
		return nil
	})
}

// Loose counts the rows that no link leads up from although the collection has a way up. With an
// identity of their own they are found by it; without one nobody is found behind them, and the
// approval shows the number.
func (a Audience) Loose(ctx context.Context) (int64, error) {
	path := a.path()
	if a.Collection.Directory != nil || len(path) == 0 {
		return 0, nil
	}
	loose := &datamap.Condition{Any: []*datamap.Condition{}}
	for _, column := range path[0].Columns {
		loose.Any = append(loose.Any, &datamap.Condition{Column: column, Op: datamap.OpIsNull})
	}
	sel := systems.Selection{Collection: a.Collection, Any: []systems.Clause{a.start()}, Only: []systems.Clause{{When: loose}}}
	for _, match := range a.Collection.Match {
		sel.Only = []systems.Clause{{When: &datamap.Condition{All: []*datamap.Condition{loose, {Column: match.Column, Op: datamap.OpIsNull}}}}}
		loose = sel.Only[0].When
	}
	sys, err := a.Open(a.Collection.System.Name)
	if err != nil {
		return 0, err
	}
	return sys.Count(ctx, sel)
}
