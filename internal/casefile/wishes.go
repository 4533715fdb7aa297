package casefile

import (
	"context"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// WishCode counts that somebody asks for a one-time code, and says whether the case should hear of
// it: at most perHour times in each hour of the clock, for each purpose, and only for a case that is
// open. Anybody who knows a case number can ask, and a workflow takes only so many signals in its
// life. An unknown case takes the same one statement.
func (s *Store) WishCode(ctx context.Context, ref contract.Ref, purpose string, perHour int) (bool, error) {
	var n []int
	err := s.db.SelectContext(ctx, &n, `INSERT INTO code_wish AS w (ref, purpose, hour, n)
		SELECT ref, $2, $3, 1 FROM case_file WHERE ref = $1 AND closed_at IS NULL
		ON CONFLICT (ref, purpose) DO UPDATE SET hour = excluded.hour, n = CASE WHEN w.hour = excluded.hour THEN w.n + 1 ELSE 1 END
		WHERE w.hour <> excluded.hour OR w.n < $4
		RETURNING n`, ref, purpose, s.now().Truncate(time.Hour), perHour)
	return len(n) > 0, dbError("count a wish for a code", err)
}
