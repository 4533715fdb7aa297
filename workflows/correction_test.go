package workflows

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// corrector is what the fakes of a correction do. Each may be replaced by a test.
type corrector struct {
	confirm  func() []string
	evidence bool
	strict   bool
	name     string
	agree    func() error
	correct  func(contract.EraseInput) error
	left     func(contract.EraseInput) int
	outcome  dsr.Outcome
	wiped    func() contract.WipeResult
}

func newCorrection(t *testing.T) (*testsuite.TestWorkflowEnvironment, *fakes, *corrector) {
	t.Helper()
	env, f := newEnv(t)
	c := &corrector{confirm: func() []string { return nil }, agree: func() error { return nil }, correct: func(contract.EraseInput) error { return nil },
		left: func(contract.EraseInput) int { return 0 }, outcome: dsr.Fulfilled, wiped: func() contract.WipeResult { return contract.WipeResult{} }}
	f.facts.Kind = "correction"
	env.RegisterWorkflow(EvidenceWipe)
	nothing := func(name string) func(context.Context, contract.PlanInput) (contract.Nothing, error) {
		return func(context.Context, contract.PlanInput) (contract.Nothing, error) {
			f.count(name)
			return contract.Nothing{}, nil
		}
	}
	add(env, f, contract.CheckWishes, func(context.Context, contract.RefInput) (contract.WishFacts, error) {
		return contract.WishFacts{Confirm: c.confirm(), Evidence: c.evidence, EvidenceFor: 72 * time.Hour}, nil
	})
	add(env, f, contract.StartCorrection, func(_ context.Context, in contract.PlanInput) (contract.CorrectionWalk, error) {
		f.count(fmt.Sprintf("plan:%d", in.Plan))
		return contract.CorrectionWalk{Home: "accounts", Systems: []string{"accounts", "billing"}}, nil
	})
	add(env, f, contract.ReadOriginals, func(context.Context, contract.EraseInput) (contract.Nothing, error) { return contract.Nothing{}, nil })
	add(env, f, contract.FindCopies, func(context.Context, contract.MarkInput) (contract.Nothing, error) { return contract.Nothing{}, nil })
	add(env, f, contract.DraftCorrection, func(context.Context, contract.EraseInput) (contract.DraftResult, error) {
		return contract.DraftResult{}, nil
	})
	add(env, f, contract.SealCorrection, func(context.Context, contract.PlanInput) (contract.CorrectionFacts, error) {
		return contract.CorrectionFacts{Strict: c.strict, Order: []string{"accounts", "billing"}, NameSystem: c.name, Changes: true}, nil
	})
	add(env, f, contract.CheckHolds, func(context.Context, contract.PlanInput) (contract.HoldsResult, error) {
		return contract.HoldsResult{}, nil
	})
	add(env, f, contract.CheckRealName, func(context.Context, contract.EraseInput) (contract.RealNameResult, error) {
		return contract.RealNameResult{Known: true}, nil
	})
	add(env, f, contract.AgreeCorrection, func(context.Context, contract.AgreeInput) (contract.Nothing, error) {
		return contract.Nothing{}, c.agree()
	})
	add(env, f, contract.ConfirmWithdrawn, func(context.Context, contract.RefInput) (contract.ConfirmResult, error) {
		return contract.ConfirmResult{}, nil
	})
	add(env, f, contract.BeginCorrecting, nothing("begun"))
	add(env, f, contract.Correct, func(_ context.Context, in contract.EraseInput) (contract.CorrectResult, error) {
		f.count("correct:" + in.System)
		return contract.CorrectResult{}, c.correct(in)
	})
	add(env, f, contract.CheckCorrected, func(_ context.Context, in contract.EraseInput) (contract.ReadBackResult, error) {
		return contract.ReadBackResult{Left: c.left(in)}, nil
	})
	add(env, f, contract.CorrectionOutcome, func(context.Context, contract.RefInput) (contract.CaseResult, error) {
		return contract.CaseResult{Outcome: string(c.outcome)}, nil
	})
	add(env, f, contract.WipeEvidence, func(context.Context, contract.RefInput) (contract.WipeResult, error) { return c.wiped(), nil })
	return env, f, c
}

func runCorrection(t *testing.T, env *testsuite.TestWorkflowEnvironment) dsr.Outcome {
	t.Helper()
	env.ExecuteWorkflow(Correction, contract.CaseInput{Ref: ref})
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

func TestCorrectionFulfilled(t *testing.T) {
	env, f, c := newCorrection(t)
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskCorrect: dsr.Approve})
	typeCode(env, time.Hour)
	confirmed := false
	c.confirm = func() []string {
		if confirmed {
			return nil
		}
		return []string{dsr.CodeNewMobile}
	}
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(contract.ChannelConfirmed.Name, contract.ChannelConfirmedInput{}) }, 2*time.Hour)
	env.RegisterDelayedCallback(func() {
		confirmed = true
		env.SignalWorkflow(contract.ChannelConfirmed.Name, contract.ChannelConfirmedInput{})
	}, 3*time.Hour)
	if got := runCorrection(t, env); got != dsr.Fulfilled {
		t.Fatalf("outcome %q", got)
	}
	wantCalls(t, f, map[string]int{"letter:correction_ack": 1, "letter:correction_done": 1, "plan:1": 1, "plan:2": 0, "begun": 1,
		"correct:accounts": 1, "correct:billing": 1, "CheckRealName": 0, "WipeEvidence": 0, "closed:fulfilled": 1})
}

// The word about the code is lost, and nobody confirms at all: the case looks by itself, and goes on in
// the end.
func TestNobodyConfirms(t *testing.T) {
	for _, after := range []time.Duration{30 * time.Hour, 100 * 24 * time.Hour} {
		env, f, c := newCorrection(t)
		staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskCorrect: dsr.Approve})
		typeCode(env, time.Hour)
		start := env.Now()
		c.confirm = func() []string {
			if env.Now().Sub(start) > after {
				return nil
			}
			return []string{dsr.CodeNewEmail}
		}
		if got := runCorrection(t, env); got != dsr.Fulfilled {
			t.Fatalf("outcome %q", got)
		}
		if took := env.Now().Sub(start); took > 31*24*time.Hour || took < min(after, 13*24*time.Hour) {
			t.Errorf("it took %v", took)
		}
	}
}

// A name needs the fresh check and the second person, in this order; a proof is wiped when its time is over.
func TestCorrectionOfAName(t *testing.T) {
	for _, system := range []string{"", "accounts"} {
		env, f, c := newCorrection(t)
		c.strict, c.evidence, c.name = true, true, system
		staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskEvidence: dsr.Complete, dsr.TaskCorrect: dsr.Approve, dsr.TaskRealName: dsr.Complete, dsr.TaskCorrectStrict: dsr.Approve})
		typeCode(env, time.Hour)
		if got := runCorrection(t, env); got != dsr.Fulfilled {
			t.Fatalf("outcome %q", got)
		}
		asked := map[bool]int{true: 1}
		wantCalls(t, f, map[string]int{"CheckRealName": asked[system != ""]})
		if len(f.byKind[dsr.TaskRealName]) != asked[system == ""] || len(f.byKind[dsr.TaskCorrectStrict]) != 1 {
			t.Errorf("tasks: %v", f.byKind)
		}
	}
}

func TestEvidenceIsWipedLater(t *testing.T) {
	env, _, c := newCorrection(t)
	start := env.Now()
	n := 0
	c.wiped = func() contract.WipeResult {
		if n++; n == 1 {
			return contract.WipeResult{Again: env.Now().Add(24 * time.Hour)}
		}
		return contract.WipeResult{}
	}
	env.ExecuteWorkflow(EvidenceWipe, contract.WipeInput{Ref: ref, At: start.Add(72 * time.Hour)})
	if err := env.GetWorkflowError(); err != nil || n != 2 {
		t.Fatalf("asked %d times, %v", n, err)
	}
	if took := env.Now().Sub(start); took < 96*time.Hour {
		t.Errorf("wiped after %v", took)
	}
}

// What somebody changed meanwhile is shown again, as a plan of its own.
func TestCorrectionIsShownAgain(t *testing.T) {
	env, f, c := newCorrection(t)
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskCorrect: dsr.Approve})
	typeCode(env, time.Hour)
	c.outcome = dsr.PartlyDone
	c.left = func(in contract.EraseInput) int {
		if in.Plan == 1 && in.System == "billing" {
			return 1
		}
		return 0
	}
	if got := runCorrection(t, env); got != dsr.PartlyDone {
		t.Fatalf("outcome %q", got)
	}
	wantCalls(t, f, map[string]int{"plan:1": 1, "plan:2": 1, "begun": 2, "correct:billing": 2, "letter:correction_done": 1})
}

func TestCorrectionIsDecidedOn(t *testing.T) {
	for name, tc := range map[string]struct {
		answers map[dsr.TaskKind]dsr.Verdict
		strict  bool
		want    dsr.Outcome
	}{
		"the reviewer says no":      {map[dsr.TaskKind]dsr.Verdict{dsr.TaskCorrect: dsr.Reject}, false, dsr.Refused},
		"the second person says no": {map[dsr.TaskKind]dsr.Verdict{dsr.TaskCorrect: dsr.Approve, dsr.TaskRealName: dsr.Complete, dsr.TaskCorrectStrict: dsr.Reject}, true, dsr.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			env, f, c := newCorrection(t)
			c.strict = tc.strict
			staff(t, env, f, tc.answers)
			typeCode(env, time.Hour)
			if got := runCorrection(t, env); got != tc.want || f.called("correct:") != 0 {
				t.Fatalf("outcome %q, %d systems changed", got, f.called("correct:"))
			}
			wantCalls(t, f, map[string]int{"letter:correction_ended": 1})
		})
	}
}

// A system refuses the new value for good. Each way out is a signed decision.
func TestCorrectingFails(t *testing.T) {
	for verdict, plans := range map[dsr.Verdict]int{dsr.Retry: 1, dsr.Partial: 1, dsr.Replan: 2} {
		env, f, c := newCorrection(t)
		failed := false
		c.correct = func(in contract.EraseInput) error {
			if in.System == "billing" && !failed {
				failed = true
				return refusal(contract.ErrRefused)
			}
			return nil
		}
		staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskCorrect: dsr.Approve, dsr.TaskCorrectFailed: verdict})
		typeCode(env, time.Hour)
		if got := runCorrection(t, env); got != dsr.Fulfilled || len(f.byKind[dsr.TaskCorrect]) != plans {
			t.Fatalf("%s: outcome %q, tasks %v", verdict, got, f.byKind)
		}
	}
}

// Somebody made up that the plan was agreed on: nothing is changed before a plan is signed.
func TestForgedCorrection(t *testing.T) {
	env, f, c := newCorrection(t)
	n := 0
	c.agree = func() error {
		if n++; n == 1 {
			return refusal(contract.ErrNotApproved)
		}
		return nil
	}
	f.proved = func() bool { return true }
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskCorrect: dsr.Approve})
	typeCode(env, time.Hour)
	if got := runCorrection(t, env); got != dsr.Fulfilled || len(f.byKind[dsr.TaskCorrect]) != 2 {
		t.Fatalf("outcome %q, tasks %v", got, f.byKind)
	}
}
