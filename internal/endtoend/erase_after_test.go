package endtoend

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/export"
)

// askCopyFirst opens a case of somebody who wants a copy and then the deletion, has them prove who they are,
// and carries it until the copy is ready.
func (s *stubborn) askCopyFirst() contract.Ref {
	s.t.Helper()
	ref, err := s.d.OpenCase(s.ctx, desk.Opening{Kind: dsr.EraseAfterAccess, Ground: dsr.GroundService, OpenedBy: "an", Lang: s.p.Language,
		Identities: []dsr.Identity{{Kind: "account", Value: s.p.Login}}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.verify(ref)
	if s.d.Map.System("visitors") != nil {
		task, err := s.d.Task(s.ctx, s.task(ref, dsr.TaskByHand).ID)
		if err != nil || task.System != "visitors" || task.Shown.ByHand == nil || task.Shown.ByHand.Right != "access" {
			s.t.Fatalf("what is to be found by hand for the copy: %+v, %v", task.Shown.ByHand, err)
		}
		_, err = s.d.CompleteByHand(s.ctx, task.ID, desk.ByHand{Outcome: dsr.DoneProvided, Rows: 1, Reason: "one page",
			Files: []desk.File{fileOf("page.txt", "visitor 9, to see the sales team\n")}}, s.c.Staff["an"])
		if err != nil {
			s.t.Fatal(err)
		}
	}
	s.sign(ref, dsr.TaskReview, "bo", dsr.Approve, "")
	s.sign(ref, dsr.TaskRelease, "cao", dsr.Approve, "")
	s.state(ref, dsr.StateReady)
	return ref
}

// copyThenErase gives a copy and then deletes: nothing is planned before the copy is with the person, and
// the deletion has a plan, two signatures and a certificate of its own.
func copyThenErase(s *stubborn) contract.Ref {
	before, mine := s.rows(), s.mine()
	ref := s.askCopyFirst()
	// Whoever reaches Temporal says that it was fetched: nobody believes it.
	if err := s.d.Temporal.SignalWorkflow(s.ctx, string(ref), "", contract.Fetched.Name, contract.FetchedInput{}); err != nil {
		s.t.Fatal(err)
	}
	s.until("the copy to be ready all the same", func(ctx context.Context) (bool, error) {
		k, err := s.d.Store.Case(ctx, ref)
		return err == nil && k.State == dsr.StateReady && k.WaitingOn == "person:download", err
	})
	if plans, err := s.d.Store.Plans(s.ctx, ref); err != nil || len(plans) != 0 {
		s.t.Errorf("%d plans before the copy was fetched, %v", len(plans), err)
	}
	zip := s.download(ref)
	if err := export.VerifyPackage(bytes.NewReader(zip), int64(len(zip)), s.d.Keys.PublicKey()); err != nil {
		s.t.Errorf("the copy does not verify: %v", err)
	}
	s.task(ref, dsr.TaskPlan)
	if p, err := s.d.Store.Package(s.ctx, ref); err != nil || p.WipedAt == nil {
		s.t.Errorf("the copy was fetched, and still lies there: %+v, %v", p, err)
	}
	if diff := changed(before, s.rows()); diff != "" {
		s.t.Errorf("%s was changed before anybody has signed", diff)
	}
	s.agreeOn(ref)
	s.ended(ref, dsr.Fulfilled)
	s.othersUntouched(before, mine)
	s.wantDeleted(before, mine, time.Now())
	s.certified(ref)
	s.told(ref, "deletion_ack", "access_ready", "deletion_approved", "deletion_done")
	events := s.events(ref)
	order := []string{"package.released", "package.fetched", "package.wiped", "plan.started", "plan.agreed", "plan.begun", "certificate.signed", "case.closed"}
	at := make([]int, len(order))
	for i, event := range order {
		at[i] = slices.Index(events, event)
	}
	if at[0] < 0 || !slices.IsSorted(at) {
		s.t.Errorf("%v stand in the ledger at %v", order, at)
	}
	left, err := filepath.Glob(filepath.Join(s.c.Dir, "blobs", string(ref), "*"))
	if err != nil || len(left) != 0 {
		s.t.Errorf("%d blobs of the copy are left, %v", len(left), err)
	}
	s.ledgerHolds()
	return ref
}

// copyThenNot has the person take the deletion back after they have their copy.
func copyThenNot(t *testing.T, c *demo.Company, who example.Person) {
	s := newStubborn(t, c, who, 4*time.Minute)
	before := s.rows()
	ref := s.askCopyFirst()
	s.download(ref)
	s.sign(ref, dsr.TaskPlan, "bo", dsr.Approve, "")
	if err := s.d.Withdraw(s.ctx, ref, "an", "has thought better of it"); err != nil {
		t.Fatal(err)
	}
	s.ended(ref, dsr.Withdrawn)
	if diff := changed(before, s.rows()); diff != "" {
		t.Errorf("%s was changed although the request was withdrawn", diff)
	}
	s.told(ref, "access_ready", "deletion_ended")
	s.until("every task to be closed", func(ctx context.Context) (bool, error) {
		tasks, err := s.d.Store.ListTasks(ctx, casefile.TaskFilter{Ref: ref, State: casefile.TaskOpen})
		return len(tasks) == 0, err
	})
}
