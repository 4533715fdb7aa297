package workflows

import (
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// What people delete by hand comes after everything that a query reaches, and the case waits for their
// signed answer, however long it takes; left out, it makes the case partial.
func TestDeletionByHand(t *testing.T) {
	for verdict, want := range map[dsr.Verdict]dsr.Outcome{dsr.Complete: dsr.Fulfilled, dsr.Partial: dsr.PartlyDone} {
		t.Run(string(verdict), func(t *testing.T) {
			env, f, e := newDeletion(t)
			e.byHand = []string{"paper"}
			typeCode(env, time.Hour)
			f.onTask = func(kind dsr.TaskKind, id string) {
				v, wait := agreed[kind], time.Minute
				if kind == dsr.TaskByHand {
					v, wait = verdict, 9*24*time.Hour
					if f.called("ReadBack") != 2 || f.called("Certify") != 0 {
						t.Error("people were asked before the rest was read back, or after the certificate")
					}
				}
				env.RegisterDelayedCallback(func() { decide(t, env, id, v, "good", nil) }, wait)
			}
			if got := runDeletion(t, env); got != want {
				t.Fatalf("outcome %q", got)
			}
			if ids := f.byKind[dsr.TaskByHand]; len(ids) != 1 || f.tasks[ids[0]].System != "paper" {
				t.Errorf("tasks: %v", f.tasks)
			}
			wantCalls(t, f, map[string]int{"Certify": 1, "CheckHolds": 3})
		})
	}
}

// A hold that lands before people are asked stops them, and those alone.
func TestDeletionByHandHeld(t *testing.T) {
	env, f, e := newDeletion(t)
	e.byHand = []string{"paper"}
	e.held = func() []string {
		if f.called("ReadBack") == 2 {
			return []string{"billing", "paper"}
		}
		return nil
	}
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskPlan: dsr.Approve, dsr.TaskErase: dsr.Approve, dsr.TaskHeld: dsr.Partial})
	typeCode(env, time.Hour)
	if got := runDeletion(t, env); got != dsr.PartlyDone {
		t.Fatalf("outcome %q", got)
	}
	if len(f.byKind[dsr.TaskByHand]) != 0 || len(f.byKind[dsr.TaskHeld]) != 1 {
		t.Errorf("tasks: %v", f.byKind)
	}
}

// Somebody made up that the work was done: the certificate is refused, and people are asked again.
func TestDeletionByHandForged(t *testing.T) {
	env, f, e := newDeletion(t)
	e.byHand = []string{"paper"}
	f.proved = func() bool { return true }
	n := 0
	e.certify = func() error {
		if n++; n == 1 {
			return refusal(contract.ErrNotApproved)
		}
		return nil
	}
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskPlan: dsr.Approve, dsr.TaskErase: dsr.Approve,
		dsr.TaskByHand: dsr.Complete, dsr.TaskFailed: dsr.Retry})
	typeCode(env, time.Hour)
	if got := runDeletion(t, env); got != dsr.Fulfilled {
		t.Fatalf("outcome %q", got)
	}
	if n != 2 {
		t.Errorf("certified %d times", n)
	}
}

func TestAccessByHand(t *testing.T) {
	for verdict, want := range map[dsr.Verdict]dsr.Outcome{dsr.Complete: dsr.Fulfilled, dsr.Partial: dsr.PartlyDone} {
		t.Run(string(verdict), func(t *testing.T) {
			env, f := newEnv(t)
			f.byHand = []string{"paper"}
			staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskReview: dsr.Approve, dsr.TaskRelease: dsr.Approve, dsr.TaskByHand: verdict})
			typeCode(env, time.Hour)
			env.RegisterDelayedCallback(func() { env.SignalWorkflow(contract.Fetched.Name, contract.FetchedInput{}) }, 24*time.Hour)
			env.ExecuteWorkflow(Access, contract.CaseInput{Ref: ref})
			var out contract.CaseResult
			if err := env.GetWorkflowResult(&out); err != nil || dsr.Outcome(out.Outcome) != want {
				t.Fatalf("outcome %q %v", out.Outcome, err)
			}
			if len(f.byKind[dsr.TaskByHand]) != 1 {
				t.Errorf("tasks: %v", f.byKind)
			}
		})
	}
}
