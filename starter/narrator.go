package main

import (
	"fmt"
	"sync"
	"time"
)

// narrator tells each step of something long with the seconds since its beginning, and when nothing
// new has come for a while, that the last one is still going on.
type narrator struct {
	print   func(format string, args ...any)
	began   time.Time
	mu      sync.Mutex
	last    string
	lastAt  time.Time
	waits   time.Duration
	stopped chan struct{}
}

// narratorPatience is how long a step may be silent at first. Each reminder doubles it, to half a
// minute at most.
const narratorPatience = 2 * time.Second

// narrate begins. The function returned ends it.
func narrate(print func(format string, args ...any)) (*narrator, func()) {
	n := &narrator{print: print, began: time.Now(), lastAt: time.Now(), stopped: make(chan struct{})}
	go n.watch()
	return n, sync.OnceFunc(func() { close(n.stopped) })
}

// say tells a step.
func (n *narrator) say(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last, n.lastAt, n.waits = fmt.Sprintf(format, args...), time.Now(), narratorPatience
	n.print("%5.1fs  %s", time.Since(n.began).Seconds(), n.last)
}

func (n *narrator) watch() {
	tick := time.NewTicker(narratorPatience / 4)
	defer tick.Stop()
	for {
		select {
		case <-n.stopped:
			return
		case <-tick.C:
			n.remind()
		}
	}
}

// remind says that the last step goes on, when it has been silent for long enough.
func (n *narrator) remind() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if silent := time.Since(n.lastAt); n.last != "" && silent >= n.waits {
		n.print("%5.1fs    … still at it: %s", time.Since(n.began).Seconds(), n.last)
		n.lastAt, n.waits = time.Now(), min(2*n.waits, 30*time.Second)
	}
}
