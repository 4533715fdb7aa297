package activities

import (
	"context"
	"sync/atomic"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// PlanSearch lists the steps of the walk over the data map. From here on the person is verified,
// so the case may be found again by who they are.
func (a *Activities) PlanSearch(ctx context.Context, in contract.RefInput) (contract.SearchPlan, error) {
	var plan contract.SearchPlan
	if err := a.verified(ctx, in.Ref); err != nil {
		return plan, err
	}
	account, err := a.account(ctx, in.Ref)
	if err != nil {
		return plan, err
	}
	index := map[string][][]byte{}
	for _, id := range account.Identities {
		// Whoever looks for the case normalises; and a value that several people have is nobody's.
		value, err := a.Map.Normalise(id.Kind, id.Value)
		if err != nil || id.Shared {
			continue
		}
		index[id.Kind] = append(index[id.Kind], a.Keys.BlindIndex(id.Kind, value))
	}
	if err := a.Store.PutIndexes(ctx, in.Ref, index); err != nil {
		return plan, err
	}
	over, err := a.stopMap(ctx, in.Ref, 1)
	if err != nil {
		return plan, err
	}
	if over == nil {
		over = a.Map
	}
	for _, s := range subject.Steps(over, account) {
		plan.Steps = append(plan.Steps, contract.SearchStep{Level: s.Level, System: s.System, Collections: s.Collections})
	}
	c, err := a.Store.Case(ctx, in.Ref)
	if err != nil || !c.Kind.Copies() {
		return plan, err
	}
	for _, s := range a.Map.Asked(datamap.RightAccess) {
		plan.ByHand = append(plan.ByHand, s.Name)
	}
	return plan, nil
}

// Discover makes one step of the walk in one system.
func (a *Activities) Discover(ctx context.Context, in contract.DiscoverInput) (contract.DiscoverResult, error) {
	var out contract.DiscoverResult
	if err := a.verified(ctx, in.Ref); err != nil {
		return out, err
	}
	if err := a.notRestriction(ctx, in.Ref); err != nil { // it discovers for each of its plans
		return out, err
	}
	account, err := a.account(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	if _, err := a.reached(ctx, in.Step.System, in.Step.Collections); err != nil {
		return out, err
	}
	ctx = systems.WithRef(ctx, in.Ref)
	search, err := a.search(ctx, in.Ref, account)
	if err != nil {
		return out, err
	}
	var done atomic.Int64
	progress(ctx, &done, int64(len(in.Step.Collections)))
	step := subject.Step{Level: in.Step.Level, System: in.Step.System, Collections: in.Step.Collections}
	found, err := search.Discover(ctx, step)
	if err != nil {
		return out, err
	}
	out.Rows = found.Rows
	return out, a.Store.PutCounts(ctx, in.Ref, out.Rows)
}

// search is the search for the account's rows, without the systems that signed decisions left out.
func (a *Activities) search(ctx context.Context, ref contract.Ref, account subject.Account) (subject.Search, error) {
	over, err := a.answerMapOf(ctx, ref)
	if err != nil {
		return subject.Search{}, err
	}
	left, err := a.partial(ctx, ref)
	return subject.Search{Map: over, Account: account, Keys: a.Store.KeyStore(ref), Open: a.opener(ctx), Without: left}, err
}

// ConfirmChallenge says whether the casefile knows that this code, or without one any, was typed
// rightly for this case, and that the person has proved who they are with it.
func (a *Activities) ConfirmChallenge(ctx context.Context, in contract.ConfirmInput) (contract.ConfirmResult, error) {
	if in.Challenge == "" {
		err := a.verified(ctx, in.Ref)
		if fault.Is(err, contract.ErrNotApproved) {
			return contract.ConfirmResult{}, nil
		}
		return contract.ConfirmResult{True: err == nil}, err
	}
	c, err := a.Store.Challenge(ctx, in.Challenge)
	if fault.Is(err, contract.ErrNotFound) {
		return contract.ConfirmResult{}, nil
	}
	if err != nil || c.Ref != in.Ref || c.Purpose != dsr.CodeVerify && c.Purpose != dsr.CodeSecond || c.MetAt == nil {
		return contract.ConfirmResult{}, err
	}
	err = a.verified(ctx, in.Ref) // a code alone may not be enough
	if fault.Is(err, contract.ErrNotApproved) {
		return contract.ConfirmResult{}, nil
	}
	return contract.ConfirmResult{True: err == nil}, err
}

// reached opens a system that the map still has, with those collections. Every call on it then holds
// what it reads against the live schema, in the same snapshot: a missing table or column stops the
// case visibly. To check it here as well would double the statements of a small case.
func (a *Activities) reached(ctx context.Context, name string, collections []string) (systems.System, error) {
	s := a.Map.System(name)
	if s == nil {
		return nil, fault.Newf(contract.ErrMapMismatch, "the data map has no system %q any more", name)
	}
	for _, collection := range collections {
		if s.Collection(collection) == nil {
			return nil, fault.Newf(contract.ErrMapMismatch, "the data map has no collection %q in %q any more", collection, name)
		}
	}
	return a.Open(ctx, name)
}
