package workflows

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

func newDeletion(t *testing.T) (*testsuite.TestWorkflowEnvironment, *fakes, *eraser) {
	t.Helper()
	env, f := newEnv(t)
	return env, f, deleting(env, f)
}

func runDeletion(t *testing.T, env *testsuite.TestWorkflowEnvironment) dsr.Outcome {
	t.Helper()
	env.ExecuteWorkflow(Deletion, contract.CaseInput{Ref: ref})
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

var agreed = map[dsr.TaskKind]dsr.Verdict{dsr.TaskPlan: dsr.Approve, dsr.TaskErase: dsr.Approve}

// wantCalls compares how often each activity or letter was called.
func wantCalls(t *testing.T, f *fakes, want map[string]int) {
	t.Helper()
	for call, n := range want {
		if got := f.called(call); got != n {
			t.Errorf("%s: %d times, want %d", call, got, n)
		}
	}
}

func TestDeletionFulfilled(t *testing.T) {
	env, f, e := newDeletion(t)
	staff(t, env, f, agreed)
	typeCode(env, time.Hour)
	var order []string
	e.erase = func(_ context.Context, in contract.EraseInput) error { order = append(order, in.System); return nil }
	start := env.Now()
	if got := runDeletion(t, env); got != dsr.Fulfilled {
		t.Fatalf("outcome %q", got)
	}
	if took := env.Now().Sub(start); took < 72*time.Hour {
		t.Errorf("deleted %v after the request: nobody had time to withdraw", took)
	}
	if !slices.Equal(order, []string{"billing", "accounts"}) {
		t.Errorf("changed in the order %v", order)
	}
	wantCalls(t, f, map[string]int{"letter:deletion_ack": 1, "letter:deletion_approved": 1, "letter:deletion_done": 1,
		"CheckHolds": 2, "AgreePlan": 1, "BeginErasing": 1, "ReadBack": 2, "Certify": 1, "Wipe": 1, "closed:fulfilled": 1})
}

func TestDeletionIsDecidedOn(t *testing.T) {
	for name, tc := range map[string]struct {
		answers map[dsr.TaskKind]dsr.Verdict
		large   bool
		want    dsr.Outcome
		erased  int
	}{
		"the reviewer says no":          {map[dsr.TaskKind]dsr.Verdict{dsr.TaskPlan: dsr.Reject}, false, dsr.Refused, 0},
		"the second person says no":     {map[dsr.TaskKind]dsr.Verdict{dsr.TaskPlan: dsr.Approve, dsr.TaskErase: dsr.Reject}, false, dsr.Refused, 0},
		"a large plan has its own task": {map[dsr.TaskKind]dsr.Verdict{dsr.TaskPlan: dsr.Approve, dsr.TaskEraseLarge: dsr.Approve}, true, dsr.Fulfilled, 2},
		"a large plan may be refused":   {map[dsr.TaskKind]dsr.Verdict{dsr.TaskPlan: dsr.Approve, dsr.TaskEraseLarge: dsr.Reject}, true, dsr.Refused, 0},
	} {
		t.Run(name, func(t *testing.T) {
			env, f, e := newDeletion(t)
			e.large = tc.large
			staff(t, env, f, tc.answers)
			typeCode(env, time.Hour)
			if got := runDeletion(t, env); got != tc.want || f.called("erase:") != tc.erased {
				t.Fatalf("outcome %q, %d systems changed", got, f.called("erase:"))
			}
		})
	}
}

func TestDeletionReplannedByTheReviewer(t *testing.T) {
	env, f, _ := newDeletion(t)
	f.onTask = func(kind dsr.TaskKind, id string) {
		v := dsr.Approve
		if kind == dsr.TaskPlan && len(f.byKind[dsr.TaskPlan]) == 1 {
			v = dsr.Replan
		}
		env.RegisterDelayedCallback(func() { decide(t, env, id, v, "good", nil) }, time.Minute)
	}
	typeCode(env, time.Hour)
	if got := runDeletion(t, env); got != dsr.Fulfilled {
		t.Fatalf("outcome %q", got)
	}
	wantCalls(t, f, map[string]int{"plan:1": 1, "plan:2": 1, "AgreePlan": 1, "erase:": 2})
}

func TestDeletionOfNobody(t *testing.T) {
	env, f, _ := newDeletion(t)
	f.found = func(int) contract.FoundAccount { return contract.FoundAccount{} }
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskNoAccount: dsr.Complete})
	if got := runDeletion(t, env); got != dsr.NoData {
		t.Fatalf("outcome %q", got)
	}
	wantCalls(t, f, map[string]int{"StartPlan": 0, "letter:deletion_no_data": 1, "closed:no_data": 1})
}

func TestSecondDeletionIsLinked(t *testing.T) {
	env, f, e := newDeletion(t)
	e.linked = "case/00000-00000"
	typeCode(env, time.Hour)
	if got := runDeletion(t, env); got != dsr.Linked {
		t.Fatalf("outcome %q", got)
	}
	wantCalls(t, f, map[string]int{"Discover": 0, "StartPlan": 0, "erase:": 0, "letter:deletion_ended": 1})
}

// The person takes the request back while staff look at the plan, or while it cools off. Before the
// casefile says so, a signal is nothing.
func TestWithdrawn(t *testing.T) {
	for name, tc := range map[string]struct {
		answers map[dsr.TaskKind]dsr.Verdict
		at      time.Duration
		true    bool
		want    dsr.Outcome
	}{
		"during review":              {nil, 5 * time.Hour, true, dsr.Withdrawn},
		"during cool-off":            {agreed, 24 * time.Hour, true, dsr.Withdrawn},
		"a signal alone":             {agreed, 24 * time.Hour, false, dsr.Fulfilled},
		"before the person verified": {agreed, time.Minute, true, dsr.Withdrawn},
	} {
		t.Run(name, func(t *testing.T) {
			env, f, e := newDeletion(t)
			staff(t, env, f, tc.answers)
			typeCode(env, time.Hour)
			e.withdrawn = func() bool { return tc.true }
			env.RegisterDelayedCallback(func() { env.SignalWorkflow(contract.Withdraw.Name, contract.WithdrawInput{}) }, tc.at)
			if got := runDeletion(t, env); got != tc.want {
				t.Fatalf("outcome %q", got)
			}
			if erased := f.called("erase:"); (erased == 0) != (tc.want == dsr.Withdrawn) {
				t.Errorf("%d systems changed", erased)
			}
		})
	}
}

// That the deletion was begun is made up, and the first system says so: it counts as not begun, and
// the person may still withdraw.
func TestWithdrawnAfterAMadeUpBeginning(t *testing.T) {
	env, f, e := newDeletion(t)
	f.proved = func() bool { return true }
	staff(t, env, f, agreed)
	typeCode(env, time.Hour)
	e.erase = func(context.Context, contract.EraseInput) error {
		if f.called("erase:") == 1 {
			env.RegisterDelayedCallback(func() { env.SignalWorkflow(contract.Withdraw.Name, contract.WithdrawInput{}) }, 24*time.Hour)
			return refusal(contract.ErrNotApproved)
		}
		return nil
	}
	e.withdrawn = func() bool { return f.called("erase:") > 0 }
	if got := runDeletion(t, env); got != dsr.Withdrawn || f.called("erase:") != 1 {
		t.Fatalf("outcome %q after %d tries", got, f.called("erase:"))
	}
}

// The read-back of a system is refused, as nobody began: a human sees it, and the case goes on.
func TestReadBackIsRefused(t *testing.T) {
	env, f, e := newDeletion(t)
	f.proved = func() bool { return true }
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskPlan: dsr.Approve, dsr.TaskErase: dsr.Approve, dsr.TaskFailed: dsr.Retry})
	typeCode(env, time.Hour)
	refused := false
	e.look = func(in contract.EraseInput) error {
		if in.System == "billing" && !refused {
			refused = true
			return refusal(contract.ErrNotApproved)
		}
		return nil
	}
	if got := runDeletion(t, env); got != dsr.Fulfilled || len(f.byKind[dsr.TaskFailed]) != 1 {
		t.Fatalf("outcome %q after %d questions", got, len(f.byKind[dsr.TaskFailed]))
	}
}

// The word that the request was withdrawn is lost: the casefile does not let it begin.
func TestWithdrawnUnheard(t *testing.T) {
	env, f, e := newDeletion(t)
	staff(t, env, f, agreed)
	typeCode(env, time.Hour)
	e.withdrawn = func() bool { return true }
	e.begin = func(contract.PlanInput) error { return refusal(contract.ErrNotApproved) }
	if got := runDeletion(t, env); got != dsr.Withdrawn || f.called("erase:") != 0 {
		t.Fatalf("outcome %q after %d systems were changed", got, f.called("erase:"))
	}
}

// A hold that lands while the plan cools off stops the case; released, it goes on; left standing, what
// it covers stays and the case is partial.
func TestHoldDuringCoolOff(t *testing.T) {
	for verdict, want := range map[dsr.Verdict]dsr.Outcome{dsr.Retry: dsr.Fulfilled, dsr.Partial: dsr.PartlyDone} {
		t.Run(string(verdict), func(t *testing.T) {
			env, f, e := newDeletion(t)
			var holding bool
			e.held = func() []string {
				if holding {
					return []string{"billing"}
				}
				return nil
			}
			typeCode(env, time.Hour)
			env.RegisterDelayedCallback(func() { holding = true }, 30*time.Hour)
			f.onTask = func(kind dsr.TaskKind, id string) {
				v, ok := agreed[kind]
				if kind == dsr.TaskHeld {
					if f.called("erase:") != 0 {
						t.Error("something was changed although a hold stands")
					}
					v, ok = verdict, true
				}
				if ok {
					env.RegisterDelayedCallback(func() {
						holding = holding && verdict == dsr.Partial
						decide(t, env, id, v, "good", nil)
					}, time.Minute)
				}
			}
			if got := runDeletion(t, env); got != want {
				t.Fatalf("outcome %q", got)
			}
			billing := map[dsr.Verdict]int{dsr.Retry: 1}[verdict]
			wantCalls(t, f, map[string]int{"erase:billing": billing, "erase:accounts": 1})
			if len(f.byKind[dsr.TaskHeld]) != 1 {
				t.Errorf("tasks: %v", f.byKind)
			}
		})
	}
}

// A hold that lands between two batches stops the system it covers.
func TestHoldInTheMiddle(t *testing.T) {
	env, f, e := newDeletion(t)
	n := 0
	e.erase = func(_ context.Context, in contract.EraseInput) error {
		if n++; in.System == "billing" && n == 1 {
			return refusal(contract.ErrHeld)
		}
		return nil
	}
	answers := map[dsr.TaskKind]dsr.Verdict{dsr.TaskPlan: dsr.Approve, dsr.TaskErase: dsr.Approve, dsr.TaskHeld: dsr.Retry}
	staff(t, env, f, answers)
	typeCode(env, time.Hour)
	if got := runDeletion(t, env); got != dsr.Fulfilled {
		t.Fatalf("outcome %q", got)
	}
	wantCalls(t, f, map[string]int{"erase:billing": 2, "erase:accounts": 1})
}

// Half-way a system refuses for good. Each way out is a signed decision.
func TestErasingFails(t *testing.T) {
	for verdict, want := range map[dsr.Verdict]dsr.Outcome{dsr.Retry: dsr.Fulfilled, dsr.Partial: dsr.PartlyDone, dsr.Replan: dsr.Fulfilled} {
		t.Run(string(verdict), func(t *testing.T) {
			env, f, e := newDeletion(t)
			failed := false
			e.erase = func(_ context.Context, in contract.EraseInput) error {
				if in.System == "accounts" && !failed {
					failed = true
					return refusal(contract.ErrConflict)
				}
				return nil
			}
			staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskPlan: dsr.Approve, dsr.TaskErase: dsr.Approve, dsr.TaskEraseFailed: verdict})
			typeCode(env, time.Hour)
			if got := runDeletion(t, env); got != want {
				t.Fatalf("outcome %q", got)
			}
			plans := map[dsr.Verdict]int{dsr.Replan: 1}[verdict]
			wantCalls(t, f, map[string]int{"plan:2": plans, "AgreePlan": 1 + plans, "letter:deletion_approved": 1, "letter:deletion_done": 1})
		})
	}
}

// A system that does not answer is waited for, be it that the call hangs or that it fails again and again for
// ten minutes: nothing fails, nobody is asked, and what does not wait for it is done at once. Those that
// wait for it come after it.
func TestErasingIsPatient(t *testing.T) {
	for name, tc := range map[string]struct {
		after     [][]string // of billing, support, accounts
		meanwhile []string
	}{
		"one by one":                        {nil, nil},
		"what does not wait for it goes on": {[][]string{{}, {}, {"billing", "support"}}, []string{"support"}},
	} {
		for _, hangs := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, it hangs: %v", name, hangs), func(t *testing.T) {
				env, f, e := newDeletion(t)
				e.order, e.after = []string{"billing", "support", "accounts"}, tc.after
				var down, up time.Time
				var meanwhile, order []string
				e.erase = func(ctx context.Context, in contract.EraseInput) error {
					switch {
					case in.System != "billing":
						if order = append(order, in.System); up.IsZero() || env.Now().Before(up) {
							meanwhile = append(meanwhile, in.System)
						}
						return nil
					case down.IsZero():
						down, up = env.Now(), env.Now().Add(10*time.Minute)
					}
					if hangs {
						token := activity.GetInfo(ctx).TaskToken
						env.RegisterDelayedCallback(func() {
							order = append(order, in.System)
							_ = env.CompleteActivity(token, contract.EraseResult{}, nil)
						}, 10*time.Minute)
						return activity.ErrResultPending
					}
					if env.Now().Before(up) {
						return temporal.NewApplicationErrorWithOptions("system billing cannot be reached", contract.ErrUnavailable,
							temporal.ApplicationErrorOptions{NextRetryDelay: 90 * time.Second}) // the suite gives up after ten attempts
					}
					order = append(order, in.System)
					return nil
				}
				staff(t, env, f, agreed)
				typeCode(env, time.Hour)
				if got := runDeletion(t, env); got != dsr.Fulfilled || len(f.byKind) != 2 {
					t.Fatalf("outcome %q, tasks %v", got, f.byKind)
				}
				if env.Now().Sub(down) < 10*time.Minute || !slices.Equal(meanwhile, tc.meanwhile) {
					t.Errorf("%v went by; meanwhile %v were changed", env.Now().Sub(down), meanwhile)
				}
				if len(order) != 3 || order[2] != "accounts" {
					t.Errorf("changed in the order %v", order)
				}
			})
		}
	}
}

// What the read-back finds is a human's question, and the case is not fulfilled until it is gone.
func TestSomethingIsLeft(t *testing.T) {
	for verdict, want := range map[dsr.Verdict]dsr.Outcome{dsr.Retry: dsr.Fulfilled, dsr.Partial: dsr.PartlyDone, dsr.Replan: dsr.Fulfilled} {
		t.Run(string(verdict), func(t *testing.T) {
			env, f, e := newDeletion(t)
			n := 0
			e.left = func(in contract.EraseInput) int {
				if n++; n == 1 {
					return 3
				}
				return 0
			}
			staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskPlan: dsr.Approve, dsr.TaskErase: dsr.Approve, dsr.TaskLeft: verdict})
			typeCode(env, time.Hour)
			if got := runDeletion(t, env); got != want {
				t.Fatalf("outcome %q", got)
			}
			if len(f.byKind[dsr.TaskLeft]) != 1 {
				t.Errorf("tasks: %v", f.byKind)
			}
		})
	}
}

func TestPreflightStops(t *testing.T) {
	env, f, e := newDeletion(t)
	n := 0
	e.stops = func(in contract.EraseInput) int {
		if in.System == "billing" {
			n++
		}
		return map[bool]int{true: 1}[in.System == "billing" && n == 1]
	}
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskPlan: dsr.Approve, dsr.TaskErase: dsr.Approve, dsr.TaskPreflight: dsr.Retry})
	typeCode(env, time.Hour)
	if got := runDeletion(t, env); got != dsr.Fulfilled {
		t.Fatalf("outcome %q", got)
	}
	wantCalls(t, f, map[string]int{"plan:1": 1, "plan:2": 1, "SealPlan": 1, "erase:": 2})
}

// Somebody made up that the plan was signed, or that it may begin: nothing is changed, and it is asked
// again until there is a signature.
func TestForgedAgreement(t *testing.T) {
	for _, where := range []string{"agree", "begin", "erase"} {
		t.Run(where, func(t *testing.T) {
			env, f, e := newDeletion(t)
			n := 0
			once := func() error {
				if n++; n == 1 {
					return refusal(contract.ErrNotApproved)
				}
				return nil
			}
			switch where {
			case "agree":
				e.agree = func(contract.AgreeInput) error { return once() }
			case "begin":
				e.begin = func(contract.PlanInput) error { return once() }
			case "erase":
				e.erase = func(context.Context, contract.EraseInput) error { return once() }
			}
			f.proved = func() bool { return true }
			staff(t, env, f, agreed)
			typeCode(env, time.Hour)
			if got := runDeletion(t, env); got != dsr.Fulfilled {
				t.Fatalf("outcome %q", got)
			}
			if n < 2 {
				t.Errorf("the activity ran %d times", n)
			}
		})
	}
}
