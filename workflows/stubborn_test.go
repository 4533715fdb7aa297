package workflows

import (
	"context"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// A decision to go on without a system that was written down just before the system answered
// counts: the casefile has it, and the package is made by it.
func TestPartialThatCameLateCounts(t *testing.T) {
	env, f := newEnv(t)
	f.collect = func(ctx context.Context, in contract.CollectInput) error {
		if in.System != "billing" || in.Collection != "orders" {
			return nil
		}
		token := activity.GetInfo(ctx).TaskToken
		env.RegisterDelayedCallback(func() { _ = env.CompleteActivity(token, contract.CollectResult{Rows: 1}, nil) }, 90*time.Minute)
		return activity.ErrResultPending
	}
	staff(t, env, f, willing)
	answer := f.onTask
	f.onTask = func(kind dsr.TaskKind, id string) {
		if kind == dsr.TaskSystemDown {
			f.late[id] = string(dsr.Partial)
		}
		answer(kind, id)
	}
	typeCode(env, time.Hour)
	download(env, 3*24*time.Hour)
	if got := run(t, env); got != string(dsr.PartlyDone) {
		t.Fatalf("outcome %q", got)
	}
}

// Without a task nobody would hear of anything, so opening one is tried until it works.
func TestTaskThatCannotBeOpenedIsTriedAgain(t *testing.T) {
	env, f := newEnv(t)
	staff(t, env, f, willing)
	n := 0
	f.openTask = func() error {
		if n++; n < 4 {
			return temporal.NewNonRetryableApplicationError("a grant is missing", contract.ErrRefused, nil)
		}
		return nil
	}
	typeCode(env, time.Hour)
	download(env, 3*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) || n < 4 {
		t.Fatalf("outcome %q after %d tries", got, n)
	}
}

// A step that fails for good has an exit: staff sign that the case ends there.
func TestGivenUp(t *testing.T) {
	env, f := newEnv(t)
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskReview: dsr.Approve, dsr.TaskRelease: dsr.Approve, dsr.TaskFailed: dsr.Reject})
	f.release = func() error {
		return temporal.NewNonRetryableApplicationError("no", contract.ErrConflict, nil)
	}
	typeCode(env, time.Hour)
	if got := run(t, env); got != string(dsr.Refused) {
		t.Fatalf("outcome %q", got)
	}
	if f.called("Wipe") != 1 || f.called("closed:refused") != 1 {
		t.Errorf("calls: %v", f.calls)
	}
}

// Cancelling the workflow is no way to end a person's case.
func TestCancelEndsNothing(t *testing.T) {
	env, f := newEnv(t)
	staff(t, env, f, willing)
	env.RegisterDelayedCallback(env.CancelWorkflow, 30*time.Minute)
	typeCode(env, time.Hour)
	download(env, 3*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) {
		t.Fatalf("outcome %q", got)
	}
}

// The mail server was away for longer than a code holds: another one goes out, and nobody is asked.
func TestCodeThatRanOutIsFollowedByAnother(t *testing.T) {
	env, f := newEnv(t)
	staff(t, env, f, willing)
	n := 0
	f.code = func(contract.IssueCodeInput) contract.IssueCodeResult {
		if n++; n == 1 {
			return contract.IssueCodeResult{State: contract.LetterExpired}
		}
		return contract.IssueCodeResult{State: contract.LetterSent}
	}
	typeCode(env, time.Hour)
	download(env, 3*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) || f.called("code:verify") != 2 || len(f.byKind[dsr.TaskUnreachable]) != 0 {
		t.Fatalf("outcome %q, codes %d, tasks %v", got, f.called("code:verify"), f.byKind)
	}
}
