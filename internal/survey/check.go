package survey

import (
	"cmp"
	"context"
	"slices"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Check holds the map against the live schemas of its systems: what would stop a case, what no
// file mentions, and what is worth a word. A system that gives no answer is a finding, so that the
// others are heard all the same.
//
// floors are what the company's law knows, for the rules of retention.
func Check(ctx context.Context, m *datamap.Map, floors []datamap.KnownFloor, open Opener, progress Progress) ([]systems.Finding, error) {
	c := checking{Map: m, floors: floors, catalogs: map[string]datamap.Catalog{}}
	var found []systems.Finding
	for n, s := range m.Systems {
		progress.at(int64(n), int64(2*len(m.Systems)), s.Name)
		if s.Outside != nil {
			continue // nothing there can be looked at
		}
		some, err := c.live(ctx, s, open)
		if err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			some = []systems.Finding{{Kind: systems.Unreachable, System: s.Name, Text: short(err)}}
		}
		found = append(found, some...)
	}
	for n, s := range m.Systems {
		progress.at(int64(len(m.Systems)+n), int64(2*len(m.Systems)), s.Name)
		if cat, known := c.catalogs[s.Name]; known {
			found = append(found, c.drift(s, cat)...)
		}
	}
	progress.at(1, 1, "")
	return inOrder(m, once(found)), nil
}

type checking struct {
	*datamap.Map
	floors   []datamap.KnownFloor
	catalogs map[string]datamap.Catalog
}

// live asks the driver, and keeps the catalog where it can be read.
func (c *checking) live(ctx context.Context, s *datamap.System, open Opener) ([]systems.Finding, error) {
	opened, err := open(ctx, s.Name)
	if err != nil {
		return nil, err
	}
	found, err := opened.Check(ctx, s.Collections)
	if err != nil {
		return nil, err
	}
	i, err := systems.Inspect(s, opened)
	if err != nil {
		// The driver's own check stands; that the rest could not be looked at is said.
		return append(found, systems.Finding{Kind: systems.Advice, System: s.Name, Text: short(err)}), nil
	}
	cat, err := i.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	c.catalogs[s.Name] = cat
	return found, nil
}

func (c *checking) drift(s *datamap.System, cat datamap.Catalog) []systems.Finding {
	var others []*datamap.System
	for _, other := range c.Systems {
		if other != s && c.catalogs[other.Name].Database == cat.Database {
			others = append(others, other)
		}
	}
	parent := func(to *datamap.Collection, column string) *datamap.CatalogColumn {
		at := c.catalogs[to.System.Name]
		if t := at.Table(to.Schema, to.Table); t != nil {
			return t.Column(column)
		}
		return nil
	}
	var found []systems.Finding
	for _, d := range slices.Concat(datamap.Drift(s, cat, others, parent), datamap.CheckExpiry(s, cat, c.floors), datamap.CheckStops(s, cat)) {
		found = append(found, systems.Finding{Kind: d.Kind, System: s.Name, Collection: d.Collection, Column: d.Column, Text: d.Text, Hint: d.Hint})
	}
	return found
}

// once leaves out what a driver has said already in its own, better words.
func once(found []systems.Finding) []systems.Finding {
	type place struct{ kind, system, collection, column string }
	seen := map[place]bool{}
	return slices.DeleteFunc(found, func(f systems.Finding) bool {
		if f.Collection == "" || f.Kind == systems.BadExpiry || f.Kind == systems.BadStop {
			return false
		}
		at := place{f.Kind, f.System, f.Collection, f.Column}
		defer func() { seen[at] = true }()
		return seen[at]
	})
}

// inOrder puts what stops a case before the other drift, and that before advice; within each it
// keeps to the order of the map.
func inOrder(m *datamap.Map, found []systems.Finding) []systems.Finding {
	rank := func(f systems.Finding) int {
		switch {
		case f.Stops():
			return 0
		case f.Drifts():
			return 1
		}
		return 2
	}
	at := func(f systems.Finding) int {
		return slices.IndexFunc(m.Systems, func(s *datamap.System) bool { return s.Name == f.System })
	}
	slices.SortStableFunc(found, func(a, b systems.Finding) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(at(a), at(b)))
	})
	return found
}
