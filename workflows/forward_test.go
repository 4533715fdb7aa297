package workflows

import (
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// What is held for customers is forwarded to each once, and the person is told; one that cannot be reached
// becomes a task and holds up no longer than its answer.
func TestARequestIsForwardedToCustomers(t *testing.T) {
	env, f := newEnv(t)
	f.hold.Keys = []string{"a1", "b2"}
	tried := 0
	f.letter = func(in contract.LetterInput) contract.LetterResult {
		if in.Template == "forwarded" && in.Occasion == contract.ForwardOccasion("b2") {
			tried++
			return contract.LetterResult{State: contract.LetterRefused}
		}
		return contract.LetterResult{State: contract.LetterSent}
	}
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskUnreachable: dsr.Retry, dsr.TaskReview: dsr.Approve, dsr.TaskRelease: dsr.Approve})
	typeCode(env, time.Hour)
	download(env, 3*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) {
		t.Errorf("outcome %q", got)
	}
	if f.called("letter:forwarded") != 3 || tried != 1 || f.called("letter:redirected") != 1 || len(f.byKind[dsr.TaskUnreachable]) != 1 {
		t.Errorf("forwarded %d times, %d refused, told %d times", f.called("letter:forwarded"), tried, f.called("letter:redirected"))
	}
}
