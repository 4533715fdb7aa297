package workflows

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

var errWanted = errors.New("refused")

// staff answers every task of the kinds given with the verdict given, one virtual minute after it opened.
func staff(t *testing.T, env *testsuite.TestWorkflowEnvironment, f *fakes, verdicts map[dsr.TaskKind]dsr.Verdict) {
	f.onTask = func(kind dsr.TaskKind, id string) {
		if v, ok := verdicts[kind]; ok {
			env.RegisterDelayedCallback(func() { decide(t, env, id, v, "good", nil) }, time.Minute)
		}
	}
}

func typeCode(env *testsuite.TestWorkflowEnvironment, after time.Duration) {
	env.RegisterDelayedCallback(func() { challenge(env, "code") }, after)
}

// challenge tells the workflow that a code was typed rightly.
func challenge(env *testsuite.TestWorkflowEnvironment, id string) {
	env.UpdateWorkflow(contract.ChallengeMet.Name, id, &testsuite.TestUpdateCallback{
		OnAccept: func() {}, OnReject: func(error) {}, OnComplete: func(any, error) {},
	}, contract.ChallengeMetInput{Challenge: "c"})
}

func download(env *testsuite.TestWorkflowEnvironment, after time.Duration) {
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(contract.Fetched.Name, contract.FetchedInput{}) }, after)
}

func run(t *testing.T, env *testsuite.TestWorkflowEnvironment) string {
	t.Helper()
	env.ExecuteWorkflow(Access, contract.CaseInput{Ref: ref})
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
	return out.Outcome
}

var willing = map[dsr.TaskKind]dsr.Verdict{dsr.TaskReview: dsr.Approve, dsr.TaskRelease: dsr.Approve}

func TestAccessFulfilled(t *testing.T) {
	env, f := newEnv(t)
	staff(t, env, f, willing)
	typeCode(env, time.Hour)
	download(env, 3*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) {
		t.Fatalf("outcome %q", got)
	}
	for call, want := range map[string]int{
		"collect:": 4, "letter:ack": 1, "letter:access_ready": 1, "letter:case_closed": 1, "code:verify": 1,
		"Assemble": 1, "Release": 1, "Wipe": 1, "closed:fulfilled": 1,
	} {
		if got := f.called(call); got != want {
			t.Errorf("%s: %d times, want %d", call, got, want)
		}
	}
}

func TestNobodyProvesWhoTheyAre(t *testing.T) {
	env, f := newEnv(t)
	if got := run(t, env); got != string(dsr.Unverified) {
		t.Fatalf("outcome %q", got)
	}
	if f.called("Collect") != 0 || f.called("letter:case_unverified") != 1 {
		t.Errorf("calls: %v", f.calls)
	}
}

func TestForgedChallengeDoesNothing(t *testing.T) {
	env, f := newEnv(t)
	f.confirm = func() bool { return false }
	typeCode(env, time.Hour)
	if got := run(t, env); got != string(dsr.Unverified) {
		t.Fatalf("outcome %q", got)
	}
	if f.called("Discover") != 0 {
		t.Error("searched for an unverified person")
	}
}

func TestPackageExpires(t *testing.T) {
	env, f := newEnv(t)
	staff(t, env, f, willing)
	typeCode(env, time.Hour)
	f.fetched = func() bool { return false }
	download(env, 2*24*time.Hour) // a forged signal: the casefile knows of no download
	start := env.Now()
	if got := run(t, env); got != string(dsr.Fulfilled) {
		t.Fatalf("outcome %q", got)
	}
	if took := env.Now().Sub(start); took < 7*24*time.Hour {
		t.Errorf("closed after %v although nobody fetched the package", took)
	}
}

func TestUnsignedDecisionLeavesTheTaskOpen(t *testing.T) {
	env, f := newEnv(t)
	tries := 0
	f.onTask = func(kind dsr.TaskKind, id string) {
		switch kind {
		case dsr.TaskReview:
			env.RegisterDelayedCallback(func() { decide(t, env, id, dsr.Approve, "", errWanted) }, time.Minute)
			env.RegisterDelayedCallback(func() { decide(t, env, "no-such-task", dsr.Approve, "good", errWanted) }, 2*time.Minute)
			env.RegisterDelayedCallback(func() { tries = f.called("Assemble"); decide(t, env, id, dsr.Approve, "good", nil) }, time.Hour)
		case dsr.TaskRelease:
			env.RegisterDelayedCallback(func() { decide(t, env, id, dsr.Approve, "good", nil) }, time.Minute)
		}
	}
	typeCode(env, time.Hour)
	download(env, 2*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) || tries != 0 {
		t.Fatalf("outcome %q, packed %d times before anybody had signed", got, tries)
	}
}

func TestReleaseWithoutSignatureIsAskedAgain(t *testing.T) {
	env, f := newEnv(t)
	staff(t, env, f, willing)
	n := 0
	f.release = func() error {
		if n++; n == 1 {
			return temporal.NewNonRetryableApplicationError("no", contract.ErrNotApproved, nil)
		}
		return nil
	}
	typeCode(env, time.Hour)
	download(env, 3*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) {
		t.Fatalf("outcome %q", got)
	}
	if f.called("OpenTask") != 3 || len(f.byKind[dsr.TaskRelease]) != 1 || len(f.byKind[dsr.TaskReview]) != 1 || f.called("Assemble") != 1 {
		t.Errorf("tasks: %v", f.byKind)
	}
}

func TestReviewerRefuses(t *testing.T) {
	env, f := newEnv(t)
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskReview: dsr.Reject})
	typeCode(env, time.Hour)
	if got := run(t, env); got != string(dsr.Refused) {
		t.Fatalf("outcome %q", got)
	}
	if f.called("Assemble") != 0 || f.called("Wipe") != 1 {
		t.Errorf("calls: %v", f.calls)
	}
}

// A system that does not answer is waited for beyond the map's patience; a human may go on
// without it, and then the case says so.
func TestSystemDown(t *testing.T) {
	for verdict, want := range map[dsr.Verdict]dsr.Outcome{dsr.Partial: dsr.PartlyDone, dsr.Retry: dsr.Fulfilled} {
		t.Run(string(verdict), func(t *testing.T) {
			env, f := newEnv(t)
			f.collect = func(ctx context.Context, in contract.CollectInput) error {
				if in.System != "billing" || in.Collection != "orders" {
					return nil
				}
				if verdict == dsr.Retry { // it answers after 90 minutes
					token := activity.GetInfo(ctx).TaskToken
					env.RegisterDelayedCallback(func() { _ = env.CompleteActivity(token, contract.CollectResult{Rows: 1}, nil) }, 90*time.Minute)
				}
				return activity.ErrResultPending
			}
			staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskReview: dsr.Approve, dsr.TaskRelease: dsr.Approve, dsr.TaskSystemDown: verdict})
			typeCode(env, time.Hour)
			download(env, 3*24*time.Hour)
			if got := run(t, env); got != string(want) {
				t.Fatalf("outcome %q", got)
			}
			if len(f.byKind[dsr.TaskSystemDown]) != 1 {
				t.Errorf("tasks: %v", f.byKind)
			}
			if items := f.called("collect:billing.items"); items != map[dsr.Verdict]int{dsr.Retry: 1}[verdict] {
				t.Errorf("billing.items collected %d times", items)
			}
		})
	}
}

func TestMapMismatchBecomesATask(t *testing.T) {
	env, f := newEnv(t)
	n := 0
	f.discover = func(in contract.DiscoverInput) error {
		if in.Step.System == "accounts" {
			if n++; n == 1 {
				return temporal.NewNonRetryableApplicationError("no such column", contract.ErrMapMismatch, nil)
			}
		}
		return nil
	}
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskReview: dsr.Approve, dsr.TaskRelease: dsr.Approve, dsr.TaskMapMismatch: dsr.Retry})
	typeCode(env, time.Hour)
	download(env, 3*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) {
		t.Fatalf("outcome %q", got)
	}
	if len(f.byKind[dsr.TaskMapMismatch]) != 1 || n != 2 {
		t.Errorf("tasks: %v, tries %d", f.byKind, n)
	}
}

func TestWhoIsMeant(t *testing.T) {
	for name, tc := range map[string]struct {
		found  func(int) contract.FoundAccount
		answer map[dsr.TaskKind]dsr.Verdict
		want   dsr.Outcome
	}{
		"several rows, reviewer chooses": {func(int) contract.FoundAccount { return contract.FoundAccount{Candidates: 2} },
			map[dsr.TaskKind]dsr.Verdict{dsr.TaskChooseAccount: dsr.Approve, dsr.TaskReview: dsr.Approve, dsr.TaskRelease: dsr.Approve}, dsr.Fulfilled},
		"several rows, reviewer declines": {func(int) contract.FoundAccount { return contract.FoundAccount{Candidates: 2} },
			map[dsr.TaskKind]dsr.Verdict{dsr.TaskChooseAccount: dsr.Reject}, dsr.NoData},
		"nobody": {func(int) contract.FoundAccount { return contract.FoundAccount{} },
			map[dsr.TaskKind]dsr.Verdict{dsr.TaskNoAccount: dsr.Complete}, dsr.NoData},
		"nobody, then found": {func(n int) contract.FoundAccount {
			return contract.FoundAccount{Candidates: n - 1, Settled: n == 2}
		}, map[dsr.TaskKind]dsr.Verdict{dsr.TaskNoAccount: dsr.Retry, dsr.TaskReview: dsr.Approve, dsr.TaskRelease: dsr.Approve}, dsr.Fulfilled},
	} {
		t.Run(name, func(t *testing.T) {
			env, f := newEnv(t)
			f.found = tc.found
			staff(t, env, f, tc.answer)
			typeCode(env, time.Hour)
			download(env, 3*24*time.Hour)
			if got := run(t, env); got != string(tc.want) {
				t.Fatalf("outcome %q, want %q", got, tc.want)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	env, f := newEnv(t)
	f.letter = func(in contract.LetterInput) contract.LetterResult {
		if in.Template == "ack" {
			return contract.LetterResult{State: contract.LetterNoChannel}
		}
		return contract.LetterResult{State: contract.LetterSent}
	}
	f.code = func(contract.IssueCodeInput) contract.IssueCodeResult {
		return contract.IssueCodeResult{State: contract.LetterNoChannel}
	}
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskUnreachable: dsr.Complete})
	if got := run(t, env); got != string(dsr.Unverified) {
		t.Fatalf("outcome %q", got)
	}
	if len(f.byKind[dsr.TaskUnreachable]) != 2 {
		t.Errorf("tasks: %v", f.byKind)
	}
}

// A stranger who knows a case number can make the portal ask for codes; that must not fill the
// history, and no code may go out for something that is not due.
func TestCodesOnlyWhenTheyMakeSense(t *testing.T) {
	env, f := newEnv(t)
	staff(t, env, f, willing)
	ask := func(purpose string, at time.Duration, times int) {
		env.RegisterDelayedCallback(func() {
			for range times {
				env.SignalWorkflow(contract.SendCode.Name, contract.SendCodeInput{Purpose: purpose})
			}
		}, at)
	}
	ask(dsr.CodeDownload, 10*time.Minute, 1) // not ready: none
	ask(dsr.CodeStatus, 10*time.Minute, 1)   // not verified: none
	ask(dsr.CodeVerify, 10*time.Minute, 50)  // nine an hour at most, with the first
	typeCode(env, 2*time.Hour)
	ask(dsr.CodeVerify, 5*time.Hour, 1) // verified already: none
	ask(dsr.CodeDownload, 24*time.Hour, 1)
	ask("nonsense", 24*time.Hour, 1)
	download(env, 3*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) {
		t.Fatalf("outcome %q", got)
	}
	if v, d, s := f.called("code:verify"), f.called("code:download"), f.called("code:status"); v != 9 || d != 1 || s != 0 {
		t.Errorf("codes: verify %d, download %d, status %d", v, d, s)
	}
}
