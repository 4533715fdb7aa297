package endtoend

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/habeas-dsr/habeas/activities"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/stack"
)

// workerOf is the worker's activities over the company's casefile, to be run as somebody runs them who
// reaches Temporal.
func workerOf(l *lawCase) *activities.Activities {
	l.t.Helper()
	store, err := casefile.Open(l.ctx, l.c.Stack.DatabaseURL(stack.RoleApp, stack.CasefileDatabase), l.d.Keys, time.Now)
	l.must(err)
	l.t.Cleanup(func() { _ = store.Close() })
	return &activities.Activities{Store: store, Keys: l.d.Keys, Map: l.d.Map, Blobs: l.d.Blobs, Pins: l.d.Pins, Laws: l.d.Laws, Now: time.Now,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
}

// A refusal of a part that says that it was applied, with one signature behind it, withholds nothing; with
// both, what was put together before it is not released any more.
func TestPartsAreRefusedByTwo(t *testing.T) {
	l := newLawCase(t, "eu-gdpr")
	code, err := l.p.Code(l.ctx)
	l.must(err)
	l.must(l.p.Verify(l.ctx, l.ref.ID(), code))
	l.must(l.c.Review(l.ctx, l.d, l.ref, dsr.ChoiceMask))
	before, err := demo.WaitTask(l.ctx, l.d, l.ref, dsr.TaskRelease)
	l.must(err)
	part := desk.Moving{Kind: dsr.MotionRefuse, Code: "others_rights", Words: "They speak of other callers.", Items: []string{"support.messages"}}
	l.must(l.move(part, "bo"))

	a, db := workerOf(l), owner(t, l.c)
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(a.OpenTask)
	env.RegisterActivity(a.Release)
	forge := func(applied any) {
		t.Helper()
		_, err := db.ExecContext(l.ctx, `UPDATE habeas.motion SET applied_at = $2 WHERE ref = $1`, l.ref, applied)
		l.must(err)
	}
	forge(time.Now())
	got, err := env.ExecuteActivity(a.OpenTask, contract.OpenTaskInput{Ref: l.ref, Kind: string(dsr.TaskReview), Occasion: "forged"})
	l.must(err)
	var opened contract.OpenTaskResult
	l.must(got.Get(&opened))
	shown, err := l.d.Task(l.ctx, opened.Task)
	l.must(err)
	if len(shown.Shown.Withheld) != 0 {
		t.Errorf("one signature withholds %+v", shown.Shown.Withheld)
	}
	forge(nil)
	l.must(a.Store.VoidTask(l.ctx, opened.Task, "forged by a test"))

	second, err := demo.WaitTask(l.ctx, l.d, l.ref, dsr.TaskRefuse)
	l.must(err)
	_, err = l.d.Decide(l.ctx, second.ID, dsr.Approve, "", l.c.Staff["cao"])
	l.must(err)
	waitFor(t, time.Minute, "the first release to be closed", func() bool {
		now, err := l.d.Store.Task(l.ctx, before.ID)
		return err == nil && now.State == casefile.TaskVoid
	})
	_, err = env.ExecuteActivity(a.Release, contract.TaskInput{Ref: l.ref, Task: before.ID})
	if err == nil || !strings.Contains(err.Error(), "was refused after task") {
		t.Errorf("released as it was before the refusal: %v", err)
	}
	if p, err := l.d.Store.Package(l.ctx, l.ref); err != nil || p.ReleasedAt != nil {
		t.Errorf("the package: %+v, %v", p, err)
	}
	l.must(l.c.Review(l.ctx, l.d, l.ref, dsr.ChoiceMask))
	l.must(l.c.Release(l.ctx, l.d, l.ref))
	l.must(demo.WaitState(l.ctx, l.d, l.ref, dsr.StateReady))
}
