package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack/line"
)

// start gives plain figures: how long the worker takes to be ready, how large the programs are,
// and what one small case costs in round trips and events. The last two do not depend on the
// machine.
func start(ctx context.Context, b *bench) ([]Row, error) {
	h, err := b.house(ctx, "start", example.Options{People: 200})
	if err != nil {
		return nil, err
	}
	defer h.Close()
	p, err := line.NewCounted(ctx, h.Stack.Ports().Postgres)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	var took, trips []float64
	var last contract.Ref
	c, err := newCrowd(ctx, h)
	if err != nil {
		return nil, err
	}
	defer c.close()
	for range pairs {
		ready, err := h.workerBehind(ctx, b, p)
		if err != nil {
			return nil, err
		}
		took = append(took, ready.Seconds()*1000)
		if _, err := c.play(ctx, 1); err != nil { // connections are made, statements are warm
			return nil, err
		}
		before := p.Trips()
		refs, err := c.play(ctx, 1)
		if err != nil {
			return nil, err
		}
		last = refs[0]
		trips = append(trips, float64(p.Trips()-before))
	}
	first := spreadOf(took)
	rows := []Row{
		{Name: "start", What: "habeas-worker from its start to the first 200 of /readyz, median of three", Unit: "ms", Ours: first, Met: true},
		// The schedules' workflows fall into some of the cases: the smallest is that of the case alone.
		figure("round trips", "database round trips of the worker for one whole small access case, casefile and systems together, the least of three",
			"count", slices.Min(trips)),
	}
	answer, err := h.desk.Temporal.DescribeWorkflowExecution(ctx, string(last), "")
	if err != nil {
		return nil, fmt.Errorf("asking for the length of a history: %w", err)
	}
	s, err := shapeOf(ctx, h.desk.Temporal, last)
	if err != nil {
		return nil, err
	}
	rows = append(rows, events(answer, s))
	for _, name := range []string{"habeas", "habeas-worker"} {
		st, err := os.Stat(filepath.Join(b.bin, name))
		if err != nil {
			return nil, fmt.Errorf("weighing %s: %w", name, err)
		}
		rows = append(rows, figure("size "+name, "the program, not stripped", "MiB", float64(st.Size())/(1<<20)))
	}
	return rows, nil
}

func events(answer *workflowservice.DescribeWorkflowExecutionResponse, s shape) Row {
	r := figure("events", "events in Temporal's history of one small access case", "count",
		float64(answer.GetWorkflowExecutionInfo().GetHistoryLength()))
	r.Notes = []string{s.String()}
	return r
}

// workerBehind starts a fresh worker whose databases on PostgreSQL are all behind the proxy, and says how long it
// took to be ready.
func (h *house) workerBehind(ctx context.Context, b *bench, p *line.Counted) (time.Duration, error) {
	env, err := demo.Through(h.WorkerEnv(), p.At())
	if err != nil {
		return 0, err
	}
	if _, err := h.Stack.StopProcess("worker"); err != nil {
		return 0, err
	}
	began := time.Now()
	if _, err := h.Stack.StartProcess("worker", []string{filepath.Join(b.bin, "habeas-worker")}, env, ""); err != nil {
		return 0, err
	}
	client := &http.Client{Timeout: time.Second}
	for time.Since(began) < time.Minute {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.Env["HABEAS_METRICS_LISTEN"]+"/readyz", nil)
		if err != nil {
			return 0, fmt.Errorf("asking the worker: %w", err)
		}
		if resp, err := client.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return time.Since(began), nil
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	return 0, fmt.Errorf("the worker was not ready within a minute")
}
