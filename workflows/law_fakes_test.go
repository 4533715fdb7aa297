package workflows

import (
	"context"
	"strconv"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/clocks"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
)

// lawFakes stand in for the casefile's side of clocks and motions, and compute with the real laws.
type lawFakes struct {
	laws       []jurisdiction.Law
	file       casefile.Case
	stops      []casefile.Stop
	extensions []casefile.Extension
	motions    map[int]casefile.Motion
	raised     []string // level, in order
	at         []time.Time
	withdrawn  bool
	fails      error // of reading the clocks
}

// underLaw makes the fakes' case one that was received now under a law, and has its clocks read as
// the worker reads them.
func underLaw(t *testing.T, env *testsuite.TestWorkflowEnvironment, f *fakes, name string, received time.Time) *lawFakes {
	t.Helper()
	env.SetStartTime(received.Add(time.Hour))
	law, err := jurisdiction.Embedded().Law(name, received)
	if err != nil {
		t.Fatal(err)
	}
	l := &lawFakes{laws: []jurisdiction.Law{law}, motions: map[int]casefile.Motion{}}
	l.file = casefile.Case{Ref: ref, Kind: dsr.CaseKind(f.facts.Kind), Laws: []string{name}, ReceivedAt: received}
	s, err := clocks.New(l.file, l.laws, nil, nil, received)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := s.Earliest()
	l.file.DueAt = first.Strict
	f.facts.Laws, f.facts.DueAt, f.facts.VerifyWithin = l.file.Laws, l.file.DueAt, 400*24*time.Hour
	f.law = l
	if f.facts.Kind == string(dsr.Deletion) {
		return l // its fakes answer
	}
	add(env, f, contract.ConfirmWithdrawn, func(context.Context, contract.RefInput) (contract.ConfirmResult, error) {
		return contract.ConfirmResult{True: l.withdrawn}, nil
	})
	return l
}

func (l *lawFakes) state(t testing.TB, now time.Time) clocks.State {
	s, err := clocks.New(l.file, l.laws, l.stops, l.extensions, now)
	if err != nil {
		t.Error(err)
	}
	return s
}

func (f *fakes) registerLaw(t testing.TB, env *testsuite.TestWorkflowEnvironment) {
	acked := func() bool { return f.called("letter:ack") > 0 }
	add(env, f, contract.ReadClock, func(context.Context, contract.RefInput) (contract.ClockFacts, error) {
		if f.law == nil {
			return contract.ClockFacts{DueAt: f.facts.DueAt}, nil
		}
		if f.law.fails != nil {
			return contract.ClockFacts{}, f.law.fails
		}
		s := f.law.state(t, env.Now())
		list, err := s.Alarms(acked())
		if err != nil {
			return contract.ClockFacts{}, err
		}
		come, next := clocks.Next(list, env.Now())
		facts := contract.ClockFacts{DueAt: f.law.file.DueAt, Halted: s.Halted(), Next: next}
		for _, alarm := range come {
			facts.Come = append(facts.Come, contract.AlarmInput{Ref: ref, DueAt: alarm.Due, Level: alarm.Level})
			facts.Level = alarm.Level
		}
		return facts, nil
	})
	seen := map[contract.AlarmInput]bool{}
	add(env, f, contract.RaiseAlarm, func(_ context.Context, in contract.AlarmInput) (contract.Nothing, error) {
		in.DueAt = in.DueAt.UTC()
		if !seen[in] {
			seen[in] = true
			f.law.raised, f.law.at = append(f.law.raised, in.Level), append(f.law.at, env.Now())
		}
		return contract.Nothing{}, nil
	})
	add(env, f, contract.ReadMotion, func(_ context.Context, in contract.MotionRef) (contract.MotionFacts, error) {
		m, ok := f.law.motions[in.N]
		if !ok {
			return contract.MotionFacts{}, temporal.NewNonRetryableApplicationError("no such motion", contract.ErrNotFound, nil)
		}
		return contract.MotionFacts{Kind: string(m.Kind), Applied: m.AppliedAt != nil, Items: len(m.Items)}, nil
	})
	add(env, f, contract.ApplyMotion, func(_ context.Context, in contract.ApplyInput) (contract.Nothing, error) {
		return contract.Nothing{}, f.law.apply(t, in, env.Now(), f)
	})
}

// apply does what the activity does, without signatures.
func (l *lawFakes) apply(t testing.TB, in contract.ApplyInput, now time.Time, f *fakes) error {
	m := l.motions[in.N]
	refuse := func(why string) error { return temporal.NewNonRetryableApplicationError(why, contract.ErrNotOpen, nil) }
	f.count("apply:" + string(m.Kind))
	switch m.Kind {
	case dsr.MotionExtend:
		if f.called("letter:extension") == 0 {
			return refuse("not told")
		}
		if err := l.laws[0].MayExtend("access", m.Code, l.file.DueAt, now); err != nil || len(l.extensions) > 0 {
			return refuse("the law says no")
		}
		l.extensions = append(l.extensions, casefile.Extension{Law: m.Law, Ground: m.Code})
	case dsr.MotionPause:
		if may, _ := l.laws[0].Profile.MayPause("access", m.Code); !may {
			return refuse("the law says no")
		}
		l.stops = append(l.stops, casefile.Stop{N: m.N, Kind: m.Code, AskedAt: now})
	case dsr.MotionResume:
		l.stops[len(l.stops)-1].AnsweredAt = &now
	}
	first, _ := l.state(t, now).Earliest()
	l.file.DueAt = first.Strict
	m.AppliedAt = &now
	l.motions[in.N] = m
	return nil
}

// withheld counts the collections that are refused.
func (l *lawFakes) withheld() (n int) {
	if l != nil {
		for _, m := range l.motions {
			if m.AppliedAt != nil {
				n += len(m.Items)
			}
		}
	}
	return n
}

// moveAt has somebody move something about the case some time after its start.
func moveAt(t *testing.T, env *testsuite.TestWorkflowEnvironment, l *lawFakes, after time.Duration, m casefile.Motion, want error) {
	t.Helper()
	env.RegisterDelayedCallback(func() {
		m.N = len(l.motions) + 1
		l.motions[m.N] = m
		env.UpdateWorkflow(contract.Move.Name, "motion-"+strconv.Itoa(m.N), &testsuite.TestUpdateCallback{
			OnAccept: func() {},
			OnReject: func(err error) {
				if want == nil {
					t.Errorf("motion %d to %s was rejected: %v", m.N, m.Kind, err)
				}
			},
			OnComplete: func(_ any, err error) {
				if (err == nil) != (want == nil) {
					t.Errorf("motion %d to %s: %v, want %v", m.N, m.Kind, err, want)
				}
			},
		}, contract.MotionInput{N: m.N})
	}, after)
}
