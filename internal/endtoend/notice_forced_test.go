package endtoend

import (
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Sending without two signatures, with an empty mandatory part, or after an abort is impossible: by
// the command line, by what the Temporal UI can do (signals, updates, an end and a new start), by a
// client that starts our workflows itself, and by a private workflow that schedules the page activity.
// Whoever tries holds the installation's keys, which is more than is theirs.
func TestNoticeCannotBeForced(t *testing.T) {
	c := common(t)
	s := newTeller(t, c, 6*time.Minute)
	rest := `
concerned: [{system: accounts, collection: users, where: {column: id, op: le, value: 30}, categories: [{zh: 登录名, en: sign-in name}]}]
pace: {rate: 0, per_domain: 0, waves: [100], retry: 1s}
ladder: {steps: [], after: 1s}
`
	path := breach(t, rest)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	hole := strings.Replace(string(whole), "harm: {zh: 可能被用于诈骗。, en: Fraud.}", `harm: {zh: 可能被用于诈骗。, en: ""}`, 1)
	if err := os.WriteFile(path, []byte(hole), 0o600); err != nil {
		t.Fatal(err)
	}
	s.open(path)
	incomplete, err := demo.WaitTask(s.ctx, s.d, s.ref, dsr.TaskNoticeIncomplete)
	if err != nil {
		t.Fatal(err)
	}
	if shown, err := s.d.Task(s.ctx, incomplete.ID); err != nil || len(shown.Shown.Notice.Missing) != 1 {
		t.Errorf("%+v %v", shown.Shown.Notice, err)
	}
	o := newOutsider(s)
	o.forced("with an empty part", contract.PageInput{Ref: s.ref, Wave: 1, Task: incomplete.ID}, "an", "bo", "cao")

	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := s.d.ReadIncident(path, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.d.AmendNotice(s.ctx, s.ref.ID(), f, "an"); err != nil {
		t.Fatal(err)
	}
	task, err := demo.WaitTask(s.ctx, s.d, s.ref, dsr.TaskNoticeWave)
	if err != nil {
		t.Fatal(err)
	}
	page := contract.PageInput{Ref: s.ref, Wave: 1, Task: task.ID}
	o.forced("without a signature", page, "an", "bo")
	if _, err := s.d.Decide(s.ctx, task.ID, dsr.Approve, "", c.Staff["an"]); !fault.Is(err, contract.ErrBadSignature) {
		t.Errorf("whoever opened it signed: %v", err)
	}
	if out, err := o.habeas("cao", "task", "approve", task.ID, "--reason", "good"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := s.d.Decide(s.ctx, task.ID, dsr.Approve, "again", c.Staff["cao"]); !fault.Is(err, contract.ErrBadSignature) {
		t.Errorf("the same person signed twice: %v", err)
	}
	o.forced("with one signature", page, "an", "bo", "cao")

	if _, err := s.d.ControlNotice(s.ctx, s.ref, "abort", 0, "it was a mistake", c.Staff["an"]); err == nil {
		t.Error("support ended a notice")
	}
	if _, err := s.d.ControlNotice(s.ctx, s.ref, "abort", 0, "it was a mistake", c.Staff["dai"]); err != nil {
		t.Fatal(err)
	}
	_, _ = o.habeas("dai", "task", "approve", task.ID, "--reason", "too late") // the second signature is worth nothing any more
	o.forced("after the abort", page, "an", "bo", "cao")
	if out, err := o.habeas("dai", "notice", "resume", s.ref.ID(), "--reason", "no"); err == nil {
		t.Errorf("an aborted notice was resumed:\n%s", out)
	}
	s.close(contract.NoticeAborted)
	o.forced("after its end", page, "an", "bo", "cao", "dai")
	if n := len(s.copies()); n != 0 {
		t.Errorf("%d people got a letter of it", n)
	}
}

// outsider tries to make letters go. It has a queue and a workflow of its own.
type outsider struct {
	*teller
	queue string
}

func newOutsider(s *teller) outsider {
	s.t.Helper()
	o := outsider{s, "private-" + rand.Text()}
	w := sdk.New(s.d.Temporal, o.queue, sdk.Options{})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context, queue, activity string, in any) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{TaskQueue: queue, StartToCloseTimeout: time.Minute,
			RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1}})
		return workflow.ExecuteActivity(ctx, activity, in).Get(ctx, nil)
	}, workflow.RegisterOptions{Name: "Private"})
	if err := w.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(w.Stop)
	return o
}

// forced goes every way. staff are those whose approval of the task must be refused as it stands.
func (o outsider) forced(when string, in contract.PageInput, staff ...string) {
	o.t.Helper()
	before := len(o.copies())
	count := func(way string) {
		o.t.Helper()
		if n := len(o.copies()); n != before {
			o.t.Errorf("%s: %d letters went out %s", when, n-before, way)
		}
	}
	for _, id := range []string{"private/" + rand.Text(), string(o.ref) + "/" + rand.Text()} {
		o.byPrivateWorkflow(when, id, in)
	}
	count("by a private workflow")
	for _, who := range staff {
		if out, err := o.habeas(who, "task", "approve", in.Task, "--reason", "because"); err == nil {
			o.t.Errorf("%s: %s approved by the command line:\n%s", when, who, out)
		}
	}
	count("by the command line")
	o.byUI(when, in)
	count("by the Temporal UI")
	for _, id := range []string{"private/" + rand.Text(), string(o.ref) + "/" + rand.Text()} {
		o.byClient(id)
	}
	count("by a direct start")
}

// byPrivateWorkflow schedules our steps by a workflow that is not ours.
func (o outsider) byPrivateWorkflow(when, id string, in contract.PageInput) {
	o.t.Helper()
	steps := map[string]any{contract.SendPage.Name: in, contract.SendTexts.Name: in}
	if o.notice().State != casefile.NoticeClosed {
		steps[contract.TakeStep.Name] = contract.StepInput{Ref: in.Ref, Step: "phone", Task: in.Task}
		steps[contract.CloseNotice.Name] = contract.CloseInput{Ref: in.Ref, Outcome: contract.NoticeTold}
		steps[contract.MarkClock.Name] = contract.MarkClockInput{Ref: in.Ref, Authority: "cn-authority", What: "filed", Task: in.Task}
	}
	for name, input := range steps {
		queue := contract.QueueCore
		if name == contract.SendPage.Name || name == contract.SendTexts.Name {
			queue = contract.QueueLetters
		}
		run, err := o.d.Temporal.ExecuteWorkflow(o.ctx, client.StartWorkflowOptions{ID: id + name, TaskQueue: o.queue}, "Private", queue, name, input)
		if err != nil {
			o.t.Fatal(err)
		}
		if err := run.Get(o.ctx, nil); err == nil {
			o.t.Errorf("%s: %s ran under %s", when, name, id)
		}
	}
}

// byUI does what the Temporal UI lets anybody do: signals, updates, an end, and a start from there.
func (o outsider) byUI(when string, in contract.PageInput) {
	o.t.Helper()
	for _, signal := range []string{contract.Look.Name, contract.Amended.Name} {
		if err := o.d.Temporal.SignalWorkflow(o.ctx, string(o.ref), "", signal, contract.Nothing{}); err != nil && !notThere(err) {
			o.t.Fatal(err)
		}
	}
	forged := contract.DecideInput{Task: in.Task, Staff: "dai", Verdict: string(dsr.Approve), Signature: make([]byte, 64)}
	update, err := o.d.Temporal.UpdateWorkflow(o.ctx, client.UpdateWorkflowOptions{WorkflowID: string(o.ref), UpdateName: contract.Decide.Name,
		Args: []any{forged}, WaitForStage: client.WorkflowUpdateStageCompleted})
	if err == nil {
		err = update.Get(o.ctx, nil)
	}
	if err == nil {
		o.t.Errorf("%s: a forged decision was taken", when)
	}
	if err := o.d.Temporal.TerminateWorkflow(o.ctx, string(o.ref), "", "by an outsider"); err != nil && !notThere(err) {
		o.t.Fatal(err)
	}
	o.start(string(o.ref)) // it is ours again: the test goes on with it
}

// byClient starts our workflow of this notice a second time, under another id.
func (o outsider) byClient(id string) {
	o.t.Helper()
	o.start(id)
	if err := o.d.Temporal.TerminateWorkflow(o.ctx, id, "", "by an outsider"); err != nil && !notThere(err) {
		o.t.Fatal(err)
	}
}

// start starts the notice's workflow under an id, and waits until it asks people, was refused a step, or
// has ended.
func (o outsider) start(id string) {
	o.t.Helper()
	run, err := o.d.Temporal.ExecuteWorkflow(o.ctx, client.StartWorkflowOptions{ID: id, TaskQueue: contract.QueueCore,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE}, contract.Notice.Name, contract.NoticeInput{Ref: o.ref})
	if err != nil {
		o.t.Fatal(err)
	}
	o.until("the started workflow to rest", func() bool {
		got, err := o.d.Temporal.DescribeWorkflowExecution(o.ctx, id, run.GetRunID())
		if err != nil {
			return false
		}
		if got.WorkflowExecutionInfo.Status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			return true
		}
		if o.refusedStep(id, run.GetRunID()) {
			return true
		}
		var now contract.StatusResult
		answer, err := o.d.Temporal.QueryWorkflow(o.ctx, id, run.GetRunID(), contract.Status.Name)
		return err == nil && answer.Get(&now) == nil && (len(now.OpenTasks) > 0 || now.State == "reports")
	})
}

// refusedStep says whether a step was refused to a run for good.
func (o outsider) refusedStep(id, run string) bool {
	events := o.d.Temporal.GetWorkflowHistory(o.ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return false
		}
		if event.EventType == enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED {
			return true
		}
	}
	return false
}

// habeas runs the command line as somebody of the staff.
func (o outsider) habeas(who string, args ...string) (string, error) {
	cmd := exec.CommandContext(o.ctx, filepath.Join(bin, "habeas"), args...)
	cmd.Env = os.Environ()
	for k, v := range o.c.Env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Env = append(cmd.Env, "HABEAS_STAFF_KEY="+o.c.KeyFile(who))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func notThere(err error) bool {
	var gone *serviceerror.NotFound
	return errors.As(err, &gone)
}
