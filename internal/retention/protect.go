package retention

import (
	"context"
	"crypto/subtle"
	"slices"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Person is somebody whose rows a sweep leaves alone: under a legal hold, known by the keyed hash of
// an identity, or with an open case. Of a case either the account is known or what the request names.
type Person struct {
	Kind       string // of a hold
	Index      []byte
	Account    *subject.Account
	Identities []dsr.Identity
}

// Shelter finds the rows of people that a sweep leaves alone.
type Shelter struct {
	Map  *datamap.Map
	Open subject.Opener
	// Hash is the keyed hash by which holds know people; the value is normalised.
	Hash func(kind, value string) []byte
	// Keys gives a place for the keys of the n-th account's discovery.
	Keys func(n int) subject.KeyStore

	accounts int
}

// Rows yields the keys of those due rows of a rule that belong to one of the people, in pages. A row
// may come twice.
func (h *Shelter) Rows(ctx context.Context, people []Person, due systems.Due, yield func(keys [][]string) error) error {
	c := due.Rows.Collection
	found, err := h.resolve(ctx, people)
	if err != nil {
		return err
	}
	var clauses []systems.Clause
	for _, id := range found.identities {
		for _, m := range c.Match {
			if m.Identity == id.Kind {
				clauses = append(clauses, systems.Clause{Columns: []string{m.Column}, Identities: []dsr.Identity{id}})
			}
		}
	}
	for _, account := range found.accounts {
		some, err := h.discover(ctx, account, c)
		if err != nil {
			return err
		}
		clauses = append(clauses, some...)
	}
	sys, err := h.Open(c.System.Name)
	if err != nil {
		return err
	}
	// One way after the other: what several people share may be found several times, and a
	// statement stays small.
	for _, clause := range clauses {
		sel := systems.Selection{Collection: c, Any: []systems.Clause{clause}, Only: due.Rows.Any}
		if err := sys.Keys(ctx, sel, c.Key, systems.PageSize, yield); err != nil {
			return err
		}
	}
	return nil
}

// tooManyAccounts is how many rows a directory gives for one identity at most: there may be more.
const tooManyAccounts = 50

type resolved struct {
	accounts   []subject.Account
	identities []dsr.Identity
}

// resolve finds the directory rows of the people, and the identities by which their rows elsewhere
// carry them.
func (h *Shelter) resolve(ctx context.Context, people []Person) (resolved, error) {
	var out resolved
	var sought []Person
	for _, p := range people {
		switch {
		case p.Account != nil:
			out.account(*p.Account)
		case p.Index != nil:
			sought = append(sought, p)
		default:
			out.identities = append(out.identities, p.Identities...)
		}
	}
	named, err := h.named(ctx, sought)
	if err != nil {
		return out, err
	}
	for _, id := range append(named, out.identities...) {
		accounts, err := subject.FindAccount(ctx, h.Map, h.Open, []dsr.Identity{id})
		if err != nil {
			return out, err
		}
		if len(accounts) >= tooManyAccounts {
			return out, fault.Newf(contract.ErrRefused, "an identity under a legal hold, or of an open case, stands on %d accounts and perhaps more", tooManyAccounts).
				WithHint("place the hold on the accounts themselves, or on the collection")
		}
		for _, a := range accounts {
			out.account(a)
		}
	}
	out.identities = append(out.identities, named...)
	return out, nil
}

func (r *resolved) account(a subject.Account) {
	same := func(b subject.Account) bool {
		return b.System == a.System && b.Collection == a.Collection && slices.Equal(b.Key, a.Key)
	}
	if !slices.ContainsFunc(r.accounts, same) {
		r.accounts = append(r.accounts, a)
	}
}

// named finds the values behind keyed hashes: it goes over every column that holds identities of such
// a kind, as only whoever has the value can make its hash.
func (h *Shelter) named(ctx context.Context, sought []Person) ([]dsr.Identity, error) {
	var out []dsr.Identity
	for _, s := range h.Map.Systems {
		for _, c := range s.Collections {
			for _, m := range c.Match {
				if !slices.ContainsFunc(sought, func(p Person) bool { return p.Kind == m.Identity }) {
					continue
				}
				sys, err := h.Open(s.Name)
				if err != nil {
					return nil, err
				}
				all := systems.Selection{Collection: c, Any: []systems.Clause{{When: &datamap.Condition{Column: m.Column, Op: datamap.OpNotNull}}}}
				err = sys.Keys(ctx, all, []string{m.Column}, systems.PageSize, func(values [][]string) error {
					for _, tuple := range values {
						value, err := h.Map.Normalise(m.Identity, tuple[0])
						if err != nil {
							continue // not even of the form: nobody's hold is over it
						}
						id := dsr.Identity{Kind: m.Identity, Value: value}
						if h.isSought(sought, id) && !slices.Contains(out, id) {
							out = append(out, id)
						}
					}
					return nil
				})
				if err != nil {
					return nil, err
				}
			}
		}
	}
	return out, nil
}

func (h *Shelter) isSought(sought []Person, id dsr.Identity) bool {
	hash := h.Hash(id.Kind, id.Value)
	return slices.ContainsFunc(sought, func(p Person) bool {
		return p.Kind == id.Kind && subtle.ConstantTimeCompare(p.Index, hash) == 1
	})
}

// discover finds how the rows of one account are found in a collection.
func (h *Shelter) discover(ctx context.Context, account subject.Account, c *datamap.Collection) ([]systems.Clause, error) {
	h.accounts++
	search := subject.Search{Map: h.Map, Account: account, Keys: h.Keys(h.accounts), Open: h.Open}
	for _, step := range search.Steps() {
		if _, err := search.Discover(ctx, step); err != nil {
			return nil, err
		}
	}
	sel, err := search.Select(ctx, c)
	if err != nil {
		return nil, err
	}
	if len(sel.Only) > 0 || len(sel.Except) > 0 {
		return nil, fault.Newf(contract.ErrInternal, "%s: a person's rows are more than a list of ways", c.ID())
	}
	return sel.Any, nil
}
