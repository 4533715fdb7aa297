package subject

import (
	"context"
	"hash"
	"io"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Search is the search for one account's rows.
type Search struct {
	Map     *datamap.Map
	Account Account
	Keys    KeyStore
	Open    Opener
	// Without are systems that a decision left out; see LeftOut.
	Without []string
	// Rounds is how often a circle through several systems is followed; 0 is DefaultRounds. The
	// same number must stand in every call for a case.
	Rounds int
	// erase makes it the search of a deletion: see Erasure.Mark.
	erase *Erasure
	// seed has the keys of the directory row, for a search after the row is gone.
	seed KeyStore
}

// Found is what one step found. Both maps are keyed by "system.collection".
type Found struct {
	Rows map[string]int64
	// Shared counts, among Rows, those that somebody else may claim too; collections without any
	// are left out.
	Shared map[string]int64
}

func (s Search) walk() (*walk, error) {
	return newWalk(s.Map, s.Account, s.Rounds, s.erase != nil)
}

// visit is one step while it is made.
type visit struct {
	Search
	w     *walk
	sys   systems.System
	level int
	out   Found
}

// Discover visits the collections of one step: it counts the person's rows, and puts into the key
// store the keys and identities through which other collections are found. It may be run again at
// any time; the levels before it must have been visited. Collections that hang on a system left
// out are passed over.
func (s Search) Discover(ctx context.Context, step Step) (Found, error) {
	w, err := s.walk()
	if err != nil {
		return Found{}, err
	}
	sys, err := s.Open(step.System)
	if err != nil {
		return Found{}, err
	}
	if s.seed == nil && s.Account.Restored && w.home != nil {
		s.seed = accountKeys{w.home, s.Account.Key}
	}
	v := &visit{Search: s, w: w, sys: sys, level: step.Level, out: Found{Rows: map[string]int64{}, Shared: map[string]int64{}}}
	gone := w.hanging(s.Without)
	var groups []*group
	members := map[*group][]*datamap.Collection{}
	for _, name := range step.Collections {
		c, err := find(s.Map, step.System, name)
		if err != nil {
			return Found{}, err
		}
		g := w.of[c]
		switch {
		case g == nil: // not reached: nobody's rows
			v.out.Rows[c.ID()] = 0
			continue
		case gone[c]:
			continue
		case members[g] == nil:
			groups = append(groups, g)
		}
		members[g] = append(members[g], c)
	}
	for _, g := range groups {
		if err := v.group(ctx, g, members[g]); err != nil {
			return Found{}, err
		}
	}
	return v.out, nil
}

// group makes the step for the members of one group in this system.
func (v *visit) group(ctx context.Context, g *group, members []*datamap.Collection) error {
	if !g.circle {
		return v.visitOnce(ctx, members[0])
	}
	round, _ := g.turn(v.level, members[0].System.Name)
	closing := len(g.systems) > 1 && round == v.w.rounds-1
	run := &circle{visit: v, group: g, round: round, digests: map[*datamap.Collection]string{}}
	var before []string
	if closing {
		for _, c := range members {
			kept, err := run.kept(ctx, c)
			if err != nil {
				return err
			}
			before = append(before, kept)
		}
	}
	if err := run.settle(ctx, members); err != nil {
		return err
	}
	for i, c := range members {
		if closing && before[i] != run.digests[c] {
			return fault.Newf(contract.ErrMapMismatch,
				"%s: its links run in a circle through several systems, and after %d rounds still lead to new rows", c.ID(), v.w.rounds).
				WithHint("correct the links, so that the circle closes within one system or is not followed")
		}
		sel, err := v.selection(ctx, v.w, c, run.available)
		if err == nil {
			err = v.contest(ctx, c, sel)
		}
		if err != nil {
			return err
		}
	}
	for _, c := range members { // once it is known of all of them what others have too
		sel, err := v.selection(ctx, v.w, c, run.available)
		if err == nil {
			err = v.count(ctx, c, sel, run.available)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *visit) visitOnce(ctx context.Context, c *datamap.Collection) error {
	sel, err := v.selection(ctx, v.w, c, nil)
	if err != nil {
		return err
	}
	if err := v.keep(ctx, c, sel, nil); err != nil {
		return err
	}
	if v.seed != nil && c == v.w.home {
		if err := v.plant(ctx, c); err != nil {
			return err
		}
	}
	if err := v.contest(ctx, c, sel); err != nil {
		return err
	}
	return v.count(ctx, c, sel, nil)
}

// plant puts the keys that the directory row had in place of those that it has now.
func (v *visit) plant(ctx context.Context, c *datamap.Collection) error {
	for _, set := range v.w.onward(c) {
		if err := copyKeys(ctx, v.seed, v.Keys, c.ID(), set.name(), set.name()); err != nil {
			return err
		}
	}
	return nil
}

// keep materialises the key sets and identities that c leads on with.
func (v *visit) keep(ctx context.Context, c *datamap.Collection, sel systems.Selection, sum hash.Hash) error {
	for _, set := range v.w.onward(c) {
		with := sel
		with.From, with.Until = set.from, set.until
		if err := putKeys(ctx, v.sys, with, set.columns, set.name(), v.Keys, sum); err != nil {
			return err
		}
		if sum != nil {
			sum.Write([]byte{0})
		}
	}
	for _, match := range v.w.widening(c) {
		if err := v.widen(ctx, c, match, sel, sum); err != nil {
			return err
		}
		if sum != nil {
			sum.Write([]byte{0})
		}
	}
	return nil
}

// count counts the person's rows of c, and those of them that others may claim.
func (v *visit) count(ctx context.Context, c *datamap.Collection, sel systems.Selection, available func(*datamap.Collection) bool) error {
	var err error
	if v.out.Rows[c.ID()], err = v.sys.Count(ctx, sel); err != nil {
		return err
	}
	return v.countShared(ctx, c, sel, available)
}

// putKeys materialises one set of keys in place of an earlier one: a key that no longer leads to
// the person must not stay behind. The empty first chunk of a set without keys says that the
// search was made.
func putKeys(ctx context.Context, sys systems.System, sel systems.Selection, columns, name []string, ks KeyStore, sum hash.Hash) error {
	id, chunk := sel.Collection.ID(), 0
	err := sys.Keys(ctx, sel, columns, systems.PageSize, func(keys [][]string) error {
		if err := feed(sum, keys); err != nil {
			return err
		}
		err := ks.PutKeys(ctx, id, name, chunk, keys)
		chunk++
		return err
	})
	if err == nil && chunk == 0 {
		err = ks.PutKeys(ctx, id, name, 0, nil)
		chunk++
	}
	if err != nil {
		return err
	}
	return ks.TrimKeys(ctx, id, name, chunk)
}

// Collect streams the person's rows of one collection in both formats (see
// systems.System.Stream) and returns their number. Every step must have been discovered. A
// collection that hangs on a system left out is a contract.ErrNotFound; see LeftOut.
func (s Search) Collect(ctx context.Context, c *datamap.Collection, json, csv io.Writer) (int64, error) {
	sel, err := s.Select(ctx, c)
	if err != nil {
		return 0, err
	}
	sys, err := s.Open(c.System.Name)
	if err != nil {
		return 0, err
	}
	return sys.Stream(ctx, sel, json, csv)
}
