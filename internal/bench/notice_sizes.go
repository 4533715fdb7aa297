package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// maxEvents is what no history of ours may hold more of.
const maxEvents = 10_000

// noticeSizes weighs a fresh worker and times a notice at three sizes, and counts the longest history
// of each. What is larger is held against the smallest.
func (h *house) noticeSizes(ctx context.Context, b *bench, sink *sink) ([]Row, error) {
	sizes := []int{1_000, 3_000, 10_000}
	if b.full {
		sizes = []int{10_000, 100_000, 300_000}
	}
	var names, weights, times []string
	var weight, took []float64
	longest := Row{Name: "notice history", Unit: "events", Goal: Goal{Most: 1}, What: "events of the longest history of a notice or its clocks", Floor: "what no history may hold more of"}
	for _, size := range sizes {
		pid, err := h.freshWorker(ctx)
		if err != nil {
			return nil, err
		}
		began := time.Now()
		_, ref, err := h.tell(ctx, sink, size)
		if err != nil {
			return nil, err
		}
		whole := time.Since(began)
		kib, err := statusKiB(fmt.Sprintf("/proc/%d/status", pid), "VmHWM")
		if err != nil {
			return nil, err
		}
		events, err := h.longestHistory(ctx, ref)
		if err != nil {
			return nil, err
		}
		weight, took = append(weight, float64(kib)/1024), append(took, whole.Seconds()*1000/float64(size))
		names = append(names, number(float64(size)))
		weights = append(weights, fmt.Sprintf("%s people: %.1f MiB", number(float64(size)), float64(kib)/1024))
		times = append(times, fmt.Sprintf("%s people: %.1f s, %.2f ms a person", number(float64(size)), whole.Seconds(), took[len(took)-1]))
		longest.Pairs = append(longest.Pairs, Pair{Ours: float64(events), Floor: maxEvents})
		say("notice: %d people, %.1f MiB, %.1f s (%.2f ms a person), %d events", size, weight[len(weight)-1], whole.Seconds(), took[len(took)-1], events)
	}
	flat := Row{Name: "notice memory", Unit: "MiB", Goal: Goal{Most: 1.1}, Notes: weights,
		What: "VmHWM of a fresh habeas-worker after a notice to " + strings.Join(names[1:], " and ") + " people", Floor: "the same with " + names[0]}
	linear := Row{Name: "notice time", Unit: "ms/person", Goal: Goal{Most: 1.3}, Notes: times,
		What: "from opening a notice to " + strings.Join(names[1:], " and ") + " people to the last letter, by person", Floor: "the same with " + names[0]}
	for i := 1; i < len(sizes); i++ {
		flat.Pairs = append(flat.Pairs, Pair{Ours: weight[i], Floor: weight[0]})
		linear.Pairs = append(linear.Pairs, Pair{Ours: took[i], Floor: took[0]})
	}
	return []Row{flat, linear, longest}, nil
}

// longestHistory counts the events of the longest run of a notice and its clocks.
func (h *house) longestHistory(ctx context.Context, ref contract.Ref) (int64, error) {
	list, err := h.desk.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowId = '%s' OR WorkflowId STARTS_WITH '%s/'", ref, ref)})
	if err != nil {
		return 0, fmt.Errorf("listing the runs of a notice: %w", err)
	}
	longest := int64(0)
	for _, run := range list.Executions {
		events := h.desk.Temporal.GetWorkflowHistory(ctx, run.Execution.WorkflowId, run.Execution.RunId, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		n := int64(0)
		for events.HasNext() {
			if _, err := events.Next(); err != nil {
				return 0, fmt.Errorf("reading a history: %w", err)
			}
			n++
		}
		longest = max(longest, n)
	}
	if longest == 0 {
		return 0, fmt.Errorf("there is no run of %s to count", ref)
	}
	return longest, nil
}
