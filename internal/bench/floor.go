package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"golang.org/x/sync/errgroup"
)

const (
	floorQueue  = "bench-floor"
	floorUpdate = "go-on"
	floorSignal = "heard"
)

// floor plays workflows of a shape that do nothing: no codec, no database, no letters.
type floor struct {
	client client.Client
	worker worker.Worker
	shape  shape
	run    string
	n      atomic.Int64
}

func newFloor(h *house, s shape) (*floor, error) {
	options, err := envconfig.LoadDefaultClientOptions() // the house has set TEMPORAL_ADDRESS
	if err != nil {
		return nil, fmt.Errorf("reading Temporal's settings: %w", err)
	}
	options.HostPort = h.Stack.TemporalAddress()
	options.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{} // as ours
	options.Logger = log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	f := &floor{shape: s, run: strconv.Itoa(os.Getpid())}
	if f.client, err = client.Dial(options); err != nil {
		return nil, fmt.Errorf("reaching Temporal: %w", err)
	}
	f.worker = worker.New(f.client, floorQueue, worker.Options{MaxConcurrentActivityExecutionSize: 40})
	f.worker.RegisterWorkflow(floorWorkflow)
	f.worker.RegisterActivity(doNothing)
	if err := f.worker.Start(); err != nil {
		f.client.Close()
		return nil, fmt.Errorf("starting the floor's worker: %w", err)
	}
	return f, nil
}

func (f *floor) close() { f.worker.Stop(); f.client.Close() }

func doNothing(context.Context) error { return nil }

// floorWorkflow takes its turns. An update runs one activity of its turn in its handler, as a
// decision does.
func floorWorkflow(ctx workflow.Context, s shape) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	open, heard := 0, 0
	err := workflow.SetUpdateHandler(ctx, floorUpdate, func(ctx workflow.Context) error {
		if err := workflow.Await(ctx, func() bool { return open > 0 }); err != nil {
			return err
		}
		open--
		heard++
		return nil
	})
	if err != nil {
		return err
	}
	signals := workflow.GetSignalChannel(ctx, floorSignal)
	for _, t := range s.Turns {
		open += t.Updates
		if err := workflow.Await(ctx, func() bool { return heard >= t.Updates }); err != nil {
			return err
		}
		heard -= t.Updates
		for range t.Signals {
			signals.Receive(ctx, nil)
		}
		timers, cancel := workflow.WithCancel(ctx)
		for range t.Timers {
			workflow.NewTimer(timers, time.Hour)
		}
		var started []workflow.Future
		for range t.Activities {
			started = append(started, workflow.ExecuteActivity(ctx, doNothing))
		}
		for _, one := range started {
			if err := one.Get(ctx, nil); err != nil {
				return err
			}
		}
		cancel()
	}
	return workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}

// play runs n of them, atOnce at a time.
func (f *floor) play(ctx context.Context, n int) (int, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for range n {
		group.Go(func() error { return f.one(ctx) })
	}
	return n, group.Wait()
}

func (f *floor) one(ctx context.Context) error {
	id := fmt.Sprintf("floor/%s/%d", f.run, f.n.Add(1))
	run, err := f.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: floorQueue}, floorWorkflow, f.shape)
	if err != nil {
		return fmt.Errorf("starting the floor: %w", err)
	}
	total := f.shape.total()
	for range total.Updates {
		handle, err := f.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
			WorkflowID: id, UpdateName: floorUpdate, WaitForStage: client.WorkflowUpdateStageCompleted})
		if err == nil {
			err = handle.Get(ctx, nil)
		}
		if err != nil {
			return fmt.Errorf("updating the floor: %w", err)
		}
	}
	for range total.Signals {
		if err := f.client.SignalWorkflow(ctx, id, "", floorSignal, nil); err != nil {
			return fmt.Errorf("signalling the floor: %w", err)
		}
	}
	return run.Get(ctx, nil)
}
