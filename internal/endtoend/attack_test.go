package endtoend

import (
	"context"
	"crypto/rand"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/workflows"
)

// Reach to the Temporal server alone does nothing. One company is attacked in every way.
//
// What an attacker can still do, with the server alone, is in the way, not in the data: cancel or
// terminate a workflow, swallow or delay its tasks, have steps run again that were to run anyway
// (searching, copying, packing for a person who is verified; a code an hour's worth of times), show
// a false state in Temporal's own lists, and complete a workflow that has not done its work. The
// casefile is not moved by any of it: such a case stays open there until it is started again.
func TestAttack(t *testing.T) {
	t.Parallel()
	c := company(t, nil)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the worker's log ends:\n%s", tail(c, "worker"))
		}
	})
	t.Run("decisions", func(t *testing.T) { forgedDecisions(t, c) })
	t.Run("plain payloads", func(t *testing.T) { plainPayloads(t, c) })
	t.Run("made-up results", func(t *testing.T) { madeUpResults(t, c) })
	t.Run("private workflow", func(t *testing.T) { privateWorkflow(t, c) })
	t.Run("rogue poller", func(t *testing.T) { roguePoller(t, c) })
}

// stranger is a client of somebody who reaches the server and has no keys.
func stranger(t *testing.T, c *demo.Company) client.Client {
	t.Helper()
	cl, err := client.Dial(client.Options{HostPort: c.Env["TEMPORAL_ADDRESS"], Namespace: c.Env["TEMPORAL_NAMESPACE"],
		Identity: "stranger", Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// plainPayloads sends what our codec did not seal: it is refused and counted, and the case goes on.
func plainPayloads(t *testing.T, c *demo.Company) {
	s := newStubborn(t, c, example.Cast().SharedMobileA, 3*time.Minute)
	mallory := stranger(t, c)
	ref := s.open()
	s.verify(ref)
	task := s.task(ref, dsr.TaskReview)

	counted := func(what string, attack func() error) {
		t.Helper()
		before := metric(t, c, "habeas_payloads_refused_total")
		if err := attack(); err == nil {
			t.Errorf("%s: no error", what)
		}
		waitFor(t, 15*time.Second, what+" to be counted", func() bool { return metric(t, c, "habeas_payloads_refused_total") > before })
	}
	counted("a plain update", func() error {
		handle, err := mallory.UpdateWorkflow(s.ctx, client.UpdateWorkflowOptions{WorkflowID: string(ref), UpdateName: contract.Decide.Name,
			UpdateID: rand.Text(), Args: []any{contract.DecideInput{Task: task.ID, Verdict: "approve"}}, WaitForStage: client.WorkflowUpdateStageCompleted})
		if err == nil {
			err = handle.Get(s.ctx, nil)
		}
		return err
	})
	counted("a plain signal", func() error {
		if err := mallory.SignalWorkflow(s.ctx, string(ref), "", contract.SendCode.Name, contract.SendCodeInput{Purpose: dsr.CodeDownload}); err != nil {
			t.Fatal(err)
		}
		return io.EOF
	})
	counted("a plain input to an activity", func() error {
		return private(t, s, mallory, func(ctx workflow.Context) error {
			return workflow.ExecuteActivity(ctx, contract.Wipe.Name, contract.CloseInput{Ref: ref, Outcome: "fulfilled"}).Get(ctx, nil)
		})
	})
	if err := mallory.SignalWorkflow(s.ctx, string(ref), "", contract.Fetched.Name, contract.FetchedInput{}); err != nil {
		t.Fatal(err)
	}
	s.sign(ref, dsr.TaskReview, "bo", dsr.Approve, "")
	s.sign(ref, dsr.TaskRelease, "cao", dsr.Approve, "")
	s.endsWell(ref)
}

// madeUpResults has the strongest of these attackers complete single activities of a case while no
// worker of ours takes them; then the worker comes back.
func madeUpResults(t *testing.T, c *demo.Company) {
	cast := example.Cast()
	nothing := contract.DecideInput{Verdict: "approve", Staff: "dai"}

	t.Run("ConfirmChallenge", func(t *testing.T) {
		s := newStubborn(t, c, cast.CaseTwinA, 4*time.Minute)
		ref := s.open()
		s.waits(ref, "person:code")
		hijack(s, func() {
			s.say(ref, contract.ChallengeMet.Name, contract.ChallengeMetInput{Challenge: "made-up"})
			s.complete(ref, contract.ConfirmChallenge.Name, contract.ConfirmResult{True: true})
			s.pendingID(ref, contract.LookForRepeats.Name)
		})
		s.waits(ref, "person:code") // nobody has proved anything: the person still can
		s.verify(ref)
		s.sign(ref, dsr.TaskReview, "bo", dsr.Approve, "")
		s.sign(ref, dsr.TaskRelease, "cao", dsr.Approve, "")
		s.endsWell(ref)
	})

	t.Run("RecordDecision", func(t *testing.T) {
		s := newStubborn(t, c, cast.CaseTwinB, 4*time.Minute)
		ref := s.open()
		s.verify(ref)
		task := s.task(ref, dsr.TaskReview)
		hijack(s, func() {
			nothing.Task = task.ID
			s.say(ref, contract.Decide.Name, nothing)
			s.complete(ref, contract.RecordDecision.Name, contract.DecideResult{Verdict: "approve", Done: true})
			s.pendingID(ref, contract.Assemble.Name)
		})
		s.sign(ref, dsr.TaskFailed, "bo", dsr.Retry, "no review is signed")
		s.notReleased(ref)
		s.sign(ref, dsr.TaskReview, "bo", dsr.Approve, "")
		s.sign(ref, dsr.TaskRelease, "cao", dsr.Approve, "")
		s.endsWell(ref)
	})

	t.Run("Assemble", func(t *testing.T) {
		s := newStubborn(t, c, cast.Heavy, 4*time.Minute)
		ref := s.open()
		s.verify(ref)
		task := s.task(ref, dsr.TaskReview)
		hijack(s, func() {
			nothing.Task = task.ID
			s.say(ref, contract.Decide.Name, nothing)
			s.complete(ref, contract.RecordDecision.Name, contract.DecideResult{Verdict: "approve", Done: true})
			s.complete(ref, contract.Assemble.Name, contract.AssembleResult{ManifestHash: make([]byte, 32), Files: 1, Size: 1})
			s.pendingID(ref, contract.OpenTask.Name)
		})
		s.sign(ref, dsr.TaskFailed, "bo", dsr.Retry, "there is no package to release")
		s.notReleased(ref)
		s.sign(ref, dsr.TaskReview, "bo", dsr.Approve, "")
		s.sign(ref, dsr.TaskRelease, "cao", dsr.Approve, "")
		s.endsWell(ref)
	})

	t.Run("Release", func(t *testing.T) {
		s := newStubborn(t, c, cast.SharedMobileB, 4*time.Minute)
		ref := s.open()
		s.verify(ref)
		s.sign(ref, dsr.TaskReview, "bo", dsr.Approve, "")
		task := s.task(ref, dsr.TaskRelease)
		hijack(s, func() {
			nothing.Task = task.ID
			s.say(ref, contract.Decide.Name, nothing)
			s.complete(ref, contract.RecordDecision.Name, contract.DecideResult{Verdict: "approve", Done: true})
			s.complete(ref, contract.Release.Name, contract.ReleaseResult{ExpiresAt: time.Now().Add(time.Hour)})
			s.pendingID(ref, contract.SendLetter.Name)
		})
		s.sign(ref, dsr.TaskFailed, "bo", dsr.Retry, "no release is signed")
		s.notReleased(ref)
		s.sign(ref, dsr.TaskRelease, "cao", dsr.Approve, "")
		s.endsWell(ref)
	})
}

// hijack stops the worker and keeps the workflows themselves going, with nobody to carry out their
// steps, while do makes results up. Then the worker is back.
func hijack(s *stubborn, do func()) {
	s.t.Helper()
	if _, err := s.c.Stack.StopProcess("worker"); err != nil {
		s.t.Fatal(err)
	}
	w := sdk.New(s.d.Temporal, contract.QueueCore, sdk.Options{LocalActivityWorkerOnly: true, Identity: "hijacker"})
	register(w)
	w.RegisterActivityWithOptions(func(context.Context, contract.Progress) (contract.Nothing, error) { return contract.Nothing{}, nil },
		activity.RegisterOptions{Name: contract.Project.Name})
	if err := w.Start(); err != nil {
		s.t.Fatal(err)
	}
	defer func() { // also where do gives up: the tests that come after need the worker
		w.Stop()
		if err := s.c.StartWorker(s.ctx); err != nil {
			s.t.Error(err)
		}
	}()
	do()
}

func register(w sdk.Worker) {
	w.RegisterWorkflowWithOptions(workflows.Access, workflow.RegisterOptions{Name: contract.Access.Name})
	w.RegisterWorkflowWithOptions(workflows.Deletion, workflow.RegisterOptions{Name: contract.Deletion.Name})
	w.RegisterWorkflowWithOptions(workflows.Roster, workflow.RegisterOptions{Name: contract.Roster.Name})
}

// say sends an update and does not wait for its answer.
func (s *stubborn) say(ref contract.Ref, update string, in any) {
	s.t.Helper()
	if _, err := s.d.Temporal.UpdateWorkflow(s.ctx, client.UpdateWorkflowOptions{WorkflowID: string(ref), UpdateName: update,
		UpdateID: rand.Text(), Args: []any{in}, WaitForStage: client.WorkflowUpdateStageAccepted}); err != nil {
		s.t.Fatal(err)
	}
}

// complete is `temporal activity complete`, with a result sealed by our own keys.
func (s *stubborn) complete(ref contract.Ref, name string, result any) {
	s.t.Helper()
	if err := s.d.Temporal.CompleteActivityByID(s.ctx, "default", string(ref), "", s.pendingID(ref, name), result, nil); err != nil {
		s.t.Fatalf("completing %s: %v", name, err)
	}
}

// pendingID waits for an activity of that name to be scheduled.
func (s *stubborn) pendingID(ref contract.Ref, name string) string {
	s.t.Helper()
	id := ""
	s.until(name+" to be scheduled", func(ctx context.Context) (bool, error) {
		d, err := s.d.Temporal.DescribeWorkflowExecution(ctx, string(ref), "")
		for _, a := range d.GetPendingActivities() {
			if a.GetActivityType().GetName() == name {
				id = a.GetActivityId()
			}
		}
		return id != "", err
	})
	return id
}

// waits until the workflow waits on that; what the casefile shows may be older.
func (s *stubborn) waits(ref contract.Ref, on string) {
	s.t.Helper()
	s.until("waiting on "+on, func(ctx context.Context) (bool, error) {
		v, err := s.d.Temporal.QueryWorkflow(ctx, string(ref), "", contract.Status.Name)
		var status contract.StatusResult
		if err == nil {
			err = v.Get(&status)
		}
		return err == nil && status.WaitingOn == on && !status.Verified, err
	})
}

// notReleased holds that nothing gets out: not the package, not a code for it, not the word that it
// is ready.
func (s *stubborn) notReleased(ref contract.Ref) {
	s.t.Helper()
	if _, err := s.d.Store.CheckReleased(s.ctx, ref, s.d.Pins); !fault.Is(err, contract.ErrNotApproved) && !fault.Is(err, contract.ErrNotFound) {
		s.t.Errorf("the release: %v", err)
	}
	if _, err := s.d.OpenPackage(s.ctx, ref.ID()); !fault.Is(err, contract.ErrNotApproved) && !fault.Is(err, contract.ErrNotFound) {
		s.t.Errorf("the portal's download: %v", err)
	}
	if err := s.p.Fetch(s.ctx, ref.ID(), "123456", discard{}); err == nil {
		s.t.Error("the portal gave something out")
	}
	letters, err := s.d.Store.Letters(s.ctx, ref)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range letters {
		if l.Template == "access_ready" || l.Template == "download_code" || l.Template == "case_closed" {
			s.t.Errorf("a letter %s went out", l.Template)
		}
	}
	k, err := s.d.Store.Case(s.ctx, ref)
	if err != nil || k.State == dsr.StateClosed || k.Outcome != "" || k.EndingAt != nil {
		s.t.Errorf("the case: %+v %v", k, err)
	}
	if s.blobs(ref) == 0 {
		s.t.Error("what was collected is gone")
	}
}

func (s *stubborn) blobs(ref contract.Ref) (n int) {
	_ = filepath.WalkDir(filepath.Join(s.c.Dir, "blobs"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.Contains(path, ref.ID()) {
			n++
		}
		return nil
	})
	return n
}

// private runs a workflow of the attacker's own, on a queue of their own, with the steps of ours at
// hand, under an id of their choice.
func private(t *testing.T, s *stubborn, with client.Client, do func(workflow.Context) error) error {
	t.Helper()
	return privateAs(t, s, with, "private/"+rand.Text(), do)
}

func privateAs(t *testing.T, s *stubborn, with client.Client, id string, do func(workflow.Context) error) error {
	t.Helper()
	queue := "private-" + rand.Text()
	w := sdk.New(with, queue, sdk.Options{Identity: "private"})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		return do(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{TaskQueue: contract.QueueCore, StartToCloseTimeout: 20 * time.Second,
			ScheduleToCloseTimeout: 20 * time.Second, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 2}}))
	}, workflow.RegisterOptions{Name: "Private"})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	run, err := with.ExecuteWorkflow(s.ctx, client.StartWorkflowOptions{ID: id, TaskQueue: queue,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE}, "Private")
	if err != nil {
		t.Fatal(err)
	}
	return run.Get(s.ctx, nil)
}

// privateWorkflow has an attacker with our keys schedule our steps by a workflow of their own: first
// under another id, then under the id of the case, whose workflow they terminated.
func privateWorkflow(t *testing.T, c *demo.Company) {
	s := newStubborn(t, c, example.Cast().English, 5*time.Minute)
	ref := s.open()
	s.verify(ref)
	review := s.task(ref, dsr.TaskReview)
	before := len(s.events(ref))
	letters := s.arrived()

	// Without keys: the sealed input of a step of this case is taken from its history and given to
	// another step.
	mallory := stranger(t, c)
	input := s.sealedInput(ref, contract.PlanSearch.Name)
	for _, name := range []string{contract.Wipe.Name, contract.CloseCase.Name, contract.Release.Name, contract.Assemble.Name} {
		err := private(t, s, mallory, func(ctx workflow.Context) error {
			return workflow.ExecuteActivity(ctx, name, converter.NewRawValue(input)).Get(ctx, nil)
		})
		if err == nil {
			t.Errorf("a replayed input made %s run", name)
		}
	}
	s.untouched(ref, review, before, letters)

	ids := []string{"private/" + rand.Text(), string(ref)}
	for _, id := range ids {
		if id == string(ref) {
			if err := mallory.TerminateWorkflow(s.ctx, id, "", "by an attacker"); err != nil {
				t.Fatal(err)
			}
		}
		err := privateAs(t, s, s.d.Temporal, id, func(ctx workflow.Context) error {
			everyStep(t, ctx, ref, review)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s.untouched(ref, review, before, letters)
	}

	// The case itself was killed, which shows; started again it goes on where it was.
	s.restart(ref)
	s.sign(ref, dsr.TaskReview, "bo", dsr.Approve, "")
	s.sign(ref, dsr.TaskRelease, "cao", dsr.Approve, "")
	s.endsWell(ref)
}

// attempts are steps that somebody has run who must not, all at once.
type attempts struct {
	ctx   workflow.Context
	tried []attempt
}

type attempt struct {
	name   string
	in     any
	future workflow.Future
}

func (a *attempts) try(queue, name string, in any) {
	a.tried = append(a.tried, attempt{name, in, workflow.ExecuteActivity(workflow.WithTaskQueue(a.ctx, queue), name, in)})
}

// refused wants every one of them to have been refused.
func (a *attempts) refused(t *testing.T) {
	t.Helper()
	for _, one := range a.tried {
		if err := one.future.Get(a.ctx, nil); err == nil {
			t.Errorf("%s ran with %+v", one.name, one.in)
		}
	}
}

// everyStep runs every step that could do harm, and wants each to refuse.
func everyStep(t *testing.T, ctx workflow.Context, ref contract.Ref, review casefile.Task) {
	all := &attempts{ctx: ctx}
	defer all.refused(t)
	try := all.try
	core, post := contract.QueueCore, contract.QueueLetters
	task := contract.TaskInput{Ref: ref, Task: review.ID}
	try(core, contract.Release.Name, task)
	try(core, contract.Assemble.Name, task)
	try(core, contract.ChooseAccount.Name, task)
	try(core, contract.ApplyRoster.Name, task)
	try(core, contract.VoidTask.Name, contract.VoidTaskInput{Ref: ref, Task: review.ID, Why: "settled meanwhile"})
	try(core, contract.RecordDecision.Name, contract.RecordDecisionInput{Ref: ref, Decision: contract.DecideInput{Task: review.ID, Staff: "nobody", Verdict: "approve"}})
	for _, outcome := range []dsr.Outcome{dsr.Fulfilled, dsr.PartlyDone, dsr.Refused, dsr.NoData, dsr.Unverified, dsr.Withdrawn, ""} {
		try(core, contract.Wipe.Name, contract.CloseInput{Ref: ref, Outcome: string(outcome)})
		try(core, contract.CloseCase.Name, contract.CloseInput{Ref: ref, Outcome: string(outcome)})
		try(post, contract.SendLetter.Name, contract.LetterInput{Ref: ref, Template: "case_closed", Occasion: "end", Outcome: string(outcome)})
	}
	for _, template := range []string{"access_ready", "case_unverified", "verify_code", "download_code", "lottery"} {
		try(post, contract.SendLetter.Name, contract.LetterInput{Ref: ref, Template: template, Occasion: "1"})
	}
	try(post, contract.SendLetter.Name, contract.LetterInput{Ref: ref, Template: "ack", Occasion: "once more"})
	try(post, contract.IssueCode.Name, contract.IssueCodeInput{Ref: ref, Purpose: dsr.CodeDownload, Occasion: "1"})
	try(post, contract.IssueCode.Name, contract.IssueCodeInput{Ref: ref, Purpose: "lottery", Occasion: "1"})
}

// sealedInput takes the sealed input of a step out of a case's history.
func (s *stubborn) sealedInput(ref contract.Ref, name string) *commonPayload {
	s.t.Helper()
	for events := s.d.Temporal.GetWorkflowHistory(s.ctx, string(ref), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
		e, err := events.Next()
		if err != nil {
			s.t.Fatal(err)
		}
		if a := e.GetActivityTaskScheduledEventAttributes(); a.GetActivityType().GetName() == name {
			return a.GetInput().GetPayloads()[0]
		}
	}
	s.t.Fatalf("no %s in the history", name)
	return nil
}

// arrived counts letters and messages of everybody.
func (s *stubborn) arrived() int {
	s.t.Helper()
	letters, err := s.c.Stack.Catcher().List(s.ctx, "")
	if err != nil {
		s.t.Fatal(err)
	}
	messages, err := s.c.Stack.Catcher().SMS(s.ctx, "")
	if err != nil {
		s.t.Fatal(err)
	}
	return len(letters) + len(messages)
}

// untouched holds that an attack on a case under review changed nothing but, at most, refusals in
// the ledger.
func (s *stubborn) untouched(ref contract.Ref, review casefile.Task, lines, letters int) {
	s.t.Helper()
	s.notReleased(ref)
	events := s.events(ref)
	if n := len(events) - count(events, "decision.refused"); n != lines {
		s.t.Errorf("the ledger has %d lines more: %v", n-lines, events[lines:])
	}
	if n := s.arrived(); n != letters {
		s.t.Errorf("%d letters went out", n-letters)
	}
	if now, err := s.d.Store.Task(s.ctx, review.ID); err != nil || now.State != casefile.TaskOpen {
		s.t.Errorf("the review: %+v %v", now, err)
	}
}

// restart starts the workflow of a case anew: the casefile knows what is done.
func (s *stubborn) restart(ref contract.Ref) {
	s.t.Helper()
	c, err := s.d.Store.Case(s.ctx, ref)
	if err != nil {
		s.t.Fatal(err)
	}
	options, name, input, err := contract.StartOf(ref, string(c.Kind))
	if err != nil {
		s.t.Fatal(err)
	}
	options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	if _, err := s.d.Temporal.ExecuteWorkflow(s.ctx, options, name, input); err != nil {
		s.t.Fatal(err)
	}
}
