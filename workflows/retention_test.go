package workflows

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// sweeper is what the fakes of retention do. Each may be replaced by a test.
type sweeper struct {
	facts    contract.RuleFacts
	runs     []contract.OpenedRun
	measure  func(contract.MeasureInput) (contract.MeasureResult, error)
	sweep    func(n int) (contract.SweepResult, error)
	prove    func(contract.ProveInput) contract.ProveResult
	tasks    []string // kinds that were opened
	sweeps   int
	looks    int // whose rows are left alone
	proofs   []contract.ProveInput
	again    int
	took     []string // accepted and rejected
	mails    int
	opened   contract.OpenRunsInput
	answered string            // the verdict of tasks, which were decided before; empty: they wait
	opens    func(n int) error // how opening the runs fails; nil: not at all
	opening  int
	alarms   []contract.EndAlarmInput // that ended
}

const alarmRef = contract.Ref("retention/11111-22222")

const ruleRef = contract.Ref("retention/7QK2M-9XH4T")

func fake[In, Out any](env *testsuite.TestWorkflowEnvironment, ref contract.Activity[In, Out], fn func(context.Context, In) (Out, error)) {
	env.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: ref.Name})
}

func sweeping(t *testing.T) (*testsuite.TestWorkflowEnvironment, *sweeper) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	env.RegisterWorkflowWithOptions(Retention, workflow.RegisterOptions{Name: contract.Retention.Name})
	env.RegisterWorkflowWithOptions(RetentionRule, workflow.RegisterOptions{Name: contract.RetentionRule.Name})
	s := &sweeper{facts: contract.RuleFacts{System: "accounts", Rule: "logs", Due: 5, State: "measured"},
		runs: []contract.OpenedRun{{Ref: ruleRef, Rule: "logs"}},
		measure: func(contract.MeasureInput) (contract.MeasureResult, error) {
			return contract.MeasureResult{Due: 5}, nil
		},
		sweep: func(int) (contract.SweepResult, error) {
			return contract.SweepResult{Done: 5, Of: 5, Finished: true}, nil
		},
	}
	s.prove = func(contract.ProveInput) contract.ProveResult {
		s.facts.Ended, s.facts.State, s.facts.Done = true, "done", 5
		return contract.ProveResult{Ended: true, State: "done", Done: 5}
	}
	fake(env, contract.OpenRuns, func(_ context.Context, in contract.OpenRunsInput) (contract.OpenRunsResult, error) {
		s.opened = in
		if s.opening++; s.opens != nil {
			if err := s.opens(s.opening); err != nil {
				return contract.OpenRunsResult{}, err
			}
		}
		return contract.OpenRunsResult{Runs: s.runs}, nil
	})
	fake(env, contract.AlarmNight, func(context.Context, contract.OpenRunsInput) (contract.OpenedRun, error) {
		return contract.OpenedRun{Ref: alarmRef, Rule: "*"}, nil
	})
	fake(env, contract.EndAlarm, func(_ context.Context, in contract.EndAlarmInput) (contract.Nothing, error) {
		s.alarms = append(s.alarms, in)
		return contract.Nothing{}, nil
	})
	fake(env, contract.MeasureRule, func(_ context.Context, in contract.MeasureInput) (contract.MeasureResult, error) {
		return s.measure(in)
	})
	fake(env, contract.BeginRule, func(context.Context, contract.RefInput) (contract.RuleFacts, error) { return s.facts, nil })
	fake(env, contract.OpenTask, func(_ context.Context, in contract.OpenTaskInput) (contract.OpenTaskResult, error) {
		s.tasks = append(s.tasks, in.Kind)
		return contract.OpenTaskResult{Task: "T1", Verdict: s.answered}, nil
	})
	fake(env, contract.RecordDecision, func(_ context.Context, in contract.RecordDecisionInput) (contract.DecideResult, error) {
		return contract.DecideResult{Verdict: in.Decision.Verdict, Done: true}, nil
	})
	fake(env, contract.AcceptRule, func(context.Context, contract.TaskInput) (contract.Nothing, error) {
		s.took, s.facts.Waiting = append(s.took, "accept"), false
		return contract.Nothing{}, nil
	})
	fake(env, contract.RejectRule, func(context.Context, contract.TaskInput) (contract.Nothing, error) {
		s.took, s.facts.Ended, s.facts.State = append(s.took, "reject"), true, "rejected"
		return contract.Nothing{}, nil
	})
	fake(env, contract.ShelterRows, func(context.Context, contract.RefInput) (contract.Nothing, error) {
		s.looks++
		return contract.Nothing{}, nil
	})
	fake(env, contract.SweepRule, func(context.Context, contract.RefInput) (contract.SweepResult, error) {
		s.sweeps++
		return s.sweep(s.sweeps)
	})
	fake(env, contract.ProveRule, func(_ context.Context, in contract.ProveInput) (contract.ProveResult, error) {
		s.proofs = append(s.proofs, in)
		return s.prove(in), nil
	})
	fake(env, contract.RestartSweep, func(context.Context, contract.RefInput) (contract.Nothing, error) {
		s.again++
		return contract.Nothing{}, nil
	})
	fake(env, contract.ReportRun, func(context.Context, contract.RefInput) (contract.Nothing, error) {
		s.mails++
		return contract.Nothing{}, nil
	})
	return env, s
}

func runRuleFake(t *testing.T, env *testsuite.TestWorkflowEnvironment) contract.RuleResult {
	t.Helper()
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: string(ruleRef)})
	env.ExecuteWorkflow(contract.RetentionRule.Name, contract.RuleInput{Ref: ruleRef, System: "accounts"})
	var out contract.RuleResult
	if err := env.GetWorkflowResult(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func decideOn(env *testsuite.TestWorkflowEnvironment, verdict dsr.Verdict, after time.Duration) {
	env.RegisterDelayedCallback(func() {
		env.UpdateWorkflow(contract.Decide.Name, string(verdict), &testsuite.TestUpdateCallback{OnAccept: func() {}, OnReject: func(error) {}, OnComplete: func(any, error) {}},
			contract.DecideInput{Task: "T1", Verdict: string(verdict)})
	}, after)
}

// A rule that needs no signature is swept, proved and reported, and nobody is asked.
func TestRuleRunsUnattended(t *testing.T) {
	env, s := sweeping(t)
	if got := runRuleFake(t, env); got.State != "done" || got.Done != 5 || len(s.tasks) != 0 || s.looks != 1 || s.mails != 1 {
		t.Errorf("%+v %+v", got, s)
	}
}

// A rule that waits for signatures touches nothing before them, and nothing after a no.
func TestRuleWaitsForTwoPeople(t *testing.T) {
	for verdict, want := range map[dsr.Verdict]string{dsr.Approve: "done", dsr.Reject: "rejected"} {
		env, s := sweeping(t)
		s.facts.Waiting = true
		env.RegisterDelayedCallback(func() {
			if s.sweeps+s.looks > 0 || len(s.tasks) == 0 || s.mails != 1 {
				t.Errorf("before anybody decided: %+v", s)
			}
		}, 47*time.Hour)
		decideOn(env, verdict, 48*time.Hour)
		got := runRuleFake(t, env)
		if got.State != want || (s.sweeps > 0) != (verdict == dsr.Approve) || s.mails != 2 || len(s.took) != 1 {
			t.Errorf("%s: %+v %+v", verdict, got, s)
		}
	}
}

// A hold or a case that comes under way has the sweep look again whose rows it leaves alone; a pause
// and rules that come before have it wait; what is left without a reason is swept again, and the
// third proof is the last.
func TestSweepGoesOnUntilItIsProved(t *testing.T) {
	env, s := sweeping(t)
	s.sweep = func(n int) (contract.SweepResult, error) {
		switch n {
		case 1:
			return contract.SweepResult{After: true}, nil
		case 2:
			return contract.SweepResult{Anew: true}, nil
		case 3:
			return contract.SweepResult{Paused: true}, nil
		case 4:
			return contract.SweepResult{Done: 2, Of: 5}, nil
		}
		return contract.SweepResult{Done: 5, Of: 5, Finished: true}, nil
	}
	end := s.prove
	s.prove = func(in contract.ProveInput) contract.ProveResult {
		if !in.Last {
			return contract.ProveResult{}
		}
		return end(in)
	}
	if got := runRuleFake(t, env); got.State != "done" || s.looks != 2 || len(s.proofs) != 3 || s.again != 2 {
		t.Errorf("%+v %+v", got, s)
	}
}

// Outside the hours of the map a sweep waits, and goes on when they come again; whoever looks sees why.
func TestSweepWaitsForItsHours(t *testing.T) {
	env, s := sweeping(t)
	began := time.Date(2026, 11, 25, 5, 0, 0, 0, time.UTC)
	env.SetStartTime(began)
	s.sweep = func(n int) (contract.SweepResult, error) {
		if env.Now().Before(began.Add(20 * time.Hour)) {
			return contract.SweepResult{Done: 2, Of: 5, Opens: began.Add(20 * time.Hour)}, nil
		}
		return contract.SweepResult{Done: 5, Of: 5, Finished: true}, nil
	}
	env.RegisterDelayedCallback(func() {
		answer, err := env.QueryWorkflow(contract.Status.Name)
		var got contract.StatusResult
		if err == nil {
			err = answer.Get(&got)
		}
		if err != nil || got.State != "outside its hours" || s.sweeps != 1 {
			t.Errorf("after ten hours: %+v after %d sweeps, %v", got, s.sweeps, err)
		}
	}, 10*time.Hour)
	if got := runRuleFake(t, env); got.State != "done" || s.sweeps != 2 || env.Now().Sub(began) < 20*time.Hour {
		t.Errorf("%+v after %d sweeps, at %s", got, s.sweeps, env.Now())
	}
}

// A hold over the collection ends the run, and its proof says so.
func TestSweepEndsUnderAHold(t *testing.T) {
	env, s := sweeping(t)
	s.sweep = func(int) (contract.SweepResult, error) { return contract.SweepResult{Held: true}, nil }
	runRuleFake(t, env)
	if len(s.proofs) != 1 || !s.proofs[0].Held {
		t.Errorf("proofs: %+v", s.proofs)
	}
}

// A step that fails for good becomes a task; a retry goes on.
func TestSweepThatFailsAsks(t *testing.T) {
	env, s := sweeping(t)
	s.sweep = func(n int) (contract.SweepResult, error) {
		if n == 1 {
			return contract.SweepResult{}, temporal.NewNonRetryableApplicationError("no", contract.ErrMapMismatch, nil)
		}
		return contract.SweepResult{Done: 5, Of: 5, Finished: true}, nil
	}
	decideOn(env, dsr.Retry, time.Hour)
	if got := runRuleFake(t, env); got.State != "done" || len(s.tasks) == 0 || s.tasks[0] != string(dsr.TaskFailed) {
		t.Errorf("%+v %+v", got, s)
	}
}

// A rule that cannot run as it stands, and one that waits, hold up no other; the night is red.
func TestNightGoesOnPastARule(t *testing.T) {
	env, s := sweeping(t)
	s.runs = []contract.OpenedRun{{Ref: "retention/00000-00000", Rule: "broken"}, {Ref: "retention/00000-00001", Rule: "empty"}, {Ref: ruleRef, Rule: "logs"}}
	s.measure = func(in contract.MeasureInput) (contract.MeasureResult, error) {
		switch in.Run {
		case "retention/00000-00000":
			return contract.MeasureResult{}, temporal.NewNonRetryableApplicationError("no", contract.ErrMapMismatch, nil)
		case "retention/00000-00001":
			return contract.MeasureResult{Ended: true}, nil
		}
		return contract.MeasureResult{Due: 5}, nil
	}
	env.ExecuteWorkflow(contract.Retention.Name, contract.RetentionInput{System: "accounts"})
	var app *temporal.ApplicationError
	if err := env.GetWorkflowError(); !errors.As(err, &app) || app.Type() != contract.ErrMapMismatch || s.sweeps != 1 {
		t.Errorf("%v, %+v", err, s)
	}
}

// The nominal time is the schedule's, however late the run begins.
func TestNightIsTheSchedules(t *testing.T) {
	env, s := sweeping(t)
	s.runs = nil
	at := time.Date(2026, 11, 24, 19, 30, 0, 0, time.UTC)
	if err := env.SetTypedSearchAttributesOnStart(temporal.NewSearchAttributes(scheduledFor.ValueSet(at))); err != nil {
		t.Fatal(err)
	}
	env.SetStartTime(at.Add(23 * time.Hour))
	env.ExecuteWorkflow(contract.Retention.Name, contract.RetentionInput{System: "accounts"})
	if err := env.GetWorkflowError(); err != nil || !s.opened.Nominal.Equal(at) {
		t.Errorf("opened for %s, %v", s.opened.Nominal, err)
	}
}

// A night whose rules cannot be opened, for good or for as long as a night is, ends red and raises an alarm beside
// itself. Whoever decides the task has the night run again, for its own time, or leaves it.
func TestNightThatCannotBeOpenedRaisesAnAlarm(t *testing.T) {
	at := time.Date(2026, 11, 24, 19, 30, 0, 0, time.UTC)
	for name, fails := range map[string]error{
		"for good": temporal.NewNonRetryableApplicationError("no", contract.ErrMapMismatch, nil),
		"all day":  temporal.NewApplicationError("down", contract.ErrUnavailable),
	} {
		env, s := sweeping(t)
		s.opens, s.answered = func(int) error { return fails }, string(dsr.Reject)
		env.ExecuteWorkflow(contract.Retention.Name, contract.RetentionInput{System: "accounts", Nominal: at})
		if err := env.GetWorkflowError(); err == nil || s.sweeps != 0 {
			t.Errorf("%s: %v after %d sweeps", name, err, s.sweeps)
		}
		if len(s.tasks) != 1 || s.tasks[0] != string(dsr.TaskFailed) {
			t.Errorf("%s: tasks %v", name, s.tasks)
		}
	}
	for _, verdict := range []dsr.Verdict{dsr.Retry, dsr.Reject} {
		env, s := sweeping(t)
		decideOn(env, verdict, 5*time.Hour)
		env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: string(alarmRef)})
		env.ExecuteWorkflow(contract.RetentionRule.Name, contract.RuleInput{Ref: alarmRef, System: "accounts", Problem: contract.ErrMapMismatch,
			Night: &contract.RetentionInput{System: "accounts", Nominal: at}})
		again := verdict == dsr.Retry
		if err := env.GetWorkflowError(); err != nil || len(s.alarms) != 1 || s.alarms[0] != (contract.EndAlarmInput{Ref: alarmRef, Again: again}) {
			t.Errorf("%s: %v, %+v", verdict, err, s.alarms)
		}
		if (s.opening == 1) != again || (again && !s.opened.Nominal.Equal(at)) {
			t.Errorf("%s: the night was opened %d times, for %s", verdict, s.opening, s.opened.Nominal)
		}
	}
}

// Of a dry run whoever asked sees that it failed: no alarm.
func TestDryNightRaisesNoAlarm(t *testing.T) {
	env, s := sweeping(t)
	s.opens = func(int) error { return temporal.NewNonRetryableApplicationError("no", contract.ErrMapMismatch, nil) }
	env.ExecuteWorkflow(contract.Retention.Name, contract.RetentionInput{System: "accounts", Dry: true, By: "an"})
	if env.GetWorkflowError() == nil || len(s.tasks) != 0 {
		t.Errorf("%v, tasks %v", env.GetWorkflowError(), s.tasks)
	}
}
