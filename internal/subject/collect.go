package subject

import (
	"context"
	"io"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Discover is Search.Discover for a map whose search stays within the one system that is given:
// where a value found on the way must be held against the directory of another, it fails.
func Discover(ctx context.Context, m *datamap.Map, sys systems.System, step Step, acc Account, ks KeyStore) (map[string]int64, error) {
	found, err := Search{Map: m, Account: acc, Keys: ks, Open: only(step.System, sys)}.Discover(ctx, step)
	return found.Rows, err
}

// Collect is Search.Collect with the one system that is given.
func Collect(ctx context.Context, m *datamap.Map, sys systems.System, coll *datamap.Collection, acc Account,
	ks KeyStore, json, csv io.Writer) (int64, error) {
	return Search{Map: m, Account: acc, Keys: ks, Open: only(coll.System.Name, sys)}.Collect(ctx, coll, json, csv)
}

// Select is Search.Select. Reading the selection's keys is what ks is asked for; identities found
// on the way are read at once.
func Select(m *datamap.Map, coll *datamap.Collection, acc Account, ks KeyStore) (systems.Selection, error) {
	return Search{Map: m, Account: acc, Keys: ks}.Select(context.Background(), coll)
}

func only(name string, sys systems.System) Opener {
	return func(system string) (systems.System, error) {
		if system != name {
			return nil, fault.Newf(contract.ErrInternal, "only the system %s is open here, not %s", name, system)
		}
		return sys, nil
	}
}
