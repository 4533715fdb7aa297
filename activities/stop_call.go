package activities

import (
	"context"
	"encoding/hex"
	"slices"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
	"github.com/habeas-dsr/habeas/internal/systems/webhook"
)

// CallRecipient tells one recipient that a purpose has ended, or has begun again. What must stand behind
// it is looked for here: the wish itself where it is done at once, and else the signed plan that was
// begun. It may run again: the number of the message is the same.
func (a *Activities) CallRecipient(ctx context.Context, in contract.CallInput) (contract.Nothing, error) {
	var out contract.Nothing
	c, err := a.Store.Case(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	sys := a.Map.System(in.System)
	if sys == nil || sys.Driver != datamap.DriverWebhook {
		return out, fault.Newf(contract.ErrMapMismatch, "the data map has no recipient %q any more", in.System)
	}
	if err := a.mayCall(ctx, c, sys, in.What); err != nil {
		return out, err
	}
	person, err := a.toldTo(ctx, c, sys)
	if err != nil {
		return out, err
	}
	begun, answered, err := a.Store.BeginCall(ctx, in.Ref, in.System, in.What)
	if err != nil || answered {
		return out, err
	}
	if len(person) == 0 { // it knows nobody by the address that the wish came with
		return out, a.Store.EndCall(ctx, in.Ref, in.System, in.What, 0)
	}
	purposes := a.purposes(c)
	caller := webhook.Caller{Sign: a.Keys.Sign, Public: seal.EncodePublic(a.Keys.PublicKey()), Now: a.Now}
	status, err := caller.Call(ctx, in.System, sys.Outside.URL, webhook.Message{
		ID:    hex.EncodeToString(a.Keys.KeyedHash("habeas webhook v1", []byte(string(in.Ref)+" "+in.System+" "+in.What))[:16]),
		Event: in.What, At: begun, Identities: person,
		Purposes: slices.DeleteFunc(slices.Clone(sys.Outside.Stops), func(p string) bool { return !slices.Contains(purposes, p) }),
	})
	if err != nil {
		return out, err
	}
	return out, a.Store.EndCall(ctx, in.Ref, in.System, in.What, status)
}

// mayCall verifies what stands behind a call.
func (a *Activities) mayCall(ctx context.Context, c casefile.Case, sys *datamap.System, what string) error {
	if c.Kind != dsr.Restriction || !slices.Contains(a.Map.Stopped(a.purposes(c)), sys) || c.EndingAt != nil {
		return fault.Newf(contract.ErrNotApproved, "%s tells %s nothing", c.Ref, sys.Name)
	}
	if err := a.verified(ctx, c.Ref); err != nil {
		return err
	}
	if dsr.AtOnce(c.Kind, c.Scope) && what == contract.CallStopped {
		return nil
	}
	stopped, lifted, err := a.stopPlans(ctx, c.Ref)
	if err != nil {
		return err
	}
	plans := map[string][]casefile.Plan{contract.CallStopped: stopped, contract.CallLifted: lifted}[what]
	if len(plans) == 0 {
		return fault.Newf(contract.ErrNotApproved, "no plan of %s was begun that %s would have to hear of", c.Ref, sys.Name)
	}
	_, err = a.Store.CheckPlan(ctx, c.Ref, plans[len(plans)-1].N, a.Pins)
	return err
}

// toldTo are the identities by which a person is named to a recipient. A wish that is done at once names
// the address that it came with, whether anybody is known here under it or not.
func (a *Activities) toldTo(ctx context.Context, c casefile.Case, sys *datamap.System) ([]dsr.Identity, error) {
	if !dsr.AtOnce(c.Kind, c.Scope) {
		return a.told(ctx, c.Ref, sys)
	}
	request, err := a.Store.Request(ctx, c.Ref)
	if err != nil {
		return nil, err
	}
	var list []dsr.Identity
	for _, id := range request.Identities {
		if slices.Contains(sys.Outside.Tells, id.Kind) {
			list = append(list, dsr.Identity{Kind: id.Kind, Value: id.Value})
		}
	}
	return list, nil
}
