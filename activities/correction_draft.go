package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
	"github.com/habeas-dsr/habeas/internal/systems"
)

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
	out = contract.CorrectionFacts{Rows: p.Rows, Strict: p.Large, Order: plan.Order, Fresh: steps(e.Steps()), Changes: len(plan.Corrected()) > 0}
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
