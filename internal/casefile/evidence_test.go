package casefile

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

func proofOf(task string) Evidence {
	sum := sha256.Sum256([]byte("a page of the log"))
	return Evidence{Task: task, Name: "log of 张三.jpg", SHA256: sum[:], Blob: "evidence/x/1", Size: 17, Deflated: 19, CRC32: 7, AddedBy: "bob"}
}

// The command line adds files, the worker reads them; a file comes once, and only while the task is open.
func TestEvidence(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	staff, app := f.as(t, RoleStaff), f.as(t, RoleApp)
	ref := f.newCase(t)
	task := f.newTask(t, ref, dsr.TaskByHand, `{}`)
	want := proofOf(task.ID)
	for n, taken := range []bool{true, false} {
		got, err := staff.AddEvidence(t.Context(), want)
		if ok(t, err); got != taken {
			t.Errorf("try %d: taken %v", n, got)
		}
	}
	list, err := app.Evidence(t.Context(), task.ID)
	ok(t, err)
	want.AddedAt = f.time.Now().UTC().Truncate(time.Microsecond)
	if diff := cmp.Diff([]Evidence{want}, list); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, err = staff.AddEvidence(t.Context(), proofOf(f.newTask(t, ref, dsr.TaskReview, `{}`).ID))
	wantType(t, err, contract.ErrNotOpen)
	ok(t, app.VoidTask(t.Context(), task.ID, "answered"))
	_, err = staff.AddEvidence(t.Context(), want)
	wantType(t, err, contract.ErrNotOpen)
	f.exec(t, `UPDATE habeas.evidence SET name = '\x00'`)
	_, err = app.Evidence(t.Context(), task.ID)
	wantType(t, err, contract.ErrTampered)
	if report := f.verify(t); !report.OK() {
		t.Errorf("the ledger: %+v", report)
	}
}

// The deputy hears of a task with a time of its own when that is over, and not before.
func TestWaitingTasksWithTheirOwnTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	app := f.as(t, RoleApp)
	due := f.time.Now().Add(10 * 24 * time.Hour)
	_, err := app.OpenTask(t.Context(), NewTask{Ref: f.newCase(t), Kind: dsr.TaskByHand, Occasion: "paper", System: "paper", Shown: []byte(`{}`), Due: &due})
	ok(t, err)
	rungs := func() (list []int) {
		waiting, err := app.WaitingTasks(t.Context(), 24*time.Hour, 10)
		ok(t, err)
		for _, w := range waiting {
			list = append(list, w.Rung)
		}
		return list
	}
	for _, step := range []struct {
		later time.Duration
		want  []int
	}{{time.Hour, nil}, {48 * time.Hour, []int{1}}, {8*24*time.Hour - time.Hour, []int{1, 2}}} {
		f.time.forward(step.later)
		if diff := cmp.Diff(step.want, rungs()); diff != "" {
			t.Errorf("after %v more (-want +got):\n%s", step.later, diff)
		}
	}
}
