package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// humans is what a workflow asks of people: the open tasks and their answers.
type humans struct {
	ref     contract.Ref
	pending map[string]*pending // by task id
	opening int                 // tasks that are being opened: their ids are in the casefile, but not here yet
	changed func(ctx workflow.Context)
	// others hears of decisions on tasks of this reference that nobody here waits for: a control, or
	// the task of a child. Without it such a decision is refused.
	others func(ctx workflow.Context, task string, out contract.DecideResult) error
}

type pending struct {
	kind    dsr.TaskKind
	verdict dsr.Verdict
	done    bool
}

// listen registers the update by which decisions come in. The validator refuses only what is not
// open; whether the decision is signed, by whom and over what, the activity checks.
func (h *humans) listen(ctx workflow.Context) error {
	h.pending = map[string]*pending{}
	return workflow.SetUpdateHandlerWithOptions(ctx, contract.Decide.Name,
		func(ctx workflow.Context, in contract.DecideInput) (contract.DecideResult, error) {
			ctx, _ = workflow.NewDisconnectedContext(ctx) // as the workflow: see Access
			// Whoever is quick decides before this workflow has heard the task's id.
			err := workflow.Await(ctx, func() bool { return h.pending[in.Task] != nil || h.opening == 0 })
			if err != nil {
				return contract.DecideResult{}, err
			}
			if h.pending[in.Task] == nil && h.others == nil {
				return contract.DecideResult{}, notOpen()
			}
			out, err := contract.RecordDecision.Run(core(ctx, "check and record the decision on task "+in.Task),
				contract.RecordDecisionInput{Ref: h.ref, Decision: in})
			if err != nil {
				return out, bare(err)
			}
			if p := h.pending[in.Task]; p != nil && out.Done {
				p.verdict, p.done = dsr.Verdict(out.Verdict), true
			}
			if h.others != nil {
				return out, h.others(ctx, in.Task, out)
			}
			return out, nil
		},
		workflow.UpdateHandlerOptions{
			Description: "a signed decision of a member of staff on an open task",
			Validator: func(ctx workflow.Context, in contract.DecideInput) error {
				if p := h.pending[in.Task]; (p == nil && h.opening == 0 && h.others == nil) || (p != nil && p.done) {
					workflow.GetMetricsHandler(ctx).Counter("habeas_decisions_refused_total").Inc(1)
					return notOpen()
				}
				return nil
			},
		})
}

// answer is what became of a task.
type answer struct {
	task    string
	verdict dsr.Verdict
	known   bool // it was in the casefile before we asked
}

// ask opens a task and waits for its answer, or until settled says that nobody needs to answer
// any more; then the verdict is empty. A task that was asked before keeps its answer.
func (h *humans) ask(ctx workflow.Context, in contract.OpenTaskInput, settled func() bool) (answer, error) {
	opened, err := h.openTask(ctx, in)
	if err != nil {
		return answer{}, h.nothingToShow(ctx, in.Kind, err)
	}
	if opened.Verdict != "" {
		return answer{opened.Task, dsr.Verdict(opened.Verdict), true}, nil
	}
	p := &pending{kind: dsr.TaskKind(in.Kind)}
	h.pending[opened.Task] = p
	h.changed(ctx)
	for !p.done && (settled == nil || !settled()) {
		ended, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout: lookAgain, TimerOptions: workflow.TimerOptions{Summary: "look at task " + opened.Task + " again"},
		}, func() bool { return p.done || (settled != nil && settled()) })
		if err != nil {
			return answer{}, err
		}
		if ended {
			break
		}
		// Somebody may have closed it behind our back, or the word about its answer was lost.
		delete(h.pending, opened.Task)
		if opened, err = h.openTask(ctx, in); err != nil {
			return answer{}, err
		}
		h.pending[opened.Task] = p
		if opened.Verdict != "" {
			p.verdict, p.done = dsr.Verdict(opened.Verdict), true
		}
	}
	delete(h.pending, opened.Task)
	if !p.done {
		if err := h.void(ctx, opened.Task, p); err != nil {
			return answer{}, err
		}
	}
	h.changed(ctx)
	return answer{task: opened.Task, verdict: p.verdict}, nil
}

// void closes a task that nobody needs to answer any more. If it was answered in the meantime, the
// answer counts.
func (h *humans) void(ctx workflow.Context, task string, p *pending) error {
	out, err := contract.VoidTask.Run(core(ctx, "close task "+task+": settled meanwhile"),
		contract.VoidTaskInput{Ref: h.ref, Task: task, Why: "settled meanwhile"})
	switch {
	case err == nil:
		p.verdict = dsr.Verdict(out.Verdict)
	case stops(err):
		return err
	case typeOf(err) == contract.ErrNotApproved:
		return errUnfounded // it was not settled, whatever we were told
	}
	return nil // a task that stays open asks for nothing that matters
}

// nothingToShow deals with a task for which there is nothing in the casefile, such as the release of
// a package that nobody put together: we came to it on a made-up word. A human sees that; then the
// case begins anew.
func (h *humans) nothingToShow(ctx workflow.Context, kind string, err error) error {
	if stops(err) || typeOf(err) != contract.ErrNotFound {
		return err
	}
	got, err := h.ask(ctx, contract.OpenTaskInput{Kind: string(dsr.TaskFailed),
		Occasion: "open " + kind + "/" + workflow.Now(ctx).UTC().Format(time.RFC3339), Problem: contract.ErrNotFound}, nil)
	switch {
	case err != nil:
		return err
	case got.verdict == dsr.Reject:
		return errGivenUp
	}
	return errUnfounded
}

// lookAgain is how often a task that waits is looked at in the casefile.
const lookAgain = 6 * time.Hour

// openTask opens a task that can be answered: one that was closed without an answer is asked again.
func (h *humans) openTask(ctx workflow.Context, in contract.OpenTaskInput) (contract.OpenTaskResult, error) {
	in.Ref = h.ref
	h.opening++
	defer func() { h.opening-- }()
	for wait := time.Minute; ; {
		opened, err := contract.OpenTask.Run(core(ctx, "open a task: "+in.Kind), in)
		switch {
		case err == nil && opened.Void:
			in.Occasion += "/again"
			continue
		case err == nil || stops(err):
			return opened, err
		case typeOf(err) == contract.ErrNotFound && in.Kind != string(dsr.TaskFailed):
			return opened, err
		}
		// A task is the last resort: without one nobody would hear of anything. So this is tried for ever.
		if _, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout: wait, TimerOptions: workflow.TimerOptions{Summary: "try again to open the task " + in.Kind},
		}, func() bool { return false }); err != nil {
			return opened, err
		}
		wait = min(2*wait, time.Hour)
	}
}

func notOpen() error {
	return temporal.NewNonRetryableApplicationError("the task is not open in this case", contract.ErrNotOpen, nil)
}

// open lists the open tasks, sorted.
func (h *humans) open() []string { return workflow.DeterministicKeys(h.pending) }

// waiting names the kinds of the open tasks, for the operator.
func (h *humans) waiting() string {
	ids := h.open()
	if len(ids) == 0 {
		return ""
	}
	return "task:" + string(h.pending[ids[0]].kind)
}

// bare takes an application error out of its activity's wrapping, so that whoever sent the update
// sees type and text and not the machinery.
func bare(err error) error {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return temporal.NewNonRetryableApplicationError(app.Message(), app.Type(), nil)
	}
	return err
}

// typeOf is the error type of ours behind err, or contract.ErrInternal.
func typeOf(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) && app.Type() != "" {
		return app.Type()
	}
	return contract.ErrInternal
}
