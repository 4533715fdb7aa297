package workflows

import (
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// What the workflow is told may be made up by whoever reaches the Temporal server. These tests tell
// it lies, and have the activities find them out as the real ones do.

var errNotApproved = temporal.NewNonRetryableApplicationError("nothing stands behind it", contract.ErrNotApproved, nil)

// once fails the first time only.
func once(err error) func() error {
	n := 0
	return func() error {
		if n++; n == 1 {
			return err
		}
		return nil
	}
}

func tasksOf(t *testing.T, f *fakes, want map[dsr.TaskKind]int) {
	t.Helper()
	for _, kind := range []dsr.TaskKind{dsr.TaskFailed, dsr.TaskReview, dsr.TaskRelease, dsr.TaskMapMismatch, dsr.TaskUnreachable} {
		if got := len(f.byKind[kind]); got != want[kind] {
			t.Errorf("%d tasks of the kind %s, want %d", got, kind, want[kind])
		}
	}
}

var patient = map[dsr.TaskKind]dsr.Verdict{dsr.TaskReview: dsr.Approve, dsr.TaskRelease: dsr.Approve, dsr.TaskFailed: dsr.Retry}

// A made-up "the code was right" costs nothing: the case goes back to waiting for the person.
func TestMadeUpChallengeIsFoundOut(t *testing.T) {
	env, f := newEnv(t)
	staff(t, env, f, patient)
	f.plan = once(errNotApproved)
	typeCode(env, time.Hour)
	env.RegisterDelayedCallback(func() {
		if f.called("Discover") != 0 {
			t.Error("searched for somebody who has not proved who they are")
		}
	}, 2*time.Hour-time.Second)
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(contract.SendCode.Name, contract.SendCodeInput{Purpose: dsr.CodeVerify}) }, 90*time.Minute)
	env.RegisterDelayedCallback(func() { challenge(env, "second") }, 2*time.Hour)
	download(env, 3*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) {
		t.Fatalf("outcome %q", got)
	}
	tasksOf(t, f, map[dsr.TaskKind]int{dsr.TaskReview: 1, dsr.TaskRelease: 1})
	if n := f.called("code:verify"); n != 3 { // the first, its repeat (the outbox has it), and the one asked for
		t.Errorf("%d codes", n)
	}
}

// A word that was lost is found in the casefile before a case is closed as unverified.
func TestLostWordIsFoundAtTheEnd(t *testing.T) {
	env, f := newEnv(t)
	staff(t, env, f, willing)
	f.proved = func() bool { return true }
	download(env, 20*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) {
		t.Fatalf("outcome %q", got)
	}
}

// A made-up review packs nothing. It is seen by a human, and then the reviewer is asked as before.
func TestMadeUpReviewIsFoundOut(t *testing.T) {
	env, f := newEnv(t)
	staff(t, env, f, patient)
	fails := once(errNotApproved)
	f.assemble = func(string) error { return fails() }
	f.proved = func() bool { return true }
	typeCode(env, time.Hour)
	download(env, 3*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) {
		t.Fatalf("outcome %q", got)
	}
	tasksOf(t, f, map[dsr.TaskKind]int{dsr.TaskFailed: 1, dsr.TaskReview: 1, dsr.TaskRelease: 1})
	if n := f.called("OpenTask"); n != 4 {
		t.Errorf("asked %d times", n)
	}
}

// A review that stands in the casefile, but not rightly signed, is asked for anew.
func TestReviewWithoutSignatureIsAskedAnew(t *testing.T) {
	env, f := newEnv(t)
	staff(t, env, f, patient)
	first := ""
	f.assemble = func(task string) error {
		if first == "" {
			first, f.known[task] = task, dsr.Approve
		}
		if task == first {
			return errNotApproved
		}
		return nil
	}
	f.proved = func() bool { return true }
	typeCode(env, time.Hour)
	download(env, 3*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) {
		t.Fatalf("outcome %q", got)
	}
	tasksOf(t, f, map[dsr.TaskKind]int{dsr.TaskFailed: 1, dsr.TaskReview: 2, dsr.TaskRelease: 1})
}

// An end that the casefile does not bear out is no end, whichever: a refusal nobody signed, a
// download nobody made.
func TestMadeUpEndIsFoundOut(t *testing.T) {
	for name, verdict := range map[string]dsr.Verdict{"refused": dsr.Reject, "fetched": dsr.Approve} {
		t.Run(name, func(t *testing.T) {
			env, f := newEnv(t)
			told := 0
			f.onTask = func(kind dsr.TaskKind, id string) {
				v := patient[kind]
				if told++; kind == dsr.TaskReview && told == 1 {
					v = verdict
				}
				env.RegisterDelayedCallback(func() { decide(t, env, id, v, "good", nil) }, time.Minute)
			}
			fails := once(errNotApproved)
			f.wipe = func(string) error { return fails() }
			f.proved = func() bool { return true }
			typeCode(env, time.Hour)
			download(env, 3*24*time.Hour)
			download(env, 4*24*time.Hour)
			if got := run(t, env); got != string(dsr.Fulfilled) {
				t.Fatalf("outcome %q", got)
			}
			if f.called("closed:") != 1 || f.called("closed:fulfilled") != 1 || f.called("letter:case_closed") != 1 {
				t.Errorf("calls: %v", f.calls)
			}
			tasksOf(t, f, map[dsr.TaskKind]int{dsr.TaskFailed: 1, dsr.TaskReview: 1, dsr.TaskRelease: 1})
		})
	}
}

// A search or a copy that was refused because nobody proved who they are is no map that differs:
// nobody is offered to go on without the system.
func TestRefusedSearchOffersNoWayRound(t *testing.T) {
	env, f := newEnv(t)
	staff(t, env, f, patient)
	fails := once(errNotApproved)
	f.discover = func(in contract.DiscoverInput) error {
		if in.Step.System == "accounts" {
			return fails()
		}
		return nil
	}
	f.proved = func() bool { return true }
	typeCode(env, time.Hour)
	download(env, 3*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) {
		t.Fatalf("outcome %q", got)
	}
	tasksOf(t, f, map[dsr.TaskKind]int{dsr.TaskFailed: 1, dsr.TaskReview: 1, dsr.TaskRelease: 1})
}

// An answer that the casefile has and the workflow never heard counts.
func TestAnswerInTheCasefileCounts(t *testing.T) {
	env, f := newEnv(t)
	f.known["review-1"], f.known["release-2"] = dsr.Approve, dsr.Approve
	f.onTask = func(dsr.TaskKind, string) { t.Error("asked for what is answered") }
	f.tasks["review-1"] = contract.OpenTaskInput{Ref: ref, Kind: string(dsr.TaskReview), Occasion: "1"}
	f.tasks["release-2"] = contract.OpenTaskInput{Ref: ref, Kind: string(dsr.TaskRelease), Occasion: "1"}
	typeCode(env, time.Hour)
	download(env, 3*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) {
		t.Fatalf("outcome %q", got)
	}
}

// A package that was never put together cannot be shown for its release: a human hears of it.
func TestNothingToShowBecomesATask(t *testing.T) {
	env, f := newEnv(t)
	staff(t, env, f, patient)
	f.proved = func() bool { return true }
	fails := once(temporal.NewNonRetryableApplicationError("there is no package", contract.ErrNotFound, nil))
	f.show = func(in contract.OpenTaskInput) error {
		if in.Kind == string(dsr.TaskRelease) {
			return fails()
		}
		return nil
	}
	typeCode(env, time.Hour)
	download(env, 3*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) {
		t.Fatalf("outcome %q", got)
	}
	tasksOf(t, f, map[dsr.TaskKind]int{dsr.TaskFailed: 1, dsr.TaskReview: 1, dsr.TaskRelease: 1})
}
