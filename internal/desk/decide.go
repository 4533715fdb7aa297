package desk

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// Task is a task with what it shows.
type Task struct {
	casefile.Task
	Shown dsr.Shown `json:"shown"`
}

// Task reads one task and opens what it shows.
func (d *Desk) Task(ctx context.Context, id string) (Task, error) {
	task, err := d.Store.Task(ctx, id)
	if err != nil {
		return Task{}, err
	}
	raw, err := d.Store.Shown(ctx, id)
	if err != nil {
		return Task{}, err
	}
	shown, err := dsr.ReadShown(raw)
	return Task{Task: task, Shown: shown}, err
}

// Choose writes choices on an open task: what happens to columns that may speak of somebody
// else ("system.collection.column" or "all" → keep, mask, drop), or which account is meant
// ("account" → its number). The task's digest changes with them, so whoever signs, signs them too.
func (d *Desk) Choose(ctx context.Context, id string, choices map[string]string, by string) (Task, error) {
	t, err := d.Task(ctx, id)
	if err != nil {
		return Task{}, err
	}
	all := map[string]string{}
	for key, value := range t.Choices {
		all[key] = value
	}
	// "all" first, so that a column that is named beside it keeps the choice of its own.
	keys := slices.Sorted(maps.Keys(choices))
	slices.SortStableFunc(keys, func(a, b string) int {
		switch {
		case a == "all" && b != "all":
			return -1
		case b == "all" && a != "all":
			return 1
		}
		return 0
	})
	for _, key := range keys {
		value := choices[key]
		expanded, err := t.choice(key, value)
		if err != nil {
			return Task{}, err
		}
		for _, k := range expanded {
			all[k] = value
		}
	}
	if _, err := d.Store.SetChoices(ctx, id, all, by); err != nil {
		return Task{}, err
	}
	return d.Task(ctx, id)
}

// choice checks one choice and says which keys it sets.
func (t Task) choice(key, value string) ([]string, error) {
	if t.Kind == dsr.TaskChooseAccount {
		n, err := strconv.Atoi(value)
		if key != "account" || err != nil || n < 0 || n >= len(t.Shown.Candidates) {
			return nil, fault.Newf(contract.ErrBadInput, "task %s takes --account and a number from 0 to %d", t.ID, len(t.Shown.Candidates)-1)
		}
		return []string{key}, nil
	}
	if t.Kind == dsr.TaskPlan {
		return t.planChoice(key, value)
	}
	if t.Kind == dsr.TaskCorrect {
		return t.correctionChoice(key, value)
	}
	var columns []string
	for _, c := range t.Shown.Collections {
		for _, column := range c.ThirdParty {
			columns = append(columns, c.System+"."+c.Collection+"."+column)
		}
	}
	switch {
	case t.Kind != dsr.TaskReview:
		return nil, fault.Newf(contract.ErrBadInput, "task %s has nothing to choose", t.ID)
	case !slices.Contains([]string{dsr.ChoiceKeep, dsr.ChoiceMask, dsr.ChoiceDrop}, value):
		return nil, fault.Newf(contract.ErrBadInput, "%q is not a choice: keep, mask or drop", value)
	case key == "all":
		return columns, nil
	case !slices.Contains(columns, key):
		return nil, fault.Newf(contract.ErrBadInput, "task %s does not show a column %q that waits for a choice", t.ID, key).
			WithHint("those that do: " + strings.Join(columns, ", "))
	}
	return []string{key}, nil
}

// Decide signs a verdict on what the task shows now and sends it to the case. The same verdict by
// the same person is the same decision: sent again, it is recorded once. What Temporal answers is
// held against the casefile, where the decision is recorded; when the two differ somebody made the
// answer up, and the decision is sent anew.
func (d *Desk) Decide(ctx context.Context, id string, verdict dsr.Verdict, reason string, key seal.StaffKey) (contract.DecideResult, error) {
	t, err := d.Task(ctx, id)
	if err != nil {
		return contract.DecideResult{}, err
	}
	if err := t.ripe(verdict); err != nil {
		return contract.DecideResult{}, err
	}
	if t.Kind == dsr.TaskIdentity {
		if t, err = d.coverDocuments(ctx, t, verdict, key.Name); err != nil {
			return contract.DecideResult{}, err
		}
	}
	if t.Kind == dsr.TaskComplaint && (len(reason) > dsr.MaxAnswer || strings.ContainsAny(reason, "\r\n\t")) {
		return contract.DecideResult{}, fault.Newf(contract.ErrBadInput, "the answer is one line of at most %d bytes: it goes into a letter", dsr.MaxAnswer)
	}
	decision := Sign(d.Keys.Installation(), t.Task, verdict, reason, key)
	in, err := d.Seal(ctx, decision)
	if err != nil {
		return contract.DecideResult{}, err
	}
	sum := sha256.Sum256(append(decision.Bytes(), decision.Signature...))
	for range 3 {
		// Temporal keeps the first answer to an id for ever, also when the decision only came too early.
		out, err := update(ctx, d, t.Ref, contract.Decide, hex.EncodeToString(sum[:8])+"/"+rand.Text(), in)
		if fault.Is(err, contract.ErrUnavailable) {
			return out, err
		}
		recorded, readErr := d.recorded(ctx, decision)
		switch {
		case readErr != nil:
			return out, errors.Join(err, readErr)
		case recorded && fault.Is(err, contract.ErrNotOpen): // an earlier try reached the case
			now, err := d.Store.Task(ctx, id)
			return contract.DecideResult{Verdict: string(now.Verdict), Done: now.State == casefile.TaskDone}, err
		case recorded == (err == nil):
			return out, err
		}
	}
	return contract.DecideResult{}, fault.Newf(contract.ErrUnavailable, "not confirmed: what Temporal answers is not what the casefile says of task %s", id).
		WithHint("somebody may be answering in the worker's place; look at who polls the task queues, then decide again")
}

// recorded says whether the casefile has this very decision.
func (d *Desk) recorded(ctx context.Context, decision dsr.Decision) (bool, error) {
	list, err := d.Store.Decisions(ctx, decision.Task)
	return slices.ContainsFunc(list, func(had casefile.Decided) bool {
		return had.Staff == decision.Staff && had.Verdict == decision.Verdict && had.Reason == decision.Reason
	}), err
}

// ripe refuses early, and in plainer words, what the worker would refuse.
func (t Task) ripe(verdict dsr.Verdict) error {
	if t.State != "open" {
		return fault.Newf(contract.ErrNotOpen, "task %s is not open any more (%s)", t.ID, or(string(t.Verdict), t.State))
	}
	if rule := dsr.Rules[t.Kind]; !slices.Contains(rule.Verdicts, verdict) {
		words := make([]string, len(rule.Verdicts))
		for i, v := range rule.Verdicts {
			words[i] = string(v)
		}
		return fault.Newf(contract.ErrBadInput, "a task of the kind %s does not take %q", t.Kind, verdict).
			WithHint("it takes " + strings.Join(words, ", "))
	}
	if verdict != dsr.Approve {
		return nil
	}
	if open := t.Shown.Undecided(t.Choices); t.Kind == dsr.TaskReview && len(open) > 0 {
		return fault.Newf(contract.ErrBadInput, "these columns may speak of somebody else and wait for keep, mask or drop: %s", strings.Join(open, ", ")).
			WithHint("habeas task redact " + t.ID + " --set all=mask")
	}
	if c := t.Shown.Correction; c != nil && len(c.Stops) > 0 {
		return fault.Newf(contract.ErrBadInput, "this speaks against it: %s", strings.Join(c.Stops, "; ")).
			WithHint("refuse the field with habeas task redact " + t.ID + " --set FIELD=refuse:REASON, then habeas task replan " + t.ID)
	}
	if (t.Kind == dsr.TaskPlan || t.Kind == dsr.TaskCorrect) && len(t.Choices) > 0 {
		return fault.Newf(contract.ErrBadInput, "the choices on task %s are not in this plan yet", t.ID).
			WithHint("habeas task replan " + t.ID + " --reason …: the next plan has them, and waits for its own approval")
	}
	if t.Kind == dsr.TaskChooseAccount && t.Choices["account"] == "" {
		return fault.Newf(contract.ErrBadInput, "say which row is meant").WithHint("habeas task approve " + t.ID + " --account N")
	}
	return nil
}

// Sign makes the decision of one member of staff over what a task shows now.
func Sign(installation string, t casefile.Task, verdict dsr.Verdict, reason string, key seal.StaffKey) dsr.Decision {
	decision := dsr.Decision{
		Installation: installation, Ref: t.Ref, TaskKind: t.Kind, Task: t.ID, Digest: t.Digest,
		Verdict: verdict, Reason: reason, Nonce: t.Nonce, Staff: key.Name,
	}
	decision.Signature = ed25519.Sign(key.Private, decision.Bytes())
	return decision
}

// Seal makes a decision ready for Temporal: its reason sealed under the case's own key.
func (d *Desk) Seal(ctx context.Context, decision dsr.Decision) (contract.DecideInput, error) {
	in := contract.DecideInput{
		Task: decision.Task, Staff: decision.Staff, Verdict: string(decision.Verdict),
		Digest: decision.Digest, Nonce: decision.Nonce, Signature: decision.Signature,
	}
	if decision.Reason == "" {
		return in, nil
	}
	var err error
	in.SealedReason, err = d.Store.Seal(ctx, decision.Ref, dsr.SealedReason, []byte(decision.Reason))
	return in, err
}
