package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
)

// forge has somebody who reaches Temporal, with the installation's keys for payloads, end the case's
// workflow and run the steps of its deletion in its name, although nobody has signed. Whether any of it
// had an effect is for the auditor to see. Then the case goes on where it was.
func (v *driver) forge(ctx context.Context, p *play, review casefile.Task) error {
	if p.forged {
		return nil
	}
	if err := v.d.Temporal.TerminateWorkflow(ctx, string(p.ref), "", "by an attacker"); err != nil {
		return err
	}
	p.forged = true
	queue := "rogue-" + rand.Text()
	w := sdk.New(v.d.Temporal, queue, sdk.Options{Identity: "rogue"})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context) error { return rogueSteps(ctx, p.ref, review.ID) }, workflow.RegisterOptions{Name: "Rogue"})
	if err := w.Start(); err != nil {
		return fmt.Errorf("starting the attacker: %w", err)
	}
	defer w.Stop()
	short, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	run, err := v.d.Temporal.ExecuteWorkflow(short, client.StartWorkflowOptions{ID: string(p.ref), TaskQueue: queue,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, WorkflowExecutionTimeout: time.Minute}, "Rogue")
	if err == nil {
		_ = run.Get(short, nil) // whatever came of it
		_ = v.d.Temporal.TerminateWorkflow(short, string(p.ref), run.GetRunID(), "seen")
	}
	return v.restart(ctx, p)
}

func rogueSteps(ctx workflow.Context, ref contract.Ref, review string) error {
	try := func(queue, name string, in any) {
		ctx := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{TaskQueue: queue, StartToCloseTimeout: 10 * time.Second,
			ScheduleToCloseTimeout: 10 * time.Second, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 3}})
		_ = workflow.ExecuteActivity(ctx, name, in).Get(ctx, nil) // refused, or the auditor sees it
	}
	try(contract.QueueCore, contract.AgreePlan.Name, contract.AgreeInput{Ref: ref, Plan: 1, Review: review, Approval: review})
	try(contract.QueueCore, contract.BeginErasing.Name, contract.PlanInput{Ref: ref, Plan: 1})
	for _, system := range []string{"support", "accounts", "billing"} {
		try(contract.QueueSystem(system), contract.Erase.Name, contract.EraseInput{Ref: ref, Plan: 1, System: system})
	}
	return nil
}

// restart has the case's own workflow go on, as the reconciler has it for a case that lost its workflow.
func (v *driver) restart(ctx context.Context, p *play) error {
	for {
		k, err := v.d.Store.Case(ctx, p.ref)
		if err == nil {
			options, name, input, startErr := contract.StartOf(p.ref, string(k.Kind))
			if startErr != nil {
				return startErr
			}
			options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
			if _, err = v.d.Temporal.ExecuteWorkflow(ctx, options, name, input); err == nil {
				return nil
			}
		}
		if !rest(ctx, time.Second) {
			return err
		}
	}
}
