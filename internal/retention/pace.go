package retention

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// How many rows one transaction touches. A sweep begins with FirstRows and goes by how long they take:
// what keeps others waiting is the time for which locks are held, not the number of rows.
const (
	FirstRows = 2_000
	LeastRows = 250
	MostRows  = 50_000
	// lockTime is how long a batch is meant to take. The next one is as large as it could have been in that
	// time, but no more than grow times as large.
	lockTime = 100 * time.Millisecond
	grow     = 4
)

// pace says how large the next batch is, and keeps to the rate.
type pace struct {
	limit *rate.Limiter // nil: no bound
	most  int

	mu   sync.Mutex // the next page is read while a batch is made
	size int
}

// newPace is a pace of at most so many rows a batch (0: MostRows) and a second (0: no bound).
func newPace(batch, perSecond int) *pace {
	p := &pace{most: MostRows}
	if batch > 0 {
		p.most = batch
	}
	if perSecond > 0 {
		p.most = min(p.most, perSecond) // so that no second sees more than twice its share
		p.limit = rate.NewLimiter(rate.Limit(perSecond), p.most)
	}
	p.size = min(FirstRows, p.most)
	return p
}

// rows is how many rows the next batch has at most.
func (p *pace) rows() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.size
}

// took hears how long a batch of so many rows took, and what became of it. One that was smaller than it might have
// been says nothing of larger ones.
func (p *pace) took(rows int, took time.Duration, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	least := min(LeastRows, p.most)
	fit := int(float64(rows) * float64(lockTime) / float64(max(took, time.Millisecond)))
	switch {
	case fault.Is(err, contract.ErrBusy):
		p.size = max(p.size/2, least)
	case err != nil || rows == 0:
	case fit < p.size && took > lockTime:
		p.size = max(fit, p.size/2, least)
	case fit > p.size && 2*rows >= p.size:
		p.size = min(fit, grow*p.size, p.most)
	}
}

// wait keeps to the rate. A page that was noted by a sweep with another rate may be larger than one
// wait allows.
func (p *pace) wait(ctx context.Context, rows int) error {
	for p.limit != nil && rows > 0 {
		n := min(rows, p.most)
		if err := p.limit.WaitN(ctx, n); err != nil {
			return err
		}
		rows -= n
	}
	return nil
}
