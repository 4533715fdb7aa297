package activities

import (
	"context"
	"encoding/json"
	"maps"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// wish is one new value with the field of the map that it is for.
type wish struct {
	datamap.Field
	value string
}

// wishes are what the person asks for. A field that the map does not know any more stops the case.
func (a *Activities) wishes(ctx context.Context, ref contract.Ref) ([]wish, error) {
	request, err := a.Store.Request(ctx, ref)
	if err != nil {
		return nil, err
	}
	var list []wish
	for _, w := range request.Wishes {
		field, err := a.Map.Field(w.Field)
		if err != nil {
			return nil, fault.Newf(contract.ErrMapMismatch, "the data map does not know the field %s of %s any more", w.Field, ref)
		}
		value, err := field.Value(w.Value)
		if err != nil {
			return nil, err
		}
		list = append(list, wish{field, value})
	}
	if len(list) == 0 {
		return nil, fault.Newf(contract.ErrNotFound, "%s asks for no correction", ref)
	}
	return list, nil
}

// CheckWishes says which new addresses wait for their code, and whether a proof is asked for. What
// another company has vouched for it has checked itself.
func (a *Activities) CheckWishes(ctx context.Context, in contract.RefInput) (contract.WishFacts, error) {
	out := contract.WishFacts{EvidenceFor: a.Config.EvidenceFor}
	if err := a.verified(ctx, in.Ref); err != nil {
		return out, err
	}
	list, err := a.wishes(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	own, err := a.ownCase(ctx, in.Ref)
	if err != nil || !own {
		return out, err
	}
	for _, w := range list {
		confirmed, err := a.confirmed(ctx, in.Ref, w.Field)
		if err != nil {
			return out, err
		}
		if !confirmed {
			out.Confirm = append(out.Confirm, dsr.CodeNew(w.Shape))
		}
		out.Evidence = out.Evidence || w.Evidence != (datamap.Text{})
	}
	return out, nil
}

// ownCase says whether the person of the case is our own to check, and not a controller's.
func (a *Activities) ownCase(ctx context.Context, ref contract.Ref) (bool, error) {
	err := a.vouched(ctx, ref)
	if fault.Is(err, contract.ErrNotFound) {
		return true, nil
	}
	return false, err
}

// confirmed says whether a new value of the field needs no code, or its code was typed.
func (a *Activities) confirmed(ctx context.Context, ref contract.Ref, field datamap.Field) (bool, error) {
	if !field.Channel() {
		return true, nil
	}
	_, err := a.Store.MetChallenge(ctx, ref, dsr.CodeNew(field.Shape))
	if fault.Is(err, contract.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// correctionFields is the part of a plan that says what is to be corrected, before any system is looked at.
const correctionFields = ".fields"

// asked is that part: the fields, and the name and number of the person for the fresh check.
type asked struct {
	Fields   []subject.FieldChange `json:"fields"`
	RealName string                `json:"real_name"`
	IDNumber string                `json:"id_number"`
}

// StartCorrection begins a plan, with what a reviewer signed on the one before it, and says what must be
// visited to draft it.
func (a *Activities) StartCorrection(ctx context.Context, in contract.PlanInput) (contract.CorrectionWalk, error) {
	var out contract.CorrectionWalk
	if err := a.verified(ctx, in.Ref); err != nil {
		return out, err
	}
	choices, err := a.planChoices(ctx, in, dsr.TaskCorrect)
	if err != nil {
		return out, err
	}
	if choices, err = a.nameDenied(ctx, in, choices); err != nil {
		return out, err
	}
	without, err := a.partial(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	p, err := a.Store.StartPlan(ctx, in.Ref, in.Plan, choices, without)
	if err != nil {
		return out, err
	}
	list, err := a.wishes(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	e, err := a.correction(ctx, p)
	if err != nil {
		return out, err
	}
	out.Home = e.Account.System
	for _, w := range list {
		e.Fields = append(e.Fields, subject.FieldChange{Name: w.Name, Category: w.Category, Verdict: subject.FieldCorrect})
	}
	if before, err := a.begun(ctx, in.Ref, in.Plan); err != nil {
		return out, err
	} else if before != nil {
		out.Anew = steps(e.Steps())
	}
	out.Systems, err = e.Systems()
	return out, err
}

// nameDenied refuses the fields that hang on a check of the real name which somebody signed as failed.
func (a *Activities) nameDenied(ctx context.Context, in contract.PlanInput, choices map[string]string) (map[string]string, error) {
	if in.Plan <= 1 {
		return choices, nil
	}
	err := a.decided(ctx, in.Ref, fault.New(contract.ErrNotFound, "nobody denied the name", nil), dsr.Reject, func(t casefile.Task) bool {
		return t.Kind == dsr.TaskRealName && t.Occasion == planOccasion(in.Plan-1)
	})
	if fault.Is(err, contract.ErrNotFound) {
		return choices, nil
	}
	if err != nil {
		return nil, err
	}
	plan, err := a.correctionPlan(ctx, in.Ref, in.Plan-1)
	if err != nil {
		return nil, err
	}
	choices = maps.Clone(choices)
	for _, f := range plan.Corrected() {
		if f.Strict {
			choices[f.Name] = dsr.FieldRefuse + ":mismatch"
		}
	}
	return choices, nil
}

// correction is the correction by a plan.
func (a *Activities) correction(ctx context.Context, p casefile.Plan) (subject.Correction, error) {
	account, err := a.account(ctx, p.Ref)
	if err != nil {
		return subject.Correction{}, err
	}
	e := subject.Correction{Frozen: a.Store.FrozenKeys(p.Ref, p.N), Choices: p.Choices, Now: p.MadeAt,
		Search: subject.Search{Map: a.Map, Account: account, Keys: a.Store.KeyStore(p.Ref), Open: a.opener(ctx), Without: p.Without}}
	before, err := a.begun(ctx, p.Ref, p.N)
	if err != nil {
		return e, err
	}
	if before != nil {
		e.Keys = a.Store.AnewKeys(p.Ref, p.N)
	}
	return e, nil
}

// correctionPlan opens a sealed plan.
func (a *Activities) correctionPlan(ctx context.Context, ref contract.Ref, n int) (subject.CorrectionPlan, error) {
	var plan subject.CorrectionPlan
	body, err := a.Store.PlanBody(ctx, ref, n)
	if err != nil {
		return plan, err
	}
	if err := json.Unmarshal(body, &plan); err != nil {
		return plan, fault.New(contract.ErrTampered, "a plan in the casefile cannot be read", err)
	}
	return plan, nil
}

// draftedCorrection gives a plan that may still be drafted, and the correction by it; nil when it is sealed.
func (a *Activities) draftedCorrection(ctx context.Context, ref contract.Ref, n int) (*subject.Correction, error) {
	if err := a.verified(ctx, ref); err != nil {
		return nil, err
	}
	p, err := a.Store.Plan(ctx, ref, n)
	if err != nil || p.Hash != nil {
		return nil, err
	}
	e, err := a.correction(ctx, p)
	return &e, err
}
