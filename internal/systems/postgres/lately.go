package postgres

import (
	"context"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// recentTime is for how long a sweep goes by what the catalog said: it makes dozens of batches in that
// time, and asking each time would cost as much as deleting. What a statement needs it names, so that
// a table that changed meanwhile refuses it.
const recentTime = time.Second

// seen is what the catalog said of a collection's table.
type seen struct {
	shape *shape
	at    time.Time
}

// lately is what the catalog says of a table, or said within recentTime. Whatever stops is an error each time.
func (s *session) lately(ctx context.Context, c *datamap.Collection) (seen, error) {
	s.mu.Lock()
	was, found := s.seen[c]
	s.mu.Unlock()
	if found && time.Since(was.at) < recentTime {
		return was, nil
	}
	fresh := *s
	fresh.recent = false
	now := seen{at: time.Now()}
	var err error
	if now.shape, err = fresh.usable(ctx, c); err != nil {
		return seen{}, err
	}
	s.remember(c, now)
	return now, nil
}

func (d *driver) remember(c *datamap.Collection, what seen) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seen == nil {
		d.seen = map[*datamap.Collection]seen{}
	}
	d.seen[c] = what
}
