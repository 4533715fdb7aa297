package workflows

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

const day = 24 * time.Hour

// onMonday is a Monday morning in every zone of the laws.
var onMonday = time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)

// Each law walks a case through its acknowledgement, the warnings, an extension or its refusal, and
// past its end, with skipped time: the person never proves who they are, and staff do not end it.
func TestEachLawFromAcknowledgementToOverdue(t *testing.T) {
	for _, v := range []struct {
		law      string
		extends  bool
		due, new string // last days, as jurisdiction's vectors have them
	}{
		{"cn-pipl", false, "2026-12-23", ""},
		{"eu-gdpr", true, "2026-12-23", "2027-02-23"},
		{"uk-gdpr", true, "2026-12-22", "2027-02-22"},
		{"us-ca", true, "2027-01-06", "2027-02-20"},
		{"br-lgpd", false, "2026-12-08", ""},
	} {
		t.Run(v.law, func(t *testing.T) {
			env, f := newEnv(t)
			l := underLaw(t, env, f, v.law, onMonday)
			staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskExtend: dsr.Approve})
			zone, err := time.LoadLocation(l.laws[0].Profile.Zone)
			if err != nil {
				t.Fatal(err)
			}
			last := func(at time.Time) string { return at.In(zone).AddDate(0, 0, -1).Format(time.DateOnly) }
			if got := last(l.file.DueAt); got != v.due {
				t.Fatalf("due on %s, want %s", got, v.due)
			}
			// With five days left somebody asks for more time.
			before := l.file.DueAt
			moveAt(t, env, l, before.AddDate(0, 0, -5).Sub(onMonday), casefile.Motion{Kind: dsr.MotionExtend, Law: v.law, Code: "complexity"}, nil)
			env.RegisterDelayedCallback(func() {
				// The second time is too often.
				moveAt(t, env, l, time.Minute, casefile.Motion{Kind: dsr.MotionExtend, Law: v.law, Code: "complexity"}, nil)
			}, before.AddDate(0, 0, -4).Sub(onMonday))
			f.facts.VerifyWithin = 130 * day
			if got := run(t, env); got != string(dsr.Unverified) {
				t.Fatalf("outcome %q", got)
			}
			if f.called("letter:ack") != 1 {
				t.Error("the receipt was not confirmed")
			}
			want := []string{"10d", "7d", "3d", "1d", "overdue"}
			if v.extends {
				want = []string{"10d", "7d", "10d", "7d", "3d", "1d", "overdue"}
				if got := last(l.file.DueAt); got != v.new || len(l.extensions) != 1 {
					t.Errorf("extended %d times, to %s; want %s", len(l.extensions), got, v.new)
				}
			} else if !l.file.DueAt.Equal(before) {
				t.Errorf("%s moved the date to %v", v.law, l.file.DueAt)
			}
			got := slices.DeleteFunc(slices.Clone(l.raised), func(s string) bool { return s == "still-overdue" })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("alarms (-want +got):\n%s", diff)
			}
			i := slices.Index(l.raised, "overdue")
			if i < 0 || l.at[i].Before(l.file.DueAt) || l.at[i].After(l.file.DueAt.Add(time.Minute)) {
				t.Errorf("overdue was raised at another time than %v: %v %v", l.file.DueAt, l.raised, l.at)
			}
			if len(l.raised) == len(got) {
				t.Error("nobody was warned again in the weeks after")
			}
		})
	}
}

func TestNoAckIsAnAlarm(t *testing.T) {
	env, f := newEnv(t)
	l := underLaw(t, env, f, "cn-pipl", onMonday)
	f.facts.VerifyWithin = 20 * day
	f.found = func(int) contract.FoundAccount { return contract.FoundAccount{} }
	f.onTask = func(kind dsr.TaskKind, id string) {
		if kind == dsr.TaskNoAccount {
			env.RegisterDelayedCallback(func() { decide(t, env, id, dsr.Complete, "good", nil) }, 5*day)
		}
	}
	if got := run(t, env); got != string(dsr.NoData) {
		t.Fatalf("outcome %q", got)
	}
	if len(l.raised) != 1 || l.raised[0] != "ack-overdue" || l.at[0].Sub(onMonday) > 4*day {
		t.Errorf("alarms %v at %v", l.raised, l.at)
	}
}

// A part that is refused while the review or the release waits makes that task one about something
// else: it is closed, the reviewer looks again, and the case ends as partial.
func TestAPartIsRefused(t *testing.T) {
	for _, waits := range []dsr.TaskKind{dsr.TaskReview, dsr.TaskRelease} {
		t.Run(string(waits), func(t *testing.T) {
			env, f := newEnv(t)
			l := underLaw(t, env, f, "eu-gdpr", onMonday)
			verdicts := map[dsr.TaskKind]dsr.Verdict{dsr.TaskRefuse: dsr.Approve, dsr.TaskReview: dsr.Approve, dsr.TaskRelease: dsr.Approve}
			f.onTask = func(kind dsr.TaskKind, id string) {
				if kind == waits && len(f.byKind[kind]) == 1 {
					return // nobody answers the first
				}
				env.RegisterDelayedCallback(func() { decide(t, env, id, verdicts[kind], "good", nil) }, time.Minute)
			}
			typeCode(env, time.Hour)
			moveAt(t, env, l, 2*day, casefile.Motion{Kind: dsr.MotionRefuse, Law: "eu-gdpr", Code: "others_rights", Items: []string{"support.messages"}}, nil)
			download(env, 3*day)
			if got := run(t, env); got != string(dsr.PartlyDone) {
				t.Fatalf("outcome %q", got)
			}
			want := map[string]int{"letter:refused": 0, "letter:access_ready": 1, "closed:partial": 1, "Release": 1}
			want["Assemble"] = map[dsr.TaskKind]int{dsr.TaskReview: 1, dsr.TaskRelease: 2}[waits]
			for call, want := range want {
				if got := f.called(call); got != want {
					t.Errorf("%s: %d times, want %d", call, got, want)
				}
			}
			if n := len(f.byKind[dsr.TaskReview]); n != 2 {
				t.Errorf("%d reviews", n)
			}
		})
	}
}

func TestRefusedWholeByTwoPeople(t *testing.T) {
	env, f := newEnv(t)
	l := underLaw(t, env, f, "eu-gdpr", onMonday)
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskRefuse: dsr.Approve})
	typeCode(env, time.Hour) // the review waits and nobody answers it
	moveAt(t, env, l, 2*day, casefile.Motion{Kind: dsr.MotionRefuse, Law: "eu-gdpr", Code: "excessive"}, nil)
	start := env.Now()
	if got := run(t, env); got != string(dsr.Refused) {
		t.Fatalf("outcome %q", got)
	}
	for call, want := range map[string]int{"letter:refused": 1, "letter:case_closed": 0, "closed:refused": 1, "Wipe": 1, "Release": 0} {
		if got := f.called(call); got != want {
			t.Errorf("%s: %d times, want %d", call, got, want)
		}
	}
	if took := env.Now().Sub(start); took > 3*day {
		t.Errorf("it took %v: the review was waited for", took)
	}
}

func TestARefusalThatIsNotSignedChangesNothing(t *testing.T) {
	env, f := newEnv(t)
	l := underLaw(t, env, f, "eu-gdpr", onMonday)
	verdicts := map[dsr.TaskKind]dsr.Verdict{dsr.TaskRefuse: dsr.Reject}
	staff(t, env, f, verdicts)
	typeCode(env, time.Hour)
	moveAt(t, env, l, 2*day, casefile.Motion{Kind: dsr.MotionRefuse, Law: "eu-gdpr", Code: "excessive"}, nil)
	env.RegisterDelayedCallback(func() {
		decide(t, env, f.byKind[dsr.TaskReview][0], dsr.Reject, "good", nil)
	}, 5*day)
	if got := run(t, env); got != string(dsr.Refused) || f.called("apply:refuse") != 0 || f.called("letter:refused") != 0 || f.called("letter:case_closed") != 1 {
		t.Fatalf("outcome %q, calls %v", got, f.calls)
	}
}

// While the person is asked, the British clock stands still and warns of nothing; it goes on with the
// answer.
func TestPauseAndResume(t *testing.T) {
	env, f := newEnv(t)
	l := underLaw(t, env, f, "uk-gdpr", onMonday)
	f.facts.VerifyWithin = 90 * day
	moveAt(t, env, l, 7*day, casefile.Motion{Kind: dsr.MotionPause, Law: "uk-gdpr", Code: "clarify"}, nil) // Monday, 30 November
	moveAt(t, env, l, 21*day, casefile.Motion{Kind: dsr.MotionResume, Law: "uk-gdpr"}, nil)                // Monday, 14 December
	if got := run(t, env); got != string(dsr.Unverified) {
		t.Fatalf("outcome %q", got)
	}
	// 22 December and the fifteen days from 30 November to 14 December.
	if got := l.file.DueAt.AddDate(0, 0, -1).Format(time.DateOnly); got != "2027-01-06" {
		t.Errorf("due on %s", got)
	}
	if f.called("letter:clarify") != 1 || f.called("letter:resumed") != 1 {
		t.Errorf("letters: %v", f.calls)
	}
	if first := l.at[0]; l.raised[0] != "10d" || first.Format(time.DateOnly) != "2026-12-28" {
		t.Errorf("first alarm %s on %v", l.raised[0], first)
	}
}

func TestAQuestionNobodyAnswers(t *testing.T) {
	env, f := newEnv(t)
	l := underLaw(t, env, f, "uk-gdpr", onMonday)
	f.facts.VerifyWithin = 60 * day
	moveAt(t, env, l, 7*day, casefile.Motion{Kind: dsr.MotionPause, Law: "uk-gdpr", Code: "clarify"}, nil)
	if got := run(t, env); got != string(dsr.Unverified) {
		t.Fatalf("outcome %q", got)
	}
	if !slices.Equal(l.raised, []string{"not-answered"}) {
		t.Errorf("alarms %v", l.raised)
	}
}

func TestWhatTheLawDoesNotKnowIsRefused(t *testing.T) {
	env, f := newEnv(t)
	l := underLaw(t, env, f, "cn-pipl", onMonday)
	f.facts.VerifyWithin = 14 * day
	moveAt(t, env, l, day, casefile.Motion{Kind: dsr.MotionPause, Law: "cn-pipl", Code: "clarify"}, errWanted)
	env.RegisterDelayedCallback(func() {
		env.UpdateWorkflow(contract.Move.Name, "motion-99", nopCallback{}, contract.MotionInput{N: 99})
	}, 2*day)
	if got := run(t, env); got != string(dsr.Unverified) || len(l.stops) != 0 || f.called("letter:clarify") != 0 {
		t.Fatalf("outcome %q, stops %v", got, l.stops)
	}
}

type nopCallback struct{}

func (nopCallback) Accept()             {}
func (nopCallback) Reject(error)        {}
func (nopCallback) Complete(any, error) {}

func TestWithdrawnBeforeTheAnswer(t *testing.T) {
	env, f := newEnv(t)
	l := underLaw(t, env, f, "eu-gdpr", onMonday)
	l.withdrawn = true
	typeCode(env, time.Hour)
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(contract.Withdraw.Name, contract.WithdrawInput{}) }, 3*day)
	if got := run(t, env); got != string(dsr.Withdrawn) {
		t.Fatalf("outcome %q", got)
	}
	if f.called("Assemble") != 0 || f.called("letter:case_closed") != 1 {
		t.Errorf("calls %v", f.calls)
	}
}

func TestAForgedWithdrawalDoesNothing(t *testing.T) {
	env, f := newEnv(t)
	underLaw(t, env, f, "eu-gdpr", onMonday)
	staff(t, env, f, willing)
	typeCode(env, 2*time.Hour)
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(contract.Withdraw.Name, contract.WithdrawInput{}) }, time.Hour)
	download(env, 3*day)
	if got := run(t, env); got != string(dsr.Fulfilled) {
		t.Fatalf("outcome %q", got)
	}
}

// The clock stops with the answer: nobody is warned of a case whose package lies ready.
func TestTheClockStopsWithTheAnswer(t *testing.T) {
	env, f := newEnv(t)
	l := underLaw(t, env, f, "br-lgpd", onMonday)
	f.facts.PackageTTL = 60 * day
	staff(t, env, f, willing)
	typeCode(env, time.Hour)
	f.fetched = func() bool { return false }
	if got := run(t, env); got != string(dsr.Fulfilled) {
		t.Fatalf("outcome %q", got)
	}
	if len(l.raised) != 0 {
		t.Errorf("alarms %v", strings.Join(l.raised, " "))
	}
}

// A clock that cannot be read is tried again every hour and ends no case.
func TestNoFailureOfAClockEndsACase(t *testing.T) {
	env, f := newEnv(t)
	l := underLaw(t, env, f, "cn-pipl", onMonday)
	f.facts.VerifyWithin = 14 * day
	l.fails = refusal(contract.ErrTampered)
	if got := run(t, env); got != string(dsr.Unverified) {
		t.Fatalf("outcome %q", got)
	}
	if n := f.called("ReadClock"); n < 300 || len(l.raised) != 0 {
		t.Errorf("the clocks were read %d times in two weeks; raised %v", n, l.raised)
	}
}

// A deletion can be refused until it has begun, and not after: what has begun is carried out and
// proved.
func TestADeletionIsRefusedOnlyBeforeItBegan(t *testing.T) {
	for name, v := range map[string]struct {
		after time.Duration
		want  dsr.Outcome
	}{
		"while the person may withdraw": {2 * day, dsr.Refused},
		"once it has begun":             {3*day + 6*time.Hour, dsr.Fulfilled},
	} {
		t.Run(name, func(t *testing.T) {
			env, f, e := newDeletion(t)
			l := underLaw(t, env, f, "eu-gdpr", onMonday)
			verdicts := map[dsr.TaskKind]dsr.Verdict{dsr.TaskRefuse: dsr.Approve, dsr.TaskPlan: dsr.Approve, dsr.TaskErase: dsr.Approve}
			staff(t, env, f, verdicts)
			answer := f.onTask
			f.onTask = func(kind dsr.TaskKind, id string) {
				answer(kind, id)
				if kind == dsr.TaskEraseFailed { // a system says no half-way, and is mended a day later
					env.RegisterDelayedCallback(func() { decide(t, env, id, dsr.Retry, "good", nil) }, day)
				}
			}
			typeCode(env, time.Hour)
			tries := 0
			e.erase = func(context.Context, contract.EraseInput) error {
				if tries++; tries == 1 {
					return refusal(contract.ErrRefused)
				}
				return nil
			}
			var late error
			if v.want == dsr.Fulfilled {
				late = errWanted // the update is refused by the validator
			}
			moveAt(t, env, l, v.after, casefile.Motion{Kind: dsr.MotionRefuse, Law: "eu-gdpr", Code: "legal_claims"}, late)
			if got := runDeletion(t, env); got != v.want {
				t.Fatalf("outcome %q, calls %v", got, f.calls)
			}
			if v.want == dsr.Refused && (f.called("Erase") != 0 || f.called("letter:refused") != 1) {
				t.Errorf("calls %v", f.calls)
			}
			if v.want == dsr.Fulfilled && f.called("apply:refuse") != 0 {
				t.Error("a refusal was applied to a deletion that had begun")
			}
		})
	}
}
