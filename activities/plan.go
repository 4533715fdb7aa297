package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// LinkCase says whether another open deletion is of the same person: of the same directory row.
func (a *Activities) LinkCase(ctx context.Context, in contract.RefInput) (contract.LinkResult, error) {
	if err := a.verified(ctx, in.Ref); err != nil {
		return contract.LinkResult{}, err
	}
	account, err := a.account(ctx, in.Ref)
	if err != nil {
		return contract.LinkResult{}, err
	}
	to, err := a.Store.LinkCase(ctx, in.Ref, casefile.IndexRow, a.Keys.BlindIndex(casefile.IndexRow, rowName(account)))
	return contract.LinkResult{To: to}, err
}

// rowName is a name for a directory row that no other row has.
func rowName(account subject.Account) string {
	parts := append([]string{account.System, account.Collection}, account.Key...)
	if len(account.Key) == 0 { // of somebody in a restored system only what names them is known
		for _, id := range account.Identities {
			parts = append(parts, id.Kind, id.Value)
		}
	}
	raw, _ := json.Marshal(parts) // strings always encode
	return string(raw)
}

// StartPlan begins a plan, with the choices that a reviewer signed on the one before it, and says
// what must be visited to draft it.
func (a *Activities) StartPlan(ctx context.Context, in contract.PlanInput) (contract.PlanWalk, error) {
	var out contract.PlanWalk
	if err := a.verified(ctx, in.Ref); err != nil {
		return out, err
	}
	choices, err := a.planChoices(ctx, in, dsr.TaskPlan)
	if err != nil {
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
	e, err := a.erasure(ctx, p)
	if err != nil {
		return out, err
	}
	over, err := a.stopMap(ctx, in.Ref, in.Plan)
	if err != nil {
		return out, err
	}
	if before, err := a.begun(ctx, in.Ref, in.Plan); err != nil {
		return out, err
	} else if before != nil || over != nil {
		out.Anew = steps(e.Search.Steps())
	}
	out.Steps = steps(e.Steps())
	out.Systems, err = e.Systems()
	return out, err
}

// planChoices are the reviewer's words on a plan: those on the plan before, and what was signed with the
// wish for another in a task of that kind.
func (a *Activities) planChoices(ctx context.Context, in contract.PlanInput, kind dsr.TaskKind) (map[string]string, error) {
	if in.Plan <= 1 {
		return nil, nil
	}
	before, err := a.Store.Plan(ctx, in.Ref, in.Plan-1)
	if err != nil {
		return nil, err
	}
	choices := maps.Clone(before.Choices)
	if choices == nil {
		choices = map[string]string{}
	}
	id, err := a.Store.Approval(ctx, in.Ref, kind, planOccasion(in.Plan-1))
	if fault.Is(err, contract.ErrNotFound) {
		return choices, nil
	}
	if err != nil {
		return nil, err
	}
	task, err := a.Store.CheckVerdict(ctx, id, dsr.Replan, a.Pins)
	if fault.Is(err, contract.ErrNotApproved) {
		return choices, nil
	}
	maps.Copy(choices, task.Choices)
	return choices, err
}

// planOccasion is the occasion of the decisions on a plan; the workflow says the same.
func planOccasion(n int) string { return fmt.Sprintf("plan-%d", n) }

// begun is the first plan before n that was begun; nil when none was.
func (a *Activities) begun(ctx context.Context, ref contract.Ref, n int) (*casefile.Plan, error) {
	plans, err := a.Store.Plans(ctx, ref)
	if err != nil {
		return nil, err
	}
	for i := range plans {
		if plans[i].N < n && plans[i].BegunAt != nil {
			return &plans[i], nil
		}
	}
	return nil, nil
}

// erasure is the deletion by a plan. After a plan that was begun the directory's row may be gone:
// then the search is one that does without it.
func (a *Activities) erasure(ctx context.Context, p casefile.Plan) (subject.Erasure, error) {
	account, err := a.planAccount(ctx, p.Ref, p.N)
	if err != nil {
		return subject.Erasure{}, err
	}
	over, err := a.stopMap(ctx, p.Ref, p.N)
	if err != nil {
		return subject.Erasure{}, err
	}
	key, err := a.Store.Key(ctx, p.Ref)
	if err != nil {
		return subject.Erasure{}, err
	}
	e := subject.Erasure{
		Search: subject.Search{Map: a.Map, Account: account, Keys: a.Store.KeyStore(p.Ref), Open: a.opener(ctx), Without: p.Without},
		Frozen: a.Store.FrozenKeys(p.Ref, p.N), Choices: p.Choices, Now: p.MadeAt, Secret: key.Derive("erasure"),
	}
	if over != nil { // the directory's row stays: each plan has a discovery of its own
		e.Map, e.Keys = over, a.Store.AnewKeys(p.Ref, p.N)
		return e, nil
	}
	before, err := a.begun(ctx, p.Ref, p.N)
	if err != nil || before == nil {
		return e, err
	}
	first, err := a.erasure(ctx, *before)
	if err != nil {
		return e, err
	}
	e.Search = first.Fresh(a.Store.AnewKeys(p.Ref, p.N))
	e.Without = p.Without
	return e, nil
}

// drafted gives a plan that may still be drafted, and the deletion by it; nil when it is sealed.
func (a *Activities) drafted(ctx context.Context, ref contract.Ref, n int) (*subject.Erasure, error) {
	if err := a.verified(ctx, ref); err != nil {
		return nil, err
	}
	p, err := a.Store.Plan(ctx, ref, n)
	if err != nil || p.Hash != nil {
		return nil, err
	}
	e, err := a.erasure(ctx, p)
	return &e, err
}

// MarkRows makes one step of the walk that freezes which of the person's rows a plan is about.
func (a *Activities) MarkRows(ctx context.Context, in contract.MarkInput) (contract.Nothing, error) {
	e, err := a.drafted(ctx, in.Ref, in.Plan)
	if err != nil || e == nil {
		return contract.Nothing{}, err
	}
	if _, err := a.reached(ctx, in.Step.System, in.Step.Collections); err != nil {
		return contract.Nothing{}, err
	}
	var done atomic.Int64
	progress(ctx, &done, int64(len(in.Step.Collections)))
	return contract.Nothing{}, e.Mark(systems.WithRef(ctx, in.Ref), step(in.Step))
}

// DraftPlan has one system say what happens to its rows, and look and try what speaks against it.
func (a *Activities) DraftPlan(ctx context.Context, in contract.EraseInput) (contract.DraftResult, error) {
	var out contract.DraftResult
	e, err := a.drafted(ctx, in.Ref, in.Plan)
	if err != nil || e == nil {
		return out, err
	}
	if _, err := a.reached(ctx, in.System, nil); err != nil {
		return out, err
	}
	var done atomic.Int64
	progress(ctx, &done, 0)
	part, err := e.Draft(systems.WithRef(ctx, in.Ref), in.System)
	if err != nil {
		return out, err
	}
	if err := a.closureFacts(ctx, in, *e, &part); err != nil {
		return out, err
	}
	if err := a.lastContact(ctx, in, *e, &part); err != nil {
		return out, err
	}
	for _, entry := range part.Entries {
		if changes(entry.Action) {
			out.Rows += entry.Rows
		}
	}
	for _, f := range part.Findings {
		if f.Stops() {
			out.Stops++
		}
	}
	raw, err := json.Marshal(part)
	if err != nil {
		return out, fmt.Errorf("writing a part of a plan: %w", err)
	}
	return out, a.Store.PutPlanPart(ctx, in.Ref, in.Plan, in.System, raw)
}

// changes says whether an action changes rows.
func changes(action string) bool { return action != subject.Keep && action != subject.Leave }

// SealPlan puts the parts together and freezes the plan: from here on its hash stands for it.
func (a *Activities) SealPlan(ctx context.Context, in contract.PlanInput) (contract.PlanFacts, error) {
	var out contract.PlanFacts
	if err := a.verified(ctx, in.Ref); err != nil {
		return out, err
	}
	p, err := a.Store.Plan(ctx, in.Ref, in.Plan)
	if err != nil {
		return out, err
	}
	e, err := a.erasure(ctx, p)
	if err != nil {
		return out, err
	}
	if p.Hash == nil {
		plan, err := a.assemblePlan(ctx, e, in)
		if err != nil {
			return out, err
		}
		if p, err = a.Store.SealPlan(ctx, in.Ref, in.Plan, plan.Bytes(), plan.Rows(), len(plan.Over) > 0); err != nil {
			return out, err
		}
	}
	plan, err := a.sealedPlan(ctx, in.Ref, in.Plan)
	if err != nil {
		return out, err
	}
	out = contract.PlanFacts{Rows: p.Rows, Large: p.Large, Order: plan.Order, After: e.After(plan.Order)}
	out.Fresh = steps(e.Fresh(a.Store.FreshKeys(in.Ref, in.Plan)).Steps())
	for _, s := range plan.Asked {
		if s.Driver == datamap.DriverOpenDSR {
			out.Processors = append(out.Processors, s.System)
			continue
		}
		out.ByHand = append(out.ByHand, s.System)
	}
	return out, nil
}

func (a *Activities) assemblePlan(ctx context.Context, e subject.Erasure, in contract.PlanInput) (subject.Plan, error) {
	raws, err := a.Store.PlanParts(ctx, in.Ref, in.Plan)
	if err != nil {
		return subject.Plan{}, err
	}
	var parts []subject.Part
	for _, system := range slices.Sorted(maps.Keys(raws)) {
		var part subject.Part
		if err := json.Unmarshal(raws[system], &part); err != nil {
			return subject.Plan{}, fault.New(contract.ErrTampered, "a part of a plan in the casefile cannot be read", err)
		}
		parts = append(parts, part)
	}
	plan, err := e.Assemble(ctx, parts)
	if err == nil && len(plan.Stops()) > 0 {
		err = fault.Newf(contract.ErrMapMismatch, "%s: %d findings speak against plan %d", in.Ref, len(plan.Stops()), in.Plan)
	}
	return plan, err
}

// sealedPlan opens a sealed plan.
func (a *Activities) sealedPlan(ctx context.Context, ref contract.Ref, n int) (subject.Plan, error) {
	var plan subject.Plan
	body, err := a.Store.PlanBody(ctx, ref, n)
	if err != nil {
		return plan, err
	}
	if err := json.Unmarshal(body, &plan); err != nil {
		return plan, fault.New(contract.ErrTampered, "a plan in the casefile cannot be read", err)
	}
	return plan, nil
}

func steps(list []subject.Step) []contract.SearchStep {
	var out []contract.SearchStep
	for _, s := range list {
		out = append(out, contract.SearchStep{Level: s.Level, System: s.System, Collections: s.Collections})
	}
	slices.SortStableFunc(out, func(x, y contract.SearchStep) int { return cmp.Compare(x.Level, y.Level) })
	return out
}

func step(s contract.SearchStep) subject.Step {
	return subject.Step{Level: s.Level, System: s.System, Collections: s.Collections}
}
