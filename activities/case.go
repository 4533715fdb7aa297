package activities

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// BeginCase marks the case as started and tells the workflow what it must know of it.
func (a *Activities) BeginCase(ctx context.Context, in contract.RefInput) (contract.CaseFacts, error) {
	var facts contract.CaseFacts
	c, err := a.Store.Case(ctx, in.Ref)
	if err != nil {
		return facts, err
	}
	directories := a.Map.Directories()
	if len(directories) == 0 {
		return facts, fault.Newf(contract.ErrMapMismatch, "the data map marks no collection as a directory: nobody can be looked up")
	}
	if err := a.Store.MarkStarted(ctx, in.Ref); err != nil {
		return facts, err
	}
	if err := a.Store.SetVerifyUntil(ctx, in.Ref, a.Config.VerifyWithin); err != nil {
		return facts, err
	}
	facts = contract.CaseFacts{
		Kind: string(c.Kind), Laws: c.Laws, DueAt: c.DueAt, Directory: directories[0].System.Name,
		Patience: map[string]time.Duration{}, VerifyWithin: a.Config.VerifyWithin,
		PackageTTL: a.Config.PackageTTL, CodesPerHour: a.Config.CodesPerHour,
	}
	plans, err := a.Store.Plans(ctx, in.Ref)
	if err != nil {
		return facts, err
	}
	for _, p := range plans {
		facts.Plan, facts.Begun = p.N, facts.Begun || p.BegunAt != nil
	}
	for _, s := range a.Map.Systems {
		facts.Patience[s.Name] = s.Patience
		if s.Outside != nil {
			facts.Patience[s.Name] = s.Outside.Due
		}
	}
	if c.Kind == dsr.EraseAfterAccess {
		err := a.answered(ctx, in.Ref)
		if err != nil && !fault.Is(err, contract.ErrNotApproved) && !fault.Is(err, contract.ErrBusy) {
			return facts, err
		}
		facts.Answered = err == nil
	}
	err = a.vouched(ctx, in.Ref)
	if fault.Is(err, contract.ErrNotFound) {
		err = a.restored(ctx, in.Ref)
	}
	if err != nil && !fault.Is(err, contract.ErrNotFound) {
		return facts, err
	}
	facts.Vouched = err == nil
	facts.AtOnce, facts.NoData = dsr.AtOnce(c.Kind, c.Scope), c.Scope == dsr.ScopeCategories
	if dsr.Represented(c.Requester) && !facts.AtOnce {
		facts.Represented, facts.EvidenceFor = c.Requester, a.Config.EvidenceFor
	}
	if c.Kind == dsr.Restriction {
		for _, s := range a.Map.Stopped(a.purposes(c)) {
			facts.Recipients = append(facts.Recipients, s.Name)
		}
	}
	return facts, nil
}

// Project writes the projection of the case's state for lists.
func (a *Activities) Project(ctx context.Context, in contract.Progress) (contract.Nothing, error) {
	return contract.Nothing{}, a.Store.SetProgress(ctx, in.Ref, dsr.State(in.State), in.WaitingOn, in.OpenSystems)
}

// CloseCase ends the case in the casefile, with an outcome that the casefile bears out.
func (a *Activities) CloseCase(ctx context.Context, in contract.CloseInput) (contract.Nothing, error) {
	if err := a.borneOut(ctx, in.Ref, dsr.Outcome(in.Outcome)); err != nil {
		return contract.Nothing{}, err
	}
	if err := a.Store.EndRestriction(ctx, in.Ref); err != nil { // of every other kind of case it does nothing
		return contract.Nothing{}, err
	}
	return contract.Nothing{}, a.Store.CloseCase(ctx, in.Ref, dsr.Outcome(in.Outcome))
}

// Wipe deletes parts and package and the keys that the search materialised, once the casefile bears
// out that the case has ended so. It may run twice. Before the first blob goes the case is marked,
// so that a straggling attempt adds none behind our back.
func (a *Activities) Wipe(ctx context.Context, in contract.CloseInput) (contract.Nothing, error) {
	if err := a.borneOut(ctx, in.Ref, dsr.Outcome(in.Outcome)); err != nil {
		return contract.Nothing{}, err
	}
	if err := a.Store.MarkEnding(ctx, in.Ref, dsr.Outcome(in.Outcome) == dsr.Unverified); err != nil {
		return contract.Nothing{}, err
	}
	var gone atomic.Int64
	progress(ctx, &gone, 0)
	if err := a.Blobs.DeleteAll(ctx, string(in.Ref)); err != nil {
		return contract.Nothing{}, err
	}
	return contract.Nothing{}, a.Store.MarkWiped(ctx, in.Ref)
}

// folder is where the blobs of a reference lie.
func folder(ref contract.Ref) string { return string(ref) + "/" }

// leaving are the tasks on which a signed "partial" leaves a system out.
var leaving = []dsr.TaskKind{dsr.TaskSystemDown, dsr.TaskMapMismatch, dsr.TaskPreflight, dsr.TaskHeld, dsr.TaskEraseFailed, dsr.TaskCorrectFailed, dsr.TaskByHand}

// partial lists the systems that a signed decision left out of the case, each checked again.
func (a *Activities) partial(ctx context.Context, ref contract.Ref) ([]string, error) {
	tasks, err := a.Store.ListTasks(ctx, taskFilter(ref))
	if err != nil {
		return nil, err
	}
	var left []string
	for _, t := range tasks {
		if !slices.Contains(leaving, t.Kind) || t.System == "" || t.Verdict != dsr.Partial {
			continue
		}
		if _, err := a.Store.CheckVerdict(ctx, t.ID, dsr.Partial, a.Pins); err != nil {
			return nil, err
		}
		left = append(left, t.System)
	}
	slices.Sort(left)
	return slices.Compact(left), nil
}
