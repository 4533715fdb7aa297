package main

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
)

// The floor does as much as the shape says, to the last activity.
func TestFloorWorkflow(t *testing.T) {
	t.Parallel()
	s := shape{Turns: []turnShape{{Activities: 2, Timers: 1}, {Activities: 1, Updates: 1}, {Activities: 3, Signals: 1}}}
	env := (&testsuite.WorkflowTestSuite{}).NewTestWorkflowEnvironment()
	var ran atomic.Int32
	env.RegisterActivityWithOptions(func(context.Context) error { ran.Add(1); return nil }, activity.RegisterOptions{Name: "doNothing"})
	env.RegisterDelayedCallback(func() { env.UpdateWorkflowNoRejection(floorUpdate, "one", t) }, time.Second)
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(floorSignal, nil) }, 2*time.Second)
	env.ExecuteWorkflow(floorWorkflow, s)
	if err := env.GetWorkflowError(); err != nil || !env.IsWorkflowCompleted() {
		t.Fatal(err)
	}
	if want := s.total().Activities; int(ran.Load()) != want {
		t.Errorf("%d activities ran instead of %d", ran.Load(), want)
	}
}
