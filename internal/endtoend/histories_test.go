package endtoend

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/workflows"
)

// What real cases leave behind replays. With HABEAS_HISTORIES naming a folder (`make histories`)
// the histories are kept there, for the test in package workflows that holds later code against
// them. They are recorded with the codec off, so that any installation's replay can read them;
// TestNoPersonalDataInTemporal holds that there is nothing in them to hide.
func TestHistories(t *testing.T) {
	t.Parallel()
	c := company(t, map[string]string{"HABEAS_CODEC": "off", "HABEAS_COOL_OFF": coolOff})
	ctx, d := deskOf(t, c)
	r := &recorder{t: t, c: c, d: d, ctx: ctx, dir: os.Getenv("HABEAS_HISTORIES")}
	if r.dir == "" {
		r.dir = t.TempDir()
	}
	r.record("access-fulfilled", r.fulfilled())
	refused := r.refused()
	r.record("access-refused", refused)
	r.record("complaint-upheld", r.complained(contract.Ref(refused)))
	r.record("access-repeated", r.repeated())
	cast := example.Cast()
	r.lastContact(newStubborn(t, c, cast.Contact, 6*time.Minute), cast.Plain)
	r.record("disclosure-entered", r.disclosed(newStubborn(t, c, ordinary(t, c, 2)[1], 6*time.Minute)))
	r.record("access-nobody", r.nobody())
	r.record("deletion-withdrawn", r.withdrawn())
	deletion, hold := r.held()
	r.record("deletion-held-partial", deletion)
	r.record("hold-released", hold)
	r.record("erase-after-access", string(copyThenErase(newStubborn(t, c, ordinary(t, c, 1)[0], 4*time.Minute))))
	climbers := twoWithFacts(t, c)
	climbed := climbByFacts(newStubborn(t, c, climbers[0], 4*time.Minute))
	r.record("access-climbed", string(climbed))
	r.record("verification-facts", contract.VerificationID(climbed))
	turnedDown, approved := climbByDocument(newStubborn(t, c, climbers[1], 4*time.Minute))
	r.record("verification-refused", contract.VerificationID(turnedDown))
	r.record("verification-document", contract.VerificationID(approved))
	r.record("access-unproved", string(turnedDown))
	notice, clock := r.told()
	r.record("notice-told", notice)
	r.record("authority-filed", clock)
	system, rule := r.retained()
	r.record("retention-signed", system)
	r.record("retention-rule", rule)
	r.record("retention-extended", r.extended())
	r.record("roster-enrolled", r.enrolled())
	r.record("reconcile", r.housekeeping(contract.Reconcile.Name, contract.ReconcileInput{}))
	r.record("checkpoint", r.housekeeping(contract.Checkpoint.Name, contract.CheckpointInput{}))
	r.record("digest", r.housekeeping(contract.Digest.Name, contract.DigestInput{}))
	r.record("access-reminded", string(climbNot(newStubborn(t, c, example.Cast().Plain, 4*time.Minute))))
	r.record("forget", r.housekeeping(contract.Forget.Name, contract.ForgetInput{Limit: 10}))
}

type recorder struct {
	t   *testing.T
	c   *demo.Company
	d   *desk.Desk
	ctx context.Context
	dir string
}

func (r *recorder) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *recorder) fulfilled() string {
	p := r.c.Person(example.Cast().English)
	answer, err := r.c.Access(r.ctx, r.d, p, desk.Opening{Identities: []dsr.Identity{{Kind: "account", Value: p.Login}}})
	r.must(err)
	return string(answer.Ref)
}

// refused is a case that a reviewer ends.
func (r *recorder) refused() string {
	s := newStubborn(r.t, r.c, example.Cast().CaseTwinA, 3*time.Minute)
	ref := s.open()
	s.verify(ref)
	s.sign(ref, dsr.TaskReview, "bo", dsr.Reject, "asked for by mistake")
	s.state(ref, dsr.StateClosed)
	return string(ref)
}

// nobody is a case about somebody whom no directory knows, ended by staff.
func (r *recorder) nobody() string {
	ref, err := r.c.Open(r.ctx, r.d, desk.Opening{Identities: []dsr.Identity{{Kind: "email", Value: "nobody.known@nirgends.example"}}})
	r.must(err)
	task, err := demo.WaitTask(r.ctx, r.d, ref, dsr.TaskNoAccount)
	r.must(err)
	_, err = r.d.Decide(r.ctx, task.ID, dsr.Complete, "told on the telephone", r.c.Staff["bo"])
	r.must(err)
	r.must(demo.WaitState(r.ctx, r.d, ref, dsr.StateClosed))
	return string(ref)
}

// withdrawn is a deletion that the person takes back while there is time.
func (r *recorder) withdrawn() string {
	s := newStubborn(r.t, r.c, example.Cast().CaseTwinB, 4*time.Minute)
	ref := s.askDeletion()
	s.agreeOn(ref)
	s.state(ref, dsr.StateCooling)
	_, err := s.p.Status(r.ctx, ref.ID(), s.code(ref, dsr.CodeStatus, true))
	r.must(err)
	r.must(s.p.Withdraw(r.ctx))
	s.ended(ref, dsr.Withdrawn)
	return string(ref)
}

// held is a deletion that a legal hold stops until two people release it, and of which a word in
// somebody else's message is left.
func (r *recorder) held() (deletion, hold string) {
	s := newStubborn(r.t, r.c, example.Cast().English, 4*time.Minute)
	ref := s.askDeletion()
	s.agreeOn(ref)
	order := desk.HoldOrder{Matter: "audit", System: "support", Reason: "letter of the authority"}
	standing, err := r.d.AddHold(r.ctx, order, r.c.Staff["cao"])
	r.must(err)
	s.task(ref, dsr.TaskHeld)
	r.must(r.d.ReleaseHold(r.ctx, standing, "cao"))
	release := s.task(standing, dsr.TaskReleaseHold)
	for _, name := range []string{"cao", "dai"} {
		_, err := r.d.Decide(r.ctx, release.ID, dsr.Approve, "", r.c.Staff[name])
		r.must(err)
	}
	r.must(r.d.Temporal.GetWorkflow(r.ctx, string(standing), "").Get(r.ctx, nil))
	s.sign(ref, dsr.TaskHeld, "bo", dsr.Retry, "released")
	s.sign(ref, dsr.TaskLeft, "bo", dsr.Partial, "it is somebody else's message")
	s.ended(ref, dsr.PartlyDone)
	return string(ref), string(standing)
}

// told is a notice to three people, and the clock of its authority.
func (r *recorder) told() (notice, clock string) {
	s := newTeller(r.t, r.c, 4*time.Minute)
	path := breach(r.t, `
concerned: [{csv: people.csv, categories: [{zh: 登录名, en: sign-in name}]}]
pace: {rate: 100, per_domain: 0, waves: [100], retry: 1s, stop_at: 30}
ladder: {steps: [], after: 1s}
`)
	people := "email,lang\na@recorded.example,en\nb@recorded.example,zh\nc@recorded.example,en\n"
	r.must(os.WriteFile(filepath.Join(filepath.Dir(path), "people.csv"), []byte(people), 0o600))
	s.open(path)
	s.wave(1)
	s.settled()
	s.close(contract.NoticeTold)
	list, err := r.d.Temporal.ListWorkflow(r.ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query: `WorkflowType = "` + contract.AuthorityClock.Name + `" AND ExecutionStatus = "Completed"`})
	r.must(err)
	if len(list.Executions) == 0 {
		r.t.Fatal("no clock of an authority has ended")
	}
	return string(s.ref), list.Executions[0].Execution.WorkflowId
}

// retained is a run over a system, and that of one of its rules, which two people sign first.
func (r *recorder) retained() (system, rule string) {
	r.must(example.Age(r.ctx, r.c.Stack.LoadDSNs()))
	run, err := r.d.StartRetention(r.ctx, contract.RetentionInput{System: "support", By: "bo"})
	r.must(err)
	r.must(run.Get(r.ctx, nil))
	open, err := r.d.Store.ListRuns(r.ctx, casefile.RunFilter{System: "support", Open: true})
	r.must(err)
	if len(open) != 2 {
		r.t.Fatalf("%d runs are open", len(open))
	}
	r.must(r.c.SignRuns(r.ctx, r.d, "support"))
	return run.GetID(), string(open[0].Ref)
}

// extended is a decision to keep the rows of a rule longer. The next run of the rule leaves them, and says
// by what.
func (r *recorder) extended() string {
	ref, err := r.d.ExtendRetention(r.ctx, desk.ExtensionOrder{Rule: "support.messages", Until: time.Now().Add(30 * 24 * time.Hour), Law: "PIPL 19", Reason: "a suit is expected"}, "bo")
	r.must(err)
	task, err := demo.WaitTask(r.ctx, r.d, ref, dsr.TaskExtendRetention)
	r.must(err)
	for _, name := range []string{"cao", "dai"} {
		_, err := r.d.Decide(r.ctx, task.ID, dsr.Approve, "", r.c.Staff[name])
		r.must(err)
	}
	r.must(r.d.Temporal.GetWorkflow(r.ctx, string(ref), "").Get(r.ctx, nil))
	e, err := r.d.Store.RetentionExtension(r.ctx, ref, r.d.Pins)
	r.must(err)
	if e.State != casefile.ExtensionStands {
		r.t.Errorf("the extension %s", e.State)
	}
	return string(ref)
}

// enrolled is one of the enrolments with which the company began.
func (r *recorder) enrolled() string {
	list, err := r.d.Temporal.ListWorkflow(r.ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query: `WorkflowType = "` + contract.Roster.Name + `" AND ExecutionStatus = "Completed"`})
	r.must(err)
	if len(list.Executions) == 0 {
		r.t.Fatal("nobody was enrolled")
	}
	return list.Executions[0].Execution.WorkflowId
}

func (r *recorder) housekeeping(name string, in any) string {
	id := "history-" + name
	run, err := r.d.Temporal.ExecuteWorkflow(r.ctx, client.StartWorkflowOptions{ID: id, TaskQueue: contract.QueueCore}, name, in)
	r.must(err)
	r.must(run.Get(r.ctx, nil))
	return id
}

// record waits until the workflow is closed, keeps its history, and replays it.
func (r *recorder) record(name, id string) {
	r.t.Helper()
	run := r.d.Temporal.GetWorkflow(r.ctx, id, "")
	r.must(run.Get(r.ctx, nil))
	var h history.History
	events := r.d.Temporal.GetWorkflowHistory(r.ctx, id, run.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		r.must(err)
		h.Events = append(h.Events, event)
	}
	raw, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(&h)
	r.must(err)
	// Which machine it was is nobody's business.
	raw = processOf.ReplaceAll(raw, []byte(`${1}@host"`))
	raw = stickyQueue.ReplaceAll(raw, []byte(`${1}host${2}`))
	var out bytes.Buffer
	r.must(json.Indent(&out, raw, "", " "))
	r.must(os.MkdirAll(r.dir, 0o755))
	r.must(os.WriteFile(filepath.Join(r.dir, name+".json"), append(out.Bytes(), '\n'), 0o600))

	replayer := worker.NewWorkflowReplayer()
	workflows.Register(replayer)
	err = replayer.ReplayWorkflowHistoryWithOptions(nil, &h, worker.ReplayWorkflowHistoryOptions{
		OriginalExecution: workflow.Execution{ID: id, RunID: run.GetRunID()}})
	if err != nil {
		r.t.Errorf("%s does not replay: %v", name, err)
	}
}

var (
	processOf   = regexp.MustCompile(`("[a-z-]+|"[0-9]+)@[^"@]*"`)
	stickyQueue = regexp.MustCompile(`("name":\s*")[^":]+(:[0-9a-f]{8}-)`)
)
