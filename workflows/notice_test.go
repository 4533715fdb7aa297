package workflows

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

const noticeRef = contract.Ref("notice/7QK2M-9XH4T")

// desk stands in for a casefile and its staff under the time-skipping suite.
type fakeDesk struct {
	t        *testing.T
	env      *testsuite.TestWorkflowEnvironment
	facts    contract.NoticeFacts
	verdicts map[string]string // by kind and occasion: answers that the casefile has
	tasks    map[string]string // id by kind and occasion
	marked   func(what string) // nil, or hears of each mark while it is being written
	marks    []string          // of clocks, with the hours since they began
	left     map[int]int64     // letters still to be sent, by wave
	sent     []int             // waves of pages
	approved map[int]string
	page     func(contract.PageInput) (contract.PageResult, error)
	answer   func(kind dsr.TaskKind, occasion, id string)
	began    time.Time
	outcome  string
	found    []contract.NoticeHop
	// whom mail did not reach, and whether they are too many
	unreached int64
	public    bool
	told      bool // everybody has been
}

func newDesk(t *testing.T) *fakeDesk {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	d := &fakeDesk{t: t, env: suite.NewTestWorkflowEnvironment(), verdicts: map[string]string{}, tasks: map[string]string{}, left: map[int]int64{}, approved: map[int]string{},
		answer: func(dsr.TaskKind, string, string) {}}
	d.env.SetTestTimeout(20 * time.Second)
	d.env.SetWorkflowRunTimeout(10 * 365 * 24 * time.Hour)
	d.env.RegisterWorkflow(AuthorityClock)
	d.env.RegisterWorkflow(Notice)
	d.began = d.env.Now()
	d.facts = contract.NoticeFacts{Kind: "breach", Laws: []string{"cn-pipl"}, DueAt: d.began.Add(72 * time.Hour), Version: "aa",
		Waves: 2, Hops: []contract.NoticeHop{{System: "accounts"}, {Scope: 1}}, After: time.Hour, Steps: []string{"phone", "letter", "public"}}
	d.page = func(in contract.PageInput) (contract.PageResult, error) {
		d.sent = append(d.sent, in.Wave)
		d.left[in.Wave] = max(0, d.left[in.Wave]-1)
		return contract.PageResult{Claimed: 1, Open: d.left[in.Wave]}, nil
	}
	d.register()
	return d
}

func put[In, Out any](d *fakeDesk, a contract.Activity[In, Out], fn func(In) (Out, error)) {
	d.env.RegisterActivityWithOptions(func(_ context.Context, in In) (Out, error) { return fn(in) }, activity.RegisterOptions{Name: a.Name})
}

func none[In any](In) (contract.Nothing, error) { return contract.Nothing{}, nil }

func (d *fakeDesk) register() {
	put(d, contract.BeginNotice, func(contract.RefInput) (contract.NoticeFacts, error) { return d.facts, nil })
	put(d, contract.ProjectNotice, none[contract.Progress])
	put(d, contract.SendCanaries, none[contract.RefInput])
	put(d, contract.StartClock, none[contract.ClockInput])
	find := func(in contract.FindConcernedInput) (contract.FindConcernedResult, error) {
		d.found = append(d.found, in.Hop)
		return contract.FindConcernedResult{Found: 3}, nil
	}
	put(d, contract.FindConcerned, find)
	put(d, contract.ReadConcerned, find)
	put(d, contract.FreezeList, func(contract.FreezeInput) (contract.FreezeResult, error) {
		return contract.FreezeResult{People: 6, Mail: 6}, nil
	})
	put(d, contract.NoticeDue, func(in contract.PageInput) (contract.PageResult, error) {
		return contract.PageResult{Open: d.left[in.Wave], Unreached: d.unreached, Public: d.public}, nil
	})
	put(d, contract.SendPage, func(in contract.PageInput) (contract.PageResult, error) { return d.page(in) })
	put(d, contract.SendTexts, func(contract.PageInput) (contract.PageResult, error) { return contract.PageResult{}, nil })
	put(d, contract.TakeStep, func(contract.StepInput) (contract.StepResult, error) { return contract.StepResult{}, nil })
	put(d, contract.VoidTask, func(contract.VoidTaskInput) (contract.VoidTaskResult, error) { return contract.VoidTaskResult{}, nil })
	put(d, contract.CloseNotice, func(in contract.CloseInput) (contract.Nothing, error) {
		d.outcome = in.Outcome
		return contract.Nothing{}, nil
	})
	put(d, contract.RecordDecision, func(in contract.RecordDecisionInput) (contract.DecideResult, error) {
		return contract.DecideResult{Verdict: in.Decision.Verdict, Done: true}, nil
	})
	put(d, contract.ActOnTask, func(in contract.TaskInput) (contract.ActResult, error) {
		kind, _, _ := strings.Cut(in.Task, " ")
		return contract.ActResult{Kind: kind}, nil
	})
	put(d, contract.OpenTask, func(in contract.OpenTaskInput) (contract.OpenTaskResult, error) {
		id := in.Kind + " " + in.Occasion
		if d.tasks[id] == "" {
			d.tasks[id] = id
			d.answer(dsr.TaskKind(in.Kind), in.Occasion, id)
		}
		return contract.OpenTaskResult{Task: id, Verdict: d.verdicts[id]}, nil
	})
	mark := func(in contract.MarkClockInput, what string) {
		d.marks = append(d.marks, fmt.Sprintf("%s %s %.2f", in.Authority, what, d.env.Now().Sub(d.began).Hours()))
	}
	put(d, contract.WarnClock, func(in contract.MarkClockInput) (contract.Nothing, error) {
		mark(in, fmt.Sprint(in.Percent))
		return contract.Nothing{}, nil
	})
	put(d, contract.MarkClock, func(in contract.MarkClockInput) (contract.MarkClockResult, error) {
		if in.What == "told" {
			if in.What = ""; d.told {
				in.What = "filed"
			}
		}
		if in.What != "" {
			mark(in, in.What)
			if d.marked != nil {
				d.marked(in.What)
			}
		}
		return contract.MarkClockResult{Filed: in.What == "filed"}, nil
	})
}

// decides answers a task with a verdict, a virtual minute after it opened.
func (d *fakeDesk) decides(id string, v dsr.Verdict) {
	d.env.RegisterDelayedCallback(func() { decide(d.t, d.env, id, v, "good", nil) }, time.Minute)
}

// Each wave waits for its own approval, and a new history goes on where the old one was.
func TestNoticeWavesInTheirOrder(t *testing.T) {
	d := newDesk(t)
	d.left = map[int]int64{1: 1, 2: 3}
	d.answer = func(kind dsr.TaskKind, occasion, id string) {
		if kind == dsr.TaskNoticeWave {
			if occasion == "wave-2/aa" && len(d.sent) != 1 {
				t.Errorf("wave 2 is asked for after pages %v", d.sent)
			}
			d.decides(id, dsr.Approve)
		}
	}
	d.env.ExecuteWorkflow(Notice, contract.NoticeInput{Ref: noticeRef})
	if err := d.env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.sent, []int{1, 2, 2, 2, 2}) && !slices.Equal(d.sent[:4], []int{1, 2, 2, 2}) {
		t.Errorf("pages of waves %v", d.sent)
	}
	if len(d.found) != 2 || d.outcome != contract.NoticeTold {
		t.Errorf("found %v, outcome %s", d.found, d.outcome)
	}
}

// A change of the policy is put to counsel before the first wave; what counsel refuses waits for another
// file.
func TestCounselComesBeforeTheWaves(t *testing.T) {
	d := newDesk(t)
	d.left, d.facts.Counsel = map[int]int64{1: 1, 2: 0}, true
	var asked []string
	d.answer = func(kind dsr.TaskKind, _, id string) {
		asked = append(asked, id)
		switch {
		case kind == dsr.TaskNoticeCounsel && d.facts.Version == "aa":
			d.decides(id, dsr.Reject)
			d.env.RegisterDelayedCallback(func() {
				d.facts.Version = "bb"
				d.env.SignalWorkflow(contract.Amended.Name, contract.Nothing{})
			}, time.Hour)
		case kind == dsr.TaskNoticeCounsel || kind == dsr.TaskNoticeWave:
			d.decides(id, dsr.Approve)
		}
	}
	d.env.ExecuteWorkflow(Notice, contract.NoticeInput{Ref: noticeRef})
	want := []string{"notice-counsel aa", "notice-counsel bb", "notice-wave wave-1/bb", "notice-wave wave-2/bb"}
	if err := d.env.GetWorkflowError(); err != nil || !slices.Equal(asked, want) || d.outcome != contract.NoticeTold {
		t.Errorf("%v, asked %v, outcome %s", err, asked, d.outcome)
	}
}

// Few whom mail did not reach are called and written to; too many get a public notice alone.
func TestNoticeLadderIsShortened(t *testing.T) {
	for public, want := range map[bool][]string{
		false: {"phone-round phone", "letter-round letter", "public-notice public"},
		true:  {"public-notice public"},
	} {
		d := newDesk(t)
		d.left, d.unreached, d.public = map[int]int64{1: 1, 2: 1}, 5, public
		var steps []string
		d.answer = func(kind dsr.TaskKind, _, id string) {
			switch kind {
			case dsr.TaskNoticeWave:
				d.decides(id, dsr.Approve)
			case dsr.TaskPublicNotice:
				steps = append(steps, id)
				d.decides(id, dsr.Complete)
			default:
				steps = append(steps, id)
				d.decides(id, dsr.Partial)
			}
		}
		d.env.ExecuteWorkflow(Notice, contract.NoticeInput{Ref: noticeRef})
		if err := d.env.GetWorkflowError(); err != nil || !slices.Equal(steps, want) || d.outcome != contract.NoticeTold {
			t.Errorf("public %t: %v, steps %v, outcome %s", public, err, steps, d.outcome)
		}
	}
}

// A page that the casefile refuses sends nothing more: the wave is asked for again. When it is refused
// once more somebody is asked first, so that it does not go round for ever.
func TestNoticeIsNotBelieved(t *testing.T) {
	d := newDesk(t)
	d.left = map[int]int64{1: 1, 2: 0}
	refusals, asked := 0, 0
	good := d.page
	d.page = func(in contract.PageInput) (contract.PageResult, error) {
		if refusals++; refusals <= 2 {
			return contract.PageResult{}, temporal.NewNonRetryableApplicationError("no", contract.ErrNotApproved, nil)
		}
		return good(in)
	}
	d.answer = func(kind dsr.TaskKind, _, id string) {
		if kind == dsr.TaskNoticeWave {
			d.decides(id, dsr.Approve)
			d.env.RegisterDelayedCallback(func() { d.verdicts[id] = "approve" }, 2*time.Minute)
		}
		if kind == dsr.TaskFailed {
			asked++
			d.decides(id, dsr.Retry)
		}
	}
	d.env.ExecuteWorkflow(Notice, contract.NoticeInput{Ref: noticeRef})
	if err := d.env.GetWorkflowError(); err != nil || d.outcome != contract.NoticeTold || asked != 1 {
		t.Fatalf("%v, outcome %s, somebody was asked %d times", err, d.outcome, asked)
	}
}

// An abort ends it from wherever it is; a file that is replaced is approved anew.
func TestNoticeAbortedAndAmended(t *testing.T) {
	d := newDesk(t)
	d.left = map[int]int64{1: 5, 2: 5}
	versions := 0
	d.answer = func(kind dsr.TaskKind, occasion, id string) {
		if kind != dsr.TaskNoticeWave {
			return
		}
		switch versions++; versions {
		case 1: // nobody signs; the file is replaced
			d.env.RegisterDelayedCallback(func() {
				d.facts.Version = "bb"
				d.env.SignalWorkflow(contract.Amended.Name, contract.Nothing{})
			}, time.Hour)
		case 2:
			if occasion != "wave-1/bb" {
				t.Errorf("asked for %s", occasion)
			}
			d.decides(id, dsr.Approve)
		}
	}
	d.page = func(contract.PageInput) (contract.PageResult, error) {
		if d.sent = append(d.sent, 1); len(d.sent) == 2 {
			d.facts.Aborted = true
			return contract.PageResult{Aborted: true}, nil
		}
		return contract.PageResult{Claimed: 1, Open: 4}, nil
	}
	d.env.ExecuteWorkflow(Notice, contract.NoticeInput{Ref: noticeRef})
	if err := d.env.GetWorkflowError(); err != nil || d.outcome != contract.NoticeAborted || len(d.sent) != 2 {
		t.Fatalf("%v, outcome %s, pages %v", err, d.outcome, d.sent)
	}
}

// A long notice goes on in new histories.
func TestNoticeContinuesAsNew(t *testing.T) {
	d := newDesk(t)
	d.left = map[int]int64{1: 0, 2: 10_000}
	d.answer = func(kind dsr.TaskKind, _, id string) {
		if kind == dsr.TaskNoticeWave {
			d.decides(id, dsr.Approve)
		}
	}
	d.env.ExecuteWorkflow(Notice, contract.NoticeInput{Ref: noticeRef})
	if err := d.env.GetWorkflowError(); err == nil || !strings.Contains(err.Error(), "continue as new") || len(d.sent) != pagesPerRun {
		t.Fatalf("%v after %d pages", err, len(d.sent))
	}
}
