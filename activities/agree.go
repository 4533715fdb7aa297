package activities

import (
	"context"
	"slices"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// target is what a plan is about to destroy, for the holds: the person under every identity, also one
// that others share, and the collections of the systems given.
func (a *Activities) target(ctx context.Context, ref contract.Ref, n int, plan subject.Plan, only ...string) (casefile.Target, error) {
	t := casefile.Target{Indexes: map[string][][]byte{}, Collections: map[string][]string{}}
	account, err := a.planAccount(ctx, ref, n)
	if err != nil {
		return t, err
	}
	for _, id := range account.Identities {
		value, err := a.Map.Normalise(id.Kind, id.Value)
		if err != nil {
			continue // no hold can be placed on it either
		}
		t.Indexes[id.Kind] = append(t.Indexes[id.Kind], a.Keys.BlindIndex(id.Kind, value))
	}
	for _, entry := range plan.Entries {
		if len(only) > 0 && !slices.Contains(only, entry.System) {
			continue
		}
		t.Collections[entry.System] = append(t.Collections[entry.System], entry.Collection)
	}
	for _, s := range plan.Asked {
		if len(only) == 0 || slices.Contains(only, s.System) {
			t.Collections[s.System] = nil
		}
	}
	return t, nil
}

// targetOf is target for the sealed plan of a deletion or a correction.
func (a *Activities) targetOf(ctx context.Context, ref contract.Ref, n int, only ...string) (casefile.Target, error) {
	c, err := a.Store.Case(ctx, ref)
	if err != nil {
		return casefile.Target{}, err
	}
	if c.Kind != dsr.Correction {
		plan, err := a.sealedPlan(ctx, ref, n)
		if err != nil {
			return casefile.Target{}, err
		}
		return a.target(ctx, ref, n, plan, only...)
	}
	plan, err := a.correctionPlan(ctx, ref, n)
	if err != nil {
		return casefile.Target{}, err
	}
	same := subject.Plan{Asked: plan.Asked}
	for _, e := range plan.Entries {
		if e.Action == subject.FixCorrect || e.Action == subject.FixDispute {
			same.Entries = append(same.Entries, subject.Entry{System: e.System, Collection: e.Collection})
		}
	}
	return a.target(ctx, ref, n, same, only...)
}

// CheckHolds lists the systems of which a legal hold covers a part.
func (a *Activities) CheckHolds(ctx context.Context, in contract.PlanInput) (contract.HoldsResult, error) {
	held, err := a.held(ctx, in.Ref, in.Plan)
	return contract.HoldsResult{Systems: held}, err
}

func (a *Activities) held(ctx context.Context, ref contract.Ref, n int) ([]string, error) {
	target, err := a.targetOf(ctx, ref, n)
	if err != nil {
		return nil, err
	}
	return a.Store.Held(ctx, target, a.Pins)
}

// AgreePlan checks the signatures of the reviewer and of whoever approved, and writes down until when
// the person may withdraw.
func (a *Activities) AgreePlan(ctx context.Context, in contract.AgreeInput) (contract.AgreeResult, error) {
	if err := a.verified(ctx, in.Ref); err != nil {
		return contract.AgreeResult{}, err
	}
	cool := a.Config.CoolOff
	if over, err := a.stops(ctx, in.Ref, in.Plan); err != nil {
		return contract.AgreeResult{}, err
	} else if over { // who asks that something stop wants it now, and it can be lifted again
		cool = 0
	}
	p, err := a.Store.AgreePlan(ctx, in.Ref, in.Plan, in.Review, in.Approval, cool, a.Pins)
	if err != nil {
		return contract.AgreeResult{}, err
	}
	return contract.AgreeResult{Until: *p.CoolUntil}, nil
}

// ConfirmWithdrawn says whether the casefile knows that the person took the request back.
func (a *Activities) ConfirmWithdrawn(ctx context.Context, in contract.RefInput) (contract.ConfirmResult, error) {
	c, err := a.Store.Case(ctx, in.Ref)
	return contract.ConfirmResult{True: err == nil && c.WithdrawnAt != nil}, err
}

// BeginErasing is the point of no return. Everything is checked in the casefile: who is asking, the
// signatures, the time to withdraw, and the holds on what nobody has signed to leave out.
func (a *Activities) BeginErasing(ctx context.Context, in contract.PlanInput) (contract.Nothing, error) {
	if err := a.verified(ctx, in.Ref); err != nil {
		return contract.Nothing{}, err
	}
	c, err := a.Store.Case(ctx, in.Ref)
	if err != nil {
		return contract.Nothing{}, err
	}
	if c.Kind.Copies() { // the person has their copy, or left it lying
		if err := a.answered(ctx, in.Ref); err != nil {
			return contract.Nothing{}, err
		}
	}
	held, err := a.mayStop(ctx, in)
	if err != nil {
		return contract.Nothing{}, err
	}
	left, err := a.partial(ctx, in.Ref)
	if err != nil {
		return contract.Nothing{}, err
	}
	for _, system := range held {
		if !slices.Contains(left, system) {
			return contract.Nothing{}, fault.Newf(contract.ErrHeld, "%s: a legal hold covers a part of %s", in.Ref, system)
		}
	}
	return contract.Nothing{}, a.Store.BeginErasing(ctx, in.Ref, in.Plan, a.Pins)
}

// HoldFacts says which wish to release a hold this is.
func (a *Activities) HoldFacts(ctx context.Context, in contract.RefInput) (contract.HoldRound, error) {
	h, err := a.Store.Hold(ctx, in.Ref, a.Pins)
	return contract.HoldRound{Round: h.Round}, err
}

// ApplyHoldRelease ends a hold that two people signed to end; their signatures are checked here.
func (a *Activities) ApplyHoldRelease(ctx context.Context, in contract.TaskInput) (contract.Nothing, error) {
	return contract.Nothing{}, a.Store.ReleaseHold(ctx, in.Ref, in.Task, a.Pins)
}
