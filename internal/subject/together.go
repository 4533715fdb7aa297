package subject

import (
	"context"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// together carries out the entries of a system whose foreign keys run in circles, in one transaction
// that deletes all of their rows. Run again, it finds what is left of them, which is all or nothing
// but for arrivals.
func (x *execution) together(ctx context.Context, s *datamap.System, group int) ([]Done, error) {
	var err error
	if x.eraser, err = systems.Changeable(s, x.sys); err != nil {
		return nil, err
	}
	var entries []Entry
	var all systems.Change
	var out []Done
	for _, entry := range x.plan.Entries {
		if entry.System != s.Name || entry.Together != group {
			continue
		}
		change, err := x.begin(ctx, entry)
		out = append(out, x.done)
		if err != nil {
			return out, err
		}
		if entry.Keyed { // a reference among them was cut, by which they were found
			c := change.Rows.Collection
			change.Rows = systems.Selection{Collection: c, Any: append(change.Rows.Any, x.frozenRows(entry, c)), Except: change.Rows.Except}
		}
		if len(entries) == 0 {
			all = change
		} else {
			all.With = append(all.With, change)
		}
		entries = append(entries, entry)
	}
	applied, err := x.batch(ctx, all)
	if err != nil || applied.Rows == 0 {
		return out, err
	}
	for i, entry := range entries {
		x.now, x.done = entry, out[i]
		if i == 0 {
			x.done.Deleted += applied.Deleted
		} else {
			x.done.Deleted += applied.With[i-1].Deleted
		}
		x.done.Arrived = max(x.done.Arrived, x.done.Deleted-entry.Rows)
		out[i] = x.done
		if err := x.note(ctx); err != nil {
			return out, err
		}
	}
	return out, nil
}
