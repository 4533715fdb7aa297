package activities

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/habeas-dsr/habeas/internal/announce"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
)

const ladderPage = 200

// SendTexts sends a text message to those whom e-mail did not reach and whose number is known. It
// stands under the approval of the last wave. Without a webhook, and in an exercise, it does nothing.
func (a *Activities) SendTexts(ctx context.Context, in contract.PageInput) (contract.PageResult, error) {
	n, f, err := a.incident(ctx, in.Ref)
	if err != nil {
		return contract.PageResult{}, err
	}
	if n.AbortedAt != nil || n.State == casefile.NoticeClosed {
		return contract.PageResult{}, fault.Newf(contract.ErrNotApproved, "no text message of %s goes out: it is over", in.Ref)
	}
	if err := a.approvedWave(ctx, n, f, in.Wave, in.Task); err != nil {
		return contract.PageResult{}, err
	}
	if a.SMS == nil || n.Exercise {
		return a.NoticeDue(ctx, in)
	}
	key, err := a.Store.Key(ctx, in.Ref)
	if err != nil {
		return contract.PageResult{}, err
	}
	var sent atomic.Int64
	progress(ctx, &sent, 0)
	for after := int64(0); ; {
		list, err := a.Store.Unreached(ctx, in.Ref, after, "sms", ladderPage)
		if err != nil {
			return contract.PageResult{}, err
		}
		if len(list) == 0 {
			break
		}
		if f.MayBeRefused() {
			if list, after, err = a.willing(ctx, in.Ref, list); err != nil {
				return contract.PageResult{}, err
			}
		}
		for _, r := range list {
			after = r.N
			told, err := a.text(ctx, n, r, func(check string) (string, error) { return a.house().SMS(f, n.ID, r.Lang, check) }, announce.CheckCode(key, r.N))
			if err != nil {
				return contract.PageResult{}, err
			}
			if told {
				err = a.Store.Stepped(ctx, in.Ref, "sms", []int64{r.N}, nil)
				sent.Add(1)
			} else {
				err = a.Store.Stepped(ctx, in.Ref, "sms", nil, []int64{r.N})
			}
			if err != nil {
				return contract.PageResult{}, err
			}
		}
	}
	out, err := a.NoticeDue(ctx, in)
	out.Sent = sent.Load()
	return out, err
}

// willing leaves out those who have objected, and gives the number of the last of the list.
func (a *Activities) willing(ctx context.Context, ref contract.Ref, list []casefile.Recipient) ([]casefile.Recipient, int64, error) {
	objected, err := a.objected(ctx, list)
	if err != nil {
		return nil, 0, err
	}
	var stay []casefile.Recipient
	var out []int64
	for i, r := range list {
		if objected[i] {
			out = append(out, r.N)
		} else {
			stay = append(stay, r)
		}
	}
	if len(out) > 0 {
		err = a.Store.LeaveOut(ctx, ref, out)
	}
	return stay, list[len(list)-1].N, err
}

// text sends one text message; false when there is no number or it was refused for good. The key
// makes a repeat the same message for the webhook.
func (a *Activities) text(ctx context.Context, n casefile.Notice, r casefile.Recipient, write func(string) (string, error), check string) (bool, error) {
	if r.Person.Mobile == "" {
		return false, nil
	}
	words, err := write(check)
	if err != nil {
		return false, err
	}
	err = a.SMS.Send(ctx, r.Person.Mobile, words, fmt.Sprintf("%s/sms/%d", n.Ref, r.N))
	if fault.Is(err, contract.ErrUndeliverable) || fault.Is(err, contract.ErrBadInput) || fault.Is(err, contract.ErrRefused) {
		return false, nil
	}
	return err == nil, err
}

// ladderTasks are the tasks behind the steps that people take.
var ladderTasks = map[string]dsr.TaskKind{"phone": dsr.TaskPhoneRound, "letter": dsr.TaskLetterRound, "public": dsr.TaskPublicNotice}

// TakeStep writes that a round of calls or letters, or a public notice, told those whom nothing had
// reached. The signed task behind it is checked here.
func (a *Activities) TakeStep(ctx context.Context, in contract.StepInput) (contract.StepResult, error) {
	var out contract.StepResult
	task, err := a.Store.CheckVerdict(ctx, in.Task, dsr.Complete, a.Pins)
	if err != nil {
		return out, err
	}
	if kind, known := ladderTasks[in.Step]; !known || task.Kind != kind || task.Ref != in.Ref {
		return out, fault.Newf(contract.ErrNotApproved, "task %s stands behind no such step", in.Task)
	}
	if out.Told, err = a.Store.SteppedAll(ctx, in.Ref, in.Step); err != nil {
		return out, err
	}
	if out.Told > 0 {
		err = a.Store.NoteNotice(ctx, in.Ref, "notice.step", map[string]any{"step": in.Step, "told": out.Told, "task": in.Task})
	}
	return out, err
}

// ActOnTask carries out what a signed decision on a control says, and tells the workflow what kind
// of task it was. Whatever the workflow was told, the signatures are checked here.
func (a *Activities) ActOnTask(ctx context.Context, in contract.TaskInput) (contract.ActResult, error) {
	task, err := a.Store.Task(ctx, in.Task)
	if err != nil {
		return contract.ActResult{}, err
	}
	out := contract.ActResult{Kind: string(task.Kind), System: task.System}
	if task.Ref != in.Ref || (task.Kind != dsr.TaskNoticeControl && task.Kind != dsr.TaskNoticeStopped) {
		return out, nil
	}
	action, rate := "continue", 0
	if task.Verdict == dsr.Reject && task.Kind == dsr.TaskNoticeStopped {
		action = "abort"
	}
	if task.Kind == dsr.TaskNoticeControl {
		if task.Verdict != dsr.Approve {
			return out, nil
		}
		raw, err := a.Store.Shown(ctx, in.Task)
		if err != nil {
			return out, err
		}
		shown, err := dsr.ReadShown(raw)
		if err != nil || shown.Notice == nil {
			return out, err
		}
		action, rate = shown.Notice.Action, shown.Notice.Rate
	}
	if task.Verdict == dsr.Reject {
		_, err = a.Store.CheckVerdict(ctx, in.Task, dsr.Reject, a.Pins)
	} else {
		_, err = a.Store.CheckApproval(ctx, in.Task, a.Pins)
	}
	if err != nil {
		return out, err
	}
	err = a.Store.ControlNotice(ctx, in.Ref, casefile.Control{Task: in.Task, Action: action, Rate: rate})
	if fault.Is(err, contract.ErrNotOpen) {
		err = nil
	}
	return out, err
}

// CloseNotice ends a notice, with an outcome that the casefile bears out.
func (a *Activities) CloseNotice(ctx context.Context, in contract.CloseInput) (contract.Nothing, error) {
	n, f, err := a.incident(ctx, in.Ref)
	if err != nil {
		return contract.Nothing{}, err
	}
	refuse := func(why string) error {
		return fault.Newf(contract.ErrNotApproved, "%s cannot end as %s: %s", in.Ref, in.Outcome, why)
	}
	switch in.Outcome {
	case contract.NoticeAborted:
		if n.AbortedAt == nil {
			return contract.Nothing{}, refuse("nobody ended it")
		}
	case contract.NoticeNotNotified:
		id, err := a.Store.Approval(ctx, in.Ref, dsr.TaskNoticeNone, notNotified(n))
		if err != nil {
			return contract.Nothing{}, refuse("nobody decided so")
		}
		if _, err := a.Store.CheckApproval(ctx, id, a.Pins); err != nil {
			return contract.Nothing{}, err
		}
	default:
		open, _, err := a.Store.Due(ctx, in.Ref, len(f.Pace.Waves))
		if err != nil {
			return contract.Nothing{}, err
		}
		if n.FrozenAt == nil || open > 0 {
			return contract.Nothing{}, refuse("letters are still to be sent")
		}
	}
	if open, err := a.openClocks(ctx, in.Ref); err != nil || open > 0 {
		if err == nil {
			err = refuse("an authority still waits for its report")
		}
		return contract.Nothing{}, err
	}
	return contract.Nothing{}, a.Store.CloseNotice(ctx, in.Ref, in.Outcome)
}

// notNotified is the occasion of the decision not to notify, and of counsel's, for the file of now.
func notNotified(n casefile.Notice) string { return fmt.Sprintf("%x", n.FileHash[:4]) }

// sender says what DNS holds of the sender's domain, where DNS is reachable: receivers reject or
// doubt letters whose SPF, DKIM or DMARC is missing.
func (a *Activities) sender(ctx context.Context) []string {
	return letters.Preflight(ctx, nil, a.Map.Company.From, a.Config.DKIMSelector, a.DKIM != nil)
}
