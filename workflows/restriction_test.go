package workflows

import (
	"context"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// stopper is what the fakes of a restriction do, beside those of a deletion.
type stopper struct {
	*eraser
	state contract.RestrictionState
	call  func(contract.CallInput) error
}

func newRestriction(t *testing.T, atOnce bool) (*testsuite.TestWorkflowEnvironment, *fakes, *stopper) {
	t.Helper()
	env, f := newEnv(t)
	s := &stopper{eraser: deleting(env, f), call: func(contract.CallInput) error { return nil }}
	f.facts.Kind, f.facts.AtOnce, f.facts.Recipients = "restriction", atOnce, []string{"newsletter"}
	f.facts.Patience["newsletter"] = time.Hour
	add(env, f, contract.BeginStopping, func(context.Context, contract.PlanInput) (contract.Nothing, error) { return contract.Nothing{}, nil })
	add(env, f, contract.EnterForce, func(context.Context, contract.RefInput) (contract.Nothing, error) {
		s.state.InForce = true
		return contract.Nothing{}, nil
	})
	add(env, f, contract.RestrictionFacts, func(context.Context, contract.RefInput) (contract.RestrictionState, error) { return s.state, nil })
	add(env, f, contract.CallRecipient, func(_ context.Context, in contract.CallInput) (contract.Nothing, error) {
		f.count("call:" + in.What)
		return contract.Nothing{}, s.call(in)
	})
	return env, f, s
}

func runRestriction(t *testing.T, env *testsuite.TestWorkflowEnvironment) dsr.Outcome {
	t.Helper()
	env.SetWorkflowRunTimeout(3 * 365 * 24 * time.Hour)
	env.ExecuteWorkflow(Restriction, contract.CaseInput{Ref: ref})
	var out contract.CaseResult
	if err := env.GetWorkflowResult(&out); err != nil {
		t.Fatal(err)
	}
	return dsr.Outcome(out.Outcome)
}

// What is done at once asks nobody: every row with the address, and every recipient.
func TestAnObjectionIsDoneAtOnce(t *testing.T) {
	env, f, _ := newRestriction(t, true)
	f.found = func(int) contract.FoundAccount { return contract.FoundAccount{Candidates: 2} }
	start := env.Now()
	if got := runRestriction(t, env); got != dsr.Fulfilled || env.Now().Sub(start) > time.Minute {
		t.Fatalf("outcome %q after %s", got, env.Now().Sub(start))
	}
	wantCalls(t, f, map[string]int{"OpenTask": 0, "IssueCode": 0, "AgreePlan": 0, "BeginErasing": 0, "BeginStopping": 2, "plan:1": 1, "plan:2": 1, "erase:": 4,
		"call:stopped": 1, "letter:": 1, "letter:opted_out": 1, "closed:fulfilled": 1})
}

func TestAnObjectionOfNobodyStillReachesTheRecipients(t *testing.T) {
	env, f, _ := newRestriction(t, true)
	f.found = func(int) contract.FoundAccount { return contract.FoundAccount{} }
	if got := runRestriction(t, env); got != dsr.Fulfilled {
		t.Fatalf("outcome %q", got)
	}
	wantCalls(t, f, map[string]int{"OpenTask": 0, "StartPlan": 0, "call:stopped": 1, "letter:": 0})
}

// A recipient that says no is asked about, and leaving it out makes the case partial.
func TestARecipientThatSaysNoIsAskedAbout(t *testing.T) {
	env, f, s := newRestriction(t, true)
	s.call = func(contract.CallInput) error { return refusal(contract.ErrRefused) }
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskMapMismatch: dsr.Partial})
	if got := runRestriction(t, env); got != dsr.PartlyDone {
		t.Fatalf("outcome %q", got)
	}
	wantCalls(t, f, map[string]int{"erase:": 2, "closed:partial": 1})
}

// A plan that something speaks against is drafted again, under the same number: it says which row it is of.
func TestAnObjectionIsDraftedAgainUnderItsNumber(t *testing.T) {
	env, f, s := newRestriction(t, true)
	tries := 0
	s.stops = func(in contract.EraseInput) int {
		if in.System == "accounts" {
			tries++
		}
		if tries < 3 && in.System == "accounts" {
			return 1
		}
		return 0
	}
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskPreflight: dsr.Retry})
	if got := runRestriction(t, env); got != dsr.Fulfilled {
		t.Fatalf("outcome %q", got)
	}
	wantCalls(t, f, map[string]int{"plan:1": 3, "plan:2": 0, "BeginStopping": 1})
	if len(f.byKind[dsr.TaskPreflight]) != 2 {
		t.Errorf("asked %d times", len(f.byKind[dsr.TaskPreflight]))
	}
}

var lifted = map[dsr.TaskKind]dsr.Verdict{dsr.TaskPlan: dsr.Approve, dsr.TaskErase: dsr.Approve, dsr.TaskLift: dsr.Approve}

// A restriction stands for as long as nobody ends it; its end is told 72 hours before.
func TestARestrictionStandsUntilItIsLifted(t *testing.T) {
	const stood = 200 * 24 * time.Hour
	for name, told := range map[string]bool{"somebody asks": true, "the word is lost": false} {
		t.Run(name, func(t *testing.T) {
			env, f, s := newRestriction(t, false)
			staff(t, env, f, lifted)
			typeCode(env, time.Hour)
			var letter, begun time.Time
			f.letter = func(in contract.LetterInput) contract.LetterResult {
				if in.Template == "restriction_ending" {
					letter = env.Now()
				}
				return contract.LetterResult{State: contract.LetterSent}
			}
			s.begin = func(in contract.PlanInput) error {
				if in.Plan == 2 {
					begun = env.Now()
				}
				return nil
			}
			env.RegisterDelayedCallback(func() {
				s.state.Asked, s.state.LiftFrom = 1, 2
				if told {
					env.SignalWorkflow(contract.EndRestriction.Name, contract.EndRestrictionInput{})
				}
			}, stood)
			start := env.Now()
			if got := runRestriction(t, env); got != dsr.Fulfilled {
				t.Fatalf("outcome %q", got)
			}
			if took := env.Now().Sub(start); took < stood+72*time.Hour || took > stood+lookForEnd+74*time.Hour {
				t.Errorf("it ended after %s", took)
			}
			if letter.IsZero() || begun.Sub(letter) < 72*time.Hour {
				t.Errorf("lifted %s after the person was told", begun.Sub(letter))
			}
			wantCalls(t, f, map[string]int{"EnterForce": 1, "AgreePlan": 2, "BeginErasing": 2, "BeginStopping": 0, "call:stopped": 1, "call:lifted": 1, "Certify": 0,
				"letter:restriction_ack": 1, "letter:restricted": 1, "letter:restriction_ending": 1, "letter:restriction_closed": 1, "closed:fulfilled": 1})
		})
	}
}

func TestARestrictionIsDecidedOn(t *testing.T) {
	env, f, _ := newRestriction(t, false)
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskPlan: dsr.Approve, dsr.TaskErase: dsr.Reject})
	typeCode(env, time.Hour)
	if got := runRestriction(t, env); got != dsr.Refused {
		t.Fatalf("outcome %q", got)
	}
	wantCalls(t, f, map[string]int{"erase:": 0, "CallRecipient": 0, "EnterForce": 0, "letter:restriction_closed": 1})
}

// Nobody who reaches Temporal has a restriction stop anything: what does not hold is asked for anew.
func TestARestrictionWithoutSignaturesStopsNothing(t *testing.T) {
	env, f, s := newRestriction(t, false)
	staff(t, env, f, lifted)
	typeCode(env, time.Hour)
	n := 0
	s.agree = func(contract.AgreeInput) error {
		if n++; n == 1 {
			return refusal(contract.ErrNotApproved)
		}
		return nil
	}
	env.RegisterDelayedCallback(func() { s.state.Asked, s.state.LiftFrom = 1, 3 }, 24*time.Hour)
	if got := runRestriction(t, env); got != dsr.Fulfilled {
		t.Fatalf("outcome %q", got)
	}
	wantCalls(t, f, map[string]int{"plan:1": 1, "plan:2": 1, "EnterForce": 1})
}
