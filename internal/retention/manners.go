package retention

import (
	"context"
	"time"
)

const (
	// lookAround is how often a sweep asks at most whether others are at work.
	lookAround = 250 * time.Millisecond
	// longestRest bounds a rest: a batch that waited for locks took long without being work.
	longestRest = 5 * time.Second
)

// manners have a sweep rest while others are at work on the same server. Between rests it works as fast as it
// can, which is over soonest; of the time altogether others have their share.
type manners struct {
	times  int // as long as a batch took; 0: never
	others func(ctx context.Context) (int, error)

	asked time.Time
	some  bool
}

// rest waits after a batch that took so long.
func (m *manners) rest(ctx context.Context, took time.Duration) error {
	if m.times <= 0 || !m.busy(ctx) {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(min(time.Duration(m.times)*took, longestRest)):
		return nil
	}
}

// busy says whether others were at work a moment ago. A server that does not say so tells the next batch what
// is wrong with it.
func (m *manners) busy(ctx context.Context) bool {
	if time.Since(m.asked) < lookAround {
		return m.some
	}
	n, err := m.others(ctx)
	m.asked, m.some = time.Now(), err == nil && n > 0
	return m.some
}
