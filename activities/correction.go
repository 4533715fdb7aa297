package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
	"github.com/habeas-dsr/habeas/internal/systems"
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
		out.Anew = steps(e.Search.Steps())
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

// ReadOriginals reads what the directory row holds of the fields, and settles what is asked for of each:
// what a reviewer has said, an address without its code, a proof that did not come.
func (a *Activities) ReadOriginals(ctx context.Context, in contract.EraseInput) (contract.Nothing, error) {
	e, err := a.draftedCorrection(ctx, in.Ref, in.Plan)
	if err != nil || e == nil {
		return contract.Nothing{}, err
	}
	list, err := a.wishes(ctx, in.Ref)
	if err != nil {
		return contract.Nothing{}, err
	}
	var fields []subject.FieldChange
	for _, w := range list {
		f := subject.FieldChange{Name: w.Name, Category: w.Category, Shape: w.Shape, New: w.value, Verdict: subject.FieldCorrect, Strict: w.Strict, Evidence: w.Evidence != (datamap.Text{})}
		if f.Verdict, f.Reason, err = a.verdictOn(ctx, in.Ref, w, e.Choices[w.Name]); err != nil {
			return contract.Nothing{}, err
		}
		fields = append(fields, f)
	}
	var done atomic.Int64
	progress(ctx, &done, 1)
	got, err := a.originals(systems.WithRef(ctx, in.Ref), e, in, fields)
	if err != nil {
		return contract.Nothing{}, err
	}
	raw, err := json.Marshal(got)
	if err != nil {
		return contract.Nothing{}, fmt.Errorf("writing what is to be corrected: %w", err)
	}
	return contract.Nothing{}, a.Store.PutPlanPart(ctx, in.Ref, in.Plan, correctionFields, raw)
}

// originals reads the directory row; after a plan that was begun what counts as the old value is what
// that plan says.
func (a *Activities) originals(ctx context.Context, e *subject.Correction, in contract.EraseInput, fields []subject.FieldChange) (asked, error) {
	person := []subject.FieldChange{}
	for _, name := range []string{"identity.real_name", "identity.id_number"} {
		if field, err := a.Map.Field(name); err == nil {
			person = append(person, subject.FieldChange{Name: name, Category: field.Category, Shape: field.Shape})
		}
	}
	all, err := e.Originals(ctx, append(slices.Clone(fields), person...))
	if err != nil {
		return asked{}, err
	}
	out := asked{Fields: all[:len(fields)]}
	before, err := a.begun(ctx, in.Ref, in.Plan)
	if err != nil {
		return out, err
	}
	if before != nil {
		plan, err := a.correctionPlan(ctx, in.Ref, before.N)
		if err != nil {
			return out, err
		}
		for i, f := range out.Fields {
			if at := slices.IndexFunc(plan.Fields, func(was subject.FieldChange) bool { return was.Name == f.Name }); at >= 0 {
				out.Fields[i].Old, out.Fields[i].Known = plan.Fields[at].Old, plan.Fields[at].Known
			}
		}
	}
	for _, p := range all[len(fields):] {
		value := ""
		if p.Old != nil {
			value = strings.TrimSpace(*p.Old)
		}
		if at := slices.IndexFunc(out.Fields, func(f subject.FieldChange) bool { return f.Category == p.Category && f.Verdict == subject.FieldCorrect }); at >= 0 {
			value = out.Fields[at].New
		}
		if p.Name == "identity.real_name" {
			out.RealName = value
		} else {
			out.IDNumber = value
		}
	}
	return out, nil
}

// verdictOn settles what becomes of one field.
func (a *Activities) verdictOn(ctx context.Context, ref contract.Ref, w wish, choice string) (verdict, reason string, err error) {
	if verdict, reason, ok := dsr.FieldChoice(choice); ok && verdict != dsr.FieldCorrect {
		return verdict, reason, nil
	}
	own, err := a.ownCase(ctx, ref)
	if err != nil || !own {
		return subject.FieldCorrect, "", err
	}
	confirmed, err := a.confirmed(ctx, ref, w.Field)
	if err != nil || !confirmed {
		return subject.FieldRefuse, "unconfirmed", err
	}
	if w.Evidence == (datamap.Text{}) {
		return subject.FieldCorrect, "", nil
	}
	_, err = a.proofs(ctx, ref)
	if fault.Is(err, contract.ErrNotApproved) {
		return subject.FieldRefuse, "no-evidence", nil
	}
	return subject.FieldCorrect, "", err
}

// FindCopies makes one step of a fresh discovery: for a plan that is drafted, or for its read-back.
func (a *Activities) FindCopies(ctx context.Context, in contract.MarkInput) (contract.Nothing, error) {
	if err := a.verified(ctx, in.Ref); err != nil {
		return contract.Nothing{}, err
	}
	p, err := a.Store.Plan(ctx, in.Ref, in.Plan)
	if err != nil {
		return contract.Nothing{}, err
	}
	if _, err := a.reached(ctx, in.Step.System, in.Step.Collections); err != nil {
		return contract.Nothing{}, err
	}
	e, err := a.correction(ctx, p)
	if err != nil {
		return contract.Nothing{}, err
	}
	if p.BegunAt != nil {
		e.Keys = a.Store.FreshKeys(p.Ref, p.N)
		if e.Without, err = a.partial(ctx, in.Ref); err != nil {
			return contract.Nothing{}, err
		}
	}
	var done atomic.Int64
	progress(ctx, &done, int64(len(in.Step.Collections)))
	_, err = e.Discover(systems.WithRef(ctx, in.Ref), step(in.Step))
	return contract.Nothing{}, err
}

// askedFor reads the part of a plan that says what is to be corrected.
func (a *Activities) askedFor(ctx context.Context, ref contract.Ref, n int) (asked, map[string][]byte, error) {
	var out asked
	raws, err := a.Store.PlanParts(ctx, ref, n)
	if err != nil {
		return out, nil, err
	}
	raw, ok := raws[correctionFields]
	if !ok {
		return out, nil, fault.Newf(contract.ErrNotFound, "what is to be corrected by plan %d of %s was not read", n, ref)
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return out, nil, fault.New(contract.ErrTampered, "a part of a plan in the casefile cannot be read", err)
	}
	delete(raws, correctionFields)
	return out, raws, nil
}

// DraftCorrection has one system say where the old values stand, and try the new ones.
func (a *Activities) DraftCorrection(ctx context.Context, in contract.EraseInput) (contract.DraftResult, error) {
	var out contract.DraftResult
	e, err := a.draftedCorrection(ctx, in.Ref, in.Plan)
	if err != nil || e == nil {
		return out, err
	}
	if _, err := a.reached(ctx, in.System, nil); err != nil {
		return out, err
	}
	what, _, err := a.askedFor(ctx, in.Ref, in.Plan)
	if err != nil {
		return out, err
	}
	e.Fields = what.Fields
	before, err := a.begunCorrections(ctx, in.Ref, in.Plan)
	if err != nil {
		return out, err
	}
	var done atomic.Int64
	progress(ctx, &done, 0)
	part, err := e.Draft(systems.WithRef(ctx, in.Ref), in.System, before...)
	if err != nil {
		return out, err
	}
	raw, err := json.Marshal(part)
	if err != nil {
		return out, fmt.Errorf("writing a part of a plan: %w", err)
	}
	return out, a.Store.PutPlanPart(ctx, in.Ref, in.Plan, in.System, raw)
}

// begunCorrections are the plans before n that were begun.
func (a *Activities) begunCorrections(ctx context.Context, ref contract.Ref, n int) ([]subject.BegunCorrection, error) {
	plans, err := a.Store.Plans(ctx, ref)
	if err != nil {
		return nil, err
	}
	var list []subject.BegunCorrection
	for _, p := range plans {
		if p.N >= n || p.BegunAt == nil {
			continue
		}
		plan, err := a.correctionPlan(ctx, ref, p.N)
		if err != nil {
			return nil, err
		}
		list = append(list, subject.BegunCorrection{Entries: plan.Entries, Frozen: a.Store.FrozenKeys(ref, p.N)})
	}
	return list, nil
}

// SealCorrection puts the parts together and freezes the plan: from here on its hash stands for it.
func (a *Activities) SealCorrection(ctx context.Context, in contract.PlanInput) (contract.CorrectionFacts, error) {
	var out contract.CorrectionFacts
	if err := a.verified(ctx, in.Ref); err != nil {
		return out, err
	}
	p, err := a.Store.Plan(ctx, in.Ref, in.Plan)
	if err != nil {
		return out, err
	}
	e, err := a.correction(ctx, p)
	if err != nil {
		return out, err
	}
	if p.Hash == nil {
		plan, err := a.assembleCorrection(ctx, e, in)
		if err != nil {
			return out, err
		}
		if p, err = a.Store.SealPlan(ctx, in.Ref, in.Plan, plan.Bytes(), plan.Rows(), plan.Strict()); err != nil {
			return out, err
		}
	}
	plan, err := a.correctionPlan(ctx, in.Ref, in.Plan)
	if err != nil {
		return out, err
	}
	out = contract.CorrectionFacts{Rows: p.Rows, Strict: p.Large, Order: plan.Order, Fresh: steps(e.Search.Steps()), Changes: len(plan.Corrected()) > 0}
	if check := a.Map.Company.Correction.RealName; check != nil && out.Strict {
		out.NameSystem, _, _ = strings.Cut(check.Collection, ".")
	}
	if !out.Changes {
		return out, nil // nobody is told of what did not change
	}
	for _, s := range plan.Asked {
		if s.Driver == datamap.DriverOpenDSR {
			out.Processors = append(out.Processors, s.System)
			continue
		}
		out.ByHand = append(out.ByHand, s.System)
	}
	return out, nil
}

func (a *Activities) assembleCorrection(ctx context.Context, e subject.Correction, in contract.PlanInput) (subject.CorrectionPlan, error) {
	what, raws, err := a.askedFor(ctx, in.Ref, in.Plan)
	if err != nil {
		return subject.CorrectionPlan{}, err
	}
	var parts []subject.CorrectionPart
	for _, system := range slices.Sorted(maps.Keys(raws)) {
		var part subject.CorrectionPart
		if err := json.Unmarshal(raws[system], &part); err != nil {
			return subject.CorrectionPlan{}, fault.New(contract.ErrTampered, "a part of a plan in the casefile cannot be read", err)
		}
		parts = append(parts, part)
	}
	e.Fields = subject.Unchangeable(what.Fields, parts)
	plan, err := e.Assemble(ctx, parts)
	plan.RealName, plan.IDNumber = what.RealName, what.IDNumber
	return plan, err
}
