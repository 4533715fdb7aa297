package subject

import (
	"context"
	"hash"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// maxWidened is how many values one column may add to a search. Nobody has more; a map that finds
// more has taken a shared column for a personal one.
const maxWidened = 1000

// Widening is a value that was found on the way: where, and whether it searches on. The value is
// personal data.
type Widening struct {
	System, Collection, Column string
	Identity                   dsr.Identity // Shared: it stands on somebody else's directory row too, and finds nothing
}

// Widened lists the values that were found on the way, for the reviewer.
func (s Search) Widened(ctx context.Context) ([]Widening, error) {
	w, err := s.walk()
	if err != nil {
		return nil, err
	}
	gone := w.hanging(s.Without)
	var found []Widening
	for _, c := range w.order {
		if gone[c] {
			continue
		}
		for _, match := range w.widening(c) {
			ids, err := s.widened(ctx, c, match)
			if err != nil {
				return nil, err
			}
			for _, id := range ids {
				found = append(found, Widening{System: c.System.Name, Collection: c.Name, Column: match.Column, Identity: id})
			}
		}
	}
	return found, nil
}

// widening are the match rules of c whose values search on.
func (w *walk) widening(c *datamap.Collection) []datamap.Match {
	if c == w.home || w.acc.OwnRecordOnly {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(c.Match), func(m datamap.Match) bool { return !m.Widens })
}

// widenedName is where the values of a match rule stand in the key store. No column has an empty
// name, so it is nobody's key set.
func widenedName(m datamap.Match) []string { return []string{"", "widened", m.Identity, m.Column} }

// How a value that was found on the way is used: the second member of its tuple.
const (
	usePlain      = "plain"
	useExact      = "exact"
	useBound      = "bound"
	useExactBound = "exact, bound"
	useShared     = "shared"
)

// widen keeps the values that one column of the person's rows in c adds to the search.
func (v *visit) widen(ctx context.Context, c *datamap.Collection, match datamap.Match, sel systems.Selection, sum hash.Hash) error {
	raw, err := v.values(ctx, c, match, sel)
	if err != nil {
		return err
	}
	others, err := v.elsewhere(ctx, match.Identity, raw)
	if err != nil {
		return err
	}
	var kept [][]string
	for _, id := range raw {
		tuple := v.judge(id, others)
		if !slices.ContainsFunc(kept, func(t []string) bool { return slices.Equal(t, tuple) }) {
			kept = append(kept, tuple)
		}
	}
	slices.SortFunc(kept, slices.Compare)
	if err := feed(sum, kept); err != nil {
		return err
	}
	if err := v.Keys.PutKeys(ctx, c.ID(), widenedName(match), 0, kept); err != nil {
		return err
	}
	return v.Keys.TrimKeys(ctx, c.ID(), widenedName(match), 1)
}

// values are the identities in one column of the selected rows, as they are spelt there. What is
// not shaped like its kind says nothing about a person.
func (v *visit) values(ctx context.Context, c *datamap.Collection, match datamap.Match, sel systems.Selection) ([]dsr.Identity, error) {
	if valid := match.Valid; valid != nil {
		sel.From, sel.Until = valid.From, valid.Until
		if valid.When != nil {
			sel.Only = []systems.Clause{{When: valid.When}}
		}
	}
	var found []dsr.Identity
	err := v.sys.Keys(ctx, sel, []string{match.Column}, systems.PageSize, func(keys [][]string) error {
		for _, tuple := range keys {
			if _, err := v.Map.Normalise(match.Identity, tuple[0]); err != nil {
				continue
			}
			id := dsr.Identity{Kind: match.Identity, Value: tuple[0]}
			if len(tuple) == 3 {
				id.From, id.Until = bound(tuple[1], systems.PeriodStart), bound(tuple[2], systems.PeriodEnd)
			}
			found = append(found, id)
		}
		if len(found) > maxWidened {
			return fault.Newf(contract.ErrMapMismatch, "%s: column %s adds more than %d values to one person's search", c.ID(), match.Column, maxWidened).
				WithHint("values that several people have must not widen a search; correct the data map")
		}
		return nil
	})
	return found, err
}

// bound reads one end of a period; zero is open.
func bound(text, open string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || text == open {
		return time.Time{}
	}
	return t.UTC()
}

// elsewhere are the identities of the kind, among those asked for, that stand on directory rows
// of others, as they are spelt there.
func (v *visit) elsewhere(ctx context.Context, kind string, ids []dsr.Identity) ([]dsr.Identity, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var asked []dsr.Identity
	for _, id := range ids {
		value, err := v.Map.Normalise(kind, id.Value)
		if err != nil {
			return nil, err
		}
		asked = addIdentity(asked, dsr.Identity{Kind: kind, Value: value})
	}
	var found []dsr.Identity
	for _, dir := range v.Map.Directories() {
		for _, match := range carriers(dir, kind) {
			sel := systems.Selection{Collection: dir, Any: []systems.Clause{{Columns: []string{match.Column}, Identities: asked}}}
			if dir == v.w.home {
				sel.Except = []systems.Clause{{Columns: dir.Key, Keys: systems.OneKey(v.w.acc.Key...)}}
			}
			if match.Valid != nil {
				sel.From, sel.Until = match.Valid.From, match.Valid.Until
			}
			sys, err := v.Open(dir.System.Name)
			if err != nil {
				return nil, err
			}
			err = sys.Keys(ctx, sel, []string{match.Column}, systems.PageSize, func(keys [][]string) error {
				for _, tuple := range keys {
					id := dsr.Identity{Kind: kind, Value: tuple[0]}
					if len(tuple) == 3 {
						id.From, id.Until = bound(tuple[1], systems.PeriodStart), bound(tuple[2], systems.PeriodEnd)
					}
					found = append(found, id)
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// carriers are the rules by which a directory holds identities of the kind; the account's name is
// one whether or not a match rule says so.
func carriers(dir *datamap.Collection, kind string) []datamap.Match {
	var rules []datamap.Match
	for _, m := range dir.Match {
		if m.Identity == kind {
			rules = append(rules, m)
		}
	}
	account := dir.Directory.Account
	if kind == datamap.IdentityAccount && account != "" && !slices.ContainsFunc(rules, func(m datamap.Match) bool { return m.Column == account }) {
		rules = append(rules, datamap.Match{Column: account, Identity: kind})
	}
	return rules
}

// judge says how a value may be used, in the same way as weigh does for the account's own: plainly
// where nobody else's directory row has it; byte for byte where others spell it in another way;
// only for rows with a time where others had it at other times; otherwise not at all.
func (v *visit) judge(id dsr.Identity, others []dsr.Identity) []string {
	value, _ := v.Map.Normalise(id.Kind, id.Value)
	var same, exact []dsr.Identity
	for _, other := range others {
		if theirs, err := v.Map.Normalise(id.Kind, other.Value); err != nil || theirs != value {
			continue
		}
		same = append(same, other)
		if other.Value == id.Value {
			exact = append(exact, other)
		}
	}
	spelt, use := value, beside(id, same)
	if use == useShared && v.w.home.System.SpellingTells(id.Kind) {
		switch spelt = id.Value; beside(id, exact) {
		case usePlain:
			use = useExact
		case useBound:
			use = useExactBound
		default:
			spelt = value
		}
	}
	return []string{spelt, use, mark(id.From), mark(id.Until)}
}

// beside says how an identity may be used beside those of others that are the same.
func beside(id dsr.Identity, others []dsr.Identity) string {
	if slices.ContainsFunc(others, func(other dsr.Identity) bool { return !apart(id, other) }) {
		return useShared
	}
	if len(others) > 0 {
		return useBound
	}
	return usePlain
}

// apart reports whether two people had the identity at times that do not overlap. An identity
// without any time is never apart from another.
func apart(a, b dsr.Identity) bool {
	before := func(x, y dsr.Identity) bool { return !x.Until.IsZero() && !y.From.IsZero() && !x.Until.After(y.From) }
	return before(a, b) || before(b, a)
}

func mark(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(systems.PeriodLayout)
}

// widened reads back what widen kept.
func (s Search) widened(ctx context.Context, c *datamap.Collection, match datamap.Match) ([]dsr.Identity, error) {
	var ids []dsr.Identity
	looked := false
	err := s.Keys.Keys(ctx, c.ID(), widenedName(match), func(keys [][]string) error {
		looked = true
		for _, tuple := range keys {
			if len(tuple) != 4 {
				return fault.Newf(contract.ErrTampered, "%s: a kept identity of %d parts", c.ID(), len(tuple))
			}
			ids = append(ids, dsr.Identity{Kind: match.Identity, Value: tuple[0], Shared: tuple[1] == useShared,
				Exact: tuple[1] == useExact || tuple[1] == useExactBound, Bound: tuple[1] == useBound || tuple[1] == useExactBound,
				From: bound(tuple[2], ""), Until: bound(tuple[3], "")})
		}
		return nil
	})
	if err == nil && !looked {
		err = fault.Newf(contract.ErrNotFound, "the identities in %s were never looked for, so what hangs on them cannot be found", c.ID())
	}
	return ids, err
}

// identities are the clauses by which rows of c are matched: one a match rule.
func (s Search) identities(ctx context.Context, w *walk, c *datamap.Collection, available func(*datamap.Collection) bool) ([]systems.Clause, error) {
	if c == w.home || w.acc.OwnRecordOnly || len(c.Match) == 0 {
		return nil, nil
	}
	all := slices.Clone(w.acc.Identities)
	for _, from := range w.wideners(c) {
		if available != nil && !available(from) {
			continue
		}
		for _, match := range w.widening(from) {
			ids, err := s.widened(ctx, from, match)
			if err != nil {
				return nil, err
			}
			all = append(all, ids...)
		}
	}
	var clauses []systems.Clause
	for _, match := range c.Match {
		clause := systems.Clause{Columns: []string{match.Column}}
		if match.Valid != nil {
			clause.At, clause.When = match.Valid.At, match.Valid.When
		}
		for _, id := range all {
			if !usableFor(match, id) {
				continue
			}
			if clause.At == "" {
				id.From, id.Until = time.Time{}, time.Time{}
			}
			clause.Identities = addIdentity(clause.Identities, id)
		}
		if len(clause.Identities) > 0 {
			clauses = append(clauses, clause)
		}
	}
	return clauses, nil
}
