package mailing

import (
	"context"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
)

// claimed is what a claim ahead brought.
type claimed struct {
	list []casefile.Recipient
	err  error
}

// ahead claims the next ones, and opens their addresses, while the last are being written to.
func (r *run) ahead(ctx context.Context) {
	if r.claiming || r.all || r.stopping.Load() || r.queue.left > claimSize/2 {
		return
	}
	r.claiming = true
	after, limit := r.last, min(claimSize, PageSize-int(r.out.Claimed))
	go func() {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		list, err := r.Store.ClaimRecipients(ctx, r.Ref, r.Wave, after, limit)
		r.claims <- claimed{list, err}
	}()
}

// add takes what was claimed into the page. It comes in the order of its numbers.
func (r *run) add(list []casefile.Recipient) {
	r.out.Claimed += int64(len(list))
	r.all = len(list) < claimSize || r.out.Claimed >= PageSize
	for _, one := range list {
		r.last = max(r.last, one.N)
		if one.Repeated > 0 && one.State == casefile.MailClaimed {
			r.out.Repeated++
		}
	}
	r.queue.add(list)
}
