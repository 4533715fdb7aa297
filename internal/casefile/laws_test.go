package casefile

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

func aLaw(name string, mark string) PinnedLaw {
	return PinnedLaw{Digest: strings.Repeat(mark, 64), Name: name, Version: "1", Body: []byte(`{"name":"` + name + `"}`)}
}

func (f *fixture) move(t *testing.T, ref contract.Ref, kind dsr.MotionKind, code string) Motion {
	t.Helper()
	m, err := f.Move(t.Context(), Motion{Ref: ref, Kind: kind, Law: "eu-gdpr", Code: code, Author: "sue", Words: "Aurelia Zhang 张奥蕾 asked for 990101199001011234"})
	ok(t, err)
	return m
}

// fillLaw runs a case through every table of clocks and motions.
func (f *fixture) fillLaw(t *testing.T, ref contract.Ref) {
	t.Helper()
	ctx := t.Context()
	due := f.time.Now().Add(40 * 24 * time.Hour)
	ok(t, f.Repin(ctx, ref, f.move(t, ref, dsr.MotionRecompute, "").N, []PinnedLaw{aLaw("eu-gdpr", "a")}, due))
	ok(t, f.Pause(ctx, ref, f.move(t, ref, dsr.MotionPause, "clarify").N))
	task := f.newTask(t, ref, dsr.TaskExtend, "{}")
	ok(t, f.Extend(ctx, ref, f.move(t, ref, dsr.MotionExtend, "complexity").N, task.ID, due, due.Add(time.Hour)))
	ok(t, f.RaiseAlarm(ctx, ref, due, "7d"))
	ok(t, f.Reminded(ctx, Waiting{Task: task.ID, Rung: 1}))
}

func TestPinsStayWithACase(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	n := f.caseOf(person)
	n.Pins = []PinnedLaw{aLaw("cn-pipl", "a"), aLaw("eu-gdpr", "b")}
	ref, err := f.as(t, RoleStaff).CreateCase(t.Context(), n)
	ok(t, err)
	got, err := f.PinnedLaws(t.Context(), ref)
	ok(t, err)
	if len(got) != 2 || got[0].Name != "cn-pipl" || got[1].Digest != strings.Repeat("b", 64) || string(got[1].Body) != `{"name":"eu-gdpr"}` {
		t.Errorf("pinned %+v", got)
	}
	app := f.as(t, RoleApp)
	m := f.move(t, ref, dsr.MotionRecompute, "")
	before, err := app.Case(t.Context(), ref)
	ok(t, err)
	due := before.DueAt.Add(-48 * time.Hour)
	for range 2 { // the second time: nothing
		ok(t, app.Repin(t.Context(), ref, m.N, []PinnedLaw{aLaw("cn-pipl", "c"), aLaw("eu-gdpr", "b")}, due))
	}
	got, err = app.PinnedLaws(t.Context(), ref)
	ok(t, err)
	after, err := app.Case(t.Context(), ref)
	ok(t, err)
	if got[0].Digest != strings.Repeat("c", 64) || !after.DueAt.Equal(due) {
		t.Errorf("pinned %+v, due %v", got, after.DueAt)
	}
	if n := count(f.events(t, ref), "case.recomputed"); n != 1 {
		t.Errorf("recomputed %d times", n)
	}
}

func count(list []string, word string) (n int) {
	for _, s := range list {
		if s == word {
			n++
		}
	}
	return n
}

func TestAnExtensionIsTakenOnceAndInTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	c, err := f.Case(t.Context(), ref)
	ok(t, err)
	task := f.newTask(t, ref, dsr.TaskExtend, "{}")
	app := f.as(t, RoleApp)
	first, second := f.move(t, ref, dsr.MotionExtend, "complexity"), f.move(t, ref, dsr.MotionExtend, "number")
	due := c.DueAt.AddDate(0, 2, 0)
	for range 2 {
		ok(t, app.Extend(t.Context(), ref, first.N, task.ID, c.DueAt, due))
	}
	wantType(t, app.Extend(t.Context(), ref, second.N, task.ID, due, due.AddDate(0, 2, 0)), contract.ErrConflict)
	now, err := f.Case(t.Context(), ref)
	ok(t, err)
	if !now.DueAt.Equal(due) {
		t.Errorf("due %v, want %v", now.DueAt, due)
	}
	list, err := f.Extensions(t.Context(), ref)
	ok(t, err)
	if len(list) != 1 || list[0].Ground != "complexity" || !list[0].DueBefore.Equal(c.DueAt) {
		t.Errorf("extensions %+v", list)
	}

	late := f.newCase(t)
	m := f.move(t, late, dsr.MotionExtend, "complexity")
	f.time.forward(15 * 24 * time.Hour) // to the very moment at which it is due
	wantType(t, app.Extend(t.Context(), late, m.N, f.newTask(t, late, dsr.TaskExtend, "{}").ID, c.DueAt, due), contract.ErrNotOpen)
	if f.verify(t); count(f.events(t, late), "case.extended") != 0 {
		t.Error("a late extension is in the ledger")
	}
}

func TestOneQuestionAtATime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	app := f.as(t, RoleApp)
	due := func(Stop, time.Time) (time.Time, error) { return f.time.Now().AddDate(0, 1, 0), nil }
	wantType(t, app.Resume(t.Context(), ref, f.move(t, ref, dsr.MotionResume, "").N, due), contract.ErrNotOpen)
	ok(t, app.Pause(t.Context(), ref, f.move(t, ref, dsr.MotionPause, "clarify").N))
	wantType(t, app.Pause(t.Context(), ref, f.move(t, ref, dsr.MotionPause, "clarify").N), contract.ErrConflict)
	f.time.forward(48 * time.Hour)
	ok(t, app.Resume(t.Context(), ref, f.move(t, ref, dsr.MotionResume, "").N, due))
	stops, err := f.Stops(t.Context(), ref)
	ok(t, err)
	if len(stops) != 1 || stops[0].AnsweredAt == nil || stops[0].AnsweredAt.Sub(stops[0].AskedAt) != 48*time.Hour {
		t.Errorf("stops %+v", stops)
	}
	ok(t, app.Pause(t.Context(), ref, f.move(t, ref, dsr.MotionPause, "identity").N))
}

func TestARefusalBindsTheCasefile(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	app := f.as(t, RoleApp)
	m := f.move(t, ref, dsr.MotionRefuse, "excessive")
	wantType(t, app.Pause(t.Context(), ref, m.N), contract.ErrConflict) // it is no pause
	for range 2 {
		ok(t, app.Refuse(t.Context(), ref, m.N, "7QK2M-9XH4T"))
	}
	if n := count(f.events(t, ref), "case.refused"); n != 1 {
		t.Errorf("refused %d times", n)
	}
	_, err := app.CommitParts(t.Context(), ref, []Part{{System: "accounts", Collection: "users", Format: "json", Blob: "b", Rows: 1, SHA256: zeroHash}})
	wantType(t, err, contract.ErrNotOpen) // it takes no parts any more
	got, err := app.Motion(t.Context(), ref, m.N)
	ok(t, err)
	if got.Words == "" || got.AppliedAt == nil || got.Author != "sue" {
		t.Errorf("motion %+v", got)
	}
	if err := f.as(t, RoleStaff).Refuse(t.Context(), ref, f.move(t, ref, dsr.MotionRefuse, "excessive").N, "x"); err == nil {
		t.Error("the role of the command line refused a case")
	}
}

func TestAlarmsAndReminders(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	app := f.as(t, RoleApp)
	c, err := f.Case(t.Context(), ref)
	ok(t, err)
	for range 2 {
		ok(t, app.RaiseAlarm(t.Context(), ref, c.DueAt, "7d"))
	}
	alarms, err := app.UntoldAlarms(t.Context(), 10)
	ok(t, err)
	if len(alarms) != 1 || alarms[0].Ref != ref || alarms[0].Level != "7d" {
		t.Fatalf("alarms %+v", alarms)
	}
	ok(t, app.AlarmTold(t.Context(), alarms[0]))
	if alarms, err = app.UntoldAlarms(t.Context(), 10); err != nil || len(alarms) != 0 {
		t.Errorf("told of again: %+v, %v", alarms, err)
	}
	task := f.newTask(t, ref, dsr.TaskReview, "{}")
	rungs := func() (list []int) {
		waiting, err := app.WaitingTasks(t.Context(), 24*time.Hour, 10)
		ok(t, err)
		for _, w := range waiting {
			if w.Task != task.ID {
				t.Errorf("another task waits: %+v", w)
			}
			list = append(list, w.Rung)
			ok(t, app.Reminded(t.Context(), w))
		}
		return list
	}
	for _, v := range []struct {
		after time.Duration
		want  []int
	}{{time.Hour, nil}, {23 * time.Hour, []int{1}}, {time.Hour, nil}, {23 * time.Hour, []int{2}}, {9 * 24 * time.Hour, nil}, {24 * time.Hour, []int{3}}, {time.Hour, nil}} {
		f.time.forward(v.after)
		if got := rungs(); !slices.Equal(got, v.want) {
			t.Errorf("after %v more: rungs %v, want %v", v.after, got, v.want)
		}
	}
}
