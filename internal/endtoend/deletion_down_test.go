package endtoend

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
)

// outage is how long a system is down: a short while, ten minutes with HABEAS_SOAK=1.
func outage() time.Duration {
	if os.Getenv("HABEAS_SOAK") != "" {
		return 10 * time.Minute
	}
	return 8 * time.Second
}

// deleteWhileDown has one system go away before an approved deletion begins, and come back
// after the outage. That delays the case and nothing else: nothing fails and nobody is asked; the other
// system is done meanwhile; staff see which step is tried again and why; another person's case gets as far
// as that system; and when it is back, both end as they would have.
func deleteWhileDown(s *stubborn, other example.Person) {
	support := s.over("support")
	before, mine := s.rows(), s.mine()
	ref := s.askDeletion()
	s.sign(ref, dsr.TaskPlan, "bo", dsr.Approve, "")
	s.task(ref, dsr.TaskErase)
	support.down() // no step before the deletion itself needs it
	s.sign(ref, dsr.TaskErase, "cao", dsr.Approve, "")
	down := time.Now()
	s.until("the other system to be done", func(ctx context.Context) (bool, error) {
		return s.erasedSystems(ctx, ref, "billing")
	})
	tries := s.triedAgain(ref, contract.Erase.Name)
	if tries.Problem != contract.ErrUnavailable || !strings.Contains(tries.Why, "support cannot be reached") {
		s.t.Errorf("what staff see of the system that is down: %+v", tries)
	}
	seen, err := s.d.Store.Case(s.ctx, ref)
	if err != nil || seen.State != dsr.StateErasing || seen.WaitingOn != "system:support" || !slices.Equal(slices.Sorted(slices.Values(seen.OpenSystems)), []string{"accounts", "support"}) {
		s.t.Errorf("the case is %s, waits on %q and has %v open, %v", seen.State, seen.WaitingOn, seen.OpenSystems, err)
	}
	second := newStubborn(s.t, s.c, other, outage()+8*time.Minute)
	theirs := second.open()
	second.verify(theirs)
	second.triedAgain(theirs, contract.Discover.Name)

	time.Sleep(time.Until(down.Add(outage())))
	for _, r := range []contract.Ref{ref, theirs} {
		if tasks, err := s.d.Store.ListTasks(s.ctx, casefile.TaskFilter{Ref: r, State: casefile.TaskOpen}); err != nil || len(tasks) != 0 {
			s.t.Errorf("%d tasks are open although nobody has to do anything, %v", len(tasks), err)
		}
	}
	if done, err := s.erasedSystems(s.ctx, ref, "accounts", "support"); err != nil || done {
		s.t.Errorf("the directory was changed before the system that hangs on it, %v", err)
	}
	support.up()
	s.ended(ref, dsr.Fulfilled)
	s.othersUntouched(before, mine)
	s.wantDeleted(before, mine, time.Now())
	s.certified(ref)
	s.told(ref, "deletion_ack", "deletion_approved", "deletion_done")
	second.sign(theirs, dsr.TaskReview, "bo", dsr.Approve, "")
	second.sign(theirs, dsr.TaskRelease, "cao", dsr.Approve, "")
	second.state(theirs, dsr.StateReady)
	zip := second.download(theirs)
	second.state(theirs, dsr.StateClosed)
	second.endedOnce(theirs, zip)
	for _, r := range []contract.Ref{ref, theirs} {
		if events := s.events(r); slices.Contains(events, "step.failed") || slices.Contains(events, "case.restarted") {
			s.t.Errorf("the ledger: %v", events)
		}
	}
}

// erasedSystems says whether the ledger has one of the systems as done.
func (s *stubborn) erasedSystems(ctx context.Context, ref contract.Ref, systems ...string) (bool, error) {
	lines, err := s.d.Store.Ledger(ctx, ref)
	for _, line := range lines {
		if name, _ := line.Detail["system"].(string); line.Event == "system.erased" && slices.Contains(systems, name) {
			return true, nil
		}
	}
	return false, err
}

// triedAgain waits until `habeas case show` says that a step of the case is tried again.
func (s *stubborn) triedAgain(ref contract.Ref, step string) (found desk.Try) {
	s.t.Helper()
	s.until(step+" to be tried again", func(ctx context.Context) (bool, error) {
		var view desk.CaseView
		status, out := habeas(ctx, s.t, s.c, "case", "show", ref.ID(), "-o", "json")
		if status != 0 {
			return false, nil
		}
		if err := json.Unmarshal([]byte(out), &view); err != nil {
			return false, err
		}
		i := slices.IndexFunc(view.Tries, func(t desk.Try) bool { return t.Step == step })
		if i >= 0 {
			found = view.Tries[i]
		}
		return i >= 0, nil
	})
	if _, text := habeas(s.ctx, s.t, s.c, "case", "show", ref.ID()); !strings.Contains(text, "tried again by itself: "+step) {
		s.t.Errorf("habeas case show does not say it:\n%s", text)
	}
	return found
}
