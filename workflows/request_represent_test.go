package workflows

import (
	"context"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// Somebody asks for another: documents, a decision, and only then the directory. An agent is told of the end,
// a guardian gets the answer itself.
func TestBroughtForSomebodyElse(t *testing.T) {
	for _, c := range []struct {
		as            string
		verdict       dsr.Verdict
		outcome       dsr.Outcome
		task          dsr.TaskKind
		want, wantNot []string
	}{
		{dsr.RequesterAgent, dsr.Approve, dsr.Fulfilled, dsr.TaskMayAct,
			[]string{"letter:representative_accepted", "letter:ack", "letter:case_closed", "letter:representative_closed"}, []string{"letter:representative_declined"}},
		{dsr.RequesterGuardian, dsr.Approve, dsr.Fulfilled, dsr.TaskMayAct,
			[]string{"letter:representative_accepted", "letter:ack", "letter:case_closed"}, []string{"letter:representative_closed"}},
		{dsr.RequesterRelative, dsr.Approve, dsr.Fulfilled, dsr.TaskRelative,
			[]string{"letter:representative_accepted", "letter:ack", "letter:case_closed"}, []string{"letter:representative_closed"}},
		{dsr.RequesterAgent, dsr.Reject, dsr.Unverified, dsr.TaskMayAct,
			[]string{"letter:representative_declined"}, []string{"FindAccount", "code:", "letter:ack", "letter:representative_accepted", "letter:representative_closed", "letter:case_"}},
	} {
		t.Run(c.as+"-"+string(c.verdict), func(t *testing.T) {
			env, f := newEnv(t)
			f.facts.Represented, f.facts.EvidenceFor = c.as, 72*time.Hour
			wiped := 0
			env.RegisterWorkflow(EvidenceWipe)
			add(env, f, contract.WipeEvidence, func(context.Context, contract.RefInput) (contract.WipeResult, error) {
				wiped++
				return contract.WipeResult{}, nil
			})
			verdicts := map[dsr.TaskKind]dsr.Verdict{dsr.TaskAuthority: dsr.Complete, c.task: c.verdict, dsr.TaskReview: dsr.Approve, dsr.TaskRelease: dsr.Approve}
			staff(t, env, f, verdicts)
			typeCode(env, time.Hour)
			download(env, 3*24*time.Hour)
			if got := run(t, env); got != string(c.outcome) {
				t.Fatalf("outcome %q", got)
			}
			for _, call := range c.want {
				if f.called(call) != 1 {
					t.Errorf("%s: %d times", call, f.called(call))
				}
			}
			for _, call := range c.wantNot {
				if f.called(call) != 0 {
					t.Errorf("%s: %d times", call, f.called(call))
				}
			}
			if found := slices.Index(f.calls, "FindAccount"); found >= 0 && found < slices.Index(f.calls, "letter:representative_accepted") {
				t.Error("somebody was looked up before it was decided")
			}
			if len(f.byKind[c.task]) != 1 || len(f.byKind[dsr.TaskAuthority]) != 1 {
				t.Errorf("tasks: %v", f.byKind)
			}
			if wiped > 1 {
				t.Errorf("the documents were wiped %d times", wiped)
			}
		})
	}
}

// Documents are asked for again, each time in a task of its own.
func TestDocumentsAreAskedForAgain(t *testing.T) {
	env, f := newEnv(t)
	f.facts.Represented, f.facts.EvidenceFor = dsr.RequesterGuardian, 72*time.Hour
	env.RegisterWorkflow(EvidenceWipe)
	add(env, f, contract.WipeEvidence, func(context.Context, contract.RefInput) (contract.WipeResult, error) {
		return contract.WipeResult{}, nil
	})
	verdicts := map[dsr.TaskKind]dsr.Verdict{dsr.TaskAuthority: dsr.Complete, dsr.TaskMayAct: dsr.Retry, dsr.TaskReview: dsr.Approve, dsr.TaskRelease: dsr.Approve}
	staff(t, env, f, verdicts)
	answer := f.onTask
	f.onTask = func(kind dsr.TaskKind, id string) {
		if kind == dsr.TaskMayAct && len(f.byKind[kind]) == 3 {
			verdicts[kind] = dsr.Approve
		}
		answer(kind, id)
	}
	typeCode(env, 12*time.Hour)
	download(env, 3*24*time.Hour)
	if got := run(t, env); got != string(dsr.Fulfilled) || len(f.byKind[dsr.TaskMayAct]) != 3 || len(f.byKind[dsr.TaskAuthority]) != 3 {
		t.Fatalf("outcome %q, tasks %v", got, f.byKind)
	}
}

// A word that was made up, that somebody may act, is found out: the case begins anew and looks nobody up.
func TestAMadeUpAuthorityIsFoundOut(t *testing.T) {
	env, f := newEnv(t)
	f.facts.Represented, f.facts.EvidenceFor = dsr.RequesterAgent, 72*time.Hour
	env.RegisterWorkflow(EvidenceWipe)
	add(env, f, contract.WipeEvidence, func(context.Context, contract.RefInput) (contract.WipeResult, error) {
		return contract.WipeResult{}, nil
	})
	verdicts := map[dsr.TaskKind]dsr.Verdict{dsr.TaskAuthority: dsr.Complete, dsr.TaskMayAct: dsr.Approve, dsr.TaskFailed: dsr.Retry}
	staff(t, env, f, verdicts)
	refuse := true
	f.noLetter = func(in contract.LetterInput) error {
		if in.Template == "representative_accepted" && refuse {
			refuse = false
			verdicts[dsr.TaskMayAct] = dsr.Reject
			return errNotApproved
		}
		return nil
	}
	if got := run(t, env); got != string(dsr.Unverified) || f.called("FindAccount") != 0 || f.called("code:") != 0 {
		t.Fatalf("outcome %q, calls %v", got, f.calls)
	}
}

// An agent's documents and the proofs of a correction are decided on at different times: what wipes the first
// may have ended, so the second have a wait of their own.
func TestProofsAreWipedAfterTheDocumentsWere(t *testing.T) {
	env, f, c := newCorrection(t)
	f.facts.Represented, f.facts.EvidenceFor = dsr.RequesterAgent, time.Minute
	c.evidence = true
	waits := 0
	env.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, _ converter.EncodedValues) {
		if info.WorkflowType.Name == contract.EvidenceWipe.Name {
			waits++
		}
	})
	staff(t, env, f, map[dsr.TaskKind]dsr.Verdict{dsr.TaskAuthority: dsr.Complete, dsr.TaskMayAct: dsr.Approve, dsr.TaskEvidence: dsr.Complete, dsr.TaskCorrect: dsr.Approve})
	typeCode(env, 24*time.Hour)
	if got := runCorrection(t, env); got != dsr.Fulfilled {
		t.Fatalf("outcome %q", got)
	}
	if waits != 2 {
		t.Errorf("%d waits for files to be wiped", waits)
	}
}
