package activities

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// lastPlan is the number of the latest plan of a case.
func (a *Activities) lastPlan(ctx context.Context, ref contract.Ref) (int, error) {
	plans, err := a.Store.Plans(ctx, ref)
	if err == nil && len(plans) == 0 {
		err = fault.Newf(contract.ErrNotFound, "%s has no plan", ref)
	}
	return len(plans), err
}

// showPlan shows the latest plan. Its hash is among what is shown, so that a decision signs it.
func (a *Activities) showPlan(ctx context.Context, s *dsr.Shown) error {
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
	c, err := a.Store.Case(ctx, s.Ref)
	if err != nil {
		return err
	}
	p, err := a.Store.Plan(ctx, s.Ref, n)
	if err != nil {
		return err
	}
	plan, err := a.sealedPlan(ctx, s.Ref, n)
	if err != nil {
		return err
	}
	account, err := a.account(ctx, s.Ref)
	if err != nil {
		return err
	}
	for _, id := range account.Identities {
		if id.Shared && !slices.Contains(s.Ambiguous, id.Kind) {
			s.Ambiguous = append(s.Ambiguous, id.Kind)
		}
	}
	s.Partial, s.LeftOut, s.Scope = p.Without, plan.LeftOut, c.Scope
	s.ShownPlan = &dsr.ShownPlan{Plan: n, PlanHash: hex.EncodeToString(p.Hash), Ground: c.Ground, Over: plan.Over}
	if s.Held, err = a.held(ctx, s.Ref, n); err != nil {
		return err
	}
	for _, f := range plan.Findings {
		s.Findings = append(s.Findings, findingLine(f.Collection, f.Column, f.Kind, f.Text))
	}
	for _, asked := range plan.Asked {
		s.Entries = append(s.Entries, dsr.ShownEntry{System: asked.System, Action: "ask", Reason: asked.Driver + ", in " + asked.Region, Columns: asked.Tells})
	}
	for _, e := range plan.Entries {
		if e.Reason == subject.Untouched {
			continue // only on the way to what the plan is about
		}
		shown := shownEntry(e)
		shown.Choice = p.Choices[e.ID()]
		s.Entries = append(s.Entries, shown)
	}
	return nil
}

func shownEntry(e subject.Entry) dsr.ShownEntry {
	return dsr.ShownEntry{System: e.System, Collection: e.Collection, Class: e.Class, Action: e.Action, Rows: e.Rows,
		Reason: e.Reason, Law: e.Law, Until: e.Until, Columns: e.Columns, Table: e.Table, Choose: e.Class == subject.ClassShared && e.Rows > 0}
}

func findingLine(collection, column, kind, text string) string {
	where := collection
	if column != "" {
		where += "." + column
	}
	return where + ": " + kind + " – " + text
}

// showFindings shows what speaks against the plan that is being drafted, in one system.
func (a *Activities) showFindings(ctx context.Context, s *dsr.Shown) error {
	n, err := a.lastPlan(ctx, s.Ref)
	if err != nil {
		return err
	}
	parts, err := a.Store.PlanParts(ctx, s.Ref, n)
	if err != nil {
		return err
	}
	var part subject.Part
	if raw, ok := parts[s.System]; !ok {
		return fault.Newf(contract.ErrNotFound, "%s has drafted nothing for %s", s.System, s.Ref)
	} else if err := json.Unmarshal(raw, &part); err != nil {
		return fault.New(contract.ErrTampered, "a part of a plan in the casefile cannot be read", err)
	}
	s.ShownPlan = &dsr.ShownPlan{Plan: n}
	for _, f := range part.Findings {
		s.Findings = append(s.Findings, findingLine(f.Collection, f.Column, f.Kind, f.Text))
	}
	return nil
}

// showHeld shows which systems a legal hold covers.
func (a *Activities) showHeld(ctx context.Context, s *dsr.Shown) error {
	n, err := a.lastPlan(ctx, s.Ref)
	if err != nil {
		return err
	}
	s.ShownPlan = &dsr.ShownPlan{Plan: n}
	s.Held, err = a.held(ctx, s.Ref, n)
	return err
}

// showDone shows how far a system is.
func (a *Activities) showDone(ctx context.Context, s *dsr.Shown) error {
	c, err := a.carriedOut(ctx, s.Ref)
	if err != nil {
		return err
	}
	s.ShownPlan = &dsr.ShownPlan{Plan: c.plan.N}
	for _, e := range c.body.Entries {
		if e.System != s.System {
			continue
		}
		shown := shownEntry(e)
		shown.Choose = false
		s.Entries = append(s.Entries, shown)
	}
	for _, d := range c.done[s.System] {
		s.Entries = append(s.Entries, dsr.ShownEntry{System: d.System, Collection: d.Collection, Class: d.Class,
			Action: "done: " + d.Action, Rows: d.Deleted + d.Changed})
	}
	return nil
}

// showRemains shows what the read-back found.
func (a *Activities) showRemains(ctx context.Context, s *dsr.Shown) error {
	c, err := a.carriedOut(ctx, s.Ref)
	if err != nil {
		return err
	}
	s.ShownPlan = &dsr.ShownPlan{Plan: c.plan.N}
	for _, system := range c.body.Order {
		for _, l := range c.remains[system] {
			if !l.Clean() {
				s.Entries = append(s.Entries, dsr.ShownEntry{System: l.System, Collection: l.Collection, Action: "left", Rows: l.Rows,
					Reason: l.Reason, Columns: slices.DeleteFunc([]string{l.Column}, func(c string) bool { return c == "" })})
			}
		}
	}
	return nil
}

// showHold shows a legal hold that is to end.
func (a *Activities) showHold(ctx context.Context, s *dsr.Shown) error {
	h, err := a.Store.Hold(ctx, s.Ref, a.Pins)
	if err != nil {
		return err
	}
	over := h.Statement.Person
	if h.Statement.System != "" {
		over = h.Statement.System
	}
	if h.Statement.Collection != "" {
		over += "." + h.Statement.Collection
	}
	s.ShownHold = &dsr.ShownHold{Matter: h.Statement.Matter, Scope: h.Statement.Scope, Over: over, Because: h.Statement.Reason, PlacedBy: h.PlacedBy}
	return nil
}
