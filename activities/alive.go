package activities

import (
	"context"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// alive heartbeats every two seconds with what counter says, so that a killed worker is noticed
// within seconds and the operator sees a progress bar. Call the returned function at the end.
func alive(ctx context.Context, counter *atomic.Int64, of int64) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(2 * time.Second)
		defer tick.Stop()
		for {
			activity.RecordHeartbeat(ctx, contract.Heartbeat{Done: counter.Load(), Of: of})
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	return func() { close(done); <-ended }
}
