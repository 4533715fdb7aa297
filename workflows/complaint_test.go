package workflows

import (
	"context"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

func newComplaint(t *testing.T) (*testsuite.TestWorkflowEnvironment, *fakes) {
	t.Helper()
	env, f := newEnv(t)
	f.facts.Kind = string(dsr.Complaint)
	add(env, f, contract.TakeComplainant, func(context.Context, contract.RefInput) (contract.Nothing, error) { return contract.Nothing{}, nil })
	return env, f
}

// A complaint is acknowledged, answered by one signature and closed with it, and nobody is asked for a code.
func TestAComplaintIsAnswered(t *testing.T) {
	for verdict, outcome := range dsr.ComplaintVerdicts {
		env, f := newComplaint(t)
		f.onTask = func(kind dsr.TaskKind, id string) {
			if kind == dsr.TaskComplaint {
				decide(t, env, id, verdict, "good", nil)
			}
		}
		env.ExecuteWorkflow(Complaint, contract.CaseInput{Ref: ref})
		var out contract.CaseResult
		if err := env.GetWorkflowResult(&out); err != nil || out.Outcome != string(outcome) {
			t.Errorf("%s: %+v, %v", verdict, out, err)
		}
		for call, n := range map[string]int{"letter:complaint_ack": 1, "letter:complaint_answer": 1, "code:": 0, contract.FindAccount.Name: 0, "closed:" + string(outcome): 1} {
			if got := f.called(call); got != n {
				t.Errorf("%s: %d times %s, want %d", verdict, got, call, n)
			}
		}
	}
}

// An answer that the casefile does not bear out is asked for anew, by a task of its own.
func TestAMadeUpAnswerToAComplaintIsAskedForAnew(t *testing.T) {
	env, f := newComplaint(t)
	wiped := 0
	f.wipe = func(string) error {
		if wiped++; wiped == 1 {
			return temporal.NewNonRetryableApplicationError("nothing says so", contract.ErrNotApproved, nil)
		}
		return nil
	}
	f.onTask = func(kind dsr.TaskKind, id string) {
		switch kind {
		case dsr.TaskComplaint:
			decide(t, env, id, dsr.Dismiss, "good", nil)
		case dsr.TaskFailed:
			decide(t, env, id, dsr.Retry, "good", nil)
		}
	}
	env.ExecuteWorkflow(Complaint, contract.CaseInput{Ref: ref})
	var out contract.CaseResult
	if err := env.GetWorkflowResult(&out); err != nil || out.Outcome != string(dsr.NotUpheld) {
		t.Errorf("%+v, %v", out, err)
	}
	if f.called("letter:complaint_answer") != 1 || f.called("closed:") != 1 {
		t.Error("told or closed more than once")
	}
}

func TestAComplaintIsTakenBack(t *testing.T) {
	env, f := newComplaint(t)
	add(env, f, contract.ConfirmWithdrawn, func(context.Context, contract.RefInput) (contract.ConfirmResult, error) {
		return contract.ConfirmResult{True: true}, nil
	})
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(contract.Withdraw.Name, contract.WithdrawInput{}) }, time.Hour)
	env.ExecuteWorkflow(Complaint, contract.CaseInput{Ref: ref})
	var out contract.CaseResult
	if err := env.GetWorkflowResult(&out); err != nil || out.Outcome != string(dsr.Withdrawn) {
		t.Errorf("%+v, %v", out, err)
	}
}

// Staff are warned by the complaint's own clock: fifteen working days in China.
func TestAComplaintHasAClockOfItsOwn(t *testing.T) {
	env, f := newComplaint(t)
	received := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	l := underLaw(t, env, f, "cn-pipl", received)
	env.RegisterDelayedCallback(func() {
		decide(t, env, f.byKind[dsr.TaskComplaint][0], dsr.Uphold, "good", nil)
	}, 25*24*time.Hour)
	env.ExecuteWorkflow(Complaint, contract.CaseInput{Ref: ref})
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if due := l.file.DueAt.UTC().Format(time.RFC3339); due != "2026-12-14T16:00:00Z" {
		t.Errorf("due %s", due)
	}
	want := []string{"10d", "7d", "3d", "1d", "overdue"}
	got := []string{}
	for _, level := range l.raised {
		if level != "ack-overdue" { // the fakes know the receipt of an access alone
			got = append(got, level)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("raised %v", l.raised)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("raised %v", l.raised)
		}
	}
}
