package main

import (
	"context"
	"fmt"

	"github.com/habeas-dsr/habeas/internal/example"
)

// The sizes of done-when 6: what one person has in one collection.
const (
	fewLogs, manyLogs = 10_000, 1_000_000
	limitMiB          = 128
)

// memory weighs the worker: the largest resident set that the kernel saw of a fresh process that
// carried one access case from start to end.
func memory(ctx context.Context, b *bench) ([]Row, error) {
	grows := Row{
		Name: "memory", Unit: "MiB", Goal: Goal{Least: 0.9, Most: 1.1},
		What:  fmt.Sprintf("VmHWM of a fresh habeas-worker after one access case of a person with %s log rows", number(manyLogs)),
		Floor: fmt.Sprintf("the same with %s log rows", number(fewLogs)),
	}
	limit := Row{
		Name: "memory limit", Unit: "MiB", Goal: Goal{Most: 1},
		What: "the larger figure of the row before", Floor: fmt.Sprintf("%d MiB", limitMiB),
	}
	var houses [2]*house
	for i, rows := range []int{fewLogs, manyLogs} {
		h, err := b.house(ctx, fmt.Sprintf("memory-%d", rows), example.Options{People: 200, Heavy: rows})
		if err != nil {
			return nil, err
		}
		defer h.Close()
		houses[i] = h
	}
	for n := range pairs {
		var p Pair
		for _, i := range turn(n) {
			peak, err := weigh(ctx, houses[i])
			if err != nil {
				return nil, err
			}
			if i == 0 {
				p.Floor = peak
			} else {
				p.Ours = peak
			}
		}
		say("memory: %.1f MiB with %d rows, %.1f MiB with %d", p.Floor, fewLogs, p.Ours, manyLogs)
		grows.Pairs = append(grows.Pairs, p)
		limit.Pairs = append(limit.Pairs, Pair{Ours: max(p.Ours, p.Floor), Floor: limitMiB})
	}
	return []Row{grows, limit}, nil
}

func weigh(ctx context.Context, h *house) (float64, error) {
	pid, err := h.freshWorker(ctx)
	if err != nil {
		return 0, err
	}
	if _, err := h.answer(ctx, example.Cast().Heavy); err != nil {
		return 0, err
	}
	kib, err := statusKiB(fmt.Sprintf("/proc/%d/status", pid), "VmHWM")
	return float64(kib) / 1024, err
}

// turn is the order within a pair: 0 is the floor, 1 is ours, and each goes first in turn.
func turn(pair int) [2]int {
	if pair%2 == 0 {
		return [2]int{0, 1}
	}
	return [2]int{1, 0}
}
