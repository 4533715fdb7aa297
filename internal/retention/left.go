package retention

import (
	"context"

	"github.com/habeas-dsr/habeas/internal/systems"
)

// Why a row is left alone.
const (
	Held     = "held"     // its person is under a legal hold or has an open case
	Extended = "extended" // its person's rows are kept longer by a decision
)

// Left counts what is still due after a sweep, by the reason why.
type Left struct {
	Due      int64 `json:"due"`
	Held     int64 `json:"held"`     // of people under a legal hold or with an open case
	Extended int64 `json:"extended"` // of people whose rows are kept longer by a decision
	Referred int64 `json:"referred"` // another row refers to them
	// Other are due rows for which there is neither reason: somebody held them all the time, or the
	// system did not let them go.
	Other int64 `json:"other"`
}

// Prove asks anew what is due and why it is left, after a sweep.
func (s *Sweep) Prove(ctx context.Context) (Left, error) {
	var out Left
	var err error
	if out.Due, err = s.System.Count(ctx, s.Rule.Due(s.Now, nil).Rows); err != nil || out.Due == 0 {
		return out, err
	}
	var free int64
	var at systems.Cursor
	for {
		page, err := s.System.DuePage(ctx, s.Rule.Due(s.Now, s.Alone), at, systems.PageSize)
		if err != nil {
			return out, err
		}
		if len(page.Keys) == 0 {
			break
		}
		kept, err := s.Log.Kept(ctx, page.Keys)
		if err != nil {
			return out, err
		}
		free += int64(len(page.Keys))
		for _, why := range kept {
			switch why {
			case Held:
				out.Held++
			case Extended:
				out.Extended++
			}
		}
		at = page.Last
	}
	out.Referred = max(0, out.Due-free)
	out.Other = free - out.Held - out.Extended
	return out, nil
}
