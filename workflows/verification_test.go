package workflows

import (
	"context"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// ladder stands in for what the casefile knows of who is asking.
type ladder struct {
	standing contract.Standing
	warned   []string
}

func withLadder(env *testsuite.TestWorkflowEnvironment, f *fakes, rung int) *ladder {
	l := &ladder{}
	env.RegisterWorkflow(Verification)
	env.RegisterWorkflow(EvidenceWipe)
	add(env, f, contract.ReadStanding, func(context.Context, contract.RefInput) (contract.Standing, error) { return l.standing, nil })
	add(env, f, contract.WarnOwner, func(_ context.Context, in contract.WarnInput) (contract.WarnResult, error) {
		l.warned = append(l.warned, in.Why)
		return contract.WarnResult{Sent: 1}, nil
	})
	add(env, f, contract.WipeEvidence, func(context.Context, contract.RefInput) (contract.WipeResult, error) {
		return contract.WipeResult{}, nil
	})
	f.code = func(contract.IssueCodeInput) contract.IssueCodeResult {
		return contract.IssueCodeResult{State: contract.LetterSent, Rung: rung}
	}
	f.facts.Remind = []time.Duration{5 * 24 * time.Hour, 10 * 24 * time.Hour}
	f.facts.EvidenceFor = 72 * time.Hour
	f.proved = func() bool { return l.standing.Met }
	f.confirm = func() bool { return l.standing.Met }
	return l
}

// TestRemindersOfTheFirstRung: two reminders in between, and the end after fourteen days.
func TestRemindersOfTheFirstRung(t *testing.T) {
	env, f := newEnv(t)
	withLadder(env, f, int(dsr.RungCode))
	start := env.Now()
	if got := run(t, env); got != string(dsr.Unverified) {
		t.Fatalf("outcome %q", got)
	}
	if took := env.Now().Sub(start); took < 14*24*time.Hour || took > 15*24*time.Hour {
		t.Errorf("it took %v", took)
	}
	for call, want := range map[string]int{"letter:verify_remind": 2, "letter:verify_more": 0, "letter:case_unverified": 1, "ReadStanding": 0} {
		if got := f.called(call); got != want {
			t.Errorf("%s: %d times, want %d", call, got, want)
		}
	}
}

// TestVerifiedBetweenReminders: whoever proves it after the first is not reminded again.
func TestVerifiedBetweenReminders(t *testing.T) {
	env, f := newEnv(t)
	l := withLadder(env, f, int(dsr.RungCode))
	staff(t, env, f, willing)
	env.RegisterDelayedCallback(func() { l.standing.Met = true }, 6*24*time.Hour)
	typeCode(env, 6*24*time.Hour+time.Minute)
	download(env, 8*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) || f.called("letter:verify_remind") != 1 {
		t.Fatalf("outcome %q, %d reminders", got, f.called("letter:verify_remind"))
	}
}

// TestSecondRung: a code alone lets nothing go on; the word that more was proved does.
func TestSecondRung(t *testing.T) {
	env, f := newEnv(t)
	l := withLadder(env, f, int(dsr.RungTwo))
	staff(t, env, f, willing)
	typeCode(env, time.Hour) // the first code, which is not enough
	searched := -1
	env.RegisterDelayedCallback(func() { searched = f.called("Discover") }, 24*time.Hour)
	env.RegisterDelayedCallback(func() {
		l.standing.Met = true
		_ = env.SignalWorkflowByID(contract.VerificationID(ref), contract.Proved.Name, contract.ProvedInput{})
	}, 25*time.Hour)
	download(env, 30*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) {
		t.Fatalf("outcome %q", got)
	}
	if searched != 0 || f.called("letter:verify_more") != 1 || f.called("letter:verify_remind") != 0 {
		t.Errorf("searched %d times before it was proved; calls %v", searched, f.calls)
	}
}

// TestLostWordOfTheLadder: nobody says that it was proved, and the next look finds it.
func TestLostWordOfTheLadder(t *testing.T) {
	env, f := newEnv(t)
	l := withLadder(env, f, int(dsr.RungTwo))
	staff(t, env, f, willing)
	env.RegisterDelayedCallback(func() { l.standing.Met = true }, time.Hour)
	download(env, 2*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) {
		t.Fatalf("outcome %q", got)
	}
}

// TestForgedWordOfTheLadder: signals and a rung that is not reached end the case as unverified, with both reminders.
func TestForgedWordOfTheLadder(t *testing.T) {
	env, f := newEnv(t)
	withLadder(env, f, int(dsr.RungTwo))
	for n := range 5 {
		env.RegisterDelayedCallback(func() {
			_ = env.SignalWorkflowByID(contract.VerificationID(ref), contract.Proved.Name, contract.ProvedInput{})
		}, time.Duration(n+1)*time.Hour)
	}
	typeCode(env, 3*time.Hour)
	if got := run(t, env); got != string(dsr.Unverified) {
		t.Fatalf("outcome %q", got)
	}
	if f.called("Discover") != 0 || f.called("letter:verify_remind") != 2 {
		t.Errorf("searched %d times, %d reminders", f.called("Discover"), f.called("letter:verify_remind"))
	}
}

// TestDocument: the check opens, the decision on it reaches the ladder through the case, and the file goes 72 hours
// later.
func TestDocument(t *testing.T) {
	for verdict, want := range map[dsr.Verdict]dsr.Outcome{dsr.Approve: dsr.Fulfilled, dsr.Reject: dsr.Unverified} {
		env, f := newEnv(t)
		l := withLadder(env, f, int(dsr.RungDocument))
		l.standing.Document = true
		f.onTask = func(kind dsr.TaskKind, id string) {
			switch kind {
			case dsr.TaskIdentity:
				if f.called("decided") > 0 {
					return
				}
				f.count("decided")
				env.RegisterDelayedCallback(func() {
					l.standing.Met, l.standing.Refused = verdict == dsr.Approve, verdict == dsr.Reject
					decide(t, env, id, verdict, "good", nil)
				}, 2*time.Hour)
			case dsr.TaskReview, dsr.TaskRelease:
				env.RegisterDelayedCallback(func() { decide(t, env, id, dsr.Approve, "good", nil) }, time.Minute)
			}
		}
		download(env, 5*time.Hour)
		start := env.Now()
		if got := run(t, env); got != string(want) {
			t.Fatalf("%s: outcome %q", verdict, got)
		}
		if took := env.Now().Sub(start); took > 6*time.Hour && f.called("WipeEvidence") == 0 {
			t.Errorf("%s: it took %v, and nothing was wiped", verdict, took)
		}
	}
}

// TestLockedAndChanged: the owner is warned when a channel changed, and when a case is locked.
func TestLockedAndChanged(t *testing.T) {
	env, f := newEnv(t)
	l := withLadder(env, f, int(dsr.RungCode))
	f.code = func(contract.IssueCodeInput) contract.IssueCodeResult {
		return contract.IssueCodeResult{State: contract.LetterSent, Rung: int(dsr.RungCode), Warn: true}
	}
	for n := range 30 {
		env.RegisterDelayedCallback(func() { env.SignalWorkflow(contract.Locked.Name, contract.LockedInput{}) }, time.Duration(n+1)*time.Minute)
	}
	if got := run(t, env); got != string(dsr.Unverified) {
		t.Fatalf("outcome %q", got)
	}
	if len(l.warned) != 1+maxLocksHeard || l.warned[0] != contract.WarnChanged {
		t.Errorf("warned %d times, first of %q", len(l.warned), l.warned[0])
	}
}
