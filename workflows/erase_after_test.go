package workflows

import (
	"context"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// bothAgreed is what staff sign of a copy and of the deletion after it.
var bothAgreed = map[dsr.TaskKind]dsr.Verdict{dsr.TaskReview: dsr.Approve, dsr.TaskRelease: dsr.Approve,
	dsr.TaskPlan: dsr.Approve, dsr.TaskErase: dsr.Approve, dsr.TaskByHand: dsr.Complete}

func newEraseAfter(t *testing.T) (*testsuite.TestWorkflowEnvironment, *fakes, *eraser) {
	t.Helper()
	env, f, e := newDeletion(t)
	f.facts.Kind = string(dsr.EraseAfterAccess)
	return env, f, e
}

func runEraseAfter(t *testing.T, env *testsuite.TestWorkflowEnvironment) dsr.Outcome {
	t.Helper()
	env.ExecuteWorkflow(EraseAfterAccess, contract.CaseInput{Ref: ref})
	if !env.IsWorkflowCompleted() {
		t.Fatal("the case did not end")
	}
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	var out contract.CaseResult
	if err := env.GetWorkflowResult(&out); err != nil {
		t.Fatal(err)
	}
	return dsr.Outcome(out.Outcome)
}

// The copy comes first: nothing is planned, and above all nothing erased, before it was fetched or its time
// is over. Then the deletion has its plan, its two signatures, and its time to withdraw.
func TestEraseAfterAccess(t *testing.T) {
	for name, tc := range map[string]struct {
		fetchedAfter time.Duration // of the beginning; 0: never
		least, most  time.Duration // from the beginning to the first system erased
	}{
		"downloaded": {2 * 24 * time.Hour, (2*24 + 72) * time.Hour, 6 * 24 * time.Hour},
		"expired":    {0, (7*24 + 72) * time.Hour, 11 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			env, f, e := newEraseAfter(t)
			f.byHand, e.byHand = []string{"paper"}, []string{"paper"}
			staff(t, env, f, bothAgreed)
			typeCode(env, time.Hour)
			start := env.Now()
			if tc.fetchedAfter > 0 {
				download(env, tc.fetchedAfter)
			}
			var erased time.Duration
			e.erase = func(context.Context, contract.EraseInput) error {
				if erased == 0 {
					erased = env.Now().Sub(start)
				}
				return nil
			}
			if got := runEraseAfter(t, env); got != dsr.Fulfilled {
				t.Fatalf("outcome %q", got)
			}
			if erased < tc.least || erased > tc.most {
				t.Errorf("erased %v after the beginning", erased)
			}
			wantCalls(t, f, map[string]int{"letter:deletion_ack": 1, "letter:access_ready": 1, "letter:deletion_approved": 1, "letter:deletion_done": 1,
				"Assemble": 1, "Release": 1, "WipeCopy": 1, "plan:1": 1, "AgreePlan": 1, "BeginErasing": 1, "erase:": 2, "Certify": 1, "closed:fulfilled": 1})
			order := []string{"Release", "WipeCopy", "StartPlan", "AgreePlan", "BeginErasing", "Certify"}
			at := make([]int, len(order))
			for i, call := range order {
				at[i] = slices.Index(f.calls, call)
			}
			if !slices.IsSorted(at) || at[0] < 0 {
				t.Errorf("%v came at %v", order, at)
			}
			if n := len(f.byKind[dsr.TaskByHand]); n != 2 {
				t.Errorf("the paper was asked for %d times: once for the copy and once for the deletion", n)
			}
		})
	}
}

// The person takes the request back: while the copy is made, when it lies ready, and after they have it.
func TestEraseAfterAccessWithdrawn(t *testing.T) {
	for name, tc := range map[string]struct {
		answers map[dsr.TaskKind]dsr.Verdict
		at      time.Duration
		true    bool
		want    dsr.Outcome
		planned int
	}{
		"while the copy is reviewed":   {nil, 5 * time.Hour, true, dsr.Withdrawn, 0},
		"while the copy lies ready":    {bothAgreed, 24 * time.Hour, true, dsr.Withdrawn, 0},
		"while the deletion cools off": {bothAgreed, 3 * 24 * time.Hour, true, dsr.Withdrawn, 1},
		"a signal alone":               {bothAgreed, 24 * time.Hour, false, dsr.Fulfilled, 1},
	} {
		t.Run(name, func(t *testing.T) {
			env, f, e := newEraseAfter(t)
			staff(t, env, f, tc.answers)
			typeCode(env, time.Hour)
			download(env, 2*24*time.Hour)
			e.withdrawn = func() bool { return tc.true }
			env.RegisterDelayedCallback(func() { env.SignalWorkflow(contract.Withdraw.Name, contract.WithdrawInput{}) }, tc.at)
			if got := runEraseAfter(t, env); got != tc.want {
				t.Fatalf("outcome %q", got)
			}
			if erased := f.called("erase:"); (erased == 0) != (tc.want == dsr.Withdrawn) || f.called("plan:") != tc.planned {
				t.Errorf("%d systems changed by %d plans", erased, f.called("plan:"))
			}
			wantCalls(t, f, map[string]int{"closed:" + string(tc.want): 1, "Wipe": 1 + f.called("WipeCopy")})
		})
	}
}

// A no to the copy ends the case before anything is planned; a no to the plan after the copy is out.
func TestEraseAfterAccessRefused(t *testing.T) {
	for kind, released := range map[dsr.TaskKind]int{dsr.TaskReview: 0, dsr.TaskPlan: 1, dsr.TaskErase: 1} {
		t.Run(string(kind), func(t *testing.T) {
			env, f, _ := newEraseAfter(t)
			f.onTask = func(asked dsr.TaskKind, id string) {
				verdict := bothAgreed[asked]
				if asked == kind {
					verdict = dsr.Reject
				}
				env.RegisterDelayedCallback(func() { decide(t, env, id, verdict, "good", nil) }, time.Minute)
			}
			typeCode(env, time.Hour)
			download(env, 2*24*time.Hour)
			if got := runEraseAfter(t, env); got != dsr.Refused {
				t.Fatalf("outcome %q", got)
			}
			wantCalls(t, f, map[string]int{"Release": released, "erase:": 0, "closed:refused": 1})
		})
	}
}

// Started again after the copy was fetched, the case makes no second one.
func TestEraseAfterAccessGoesOn(t *testing.T) {
	env, f, _ := newEraseAfter(t)
	f.facts.Answered = true
	staff(t, env, f, bothAgreed)
	typeCode(env, time.Hour)
	if got := runEraseAfter(t, env); got != dsr.Fulfilled {
		t.Fatalf("outcome %q", got)
	}
	wantCalls(t, f, map[string]int{"Collect": 0, "Release": 0, "letter:access_ready": 0, "WipeCopy": 1, "erase:": 2})
}

// That the copy was fetched is made up: the deletion does not begin, and the case goes back to waiting for it.
func TestEraseAfterAMadeUpDownload(t *testing.T) {
	env, f, e := newEraseAfter(t)
	f.proved = func() bool { return true }
	answers := map[dsr.TaskKind]dsr.Verdict{dsr.TaskReview: dsr.Approve, dsr.TaskRelease: dsr.Approve, dsr.TaskPlan: dsr.Approve, dsr.TaskErase: dsr.Approve}
	staff(t, env, f, answers)
	typeCode(env, time.Hour)
	download(env, 24*time.Hour)
	start, really := env.Now(), 30*24*time.Hour
	e.begin = func(contract.PlanInput) error {
		if env.Now().Sub(start) < really-10*24*time.Hour {
			return refusal(contract.ErrNotApproved)
		}
		return nil
	}
	env.RegisterDelayedCallback(func() {
		for id, task := range f.tasks { // their answers are in the casefile
			f.known[id] = answers[dsr.TaskKind(task.Kind)]
		}
	}, 3*24*time.Hour)
	download(env, really)
	if got := runEraseAfter(t, env); got != dsr.Fulfilled {
		t.Fatalf("outcome %q", got)
	}
	if n := f.called("erase:"); n != 2 {
		t.Errorf("%d systems were erased", n)
	}
}
