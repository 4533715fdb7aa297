package workflows

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// ledgerText is what the casefile lets into a ledger line, the occasion of a task among it.
var ledgerText = regexp.MustCompile(`^[A-Za-z0-9 ._:;,'/+=-]{0,160}$`)

// fakes stand in for the activities under the time-skipping suite, and only there. Each may be
// replaced by a test; calls are counted.
type fakes struct {
	mu       sync.Mutex
	calls    []string
	tasks    map[string]contract.OpenTaskInput // by id
	byKind   map[dsr.TaskKind][]string
	known    map[string]dsr.Verdict // by task id: answers that the casefile has, whatever the workflow heard
	facts    contract.CaseFacts
	found    func(n int) contract.FoundAccount
	letter   func(contract.LetterInput) contract.LetterResult
	noLetter func(contract.LetterInput) error // an error instead
	code     func(contract.IssueCodeInput) contract.IssueCodeResult
	confirm  func() bool
	proved   func() bool // the casefile knows of a code typed rightly, whatever the workflow heard
	plan     func() error
	assemble func(task string) error
	wipe     func(outcome string) error
	fetched  func() bool
	discover func(contract.DiscoverInput) error
	collect  func(ctx context.Context, in contract.CollectInput) error
	release  func() error
	openTask func() error
	show     func(contract.OpenTaskInput) error
	late     map[string]string // verdicts that came before a task could be closed
	onTask   func(kind dsr.TaskKind, id string)
	byHand   []string  // systems in which people look by hand
	law      *lawFakes // nil: the clocks say nothing
}

const ref = contract.Ref("case/7QK2M-9XH4T")

func newEnv(t *testing.T) (*testsuite.TestWorkflowEnvironment, *fakes) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(20 * time.Second)
	env.SetWorkflowRunTimeout(365 * 24 * time.Hour) // the suite makes a day of no limit, and ends retries by it
	f := &fakes{
		tasks: map[string]contract.OpenTaskInput{}, byKind: map[dsr.TaskKind][]string{}, known: map[string]dsr.Verdict{},
		facts: contract.CaseFacts{
			Kind: "access", Laws: []string{"cn-pipl"}, DueAt: time.Date(2026, 12, 23, 16, 0, 0, 0, time.UTC),
			Directory: "accounts", VerifyWithin: 14 * 24 * time.Hour, PackageTTL: 7 * 24 * time.Hour, CodesPerHour: 3,
			Patience: map[string]time.Duration{"accounts": time.Hour, "billing": time.Hour},
		},
		found: func(int) contract.FoundAccount { return contract.FoundAccount{Candidates: 1, Settled: true} },
		letter: func(contract.LetterInput) contract.LetterResult {
			return contract.LetterResult{State: contract.LetterSent}
		},
		code: func(contract.IssueCodeInput) contract.IssueCodeResult {
			return contract.IssueCodeResult{State: contract.LetterSent}
		},
		confirm:  func() bool { return true },
		proved:   func() bool { return false },
		plan:     func() error { return nil },
		assemble: func(string) error { return nil },
		wipe:     func(string) error { return nil },
		fetched:  func() bool { return true },
		discover: func(contract.DiscoverInput) error { return nil },
		collect:  func(context.Context, contract.CollectInput) error { return nil },
		release:  func() error { return nil },
		openTask: func() error { return nil },
		show:     func(contract.OpenTaskInput) error { return nil },
		late:     map[string]string{},
		onTask:   func(dsr.TaskKind, string) {},
	}
	f.register(env)
	f.registerLaw(t, env)
	return env, f
}

func (f *fakes) count(call string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call)
}

func (f *fakes) called(prefix string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.calls {
		if strings.HasPrefix(c, prefix) {
			n++
		}
	}
	return n
}

func add[In, Out any](env *testsuite.TestWorkflowEnvironment, f *fakes, a contract.Activity[In, Out], fn func(context.Context, In) (Out, error)) {
	env.RegisterActivityWithOptions(func(ctx context.Context, in In) (Out, error) {
		if activity.GetInfo(ctx).Attempt == 1 {
			f.count(a.Name)
		}
		return fn(ctx, in)
	}, activity.RegisterOptions{Name: a.Name})
}

func (f *fakes) register(env *testsuite.TestWorkflowEnvironment) {
	n := 0
	add(env, f, contract.BeginCase, func(context.Context, contract.RefInput) (contract.CaseFacts, error) { return f.facts, nil })
	add(env, f, contract.Project, func(_ context.Context, p contract.Progress) (contract.Nothing, error) {
		f.count("state:" + p.State)
		return contract.Nothing{}, nil
	})
	add(env, f, contract.FindAccount, func(context.Context, contract.RefInput) (contract.FoundAccount, error) {
		n++
		return f.found(n), nil
	})
	add(env, f, contract.ChooseAccount, func(context.Context, contract.TaskInput) (contract.Nothing, error) {
		return contract.Nothing{}, nil
	})
	add(env, f, contract.SendLetter, func(_ context.Context, in contract.LetterInput) (contract.LetterResult, error) {
		if f.noLetter != nil {
			if err := f.noLetter(in); err != nil {
				return contract.LetterResult{}, err
			}
		}
		f.count("letter:" + in.Template)
		return f.letter(in), nil
	})
	add(env, f, contract.IssueCode, func(_ context.Context, in contract.IssueCodeInput) (contract.IssueCodeResult, error) {
		f.count("code:" + in.Purpose)
		return f.code(in), nil
	})
	add(env, f, contract.ConfirmChallenge, func(_ context.Context, in contract.ConfirmInput) (contract.ConfirmResult, error) {
		if in.Challenge == "" {
			return contract.ConfirmResult{True: f.proved()}, nil
		}
		return contract.ConfirmResult{True: f.confirm()}, nil
	})
	add(env, f, contract.OpenTask, func(_ context.Context, in contract.OpenTaskInput) (contract.OpenTaskResult, error) {
		if err := f.openTask(); err != nil {
			return contract.OpenTaskResult{}, err
		}
		if err := f.show(in); err != nil {
			return contract.OpenTaskResult{}, err
		}
		if !ledgerText.MatchString(in.Occasion) {
			return contract.OpenTaskResult{}, refusal(contract.ErrBadInput)
		}
		id := fmt.Sprintf("%s-%d", in.Kind, len(f.tasks)+1)
		for had, task := range f.tasks {
			if task == in {
				id = had
			}
		}
		if v := f.known[id]; v != "" {
			return contract.OpenTaskResult{Task: id, Verdict: string(v)}, nil
		}
		if f.tasks[id] != in {
			f.tasks[id] = in
			f.byKind[dsr.TaskKind(in.Kind)] = append(f.byKind[dsr.TaskKind(in.Kind)], id)
		}
		f.onTask(dsr.TaskKind(in.Kind), id)
		return contract.OpenTaskResult{Task: id}, nil
	})
	add(env, f, contract.VoidTask, func(_ context.Context, in contract.VoidTaskInput) (contract.VoidTaskResult, error) {
		return contract.VoidTaskResult{Verdict: f.late[in.Task]}, nil
	})
	add(env, f, contract.RecordDecision, func(_ context.Context, in contract.RecordDecisionInput) (contract.DecideResult, error) {
		if string(in.Decision.Signature) != "good" {
			return contract.DecideResult{}, temporal.NewNonRetryableApplicationError("refused", contract.ErrBadSignature, nil)
		}
		return contract.DecideResult{Verdict: in.Decision.Verdict, Done: true}, nil
	})
	add(env, f, contract.PlanSearch, func(context.Context, contract.RefInput) (contract.SearchPlan, error) {
		if err := f.plan(); err != nil {
			return contract.SearchPlan{}, err
		}
		return contract.SearchPlan{ByHand: f.byHand, Steps: []contract.SearchStep{
			{Level: 0, System: "accounts", Collections: []string{"users", "contacts"}},
			{Level: 1, System: "billing", Collections: []string{"orders"}},
			{Level: 2, System: "billing", Collections: []string{"items"}},
		}}, nil
	})
	add(env, f, contract.Discover, func(_ context.Context, in contract.DiscoverInput) (contract.DiscoverResult, error) {
		return contract.DiscoverResult{}, f.discover(in)
	})
	add(env, f, contract.Collect, func(ctx context.Context, in contract.CollectInput) (contract.CollectResult, error) {
		f.count("collect:" + in.System + "." + in.Collection)
		return contract.CollectResult{Rows: 1}, f.collect(ctx, in)
	})
	add(env, f, contract.Assemble, func(_ context.Context, in contract.TaskInput) (contract.AssembleResult, error) {
		return contract.AssembleResult{ManifestHash: []byte{1}, Withheld: f.law.withheld()}, f.assemble(in.Task)
	})
	add(env, f, contract.Release, func(context.Context, contract.TaskInput) (contract.ReleaseResult, error) {
		return contract.ReleaseResult{ExpiresAt: env.Now().Add(f.facts.PackageTTL)}, f.release()
	})
	add(env, f, contract.ConfirmFetched, func(context.Context, contract.RefInput) (contract.ConfirmResult, error) {
		return contract.ConfirmResult{True: f.fetched()}, nil
	})
	add(env, f, contract.Wipe, func(_ context.Context, in contract.CloseInput) (contract.Nothing, error) {
		return contract.Nothing{}, f.wipe(in.Outcome)
	})
	add(env, f, contract.CloseCase, func(_ context.Context, in contract.CloseInput) (contract.Nothing, error) {
		f.count("closed:" + in.Outcome)
		return contract.Nothing{}, nil
	})
}

var decisions int

// decide answers a task a moment after it opened.
func decide(t *testing.T, env *testsuite.TestWorkflowEnvironment, task string, v dsr.Verdict, signature string, want error) {
	t.Helper()
	decisions++ // an update of the same id would get the first one's answer
	env.UpdateWorkflow(contract.Decide.Name, fmt.Sprintf("%s/%d", task, decisions), &testsuite.TestUpdateCallback{
		OnAccept: func() {},
		OnReject: func(err error) {
			if want == nil {
				t.Errorf("decision on %s rejected: %v", task, err)
			}
		},
		OnComplete: func(_ any, err error) {
			if (err == nil) != (want == nil) {
				t.Errorf("decision on %s: got %v, want %v", task, err, want)
			}
		},
	}, contract.DecideInput{Task: task, Verdict: string(v), Signature: []byte(signature)})
}
