package subject

import (
	"context"
	"slices"
	"strconv"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// A row is shared when somebody else may claim it too: by one of its links it hangs on a row that
// is not the person's, or a row that is not the person's hangs on it by the same key.

// sharedName is where the number of shared rows of a collection stands in the key store.
func sharedName() []string { return []string{"", "shared"} }

// contestedName is where those keys stand that rows of others have too.
func contestedName(columns []string) []string {
	return slices.Concat([]string{"", "contested"}, columns)
}

// Shared counts the rows found that somebody else may claim too, by "system.collection";
// collections without any are left out.
func (s Search) Shared(ctx context.Context) (map[string]int64, error) {
	w, err := s.walk()
	if err != nil {
		return nil, err
	}
	gone := w.hanging(s.Without)
	counts := map[string]int64{}
	for _, c := range w.order {
		if gone[c] || !w.claimable(c) {
			continue
		}
		err := s.Keys.Keys(ctx, c.ID(), sharedName(), func(keys [][]string) error {
			for _, tuple := range keys {
				n, err := strconv.ParseInt(tuple[0], 10, 64)
				if err != nil {
					return fault.Newf(contract.ErrTampered, "%s: the number of shared rows cannot be read", c.ID())
				}
				if n > 0 {
					counts[c.ID()] = n
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// contest keeps which of the keys of c rows of others have too. Where the key is the row's own
// there are none.
func (v *visit) contest(ctx context.Context, c *datamap.Collection, sel systems.Selection) error {
	if v.erase != nil {
		return nil // the discovery said so
	}
	for _, set := range v.w.onward(c) {
		if !v.w.contestable(c, set) {
			continue
		}
		theirs := systems.Selection{Collection: c, Except: sel.Any,
			Any: []systems.Clause{{Columns: set.columns, Keys: discovered(v.Keys, c.ID(), set.name())}}}
		if err := putKeys(ctx, v.sys, theirs, set.columns, contestedName(set.columns), v.Keys, nil); err != nil {
			return err
		}
	}
	return nil
}

// contestable reports whether rows of others may have keys of the set: not where it tells one row
// from another, nor where a time says whose it was.
func (w *walk) contestable(c *datamap.Collection, set keySet) bool {
	return !unique(c, set.columns) && set.from == "" && set.until == ""
}

// unique reports whether the columns tell one row of c from another.
func unique(c *datamap.Collection, columns []string) bool {
	return !slices.ContainsFunc(c.Key, func(name string) bool { return !slices.Contains(columns, name) })
}

// countShared counts the rows of c that somebody else may claim, and keeps the number.
func (v *visit) countShared(ctx context.Context, c *datamap.Collection, sel systems.Selection, available func(*datamap.Collection) bool) error {
	if v.erase != nil || !v.w.claimable(c) {
		return nil
	}
	var n int64
	if sel.Only = v.claims(c, sel, available); len(sel.Only) > 0 && v.out.Rows[c.ID()] > 0 {
		var err error
		if n, err = v.sys.Count(ctx, sel); err != nil {
			return err
		}
	}
	if n > 0 {
		v.out.Shared[c.ID()] = n
	}
	return v.Keys.PutKeys(ctx, c.ID(), sharedName(), 0, [][]string{{strconv.FormatInt(n, 10)}})
}

// claimable reports whether rows of c can be shared at all, as far as the map tells.
func (w *walk) claimable(c *datamap.Collection) bool {
	ways := w.ways(c)
	return slices.ContainsFunc(ways, func(p way) bool {
		set := p.set()
		if p.up || set.from != "" || set.until != "" {
			return false
		}
		return len(ways)+len(c.Match) > 1 || w.contestable(p.from, set) || (p.link.Expr != nil && p.link.Expr.ArrayElement)
	})
}

// claims are the ways in which a row of c may be somebody else's.
func (v *visit) claims(c *datamap.Collection, sel systems.Selection, available func(*datamap.Collection) bool) []systems.Clause {
	var claims []systems.Clause
	for _, p := range v.w.ways(c) {
		if p.up || (available != nil && !available(p.from)) { // up: it is the row pointed at, and hangs on nothing by this
			continue
		}
		set, list := p.set(), p.link.Expr != nil && p.link.Expr.ArrayElement
		if set.from != "" || set.until != "" {
			continue // the time says whose it is
		}
		mine := discovered(v.Keys, p.from.ID(), set.name())
		// Rows found in one way alone have keys of this set, so that there are no others.
		if (len(sel.Any) > 1 || list) && (unique(p.from, set.columns) || p.link.Relation == datamap.Belongs) {
			claims = append(claims, systems.Clause{Columns: p.want, Keys: mine, Expr: p.link.Expr, Others: true})
		}
		if v.w.contestable(p.from, set) {
			claims = append(claims, systems.Clause{Columns: p.want, Expr: p.link.Expr,
				Keys: discovered(v.Keys, p.from.ID(), contestedName(set.columns))})
		}
	}
	return claims
}
