package survey

import (
	"context"
	"slices"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// matched ties rows to the people whose identity their column holds. As in a search, an identity
// that stands on several directory rows finds nothing, unless their spellings differ in a way
// that tells them apart.
func (r *reach) matched(ctx context.Context, rows []*node, match datamap.Match) error {
	if match.Valid != nil {
		doubt(rows, []string{match.Column})
		return nil
	}
	norms := map[*node]dsr.Identity{}
	var ask []dsr.Identity
	for _, n := range rows {
		raw := n.columns[match.Column]
		if raw == nil {
			continue
		}
		value, err := r.m.Normalise(match.Identity, *raw)
		if err != nil {
			continue // shaped like nothing, so no search starts from it
		}
		id := dsr.Identity{Kind: match.Identity, Value: value}
		norms[n] = id
		if _, known := r.held[id]; !known {
			r.held[id] = nil
			ask = append(ask, id)
		}
	}
	if err := r.holders(ctx, match.Identity, ask); err != nil {
		return err
	}
	for n, id := range norms {
		if p, ok := alone(r.held[id], *n.columns[match.Column], match.Identity); ok && p.home != n.c && !p.home.Directory.OwnRecordOnly {
			n.persons[p] = true
		}
	}
	r.widened(rows, match, norms)
	return nil
}

// alone is the one person who holds the identity, or holds it in this very spelling.
func alone(holders []holder, raw, kind string) (person, bool) {
	if len(holders) > 1 && holders[0].home.System.SpellingTells(kind) {
		holders = slices.DeleteFunc(slices.Clone(holders), func(h holder) bool { return h.raw != raw })
	}
	if len(holders) != 1 {
		return person{}, false
	}
	return holders[0].person, true
}

// holders looks identities of one kind up in every directory.
func (r *reach) holders(ctx context.Context, kind string, ask []dsr.Identity) error {
	for _, dir := range r.m.Directories() {
		for _, column := range carriers(dir, kind) {
			err := r.carrying(ctx, dir, column, kind, ask, func(n *node, id dsr.Identity) {
				h := holder{person{dir, tuple(n.key)}, *n.columns[column]}
				same := func(other holder) bool { return other.person == h.person }
				if !slices.ContainsFunc(r.held[id], same) {
					r.held[id] = append(r.held[id], h)
				}
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// carriers are the columns of a directory that hold identities of the kind.
func carriers(dir *datamap.Collection, kind string) []string {
	var names []string
	for _, match := range dir.Match {
		if match.Identity == kind {
			names = append(names, match.Column)
		}
	}
	if account := dir.Directory.Account; kind == datamap.IdentityAccount && account != "" && !slices.Contains(names, account) {
		names = append(names, account)
	}
	return names
}

// carrying finds the rows of c whose column holds one of the identities.
func (r *reach) carrying(ctx context.Context, c *datamap.Collection, column, kind string, ask []dsr.Identity, each func(*node, dsr.Identity)) error {
	_, i, err := inspector(ctx, c.System, r.open)
	if err != nil {
		return err
	}
	names := wanted(r.m, c)
	for page := range slices.Chunk(ask, matchPage) {
		err := i.Rows(ctx, c, systems.Clause{Columns: []string{column}, Identities: page}, names, reachEach, func(row []*string) error {
			n := &node{columns: map[string]*string{}}
			for i, name := range names {
				n.columns[name] = row[i]
			}
			n.key = n.values(c.Key)
			if value, err := r.m.Normalise(kind, *n.columns[column]); err == nil && n.key != nil {
				each(n, dsr.Identity{Kind: kind, Value: value})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// widened leaves rows in doubt whose identity nobody's directory row holds, where the map lets
// identities that were found on the way search on.
func (r *reach) widened(rows []*node, match datamap.Match, norms map[*node]dsr.Identity) {
	widens := false
	for _, s := range r.m.Systems {
		for _, c := range s.Collections {
			for _, m := range c.Match {
				widens = widens || (m.Widens && m.Identity == match.Identity)
			}
		}
	}
	for _, n := range rows {
		if id, has := norms[n]; widens && has && len(r.held[id]) == 0 {
			n.maybe = true
		}
	}
}
