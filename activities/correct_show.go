package activities

import (
	"context"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// showProof shows which proofs are asked for, and what they are to prove.
func (a *Activities) showProof(ctx context.Context, s *dsr.Shown) error {
	if err := a.verified(ctx, s.Ref); err != nil {
		return err
	}
	list, err := a.wishes(ctx, s.Ref)
	if err != nil {
		return err
	}
	s.Proof = &dsr.ShownProof{}
	for _, w := range list {
		if w.Evidence == (datamap.Text{}) {
			continue
		}
		s.Proof.Fields = append(s.Proof.Fields, dsr.Identity{Kind: w.Name, Value: w.value})
		s.Proof.Evidence = append(s.Proof.Evidence, byLanguage(w.Evidence))
	}
	if len(s.Proof.Fields) == 0 {
		return fault.Newf(contract.ErrNotFound, "no proof is asked for in %s", s.Ref)
	}
	return nil
}

// showName shows the name and number that are to be checked anew.
func (a *Activities) showName(ctx context.Context, s *dsr.Shown) error {
	n, err := a.lastPlan(ctx, s.Ref)
	if err != nil {
		return err
	}
	plan, err := a.correctionPlan(ctx, s.Ref, n)
	if err != nil {
		return err
	}
	if s.Occasion != planOccasion(n) && !strings.HasPrefix(s.Occasion, planOccasion(n)+"/") || !plan.Strict() {
		return fault.Newf(contract.ErrNotFound, "%s has no name to be checked", s.Ref)
	}
	s.Proof = &dsr.ShownProof{Fields: nameOf(plan)}
	return nil
}

// maskOf is the mask of a field's values.
func maskOf(f subject.FieldChange) string {
	if f.Shape != "" {
		return f.Shape
	}
	return f.Name
}

func masked(f subject.FieldChange, value *string) string {
	if value == nil {
		return ""
	}
	return dsr.Mask(maskOf(f), strings.TrimSpace(*value))
}

// showCorrection shows the latest plan: each field, and each place with what stands there before and
// after, masked. Its hash is among what is shown, so that a decision signs it.
func (a *Activities) showCorrection(ctx context.Context, s *dsr.Shown) error {
	if err := a.showRequest(ctx, s); err != nil {
		return err
	}
	n, err := a.lastPlan(ctx, s.Ref)
	if err != nil {
		return err
	}
	if s.Occasion != planOccasion(n) && !strings.HasPrefix(s.Occasion, planOccasion(n)+"/") {
		return fault.Newf(contract.ErrNotFound, "%s is not at the plan %s", s.Ref, s.Occasion)
	}
	p, err := a.Store.Plan(ctx, s.Ref, n)
	if err != nil {
		return err
	}
	plan, err := a.correctionPlan(ctx, s.Ref, n)
	if err != nil {
		return err
	}
	s.Partial, s.LeftOut = p.Without, plan.LeftOut
	s.ShownPlan = &dsr.ShownPlan{Plan: n, PlanHash: hashOf(p)}
	if s.Held, err = a.held(ctx, s.Ref, n); err != nil {
		return err
	}
	for _, f := range plan.Findings {
		s.Findings = append(s.Findings, findingLine(f.Collection, f.Column, f.Kind, f.Text))
	}
	c := &dsr.ShownCorrection{NotAsked: plan.NotAsked, Stops: plan.Stops()}
	s.Correction = c
	fields := map[string]subject.FieldChange{}
	for _, f := range plan.Fields {
		fields[f.Name] = f
		c.Fields = append(c.Fields, dsr.ShownField{Name: f.Name, Before: masked(f, f.Old), After: masked(f, &f.New), Verdict: f.Verdict, Reason: f.Reason, Strict: f.Strict, Evidence: f.Evidence})
	}
	for _, e := range plan.Entries {
		shown := dsr.ShownFix{Place: e.PlaceID(), Field: e.Field, Action: e.Action, Rows: e.Rows, Before: masked(fields[e.Field], e.Old), Reason: e.Reason,
			Choose: e.Action == subject.FixOther && e.Reason != "more"}
		if e.Action == subject.FixCorrect {
			shown.After = masked(fields[e.Field], &e.New)
		}
		c.Places = append(c.Places, shown)
	}
	for _, asked := range plan.Asked {
		c.Asked = append(c.Asked, asked.System)
	}
	if plan.Strict() {
		c.Checked, err = a.nameChecked(ctx, s.Ref, plan, a.Now())
		if err != nil && !fault.Is(err, contract.ErrNotApproved) {
			return err
		}
	}
	c.Files, err = a.proofs(ctx, s.Ref)
	if fault.Is(err, contract.ErrNotApproved) {
		err = nil
	}
	return err
}

// showCorrected shows how far a system is.
func (a *Activities) showCorrected(ctx context.Context, s *dsr.Shown) error {
	c, err := a.correctedSoFar(ctx, s.Ref)
	if err != nil {
		return err
	}
	s.ShownPlan = &dsr.ShownPlan{Plan: c.plan.N}
	s.Correction = &dsr.ShownCorrection{}
	for _, e := range c.body.Entries {
		if e.System == s.System {
			s.Correction.Places = append(s.Correction.Places, dsr.ShownFix{Place: e.PlaceID(), Field: e.Field, Action: e.Action, Rows: e.Rows, Reason: e.Reason})
		}
	}
	return nil
}

// mayConfirm says whether a code to a new address has any use.
func (a *Activities) mayConfirm(ctx context.Context, ref contract.Ref, purpose string) error {
	if err := a.verified(ctx, ref); err != nil {
		return err
	}
	to, err := a.newChannel(ctx, ref, purpose)
	if err == nil && to == nil {
		err = fault.Newf(contract.ErrNotApproved, "%s asks for no new address of that kind", ref)
	}
	return err
}

// newChannel is the new address that codes of the purpose go to; nil: there is none.
func (a *Activities) newChannel(ctx context.Context, ref contract.Ref, purpose string) (*subject.Channel, error) {
	list, err := a.wishes(ctx, ref)
	if err != nil {
		return nil, err
	}
	for _, w := range list {
		if w.Channel() && dsr.CodeNew(w.Shape) == purpose && (w.Shape == "email" || a.SMS != nil) {
			return &subject.Channel{Kind: w.Shape, Address: w.value}, nil
		}
	}
	return nil, nil //nolint:nilnil // there is none
}

// otherThan is a kind of channel that is not itself to be corrected; empty where the case corrects none.
func (a *Activities) otherThan(ctx context.Context, ref contract.Ref) (string, error) {
	c, err := a.Store.Case(ctx, ref)
	if err != nil || c.Kind != dsr.Correction {
		return "", err
	}
	list, err := a.wishes(ctx, ref)
	if err != nil {
		return "", err
	}
	for wrong, other := range map[string]string{"email": "mobile", "mobile": "email"} {
		if slices.ContainsFunc(list, func(w wish) bool { return w.Shape == wrong }) && !slices.ContainsFunc(list, func(w wish) bool { return w.Shape == other }) {
			return other, nil
		}
	}
	return "", nil
}
