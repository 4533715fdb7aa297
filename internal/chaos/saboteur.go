package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/stack/catcher"
	"github.com/habeas-dsr/habeas/internal/stack/line"
)

// worker is one of the workers that run.
type worker struct{ name, metrics string }

// saboteur breaks what the cases run on, one thing after the other and some side by side. What it breaks it
// mends again.
type saboteur struct {
	c       *demo.Company
	mail    *catcher.Client
	bin     string
	blobs   string // folder of the blob store on a small file system; empty: it is none
	lines   map[string]*line.Line
	workers []worker
	scale   time.Duration // a tenth of how long a fault lasts at most
	say     func(string, ...any)

	random *rand.Rand
	stack  sync.Mutex // one process of the stack is started or stopped at a time
	busy   map[string]*sync.Mutex
	mu     sync.Mutex
	counts map[string]int
	failed error // a fault that could not be mended
}

// mess strikes until the context ends, in an order and at moments that the seed gives, and waits until all
// is mended.
func (s *saboteur) mess(ctx context.Context, faults []fault, every time.Duration) error {
	var open sync.WaitGroup
	defer open.Wait()
	var deck []fault
	for {
		if len(deck) == 0 { // each kind comes as often as any other
			deck = slices.Clone(faults)
			s.random.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		}
		if len(deck) == 0 || !rest(ctx, time.Duration(float64(every)*(0.5+s.random.Float64()))) {
			break
		}
		f := deck[0]
		deck = deck[1:]
		lasts := f.lasts(s)
		open.Go(func() { s.one(ctx, f, lasts) })
	}
	open.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// one injects a fault, lets it last, and mends it. Two faults of one thing come one after the other.
func (s *saboteur) one(ctx context.Context, f fault, lasts time.Duration) {
	s.busy[f.what].Lock()
	defer s.busy[f.what].Unlock()
	if ctx.Err() != nil {
		return
	}
	s.say("  %s", f.name)
	mending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 4*time.Minute)
	defer cancel()
	err := f.strike(mending, s)
	if err == nil {
		s.mu.Lock()
		s.counts[f.name]++
		s.mu.Unlock()
		rest(ctx, lasts)
	}
	if mendErr := f.mend(mending, s); mendErr != nil {
		err = fmt.Errorf("mending it: %w", mendErr)
	}
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.failed == nil {
			s.failed = fmt.Errorf("%s: %w", f.name, err)
		}
	}
}

// now injects a fault of that name at once, mends it, and counts it.
func (s *saboteur) now(ctx context.Context, name string) error {
	for _, f := range faults {
		if f.name == name {
			s.one(ctx, f, f.lasts(s))
		}
	}
	return nil
}
