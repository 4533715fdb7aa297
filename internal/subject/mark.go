package subject

import (
	"context"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// cascades reports whether rows of the link go along with what they refer to.
func cascades(l *datamap.Link) bool { return l.Deletion == datamap.Deep && downward(l) }

func downward(l *datamap.Link) bool {
	return l.Follow != datamap.FollowUp && l.Follow != datamap.FollowNone
}

// counts reports whether rows of the link go when nobody else refers to them.
func counts(l *datamap.Link) bool { return l.Deletion == datamap.Refcount && downward(l) }

// allSets are the key sets of c by which any link of the map leads to it: what refers to a row
// that goes must be found whichever way the link is followed.
func (w *walk) allSets(c *datamap.Collection) []keySet {
	var sets []keySet
	for _, s := range w.m.Systems {
		for _, child := range s.Collections {
			for _, l := range child.Links {
				if l.To != c {
					continue
				}
				set := way{link: l, from: c, have: l.ToColumns}.set()
				if !slices.ContainsFunc(sets, func(k keySet) bool { return slices.Equal(k.name(), set.name()) }) {
					sets = append(sets, set)
				}
			}
		}
	}
	return sets
}

// marking is the search that a deletion makes: along deep links alone, past what others may claim.
func (e Erasure) marking() Search {
	s := e.Search
	s.Keys, s.erase = e.Frozen, &e
	return s
}

func (e *Erasure) choice(c *datamap.Collection) string {
	if choice := e.Choices[c.ID()]; choice != "" {
		return choice
	}
	return ChoiceLeave
}

// foundName is where a copy of a key set of the discovery stands among the frozen ones.
func foundName(name []string) []string { return slices.Concat([]string{"", "found"}, name) }

// owning are the ways in which somebody else may own rows of c: a link that is merely followed
// makes nobody an owner.
func (e *Erasure) owning(c *datamap.Collection) ([]way, *walk, error) {
	w, err := e.walk()
	if err != nil || c == w.home {
		return nil, w, err
	}
	var ways []way
	for _, p := range w.ways(c) {
		set := p.set()
		if !p.up && set.from == "" && set.until == "" && p.link.Deletion != datamap.Shallow {
			ways = append(ways, p)
		}
	}
	return ways, w, nil
}

// claims are the ways in which a row of c may be somebody else's, over frozen keys.
func (e *Erasure) claims(c *datamap.Collection) ([]systems.Clause, error) {
	ways, w, err := e.owning(c)
	if err != nil {
		return nil, err
	}
	several := len(w.ways(c))+len(c.Match) > 1
	var claims []systems.Clause
	for _, p := range ways {
		name := p.set().name()
		list := p.link.Expr != nil && p.link.Expr.ArrayElement
		if (several || list) && (unique(p.from, p.have) || p.link.Relation == datamap.Belongs) {
			claims = append(claims, systems.Clause{Columns: p.want, Expr: p.link.Expr, Others: true,
				Keys: discovered(e.Frozen, p.from.ID(), foundName(name))})
		}
		if w.contestable(p.from, p.set()) {
			claims = append(claims, systems.Clause{Columns: p.want, Expr: p.link.Expr,
				Keys: discovered(e.Frozen, p.from.ID(), foundName(contestedName(p.have)))})
		}
	}
	return claims, nil
}

// Steps is the walk of Mark, as Search.Steps is that of Discover.
func (e Erasure) Steps() []Step { return e.marking().Steps() }

// Mark freezes, for the collections of one step, which of the person's rows go. It may be run
// again until the plan is assembled; the levels before it must have been marked.
func (e Erasure) Mark(ctx context.Context, step Step) error {
	w, err := e.walk()
	if err != nil {
		return err
	}
	for _, name := range step.Collections {
		c, err := find(e.Map, step.System, name)
		if err != nil {
			return err
		}
		ways, _, err := e.owning(c)
		if err != nil {
			return err
		}
		for _, p := range ways {
			set := p.set()
			if err := copyKeys(ctx, e.Keys, e.Frozen, p.from.ID(), set.name(), foundName(set.name())); err != nil {
				return err
			}
			if !w.contestable(p.from, set) {
				continue
			}
			name := contestedName(set.columns)
			if err := copyKeys(ctx, e.Keys, e.Frozen, p.from.ID(), name, foundName(name)); err != nil {
				return err
			}
		}
		if c == w.home {
			if err := e.keepKnown(ctx, c); err != nil {
				return err
			}
		}
	}
	_, err = e.marking().Discover(ctx, step)
	return err
}

// copyKeys copies a key set from one store to another, in place of what stands there.
func copyKeys(ctx context.Context, from, to KeyStore, coll string, name, as []string) error {
	chunk := 0
	err := from.Keys(ctx, coll, name, func(keys [][]string) error {
		err := to.PutKeys(ctx, coll, as, chunk, keys)
		chunk++
		return err
	})
	if err != nil {
		return err
	}
	return to.TrimKeys(ctx, coll, as, chunk)
}

// knownName is where the person's known values stand, for scrubbing and the hunt.
func knownName() []string { return []string{"", "known"} }

// tellsName are the categories of values that name a person.
var tells = []string{"user.name", "user.contact", "user.government_id", "user.account.username", "user.financial.bank_account", "pd:Name", "pd:TelephoneNumber", "pd:EmailAddress", "pd:OfficialID", "pd:Username"}

// keepKnown keeps the values of the directory row that name the person, while there is one.
func (e Erasure) keepKnown(ctx context.Context, c *datamap.Collection) error {
	var columns []string
	for _, col := range c.Columns {
		if slices.ContainsFunc(tells, func(family string) bool {
			return col.Category == family || strings.HasPrefix(col.Category, family+".")
		}) {
			columns = append(columns, col.Name)
		}
	}
	sys, err := e.Open(c.System.Name)
	if err != nil {
		return err
	}
	var known [][]string
	if inspector, ok := sys.(systems.Inspector); ok && len(columns) > 0 {
		own := systems.Clause{Columns: c.Key, Keys: ownKey(e.Account)}
		err := inspector.Rows(ctx, c, own, columns, 1, func(row []*string) error {
			for _, value := range row {
				if value != nil && *value != "" {
					known = append(known, []string{*value})
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(known) == 0 { // the row is gone: what was kept before stays
		return nil
	}
	return e.Frozen.PutKeys(ctx, c.ID(), knownName(), 0, known)
}

// known are the person's values, each once.
func (e Erasure) known(ctx context.Context) ([]string, error) {
	var values []string
	add := func(value string) {
		if value != "" && !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	for _, id := range e.Account.Identities {
		if !id.Shared {
			add(id.Value)
		}
	}
	err := e.Frozen.Keys(ctx, e.Account.System+"."+e.Account.Collection, knownName(), func(keys [][]string) error {
		for _, tuple := range keys {
			add(tuple[0])
		}
		return nil
	})
	return values, err
}
