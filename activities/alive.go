package activities

import (
	"context"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// pulse is what an activity tells the operator while it works.
type pulse struct {
	done *atomic.Int64
	of   int64
}

type pulseKey struct{}

// beat heartbeats every two seconds, also while a database is slow to answer: a killed worker is
// noticed within seconds, and a slow one is not taken for dead. An activity that is done sooner
// says nothing: each heartbeat is a call and a write on the server.
func beat(ctx context.Context) (context.Context, func()) {
	if activity.GetInfo(ctx).HeartbeatTimeout <= 0 {
		return ctx, func() {}
	}
	now := &atomic.Pointer[pulse]{}
	now.Store(&pulse{done: new(atomic.Int64)})
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(2 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			p := now.Load()
			activity.RecordHeartbeat(ctx, contract.Heartbeat{Done: p.done.Load(), Of: p.of})
		}
	}()
	return context.WithValue(ctx, pulseKey{}, now), func() { close(done); <-ended }
}

// progress makes the heartbeats a progress bar: counter out of so many, 0 when that is not known.
func progress(ctx context.Context, counter *atomic.Int64, of int64) {
	if now, ok := ctx.Value(pulseKey{}).(*atomic.Pointer[pulse]); ok {
		now.Store(&pulse{done: counter, of: of})
	}
}
