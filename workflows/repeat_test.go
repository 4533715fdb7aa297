package workflows

import (
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// Other requests of the same person are looked for once it is proved who asks, and never before; where no
// law asks, nobody is.
func TestRepeatsAreLookedForAfterTheProof(t *testing.T) {
	env, f := newEnv(t)
	f.facts.VerifyWithin = time.Hour
	if got := run(t, env); got != string(dsr.Unverified) || f.called("closed:unverified") != 1 || f.called(contract.LookForRepeats.Name) != 0 {
		t.Error("an unproved request was held against others")
	}
	env, f = newEnv(t)
	f.repeats = contract.RepeatFacts{Others: 5}
	staff(t, env, f, willing)
	typeCode(env, time.Hour)
	download(env, 3*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) || f.called(contract.LookForRepeats.Name) != 1 || len(f.byKind[dsr.TaskRepeated]) != 0 || f.called("closed:fulfilled") != 1 {
		t.Errorf("a case that no law asks about: %v", f.calls)
	}
}

// A reviewer lets a repeated request go on.
func TestARepeatedRequestGoesOn(t *testing.T) {
	env, f := newEnv(t)
	f.repeats = contract.RepeatFacts{Others: 2, Asked: true}
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskRepeated: dsr.Approve, dsr.TaskReview: dsr.Approve, dsr.TaskRelease: dsr.Approve})
	typeCode(env, time.Hour)
	download(env, 3*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) || len(f.byKind[dsr.TaskRepeated]) != 1 || f.called("closed:fulfilled") != 1 {
		t.Errorf("asked %d times, %v", len(f.byKind[dsr.TaskRepeated]), f.calls)
	}
}

// Two people refuse it while the question waits: nothing is collected.
func TestARepeatedRequestIsRefused(t *testing.T) {
	env, f := newEnv(t)
	l := underLaw(t, env, f, "us-ca", time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC))
	f.repeats = contract.RepeatFacts{Others: 2, Asked: true}
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskRefuse: dsr.Approve})
	typeCode(env, time.Hour)
	moveAt(t, env, l, 48*time.Hour, casefile.Motion{Kind: dsr.MotionRefuse, Law: "us-ca", Code: "more_than_2_in_12_months"}, nil)
	if got := run(t, env); got != string(dsr.Refused) || f.called("collect:") != 0 || f.called("letter:refused") != 1 {
		t.Errorf("%v", f.calls)
	}
}
