package desk

import (
	"context"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// RequestCode asks the case to send a one-time code, unless it was asked too often within the hour.
// It tells nothing, not even whether there is such a case.
func (d *Desk) RequestCode(ctx context.Context, id, purpose string) {
	ref := contract.NewRef(contract.KindCase, id)
	if heard, err := d.Store.WishCode(ctx, ref, purpose, d.CodesPerHour); err != nil || !heard {
		return
	}
	_ = d.Temporal.SignalWorkflow(ctx, string(ref), "", contract.SendCode.Name,
		contract.SendCodeInput{Purpose: purpose})
}

// TryCode compares a code in the casefile, where tries are counted. When a verification code is
// right the workflow hears of it; when that word was lost before, it is said again.
func (d *Desk) TryCode(ctx context.Context, id, purpose, code string) (bool, error) {
	ref := contract.NewRef(contract.KindCase, id)
	result, err := d.Store.TryCode(ctx, ref, purpose, code)
	if result.Locked {
		d.later(ctx, func(ctx context.Context) {
			_ = d.Temporal.SignalWorkflow(ctx, string(ref), "", contract.Locked.Name, contract.LockedInput{})
		})
	}
	if result.Met && purpose == dsr.CodeSecond {
		d.tellClimber(ctx, ref)
	}
	if err != nil || !result.Met || purpose != dsr.CodeVerify {
		return result.Met, err
	}
	// The person has proved it, whether Temporal answers now or not: Remind says it again.
	_ = d.tellMet(ctx, ref, result.ChallengeID, client.WorkflowUpdateStageAccepted)
	return true, nil
}

// VerifyCode is TryCode for staff: it waits until the case goes on, and says how many tries are left.
func (d *Desk) VerifyCode(ctx context.Context, id, code string) (met bool, left int, err error) {
	ref := contract.NewRef(contract.KindCase, id)
	if _, err := d.Store.Case(ctx, ref); err != nil {
		return false, 0, err
	}
	result, err := d.Store.TryCode(ctx, ref, dsr.CodeVerify, code)
	if err != nil {
		return false, 0, err
	}
	if result.Locked {
		_ = d.Temporal.SignalWorkflow(ctx, string(ref), "", contract.Locked.Name, contract.LockedInput{})
	}
	if !result.Met {
		if met, left, err := d.tryNewChannels(ctx, ref, code); err != nil || met {
			return met, left, err
		} else if left > 0 {
			return false, left, nil // of the code to a new address: that they are who they are is proved already
		}
		return d.Remind(ctx, ref), result.TriesLeft, nil
	}
	return true, 0, d.tellMet(ctx, ref, result.ChallengeID, client.WorkflowUpdateStageCompleted)
}

// Remind tells a case again that its person is verified, when the casefile knows and the word was
// lost on the way. It says whether the person is verified.
func (d *Desk) Remind(ctx context.Context, ref contract.Ref) bool {
	challenge, err := d.Store.MetChallenge(ctx, ref, dsr.CodeVerify)
	if err != nil {
		return false
	}
	_ = d.tellMet(ctx, ref, challenge.ID, client.WorkflowUpdateStageAccepted)
	return true
}

func (d *Desk) tellMet(ctx context.Context, ref contract.Ref, challenge string, stage client.WorkflowUpdateStage) error {
	handle, err := d.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: string(ref), UpdateName: contract.ChallengeMet.Name, UpdateID: "met/" + challenge,
		Args: []any{contract.ChallengeMetInput{Challenge: challenge}}, WaitForStage: stage,
	})
	if err == nil && stage == client.WorkflowUpdateStageCompleted {
		err = handle.Get(ctx, nil)
	}
	return d.temporalError(err)
}

// later does something on which no answer waits: how long it takes must not show in one.
func (d *Desk) later(ctx context.Context, do func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), laterTimeout)
	go func() {
		defer cancel()
		do(ctx)
	}()
}

const laterTimeout = 15 * time.Second
