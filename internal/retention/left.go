package retention

import (
	"context"

	"github.com/habeas-dsr/habeas/internal/systems"
)

// Left counts what is still due after a sweep, by the reason why.
type Left struct {
	Due      int64 `json:"due"`
	Held     int64 `json:"held"`     // of people under a legal hold or with an open case
	Referred int64 `json:"referred"` // another row refers to them
	// Other are due rows for which there is neither reason: somebody held them all the time, or the
	// system did not let them go.
	Other int64 `json:"other"`
}

// Prove asks anew what is due and why it is left, after a sweep.
func (s *Sweep) Prove(ctx context.Context) (Left, error) {
	var out Left
	all, err := s.System.CountDue(ctx, s.Rule.Due(s.Now, nil))
	if err != nil {
		return out, err
	}
	out.Due = all.Rows
	var free int64
	var at systems.Cursor
	for {
		keys, last, err := s.System.DuePage(ctx, s.Rule.Due(s.Now, s.Alone), at, systems.PageSize)
		if err != nil {
			return out, err
		}
		if len(keys) == 0 {
			break
		}
		kept, err := s.Log.Kept(ctx, keys)
		if err != nil {
			return out, err
		}
		free += int64(len(keys))
		for _, k := range kept {
			if k {
				out.Held++
			}
		}
		at = last
	}
	out.Referred = max(0, out.Due-free)
	out.Other = free - out.Held
	return out, nil
}
