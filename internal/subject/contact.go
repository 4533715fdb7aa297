package subject

import (
	"context"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// LastContact says whether the person is a designated contact (a row of a directory of its own, which sees
// only itself), and the only one left of an account that is there: when that row goes, nobody can be reached
// for the account any more. False for everybody else.
func (e Erasure) LastContact(ctx context.Context, sys systems.System, c *datamap.Collection) (bool, error) {
	if !e.Account.OwnRecordOnly || e.Account.System != c.System.Name || e.Account.Collection != c.Name || len(e.Account.Key) != len(c.Key) {
		return false, nil
	}
	for _, l := range c.Links {
		if l.To == c || l.To.System != c.System || l.Expr != nil || l.To.Directory == nil || l.To.Directory.OwnRecordOnly {
			continue
		}
		var account [][]string
		own := systems.Selection{Collection: c, Any: []systems.Clause{{Columns: c.Key, Keys: pageOf([][]string{e.Account.Key})}}}
		if err := sys.Keys(ctx, own, l.Columns, 1, func(keys [][]string) error { account = append(account, keys...); return nil }); err != nil {
			return false, err
		}
		if len(account) == 0 {
			continue // it is nobody's contact
		}
		there, err := sys.Count(ctx, systems.Selection{Collection: l.To, Any: []systems.Clause{{Columns: l.ToColumns, Keys: pageOf(account)}}})
		if err != nil || there == 0 {
			return false, err
		}
		contacts, err := sys.Count(ctx, systems.Selection{Collection: c, Any: []systems.Clause{{Columns: l.Columns, Keys: pageOf(account)}}})
		if err != nil || contacts == 1 {
			return err == nil, err
		}
	}
	return false, nil
}
