package activities

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// freshFor is how old a check of the real name may be when a plan is agreed on.
const freshFor = 7 * 24 * time.Hour

// CheckRealName asks the identity system of the map whether it has borne out the name and number that the
// person is to have, since the case was opened. It writes down a yes; without one people are asked.
func (a *Activities) CheckRealName(ctx context.Context, in contract.EraseInput) (contract.RealNameResult, error) {
	var out contract.RealNameResult
	if err := a.verified(ctx, in.Ref); err != nil {
		return out, err
	}
	plan, err := a.correctionPlan(ctx, in.Ref, in.Plan)
	if err != nil {
		return out, err
	}
	check := a.Map.Company.Correction.RealName
	if check == nil || !strings.HasPrefix(check.Collection, in.System+".") {
		return out, fault.Newf(contract.ErrMapMismatch, "the data map has no identity system %s", in.System)
	}
	if plan.RealName == "" || plan.IDNumber == "" {
		return out, nil
	}
	sys, err := a.reached(ctx, in.System, nil)
	if err != nil {
		return out, err
	}
	c, err := a.Store.Case(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	var done atomic.Int64
	progress(ctx, &done, 1)
	_, name, _ := strings.Cut(check.Collection, ".")
	n, err := sys.Count(systems.WithRef(ctx, in.Ref), systems.Selection{
		Collection: a.Map.System(in.System).Collection(name),
		Any:        []systems.Clause{{Columns: []string{check.Number}, Keys: systems.OneKey(plan.IDNumber)}},
		Only: []systems.Clause{{Columns: []string{check.Name}, Keys: systems.OneKey(plan.RealName), When: &datamap.Condition{
			Column: check.Since, Op: datamap.OpGe, Values: []string{c.OpenedAt.UTC().Format(time.DateTime)}}}},
	})
	if err != nil || n == 0 {
		return out, err
	}
	return contract.RealNameResult{Known: true}, a.Store.PutNameCheck(ctx, in.Ref, a.Store.NameHash(in.Ref, plan.RealName, plan.IDNumber), in.System)
}

// nameChecked says how the name and number of a plan were checked anew: "system" or "task", not longer
// ago than freshFor before the time given. contract.ErrNotApproved where they were not.
func (a *Activities) nameChecked(ctx context.Context, ref contract.Ref, plan subject.CorrectionPlan, by time.Time) (string, error) {
	at, err := a.Store.NameCheck(ctx, ref, a.Store.NameHash(ref, plan.RealName, plan.IDNumber))
	if err == nil && at.After(by.Add(-freshFor)) && a.Map.Company.Correction.RealName != nil {
		return "system", nil
	}
	if err != nil && !fault.Is(err, contract.ErrNotFound) {
		return "", err
	}
	tasks, err := a.Store.ListTasks(ctx, casefile.TaskFilter{Ref: ref, Kind: string(dsr.TaskRealName), Limit: 1000})
	if err != nil {
		return "", err
	}
	for _, t := range tasks {
		if t.Verdict != dsr.Complete || t.DoneAt == nil || t.DoneAt.Before(by.Add(-freshFor)) {
			continue
		}
		if _, err := a.Store.CheckVerdict(ctx, t.ID, dsr.Complete, a.Pins); err != nil {
			return "", err
		}
		raw, err := a.Store.Shown(ctx, t.ID)
		if err != nil {
			return "", err
		}
		shown, err := dsr.ReadShown(raw)
		if err != nil {
			return "", err
		}
		if shown.Proof != nil && slices.Equal(shown.Proof.Fields, nameOf(plan)) {
			return "task", nil
		}
	}
	return "", fault.Newf(contract.ErrNotApproved, "%s: nobody has checked the real name anew", ref)
}

// nameOf is what is checked: name and number as they are to be.
func nameOf(plan subject.CorrectionPlan) []dsr.Identity {
	return []dsr.Identity{{Kind: "identity.real_name", Value: plan.RealName}, {Kind: "identity.id_number", Value: plan.IDNumber}}
}

// proofs are the files that came as proofs, by signed answers. contract.ErrNotApproved where none did.
func (a *Activities) proofs(ctx context.Context, ref contract.Ref) ([]string, error) {
	tasks, err := a.Store.ListTasks(ctx, casefile.TaskFilter{Ref: ref, Kind: string(dsr.TaskEvidence), Limit: 1000})
	if err != nil {
		return nil, err
	}
	var files []string
	for _, t := range tasks {
		if t.Verdict != dsr.Complete {
			continue
		}
		task, err := a.Store.CheckVerdict(ctx, t.ID, dsr.Complete, a.Pins)
		if err != nil {
			return nil, err
		}
		provided, names, missing := dsr.Proof(task.Choices)
		if missing != "" || !provided {
			continue
		}
		if _, err := a.evidence(ctx, task, dsr.Answer{Evidence: names}); err != nil {
			return nil, err
		}
		files = append(files, names...)
	}
	if len(files) == 0 {
		return nil, fault.Newf(contract.ErrNotApproved, "%s: no proof has come", ref)
	}
	return files, nil
}

// proven verifies all that must stand behind a plan beside the signatures on it: the codes of new
// addresses, the proofs, and the fresh check of the real name.
func (a *Activities) proven(ctx context.Context, ref contract.Ref, plan subject.CorrectionPlan, by time.Time) error {
	if stops := plan.Stops(); len(stops) > 0 {
		return fault.Newf(contract.ErrNotApproved, "%s: %d findings speak against the plan", ref, len(stops))
	}
	own, err := a.ownCase(ctx, ref)
	if err != nil || !own {
		return err
	}
	for _, f := range plan.Corrected() {
		field, err := a.Map.Field(f.Name)
		if err != nil {
			return fault.Newf(contract.ErrMapMismatch, "the data map does not know the field %s of %s any more", f.Name, ref)
		}
		confirmed, err := a.confirmed(ctx, ref, field)
		if err != nil {
			return err
		}
		if !confirmed {
			return fault.Newf(contract.ErrNotApproved, "%s: a new address was not confirmed", ref)
		}
		if f.Evidence || field.Evidence != (datamap.Text{}) {
			if _, err := a.proofs(ctx, ref); err != nil {
				return err
			}
		}
		if f.Strict != field.Strict {
			return fault.Newf(contract.ErrNotApproved, "%s: what the plan asks for is not what the map does", ref)
		}
	}
	if !plan.Strict() {
		return nil
	}
	_, err = a.nameChecked(ctx, ref, plan, by)
	return err
}

// WipeEvidence deletes the proofs of a correction, and what a representative has shown, each once its time
// after the decision on it is over. What is not decided yet keeps nothing else: its error comes last.
func (a *Activities) WipeEvidence(ctx context.Context, in contract.RefInput) (contract.WipeResult, error) {
	var out contract.WipeResult
	var open error
	for kind, decided := range map[dsr.TaskKind]func(context.Context, contract.Ref) (time.Time, error){
		dsr.TaskEvidence: a.decidedAt, dsr.TaskAuthority: a.authorityDecidedAt,
	} {
		again, err := a.wipeProofs(ctx, in.Ref, kind, decided)
		switch {
		case fault.Is(err, contract.ErrNotApproved):
			open = err
		case err != nil:
			return out, err
		case !again.IsZero() && (out.Again.IsZero() || again.Before(out.Again)):
			out.Again = again
		}
	}
	return out, open
}

// wipeProofs deletes the files of the tasks of a kind, or says when to come again for them.
func (a *Activities) wipeProofs(ctx context.Context, ref contract.Ref, kind dsr.TaskKind, decided func(context.Context, contract.Ref) (time.Time, error)) (again time.Time, err error) {
	files, err := a.Store.Proofs(ctx, ref, kind)
	if err != nil {
		return again, err
	}
	files = slices.DeleteFunc(files, func(e casefile.Evidence) bool { return e.WipedAt != nil })
	if len(files) == 0 {
		return again, nil
	}
	at, err := decided(ctx, ref)
	if err != nil {
		return again, err
	}
	if at = at.Add(a.Config.EvidenceFor); at.After(a.Now()) {
		return at, nil
	}
	for _, file := range files {
		if err := a.Blobs.Delete(ctx, file.Blob); err != nil && !fault.Is(err, contract.ErrNotFound) {
			return again, err
		}
		if err := a.Store.MarkProofWiped(ctx, ref, file); err != nil {
			return again, err
		}
	}
	return again, nil
}

// decidedAt is when the last decision on a correction fell: a plan that was agreed on, or the end.
func (a *Activities) decidedAt(ctx context.Context, ref contract.Ref) (time.Time, error) {
	plans, err := a.Store.Plans(ctx, ref)
	if err != nil {
		return time.Time{}, err
	}
	for _, p := range slices.Backward(plans) {
		if p.AgreedAt != nil {
			return *p.AgreedAt, nil
		}
	}
	return a.endingAt(ctx, ref)
}

// endingAt is when a case came to its end; contract.ErrNotApproved where it has not.
func (a *Activities) endingAt(ctx context.Context, ref contract.Ref) (time.Time, error) {
	c, err := a.Store.Case(ctx, ref)
	if err != nil {
		return time.Time{}, err
	}
	if c.EndingAt == nil {
		return time.Time{}, fault.Newf(contract.ErrNotApproved, "%s is not decided: its proofs stay", ref)
	}
	return *c.EndingAt, nil
}
