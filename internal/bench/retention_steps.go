package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/habeas-dsr/habeas/internal/retention"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// stopwatch is where the time of a sweep goes, by step: how long each call took.
type stopwatch struct {
	mu    sync.Mutex
	steps map[string][]time.Duration
}

func (p *stopwatch) time(step string, began time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.steps == nil {
		p.steps = map[string][]time.Duration{}
	}
	p.steps[step] = append(p.steps[step], time.Since(began))
}

// String tells of each step how often it was made, its median, and all of it.
func (p *stopwatch) String() string {
	out := ""
	for _, step := range []string{"guarded batch", "erase", "read ahead", "write ahead", "read back"} {
		took := slices.Sorted(slices.Values(p.steps[step]))
		if len(took) == 0 {
			continue
		}
		var all time.Duration
		for _, d := range took {
			all += d
		}
		if out != "" {
			out += ", "
		}
		out += fmt.Sprintf("%s %d times %.1f ms (least %.1f), %.2f s in all", step, len(took), took[len(took)/2].Seconds()*1000, took[0].Seconds()*1000, all.Seconds())
	}
	return out
}

// timedSweeper and timedLog time the calls of a sweep.
type timedSweeper struct {
	systems.Sweeper
	*stopwatch
}

// DueSpan implements systems.Sweeper.
func (t timedSweeper) DueSpan(ctx context.Context, due systems.Due, after systems.Cursor, limit int) (systems.Span, error) {
	defer t.time("read ahead", time.Now())
	return t.Sweeper.DueSpan(ctx, due, after, limit)
}

// Count implements systems.System.
func (t timedSweeper) Count(ctx context.Context, sel systems.Selection) (int64, error) {
	defer t.time("read back", time.Now())
	return t.Sweeper.Count(ctx, sel)
}

// Erase implements systems.Eraser.
func (t timedSweeper) Erase(ctx context.Context, change systems.Change, batch int) (systems.Applied, error) {
	defer t.time("erase", time.Now())
	return t.Sweeper.Erase(ctx, change, batch)
}

type timedLog struct {
	retention.Log
	*stopwatch
}

// Put implements retention.Log.
func (t timedLog) Put(ctx context.Context, p retention.Position, done *retention.Batch) error {
	defer t.time("write ahead", time.Now())
	return t.Log.Put(ctx, p, done)
}
