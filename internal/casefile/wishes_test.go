package casefile

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

func TestWishesAreFew(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	staff := f.as(t, RoleStaff)
	ref := f.newCase(t)
	heard := func(s *Store, of contract.Ref, purpose string) bool {
		t.Helper()
		ok, err := s.WishCode(t.Context(), of, purpose, 3)
		if err != nil {
			t.Fatal(cause(err))
		}
		return ok
	}
	var yes atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if heard(staff, ref, dsr.CodeVerify) {
				yes.Add(1)
			}
		})
	}
	all.Wait()
	if yes.Load() != 3 {
		t.Errorf("%d of 20 wishes at once were heard, not 3", yes.Load())
	}
	if !heard(staff, ref, dsr.CodeStatus) {
		t.Error("one purpose uses up another's")
	}
	f.time.forward(time.Hour)
	if !heard(staff, ref, dsr.CodeVerify) {
		t.Error("the next hour has none")
	}
	if heard(staff, "case/00000-00000", dsr.CodeVerify) {
		t.Error("an unknown case was heard")
	}
	if err := f.CloseCase(t.Context(), ref, dsr.Unverified); err != nil {
		t.Fatal(err)
	}
	f.time.forward(time.Hour)
	if heard(staff, ref, dsr.CodeVerify) {
		t.Error("a closed case was heard")
	}
}

// A pin that ended signs nothing more, and what it signed before stands.
func TestPinEnds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	before := f.newTask(t, f.newCase(t), dsr.TaskReview, `{"n":1}`)
	f.decide(t, before, "ann", dsr.Approve)
	f.time.forward(time.Minute)
	ended := f.pins["ann"]
	ended.Until = f.time.Now()
	f.pins["ann"] = ended
	f.time.forward(time.Minute)
	if _, err := f.CheckApproval(t.Context(), before.ID, f.pins); err != nil {
		t.Errorf("what was signed before the end fell: %v", cause(err))
	}
	after := f.newTask(t, f.newCase(t), dsr.TaskReview, `{"n":2}`)
	if _, err := f.RecordDecision(t.Context(), f.sign(after, "ann", dsr.Approve), f.pins); err == nil {
		t.Error("a pin that ended still signs")
	}
}
