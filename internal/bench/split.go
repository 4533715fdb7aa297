package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/habeas-dsr/habeas/internal/example"
)

// profiled is how long the worker's profile is taken: it ends within the page's write time-out.
const profiled = 24 * time.Second

// tick is the unit of the processor time in /proc (USER_HZ), which Linux fixes at 100 a second.
const tick = 10 * time.Millisecond

// splits shows where the processor time of whole access cases goes, atOnce at a time: in the worker by
// a CPU profile, in the two servers by what the kernel counts, in PostgreSQL by what its connections
// are seen to be doing.
func splits(ctx context.Context, b *bench) ([]Row, error) {
	h, err := b.houseWith(ctx, "split", example.Options{People: 1_000}, map[string]string{"HABEAS_PROFILES": "on"})
	if err != nil {
		return nil, err
	}
	defer h.Close()
	c, err := newCrowd(ctx, h)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if _, err := c.play(ctx, atOnce); err != nil { // connections are made, statements are warm
		return nil, err
	}
	before, err := h.processors()
	if err != nil {
		return nil, err
	}
	group, under := errgroup.WithContext(ctx)
	var inWorker map[string]float64
	done := make(chan struct{})
	group.Go(func() error {
		defer close(done)
		p, err := h.cpuProfile(under, profiled)
		if err == nil {
			inWorker = split(p)
		}
		return err
	})
	seen := map[string]int{}
	group.Go(func() error { return h.sampleDatabase(under, done, seen) })
	played := 0
	group.Go(func() error {
		for {
			refs, err := c.play(under, 2*atOnce)
			if err != nil {
				return err
			}
			played += len(refs)
			select {
			case <-done:
				return nil
			case <-under.Done():
				return under.Err()
			default:
			}
		}
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	after, err := h.processors()
	if err != nil {
		return nil, err
	}
	return splitRows(inWorker, before, after, seen, played), nil
}

// splitRows gives a row for each server and each part of the worker, in milliseconds of processor time a
// case. The profile covers less than the whole play, so its parts share what the kernel counted.
func splitRows(inWorker map[string]float64, before, after map[string]time.Duration, seen map[string]int, played int) []Row {
	perCase := func(name string) float64 { return (after[name] - before[name]).Seconds() * 1000 / float64(played) }
	all := 0.0
	for _, seconds := range inWorker {
		all += seconds
	}
	rows := []Row{figure("cpu worker", fmt.Sprintf("processor time of habeas-worker for one access case, of %d, %d at a time", played, atOnce), "ms/case", perCase("worker"))}
	for _, part := range parts {
		rows = append(rows, figure("cpu worker: "+part, "of it, by a CPU profile", "ms/case", perCase("worker")*inWorker[part]/all))
	}
	server := figure("cpu PostgreSQL", "processor time of the server that holds the casefile and two of the company's databases", "ms/case", perCase("postgres"))
	looks := 0
	for _, n := range seen {
		looks += n
	}
	for _, name := range sortedByCount(seen) {
		server.Notes = append(server.Notes, fmt.Sprintf("%s: %.0f %% of the time in which a connection was at work", name, 100*float64(seen[name])/float64(looks)))
	}
	return append(rows, server, figure("cpu Temporal", "processor time of the dev server, its store included", "ms/case", perCase("temporal")))
}

// processors is the processor time that each server of the stack has had, with its children.
func (h *house) processors() (map[string]time.Duration, error) {
	out := map[string]time.Duration{}
	for _, name := range []string{"worker", "postgres", "temporal"} {
		p, ok := h.Stack.Process(name)
		if !ok {
			return nil, fmt.Errorf("%s is not among the stack's processes", name)
		}
		sum, err := processorTime(p.PID)
		if err != nil {
			return nil, err
		}
		out[name] = sum
	}
	return out, nil
}

// processorTime reads it from /proc (proc(5): utime, stime, and those of children that ended).
func processorTime(pid int) (time.Duration, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, fmt.Errorf("listing processes: %w", err)
	}
	total := time.Duration(0)
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		_, rest, _ := strings.Cut(string(raw), ") ")
		fields := strings.Fields(rest)
		own := path == fmt.Sprintf("/proc/%d/stat", pid)
		if len(fields) < 15 || !own && fields[1] != strconv.Itoa(pid) {
			continue
		}
		for i, field := range fields[11:15] {
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("reading %s: %w", path, err)
			}
			if i < 2 || own {
				total += time.Duration(n) * tick
			}
		}
	}
	return total, nil
}
