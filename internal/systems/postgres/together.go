package postgres

import (
	"context"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// waitWithChecks leaves the checks of DEFERRABLE constraints to the end of the transaction.
func (s *session) waitWithChecks(ctx context.Context, c *datamap.Collection) error {
	_, err := s.tx.ExecContext(ctx, "SET CONSTRAINTS ALL DEFERRED")
	return s.classify(ctx, c, err)
}

// together deletes all rows of the change and of those with it. The foreign keys are checked before
// the transaction ends, so that a refusal is told as one.
func (s *session) together(ctx context.Context, change systems.Change, batch int) (systems.Applied, error) {
	c := change.Rows.Collection
	if err := s.waitWithChecks(ctx, c); err != nil {
		return systems.Applied{}, err
	}
	all := append([]systems.Change{change}, change.With...)
	sums, total := make([]systems.Applied, len(all)), int64(0)
	for i, one := range all {
		if one.Action != systems.Delete {
			return systems.Applied{}, fault.Newf(contract.ErrInternal, "%s: %s in one transaction with others", one.Rows.Collection.ID(), one.Action)
		}
		one.With = nil
		for {
			done, err := s.apply(ctx, one, batch)
			if err != nil {
				return systems.Applied{}, err
			}
			if done.Rows == 0 {
				break
			}
			sums[i].Rows, sums[i].Deleted = sums[i].Rows+done.Rows, sums[i].Deleted+done.Deleted
			if total += done.Rows; total > systems.TogetherRows {
				return systems.Applied{}, fault.Newf(contract.ErrRefused, "%s: foreign keys run in a circle, and more than %d rows would have to go in one transaction", c.ID(), systems.TogetherRows).
					WithHint("let a column of one of the foreign keys be NULL")
			}
		}
	}
	if _, err := s.tx.ExecContext(ctx, "SET CONSTRAINTS ALL IMMEDIATE"); err != nil {
		return systems.Applied{}, s.refused(ctx, c, err)
	}
	out := sums[0]
	out.With = sums[1:]
	for _, sum := range out.With {
		out.Rows += sum.Rows
	}
	return out, nil
}
