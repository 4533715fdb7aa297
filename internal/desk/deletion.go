package desk

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// Withdraw writes down that the person took their request back, and tells the case. Once the
// deletion has begun it is a contract.ErrNotOpen. When the word is lost on its way nothing is: the case
// asks the casefile before it begins.
func (d *Desk) Withdraw(ctx context.Context, ref contract.Ref, by, why string) error {
	if err := d.Store.Withdraw(ctx, ref, by, why); err != nil {
		return err
	}
	_ = d.Temporal.SignalWorkflow(ctx, string(ref), "", contract.Withdraw.Name, contract.WithdrawInput{})
	return nil
}

// Sample is some rows of an entry of a plan, masked; Problem says why there are none.
type Sample struct {
	System     string     `json:"system"`
	Collection string     `json:"collection"`
	Class      string     `json:"class"`
	Action     string     `json:"action"`
	Columns    []string   `json:"columns,omitempty"`
	Rows       [][]string `json:"rows,omitempty"`
	Problem    string     `json:"problem,omitempty"`
}

// PlanSamples shows at most limit rows of each entry of the plan that a task shows, masked, from the
// live systems. A system that cannot be reached from here is said, and holds the others up by nothing.
func (d *Desk) PlanSamples(ctx context.Context, t Task, open subject.Opener, limit int) ([]Sample, error) {
	if t.Shown.ShownPlan == nil || t.Shown.Correction != nil { // which shows its values masked itself
		return nil, nil
	}
	p, err := d.Store.Plan(ctx, t.Ref, t.Shown.Plan)
	if err != nil || p.Hash == nil {
		return nil, err
	}
	body, err := d.Store.PlanBody(ctx, t.Ref, p.N)
	if err != nil {
		return nil, err
	}
	var plan subject.Plan
	if err := json.Unmarshal(body, &plan); err != nil {
		return nil, fault.New(contract.ErrTampered, "a plan in the casefile cannot be read", err)
	}
	list, chosen, err := d.Store.Accounts(ctx, t.Ref)
	if err != nil {
		return nil, err
	}
	e := subject.Erasure{Search: subject.Search{Map: d.Map, Open: open, Keys: d.Store.KeyStore(t.Ref), Without: p.Without},
		Frozen: d.Store.FrozenKeys(t.Ref, p.N), Choices: p.Choices, Now: p.MadeAt}
	if chosen >= 0 {
		if err := json.Unmarshal(list[chosen], &e.Account); err != nil {
			return nil, fault.New(contract.ErrTampered, "a directory row in the casefile cannot be read", err)
		}
	}
	var out []Sample
	for _, entry := range plan.Entries {
		if entry.Rows == 0 {
			continue
		}
		s := Sample{System: entry.System, Collection: entry.Collection, Class: entry.Class, Action: entry.Action}
		if got, err := e.Sample(ctx, plan, entry, limit); err != nil {
			s.Problem = fault.As(err).Text
		} else {
			s.Columns, s.Rows = got.Columns, got.Rows
		}
		out = append(out, s)
	}
	return out, nil
}

// planChoice checks a choice on shared rows of a plan.
func (t Task) planChoice(key, value string) ([]string, error) {
	var open []string
	for _, e := range t.Shown.Entries {
		if id := e.System + "." + e.Collection; e.Choose && !slices.Contains(open, id) {
			open = append(open, id)
		}
	}
	switch {
	case !slices.Contains([]string{dsr.ShareLeave, dsr.ShareUnlink, dsr.ShareErase}, value):
		return nil, fault.Newf(contract.ErrBadInput, "%q is not a choice: leave, unlink or erase", value)
	case key == "all":
		return open, nil
	case !slices.Contains(open, key):
		return nil, fault.Newf(contract.ErrBadInput, "task %s shows no rows of %q that somebody else may claim too", t.ID, key)
	}
	return []string{key}, nil
}
