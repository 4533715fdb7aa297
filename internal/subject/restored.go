package subject

import (
	"context"
	"slices"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Locating is a column of a system by which an erased person would be noticed in a restored copy of it:
// one that holds an identity, or the key of a directory row.
type Locating struct {
	Collection *datamap.Collection
	Column     string
	Kind       string              // of identity; empty: the column holds a key
	Directory  *datamap.Collection // whose key it holds
}

// LocatingColumns lists those of a system, in map order: columns that match an identity, the keys of its
// directories, and plain links of one column to the key of a directory.
func LocatingColumns(s *datamap.System) []Locating {
	var list []Locating
	for _, c := range s.Collections {
		if c.Directory != nil && len(c.Key) == 1 {
			list = append(list, Locating{Collection: c, Column: c.Key[0], Directory: c})
		}
		for _, m := range c.Match {
			list = append(list, Locating{Collection: c, Column: m.Column, Kind: m.Identity})
		}
		for _, l := range c.Links {
			if l.Expr == nil && l.To != nil && l.To.Directory != nil && len(l.Columns) == 1 && slices.Equal(l.ToColumns, l.To.Key) {
				list = append(list, Locating{Collection: c, Column: l.Columns[0], Directory: l.To})
			}
		}
	}
	return list
}

// Values yields the distinct values of the column, in pages.
func (l Locating) Values(ctx context.Context, sys systems.System, yield func([]string) error) error {
	sel := systems.Selection{Collection: l.Collection, Any: []systems.Clause{{When: everyone(l.Collection)}}}
	return sys.Keys(ctx, sel, []string{l.Column}, systems.PageSize, func(keys [][]string) error {
		page := make([]string, len(keys))
		for i, key := range keys {
			page[i] = key[0]
		}
		return yield(page)
	})
}

// RestoredAccount stands in for the directory row of somebody who was erased and is back in a restored
// system: by the key of that row, where it is known, and what else names them there. The row itself may
// be gone. What stands on somebody else's row by now names that person, and is not used.
func RestoredAccount(ctx context.Context, m *datamap.Map, open Opener, directory string, key []string, by []dsr.Identity) (Account, error) {
	for _, c := range m.Directories() {
		if c.ID() != directory {
			continue
		}
		account := Account{System: c.System.Name, Collection: c.Name, Key: key, Identities: by, Restored: true}
		var err error
		account.Identities, err = weigh(ctx, m, open, account)
		return account, err
	}
	return Account{}, fault.Newf(contract.ErrMapMismatch, "the data map has no directory %q", directory)
}

// accountKeys is a KeyStore that knows the key of a directory row and nothing else, for a search that
// begins where the row itself is gone.
type accountKeys struct {
	home *datamap.Collection
	key  []string
}

// Keys implements KeyStore: one tuple where the columns are of the key, and none otherwise.
func (a accountKeys) Keys(_ context.Context, coll string, columns []string, yield func([][]string) error) error {
	if coll != a.home.ID() || len(a.key) != len(a.home.Key) {
		return yield(nil)
	}
	tuple := make([]string, len(columns))
	for i, column := range columns {
		at := slices.Index(a.home.Key, column)
		if at < 0 {
			return yield(nil)
		}
		tuple[i] = a.key[at]
	}
	return yield([][]string{tuple})
}

// PutKeys implements KeyStore; there is nothing to put.
func (accountKeys) PutKeys(context.Context, string, []string, int, [][]string) error { return nil }

// TrimKeys implements KeyStore.
func (accountKeys) TrimKeys(context.Context, string, []string, int) error { return nil }

// ownKey is the key of the account's row; none where it is not known.
func ownKey(acc Account) systems.KeySource {
	if len(acc.Key) == 0 {
		return func(context.Context, func([][]string) error) error { return nil }
	}
	return systems.OneKey(acc.Key...)
}
