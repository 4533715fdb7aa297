package endtoend

import (
	"math/rand/v2"
	"time"

	"go.temporal.io/sdk/workflow"

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
		try := func(queue, name string, in any) {
			if err := workflow.ExecuteActivity(workflow.WithTaskQueue(ctx, queue), name, in).Get(ctx, nil); err == nil {
				s.t.Errorf("%s ran with %+v", name, in)
			}
		}
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

	// `temporal activity complete`, sealed with our own keys: the system says nothing was done there.
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

// deleteKilled kills the worker at seeded moments: the end is that of an undisturbed run.
func deleteKilled(s *stubborn, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 11))
	before, mine := s.rows(), s.mine()
	ref := s.askDeletion()
	lines, err := s.d.Store.Ledger(s.ctx, ref)
	if err != nil {
		s.t.Fatal(err)
	}
	plan := disturbance{pause: time.Duration(random.IntN(40)) * time.Millisecond}
	for _, moment := range draw(random, 2, 24) {
		plan.moments = append(plan.moments, len(lines)+moment-1)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		plan.run(s, ref, func() { killWorker(s, time.Duration(random.IntN(1500))*time.Millisecond) })
	}()
	s.agreeOn(ref)
	s.ended(ref, dsr.Fulfilled)
	s.othersUntouched(before, mine)
	s.wantDeleted(before, mine, time.Now())
	s.certified(ref)
	struck(s.t, done)
}
