package activities

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// AgreeCorrection checks everything behind a plan: the signatures, codes, proofs and the fresh check.
func (a *Activities) AgreeCorrection(ctx context.Context, in contract.AgreeInput) (contract.Nothing, error) {
	if err := a.verified(ctx, in.Ref); err != nil {
		return contract.Nothing{}, err
	}
	plan, err := a.correctionPlan(ctx, in.Ref, in.Plan)
	if err != nil {
		return contract.Nothing{}, err
	}
	if err := a.proven(ctx, in.Ref, plan, a.Now()); err != nil {
		return contract.Nothing{}, err
	}
	if !plan.Strict() {
		in.Approval = in.Review
	}
	_, err = a.Store.AgreePlan(ctx, in.Ref, in.Plan, in.Review, in.Approval, 0, a.Pins)
	return contract.Nothing{}, err
}

// checkedCorrection verifies a plan that is begun, with all that must stand behind it.
func (a *Activities) checkedCorrection(ctx context.Context, ref contract.Ref, n int) (casefile.Plan, subject.CorrectionPlan, error) {
	var plan subject.CorrectionPlan
	if err := a.verified(ctx, ref); err != nil {
		return casefile.Plan{}, plan, err
	}
	p, err := a.Store.CheckPlan(ctx, ref, n, a.Pins)
	if err != nil {
		return p, plan, err
	}
	if plan, err = a.correctionPlan(ctx, ref, n); err != nil {
		return p, plan, err
	}
	if plan.Strict() != p.Large {
		return p, plan, fault.Newf(contract.ErrTampered, "plan %d of %s is not what its row says", n, ref)
	}
	return p, plan, a.proven(ctx, ref, plan, *p.AgreedAt)
}

// BeginCorrecting is from where on the person cannot take the request back any more.
func (a *Activities) BeginCorrecting(ctx context.Context, in contract.PlanInput) (contract.Nothing, error) {
	if err := a.verified(ctx, in.Ref); err != nil {
		return contract.Nothing{}, err
	}
	p, err := a.Store.Plan(ctx, in.Ref, in.Plan)
	if err != nil {
		return contract.Nothing{}, err
	}
	plan, err := a.correctionPlan(ctx, in.Ref, in.Plan)
	if err != nil {
		return contract.Nothing{}, err
	}
	if p.AgreedAt == nil {
		return contract.Nothing{}, fault.Newf(contract.ErrNotApproved, "plan %d of %s is not agreed on", in.Plan, in.Ref)
	}
	if err := a.proven(ctx, in.Ref, plan, *p.AgreedAt); err != nil {
		return contract.Nothing{}, err
	}
	held, err := a.held(ctx, in.Ref, in.Plan)
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

// Correct carries the plan out in one system. Before its first effect it verifies who is asking, the
// plan's hash, every signature, the codes, the proofs and the check of the real name; each batch runs
// under the lock under which no hold can be placed. It may run again after whatever stopped it.
func (a *Activities) Correct(ctx context.Context, in contract.EraseInput) (contract.CorrectResult, error) {
	var out contract.CorrectResult
	p, plan, err := a.checkedCorrection(ctx, in.Ref, in.Plan)
	if err != nil {
		return out, err
	}
	left, err := a.partial(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	if slices.Contains(left, in.System) {
		return out, fault.Newf(contract.ErrNotApproved, "%s: a signed decision leaves %s out", in.Ref, in.System)
	}
	if _, err := a.reached(ctx, in.System, nil); err != nil {
		return out, err
	}
	e, err := a.correction(ctx, p)
	if err != nil {
		return out, err
	}
	e.Fields = plan.Fields
	target, err := a.targetOf(ctx, in.Ref, in.Plan, in.System)
	if err != nil {
		return out, err
	}
	var rows atomic.Int64
	progress(ctx, &rows, p.Rows)
	done, err := e.Execute(systems.WithRef(ctx, in.Ref), plan, in.System, subject.Run{
		Guard: func(ctx context.Context, batch func(context.Context) error) error {
			return a.Store.Guarded(ctx, in.Ref, target, a.Pins, batch)
		},
	})
	if err != nil {
		return out, err
	}
	for _, d := range done {
		out.Changed, out.Differs, out.Gone = out.Changed+d.Changed, out.Differs+d.Differs, out.Gone+d.Gone
	}
	if done == nil {
		done = []subject.Corrected{}
	}
	return out, a.Store.PutCorrected(ctx, in.Ref, in.Plan, in.System, done)
}

// CheckCorrected looks in one system what the planned rows hold now, and by the fresh discovery whether
// the old value stands anywhere else.
func (a *Activities) CheckCorrected(ctx context.Context, in contract.EraseInput) (contract.ReadBackResult, error) {
	var out contract.ReadBackResult
	p, plan, err := a.checkedCorrection(ctx, in.Ref, in.Plan)
	if err != nil {
		return out, err
	}
	if _, err := a.reached(ctx, in.System, nil); err != nil {
		return out, err
	}
	e, err := a.correction(ctx, p)
	if err != nil {
		return out, err
	}
	e.Fields, e.Keys = plan.Fields, a.Store.FreshKeys(in.Ref, in.Plan)
	if e.Without, err = a.partial(ctx, in.Ref); err != nil {
		return out, err
	}
	var done atomic.Int64
	progress(ctx, &done, 1)
	left, err := e.ReadBack(systems.WithRef(ctx, in.Ref), plan, in.System)
	if err != nil {
		return out, err
	}
	if left == nil {
		left = []subject.Left{}
	}
	out.Left = unclean(left)
	return out, a.Store.PutRemains(ctx, in.Ref, in.Plan, in.System, left, out.Left)
}
