package endtoend

import (
	"context"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// deleteForged has somebody who reaches Temporal, with the installation's keys, run every step of a
// deletion for a plan that nobody has signed, under the case's own id. Nothing is changed and nothing is
// closed; started again, the case goes on where it was.
func deleteForged(s *stubborn) {
	before, mine := s.rows(), s.mine()
	ref := s.askDeletion()
	review := s.task(ref, dsr.TaskPlan)
	if err := s.d.Temporal.TerminateWorkflow(s.ctx, string(ref), "", "by an attacker"); err != nil {
		s.t.Fatal(err)
	}
	err := privateAs(s.t, s, s.d.Temporal, string(ref), func(ctx workflow.Context) error {
		all := &attempts{ctx: ctx}
		defer all.refused(s.t)
		try := all.try
		core := contract.QueueCore
		try(core, contract.AgreePlan.Name, contract.AgreeInput{Ref: ref, Plan: 1, Review: review.ID, Approval: review.ID})
		try(core, contract.BeginErasing.Name, contract.PlanInput{Ref: ref, Plan: 1})
		for _, system := range []string{"accounts", "billing", "support"} {
			try(contract.QueueSystem(system), contract.Erase.Name, contract.EraseInput{Ref: ref, Plan: 1, System: system})
			try(contract.QueueSystem(system), contract.ReadBack.Name, contract.EraseInput{Ref: ref, Plan: 1, System: system})
		}
		try(core, contract.Certify.Name, contract.PlanInput{Ref: ref, Plan: 1})
		try(core, contract.VoidTask.Name, contract.VoidTaskInput{Ref: ref, Task: review.ID, Why: "settled meanwhile"})
		for _, outcome := range []dsr.Outcome{dsr.Fulfilled, dsr.PartlyDone, dsr.Refused, dsr.Withdrawn, dsr.Linked} {
			try(core, contract.Wipe.Name, contract.CloseInput{Ref: ref, Outcome: string(outcome)})
			try(core, contract.CloseCase.Name, contract.CloseInput{Ref: ref, Outcome: string(outcome)})
		}
		for _, template := range []string{"deletion_approved", "deletion_done", "deletion_no_data", "deletion_ended"} {
			try(contract.QueueLetters, contract.SendLetter.Name, contract.LetterInput{Ref: ref, Template: template, Occasion: "end", Outcome: "fulfilled"})
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if diff := changed(before, s.rows()); diff != "" {
		s.t.Errorf("%s was changed without a signature", diff)
	}
	s.restart(ref)
	s.agreeOn(ref)

	// The worker dies just then, and the real deletion is carried out once.
	if _, err := s.c.Stack.StopProcess("worker"); err != nil {
		s.t.Fatal(err)
	}
	if err := s.c.StartWorker(s.ctx); err != nil {
		s.t.Fatal(err)
	}
	s.ended(ref, dsr.Fulfilled)
	s.othersUntouched(before, mine)
	s.wantDeleted(before, mine, time.Now())
}

// deleteMadeUp has the same attacker answer for the steps of an approved deletion with
// `temporal activity complete`: that it was begun, and that every system was erased. Not a row goes:
// when the worker is back, the read-back finds that nobody began, and a human sees it. Then the case goes on
// from what the casefile knows, and closes as fulfilled only when the plan was carried out.
func deleteMadeUp(s *stubborn) {
	before, mine := s.rows(), s.mine()
	ref := s.askDeletion()
	s.agreeOn(ref)
	s.state(ref, dsr.StateCooling)
	hijack(s, func() {
		s.complete(ref, contract.CheckHolds.Name, contract.HoldsResult{})
		s.complete(ref, contract.BeginErasing.Name, contract.Nothing{})
		for range 3 { // accounts, billing, support
			s.complete(ref, contract.Erase.Name, contract.EraseResult{Deleted: 7, Changed: 7})
		}
		s.pendingID(ref, contract.Rediscover.Name)
	})
	// A human sees that what we were told is not so; nothing has happened until then.
	asked := s.task(ref, dsr.TaskFailed)
	if diff := changed(before, s.rows()); diff != "" {
		s.t.Errorf("%s was changed by made-up results", diff)
	}
	if asked.System == "" {
		s.t.Errorf("the task does not say where: %+v", asked)
	}
	k, err := s.d.Store.Case(s.ctx, ref)
	if err != nil || k.State == dsr.StateClosed || k.Outcome != "" {
		s.t.Errorf("the case: %+v %v", k, err)
	}
	s.until("each system's question to be answered", func(ctx context.Context) (bool, error) {
		tasks, err := s.d.Store.ListTasks(ctx, casefile.TaskFilter{Ref: ref, State: casefile.TaskOpen})
		for _, task := range tasks {
			if task.Kind == dsr.TaskFailed {
				_, err = s.d.Decide(ctx, task.ID, dsr.Retry, "nobody began this", s.c.Staff["bo"])
			}
		}
		if err != nil {
			return false, err
		}
		now, err := s.d.Store.Case(ctx, ref)
		return err == nil && (now.State == dsr.StateClosed || now.State == dsr.StateErasing), err
	})
	s.ended(ref, dsr.Fulfilled)
	s.othersUntouched(before, mine)
	s.wantDeleted(before, mine, time.Now())
	s.certified(ref)
	s.ledgerHolds()
}
