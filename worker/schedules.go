package main

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// reconcileAfter is how old a case without a workflow must be: opening one takes far less.
const reconcileAfter = 30 * time.Second

// forgetAtOnce is how many cases one night forgets; what is left goes the next night.
const forgetAtOnce = 50_000

// ensureSchedules creates what recurs, where it is not there yet. An operator's pause or change of
// one that exists is left alone.
func ensureSchedules(ctx context.Context, c client.Client) error {
	for _, s := range []client.ScheduleOptions{
		{
			ID:   "habeas-reconcile",
			Note: "starts cases that were left between row and workflow",
			Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: time.Minute}}},
			Action: &client.ScheduleWorkflowAction{ID: "habeas-reconcile", Workflow: contract.Reconcile.Name, TaskQueue: contract.QueueCore,
				Args: []any{contract.ReconcileInput{OlderThan: reconcileAfter}}, WorkflowRunTimeout: 10 * time.Minute},
		},
		{
			ID:   "habeas-checkpoint",
			Note: "signs the heads of all ledger chains",
			Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: time.Hour}}},
			Action: &client.ScheduleWorkflowAction{ID: "habeas-checkpoint", Workflow: contract.Checkpoint.Name, TaskQueue: contract.QueueCore,
				Args: []any{contract.CheckpointInput{}}, WorkflowRunTimeout: 30 * time.Minute},
		},
		{
			ID:   "habeas-digest",
			Note: "tells staff what is due and what waits for them",
			Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: time.Hour, Offset: 5 * time.Minute}}},
			Action: &client.ScheduleWorkflowAction{ID: "habeas-digest", Workflow: contract.Digest.Name, TaskQueue: contract.QueueCore,
				Args: []any{contract.DigestInput{}}, WorkflowRunTimeout: 50 * time.Minute},
		},
		{
			ID:   "habeas-forget",
			Note: "forgets cases whose record-keeping time is over",
			Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: 24 * time.Hour, Offset: 3 * time.Hour}}},
			Action: &client.ScheduleWorkflowAction{ID: "habeas-forget", Workflow: contract.Forget.Name, TaskQueue: contract.QueueCore,
				Args: []any{contract.ForgetInput{Limit: forgetAtOnce}}, WorkflowRunTimeout: 20 * time.Hour},
		},
	} {
		s.Overlap, s.CatchupWindow = enums.SCHEDULE_OVERLAP_POLICY_SKIP, 10*time.Minute
		_, err := c.ScheduleClient().Create(ctx, s)
		if err != nil && !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
			return fault.New(contract.ErrUnavailable, "the schedule "+s.ID+" could not be created", err)
		}
	}
	return nil
}
