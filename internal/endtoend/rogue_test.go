package endtoend

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	sdk "go.temporal.io/sdk/worker"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
)

type commonPayload = commonpb.Payload

// roguePoller takes the worker's place on every queue, with our keys and our own workflows, and
// answers every step with success. Temporal believes all of it. Nothing gets out, nothing is lost,
// and nothing looks done where it counts: in the casefile.
func roguePoller(t *testing.T, c *demo.Company) {
	cast := example.Cast()
	t.Run("from the release on", func(t *testing.T) {
		s := newStubborn(t, c, cast.AlsoContact, 5*time.Minute)
		ref := s.open()
		s.verify(ref)
		s.sign(ref, dsr.TaskReview, "bo", dsr.Approve, "")
		release := s.task(ref, dsr.TaskRelease)
		lines := len(s.events(ref))
		letters := s.arrived()
		s.rogue(func() {
			s.say(ref, contract.Decide.Name, contract.DecideInput{Task: release.ID, Verdict: "approve", Staff: "cao"})
			s.goesToItsEnd(ref)
		})
		s.notReleased(ref)
		if n := len(s.events(ref)); n != lines {
			t.Errorf("%d lines in the ledger, there were %d", n, lines)
		}
		if n := s.arrived(); n != letters {
			t.Errorf("%d letters went out", n-letters)
		}
		s.restart(ref)
		s.sign(ref, dsr.TaskRelease, "cao", dsr.Approve, "")
		s.endsWell(ref)
	})

	t.Run("from the opening on", func(t *testing.T) {
		s := newStubborn(t, c, cast.NoEmail, 5*time.Minute)
		var ref contract.Ref
		s.rogue(func() {
			ref = s.open()
			s.goesToItsEnd(ref)
		})
		k, err := s.d.Store.Case(s.ctx, ref)
		if err != nil || k.State == dsr.StateClosed || k.Outcome != "" {
			t.Errorf("the case: %+v %v", k, err)
		}
		if n := len(s.events(ref)); n != 1 {
			t.Errorf("the ledger: %v", s.events(ref))
		}
		s.restart(ref)
		s.verify(ref)
		s.sign(ref, dsr.TaskReview, "bo", dsr.Approve, "")
		s.sign(ref, dsr.TaskRelease, "cao", dsr.Approve, "")
		s.endsWell(ref)
	})
}

// rogue runs in the worker's place while do lasts.
func (s *stubborn) rogue(do func()) {
	s.t.Helper()
	if _, err := s.c.Stack.StopProcess("worker"); err != nil {
		s.t.Fatal(err)
	}
	queues := []string{contract.QueueCore, contract.QueueLetters}
	for _, system := range s.d.Map.Systems {
		queues = append(queues, contract.QueueSystem(system.Name))
	}
	var workers []sdk.Worker
	for _, queue := range queues {
		w := sdk.New(s.d.Temporal, queue, sdk.Options{Identity: "rogue"})
		register(w)
		yesToAll(w)
		if err := w.Start(); err != nil {
			s.t.Fatal(err)
		}
		workers = append(workers, w)
	}
	defer func() { // also where do gives up: the tests that come after need the worker
		for _, w := range workers {
			w.Stop()
		}
		if err := s.c.StartWorker(s.ctx); err != nil {
			s.t.Error(err)
		}
	}()
	do()
}

// goesToItsEnd waits until Temporal calls a case done, and says yes wherever it waits for somebody.
func (s *stubborn) goesToItsEnd(ref contract.Ref) {
	s.t.Helper()
	ended := make(chan error, 1)
	var out contract.CaseResult
	go func() { ended <- s.d.Temporal.GetWorkflow(s.ctx, string(ref), "").Get(s.ctx, &out) }()
	for {
		select {
		case err := <-ended:
			if err != nil || out.Outcome != string(dsr.Fulfilled) {
				s.t.Fatalf("Temporal says %q, %v", out.Outcome, err)
			}
			return
		case <-time.After(200 * time.Millisecond):
		}
		ctx, cancel := context.WithTimeout(s.ctx, 5*time.Second)
		if v, err := s.d.Temporal.QueryWorkflow(ctx, string(ref), "", contract.Status.Name); err == nil {
			var status contract.StatusResult
			_ = v.Get(&status)
			for _, task := range status.OpenTasks {
				s.say(ref, contract.Decide.Name, contract.DecideInput{Task: task, Verdict: "approve"})
			}
			switch status.WaitingOn {
			case "person:code":
				s.say(ref, contract.ChallengeMet.Name, contract.ChallengeMetInput{Challenge: "made-up"})
			case "person:download":
				_ = s.d.Temporal.SignalWorkflow(ctx, string(ref), "", contract.Fetched.Name, contract.FetchedInput{})
			}
		}
		cancel()
	}
}

// yesToAll answers every step with a success that looks right.
func yesToAll(w sdk.Worker) {
	var tasks atomic.Int64
	yes(w, contract.BeginCase, func(contract.RefInput) contract.CaseFacts {
		return contract.CaseFacts{Kind: "access", Laws: []string{"cn-pipl"}, DueAt: time.Now().Add(time.Hour), Directory: "accounts",
			Patience: map[string]time.Duration{}, VerifyWithin: time.Hour, PackageTTL: time.Hour, CodesPerHour: 3}
	})
	yes(w, contract.Project, func(contract.Progress) contract.Nothing { return contract.Nothing{} })
	yes(w, contract.FindAccount, func(contract.RefInput) contract.FoundAccount {
		return contract.FoundAccount{Candidates: 1, Settled: true}
	})
	yes(w, contract.ChooseAccount, func(contract.TaskInput) contract.Nothing { return contract.Nothing{} })
	yes(w, contract.SendLetter, func(contract.LetterInput) contract.LetterResult {
		return contract.LetterResult{State: contract.LetterSent}
	})
	yes(w, contract.IssueCode, func(contract.IssueCodeInput) contract.IssueCodeResult {
		return contract.IssueCodeResult{State: contract.LetterSent}
	})
	yes(w, contract.ConfirmChallenge, func(contract.ConfirmInput) contract.ConfirmResult { return contract.ConfirmResult{True: true} })
	yes(w, contract.OpenTask, func(contract.OpenTaskInput) contract.OpenTaskResult {
		return contract.OpenTaskResult{Task: fmt.Sprint("made-up-", tasks.Add(1))}
	})
	yes(w, contract.VoidTask, func(contract.VoidTaskInput) contract.VoidTaskResult { return contract.VoidTaskResult{} })
	yes(w, contract.RecordDecision, func(contract.RecordDecisionInput) contract.DecideResult {
		return contract.DecideResult{Verdict: "approve", Done: true}
	})
	yes(w, contract.LookForRepeats, func(contract.RefInput) contract.RepeatFacts { return contract.RepeatFacts{} })
	yes(w, contract.FindCustomers, func(contract.RefInput) contract.Customers { return contract.Customers{} })
	yes(w, contract.PlanSearch, func(contract.RefInput) contract.SearchPlan {
		return contract.SearchPlan{Steps: []contract.SearchStep{{System: "accounts", Collections: []string{"users"}}}}
	})
	yes(w, contract.Discover, func(contract.DiscoverInput) contract.DiscoverResult { return contract.DiscoverResult{} })
	yes(w, contract.Collect, func(contract.CollectInput) contract.CollectResult { return contract.CollectResult{Rows: 1} })
	yes(w, contract.Assemble, func(contract.TaskInput) contract.AssembleResult { return contract.AssembleResult{Files: 1} })
	yes(w, contract.Release, func(contract.TaskInput) contract.ReleaseResult {
		return contract.ReleaseResult{ExpiresAt: time.Now().Add(time.Hour)}
	})
	yes(w, contract.ConfirmFetched, func(contract.RefInput) contract.ConfirmResult { return contract.ConfirmResult{True: true} })
	yes(w, contract.Wipe, func(contract.CloseInput) contract.Nothing { return contract.Nothing{} })
	yes(w, contract.CloseCase, func(contract.CloseInput) contract.Nothing { return contract.Nothing{} })
}

func yes[In, Out any](w sdk.Worker, ref contract.Activity[In, Out], answer func(In) Out) {
	w.RegisterActivityWithOptions(func(_ context.Context, in In) (Out, error) { return answer(in), nil },
		activity.RegisterOptions{Name: ref.Name})
}
