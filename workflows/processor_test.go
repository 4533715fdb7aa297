package workflows

import (
	"context"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// processors registers a processor that ends after some looks as said.
func processors(env *testsuite.TestWorkflowEnvironment, f *fakes, e *eraser, looks int, status func(try int) string, ask func(in contract.ProcessorInput) error) {
	e.processors = []string{"mailing"}
	env.RegisterWorkflow(Processor)
	f.facts.Patience["mailing"] = 20 * 24 * time.Hour
	left := looks
	add(env, f, contract.AskProcessor, func(_ context.Context, in contract.ProcessorInput) (contract.ProcessorAnswer, error) {
		left = looks
		return contract.ProcessorAnswer{Status: "pending"}, ask(in)
	})
	add(env, f, contract.PollProcessor, func(_ context.Context, in contract.ProcessorInput) (contract.ProcessorAnswer, error) {
		if left--; left > 0 {
			return contract.ProcessorAnswer{Status: "in_progress"}, nil
		}
		return contract.ProcessorAnswer{Status: status(in.Try)}, nil
	})
}

func taken(contract.ProcessorInput) error { return nil }

// A processor that takes days is asked ever less often, and the certificate waits for its proof.
func TestDeletionWaitsForAProcessor(t *testing.T) {
	env, f, e := newDeletion(t)
	processors(env, f, e, 25, func(int) string { return "completed" }, taken)
	staff(t, env, f, agreed)
	typeCode(env, time.Hour)
	start := env.Now()
	if got := runDeletion(t, env); got != dsr.Fulfilled {
		t.Fatalf("outcome %q", got)
	}
	if took := env.Now().Sub(start); took < 4*24*time.Hour {
		t.Errorf("25 looks in %v", took)
	}
	wantCalls(t, f, map[string]int{"AskProcessor": 1, "PollProcessor": 25, "Certify": 1})
}

// One that calls back is asked at once.
func TestProcessorCallsBack(t *testing.T) {
	env, f, e := newDeletion(t)
	processors(env, f, e, 1, func(int) string { return "completed" }, taken)
	env.ExecuteWorkflow(Processor, contract.ProcessorInput{Ref: ref, Plan: 1, System: "mailing", Try: 1})
	if !env.IsWorkflowCompleted() || env.GetWorkflowError() != nil {
		t.Fatal(env.GetWorkflowError())
	}
	env2, f2, e2 := newDeletion(t)
	processors(env2, f2, e2, 1, func(int) string { return "completed" }, taken)
	start := env2.Now()
	env2.RegisterDelayedCallback(func() {
		env2.SignalWorkflow(contract.ProcessorSpoke.Name, contract.ProcessorSpokeInput{})
	}, 2*time.Second)
	env2.ExecuteWorkflow(Processor, contract.ProcessorInput{Ref: ref, Plan: 1, System: "mailing", Try: 1})
	if took := env2.Now().Sub(start); took > 30*time.Second {
		t.Errorf("it was asked %v after the callback", took)
	}
}

// A no, and a request that is given back, are a human's question; another try is another request.
func TestProcessorSaysNo(t *testing.T) {
	for name, c := range map[string]struct {
		verdict dsr.Verdict
		status  func(int) string
		ask     func(contract.ProcessorInput) error
		want    dsr.Outcome
		asked   int
		kind    dsr.TaskKind
	}{
		"given back, then done": {dsr.Retry, func(try int) string { return map[bool]string{true: "cancelled", false: "completed"}[try == 1] }, taken, dsr.Fulfilled, 2, dsr.TaskMapMismatch},
		"given back for good":   {dsr.Partial, func(int) string { return "cancelled" }, taken, dsr.PartlyDone, 1, dsr.TaskMapMismatch},
		"it refuses": {dsr.Partial, func(int) string { return "completed" },
			func(contract.ProcessorInput) error { return refusal(contract.ErrRefused) }, dsr.PartlyDone, 1, dsr.TaskMapMismatch},
		"a hold": {dsr.Partial, func(int) string { return "completed" },
			func(contract.ProcessorInput) error { return refusal(contract.ErrHeld) }, dsr.PartlyDone, 1, dsr.TaskHeld},
	} {
		t.Run(name, func(t *testing.T) {
			env, f, e := newDeletion(t)
			processors(env, f, e, 1, c.status, c.ask)
			staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskPlan: dsr.Approve, dsr.TaskErase: dsr.Approve, c.kind: c.verdict})
			typeCode(env, time.Hour)
			if got := runDeletion(t, env); got != c.want {
				t.Fatalf("outcome %q", got)
			}
			wantCalls(t, f, map[string]int{"AskProcessor": c.asked, "Certify": 1})
			if len(f.byKind[c.kind]) != 1 {
				t.Errorf("tasks: %v", f.byKind)
			}
		})
	}
}

// When the map's time is over a human is asked, and may go on without the processor.
func TestProcessorIsTooSlow(t *testing.T) {
	env, f, e := newDeletion(t)
	processors(env, f, e, 1_000_000, func(int) string { return "completed" }, taken)
	f.facts.Patience["mailing"] = 48 * time.Hour
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskPlan: dsr.Approve, dsr.TaskErase: dsr.Approve, dsr.TaskSystemDown: dsr.Partial})
	typeCode(env, time.Hour)
	if got := runDeletion(t, env); got != dsr.PartlyDone {
		t.Fatalf("outcome %q", got)
	}
}

// A case that a controller vouches for sends no letter and no code, and calls back at its end.
func TestVouchedDeletion(t *testing.T) {
	env, f, _ := newDeletion(t)
	f.facts.Vouched = true
	f.proved = func() bool { return true }
	add(env, f, contract.CallBack, func(context.Context, contract.CloseInput) (contract.Nothing, error) { return contract.Nothing{}, nil })
	staff(t, env, f, agreed)
	if got := runDeletion(t, env); got != dsr.Fulfilled {
		t.Fatalf("outcome %q", got)
	}
	wantCalls(t, f, map[string]int{"letter:": 0, "IssueCode": 0, "CallBack": 1, "closed:fulfilled": 1})
}

// Whom no controller vouches for in the casefile gets no further, whatever the workflow was told.
func TestVouchedIsNotBelieved(t *testing.T) {
	env, f, _ := newDeletion(t)
	n := 0
	f.proved = func() bool { n++; return n > 1 }
	f.facts.Vouched = true
	add(env, f, contract.CallBack, func(context.Context, contract.CloseInput) (contract.Nothing, error) { return contract.Nothing{}, nil })
	staff(t, env, f, agreed)
	if got := runDeletion(t, env); got != dsr.Fulfilled || n < 2 {
		t.Fatalf("outcome %q after %d questions", got, n)
	}
}
