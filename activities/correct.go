package activities

import (
	"context"
	"encoding/hex"
	"encoding/json"
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

// AgreeCorrection checks everything behind a plan: the signatures, codes, proofs and the fresh check.
func (a *Activities) AgreeCorrection(ctx context.Context, in contract.AgreeInput) (contract.Nothing, error) {
	if err := a.verified(ctx, in.Ref); err != nil {
		return contract.Nothing{}, err
	}
	plan, err := a.correctionPlan(ctx, in.Ref, in.Plan)
	if err != nil {
		return contract.Nothing{}, err
	}
	if err := a.proven(ctx, in.Ref, plan, a.Now()); err != nil {
		return contract.Nothing{}, err
	}
	if !plan.Strict() {
		in.Approval = in.Review
	}
	_, err = a.Store.AgreePlan(ctx, in.Ref, in.Plan, in.Review, in.Approval, 0, a.Pins)
	return contract.Nothing{}, err
}

// checkedCorrection verifies a plan that is begun, with all that must stand behind it.
func (a *Activities) checkedCorrection(ctx context.Context, ref contract.Ref, n int) (casefile.Plan, subject.CorrectionPlan, error) {
	var plan subject.CorrectionPlan
	if err := a.verified(ctx, ref); err != nil {
		return casefile.Plan{}, plan, err
	}
	p, err := a.Store.CheckPlan(ctx, ref, n, a.Pins)
	if err != nil {
		return p, plan, err
	}
	if plan, err = a.correctionPlan(ctx, ref, n); err != nil {
		return p, plan, err
	}
	if plan.Strict() != p.Large {
		return p, plan, fault.Newf(contract.ErrTampered, "plan %d of %s is not what its row says", n, ref)
	}
	return p, plan, a.proven(ctx, ref, plan, *p.AgreedAt)
}

// BeginCorrecting is from where on the person cannot take the request back any more.
func (a *Activities) BeginCorrecting(ctx context.Context, in contract.PlanInput) (contract.Nothing, error) {
	if err := a.verified(ctx, in.Ref); err != nil {
		return contract.Nothing{}, err
	}
	p, err := a.Store.Plan(ctx, in.Ref, in.Plan)
	if err != nil {
		return contract.Nothing{}, err
	}
	plan, err := a.correctionPlan(ctx, in.Ref, in.Plan)
	if err != nil {
		return contract.Nothing{}, err
	}
	if p.AgreedAt == nil {
		return contract.Nothing{}, fault.Newf(contract.ErrNotApproved, "plan %d of %s is not agreed on", in.Plan, in.Ref)
	}
	if err := a.proven(ctx, in.Ref, plan, *p.AgreedAt); err != nil {
		return contract.Nothing{}, err
	}
	held, err := a.held(ctx, in.Ref, in.Plan)
	if err != nil {
		return contract.Nothing{}, err
	}
	left, err := a.partial(ctx, in.Ref)
	if err != nil {
		return contract.Nothing{}, err
	}
	for _, system := range held {
		if !slices.Contains(left, system) {
			return contract.Nothing{}, fault.Newf(contract.ErrHeld, "%s: a legal hold covers a part of %s", in.Ref, system)
		}
	}
	return contract.Nothing{}, a.Store.BeginErasing(ctx, in.Ref, in.Plan, a.Pins)
}

// Correct carries the plan out in one system. Before its first effect it verifies who is asking, the
// plan's hash, every signature, the codes, the proofs and the check of the real name; each batch runs
// under the lock under which no hold can be placed. It may run again after whatever stopped it.
func (a *Activities) Correct(ctx context.Context, in contract.EraseInput) (contract.CorrectResult, error) {
	var out contract.CorrectResult
	p, plan, err := a.checkedCorrection(ctx, in.Ref, in.Plan)
	if err != nil {
		return out, err
	}
	left, err := a.partial(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	if slices.Contains(left, in.System) {
		return out, fault.Newf(contract.ErrNotApproved, "%s: a signed decision leaves %s out", in.Ref, in.System)
	}
	if _, err := a.reached(ctx, in.System, nil); err != nil {
		return out, err
	}
	e, err := a.correction(ctx, p)
	if err != nil {
		return out, err
	}
	e.Fields = plan.Fields
	target, err := a.targetOf(ctx, in.Ref, in.Plan, in.System)
	if err != nil {
		return out, err
	}
	var rows atomic.Int64
	progress(ctx, &rows, p.Rows)
	done, err := e.Execute(systems.WithRef(ctx, in.Ref), plan, in.System, subject.Run{
		Guard: func(ctx context.Context, batch func(context.Context) error) error {
			return a.Store.Guarded(ctx, in.Ref, target, a.Pins, batch)
		},
	})
	if err != nil {
		return out, err
	}
	for _, d := range done {
		out.Changed, out.Differs, out.Gone = out.Changed+d.Changed, out.Differs+d.Differs, out.Gone+d.Gone
	}
	if done == nil {
		done = []subject.Corrected{}
	}
	return out, a.Store.PutCorrected(ctx, in.Ref, in.Plan, in.System, done)
}

// CheckCorrected looks in one system what the planned rows hold now, and by the fresh discovery whether
// the old value stands anywhere else.
func (a *Activities) CheckCorrected(ctx context.Context, in contract.EraseInput) (contract.ReadBackResult, error) {
	var out contract.ReadBackResult
	p, plan, err := a.checkedCorrection(ctx, in.Ref, in.Plan)
	if err != nil {
		return out, err
	}
	if _, err := a.reached(ctx, in.System, nil); err != nil {
		return out, err
	}
	e, err := a.correction(ctx, p)
	if err != nil {
		return out, err
	}
	e.Fields, e.Keys = plan.Fields, a.Store.FreshKeys(in.Ref, in.Plan)
	if e.Without, err = a.partial(ctx, in.Ref); err != nil {
		return out, err
	}
	var done atomic.Int64
	progress(ctx, &done, 1)
	left, err := e.ReadBack(systems.WithRef(ctx, in.Ref), plan, in.System)
	if err != nil {
		return out, err
	}
	if left == nil {
		left = []subject.Left{}
	}
	out.Left = unclean(left)
	return out, a.Store.PutRemains(ctx, in.Ref, in.Plan, in.System, left, out.Left)
}

// WipeEvidence deletes the proofs of a correction once their time after the decision is over.
func (a *Activities) WipeEvidence(ctx context.Context, in contract.RefInput) (contract.WipeResult, error) {
	var out contract.WipeResult
	files, err := a.Store.Proofs(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	files = slices.DeleteFunc(files, func(e casefile.Evidence) bool { return e.WipedAt != nil })
	if len(files) == 0 {
		return out, nil
	}
	decided, err := a.decidedAt(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	if at := decided.Add(a.Config.EvidenceFor); at.After(a.Now()) {
		return contract.WipeResult{Again: at}, nil
	}
	for _, file := range files {
		if err := a.Blobs.Delete(ctx, file.Blob); err != nil && !fault.Is(err, contract.ErrNotFound) {
			return out, err
		}
		if err := a.Store.MarkProofWiped(ctx, in.Ref, file); err != nil {
			return out, err
		}
	}
	return out, nil
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
	c, err := a.Store.Case(ctx, ref)
	if err != nil {
		return time.Time{}, err
	}
	if c.EndingAt == nil {
		return time.Time{}, fault.Newf(contract.ErrNotApproved, "%s is not decided: its proofs stay", ref)
	}
	return *c.EndingAt, nil
}

// correctedOut is how far the last plan of a correction is that was begun.
type correctedOut struct {
	plan     casefile.Plan
	body     subject.CorrectionPlan
	done     map[string][]subject.Corrected
	earlier  []subject.Corrected // by plans begun before
	left     []string            // systems that signed decisions left out
	open     []string            // systems that are not done and read back, or have not answered
	unproven []string            // systems where the read-back found something
	hands    map[string]handWork
	answers  map[string]answered
}

// correctedSoFar reads it; contract.ErrNotApproved when none is begun.
func (a *Activities) correctedSoFar(ctx context.Context, ref contract.Ref) (correctedOut, error) {
	c := correctedOut{}
	plans, err := a.Store.Plans(ctx, ref)
	if err != nil {
		return c, err
	}
	for _, p := range plans {
		if p.BegunAt == nil {
			continue
		}
		for _, list := range c.done {
			c.earlier = append(c.earlier, list...)
		}
		if c.plan, c.body, err = a.checkedCorrection(ctx, ref, p.N); err != nil {
			return c, err
		}
		if err := a.readCorrected(ctx, ref, &c); err != nil {
			return c, err
		}
	}
	if c.plan.N == 0 {
		return c, fault.Newf(contract.ErrNotApproved, "no correction of %s was begun", ref)
	}
	return c, nil
}

func (a *Activities) readCorrected(ctx context.Context, ref contract.Ref, c *correctedOut) error {
	list, err := a.Store.Erasures(ctx, ref, c.plan.N)
	if err != nil {
		return err
	}
	if c.left, err = a.partial(ctx, ref); err != nil {
		return err
	}
	if c.hands, err = a.byHand(ctx, ref); err != nil {
		return err
	}
	if c.answers, err = a.processors(ctx, ref, c.body.Asked); err != nil {
		return err
	}
	c.done, c.open, c.unproven = map[string][]subject.Corrected{}, nil, nil
	proven := map[string]bool{}
	for _, s := range list {
		var done []subject.Corrected
		var left []subject.Left
		err := json.Unmarshal([]byte(s.Done), &done)
		if err == nil && s.Remains != nil {
			err = json.Unmarshal([]byte(*s.Remains), &left)
		}
		if err != nil {
			return fault.New(contract.ErrTampered, "what was done in a system cannot be read", err)
		}
		c.done[s.System] = done
		proven[s.System] = s.EndedAt != nil && s.ReadAt != nil && !s.ReadAt.Before(*s.EndedAt)
		if unclean(left) > 0 {
			c.unproven = append(c.unproven, s.System)
		}
	}
	wanted := slices.Clone(c.body.Order)
	if len(c.body.Corrected()) > 0 {
		for _, s := range c.body.Asked {
			wanted = append(wanted, s.System)
			_, byHand := c.hands[s.System]
			_, answered := c.answers[s.System]
			proven[s.System] = byHand || answered
		}
	}
	for _, system := range wanted {
		if !proven[system] && !slices.Contains(c.left, system) {
			c.open = append(c.open, system)
		}
	}
	return nil
}

// whole says whether every field was corrected wherever its old value stood.
func (c correctedOut) whole() bool {
	return len(c.left) == 0 && len(c.body.Corrected()) == len(c.body.Fields) && !slices.ContainsFunc(c.body.Entries, func(e subject.FixEntry) bool {
		return e.Action == subject.FixNever || e.Action == subject.FixShared || e.Reason == "changed"
	})
}

// CorrectionOutcome says how a correction ends that was carried out: as far as the casefile bears it out.
func (a *Activities) CorrectionOutcome(ctx context.Context, in contract.RefInput) (contract.CaseResult, error) {
	done, err := a.correctedSoFar(ctx, in.Ref)
	switch {
	case err != nil:
		return contract.CaseResult{}, err
	case len(done.body.Corrected()) == 0 && len(done.earlier) == 0:
		return contract.CaseResult{Outcome: string(dsr.Refused)}, nil
	case !done.whole():
		return contract.CaseResult{Outcome: string(dsr.PartlyDone)}, nil
	}
	return contract.CaseResult{Outcome: string(dsr.Fulfilled)}, nil
}

// correctionEnded is borneOut for a correction.
func (a *Activities) correctionEnded(ctx context.Context, c casefile.Case, outcome dsr.Outcome, unfounded error) error {
	done, err := a.correctedSoFar(ctx, c.Ref)
	begun := err == nil
	if err != nil && !fault.Is(err, contract.ErrNotApproved) {
		return err
	}
	finished := begun && len(done.open)+len(done.unproven) == 0
	changes := begun && (len(done.body.Corrected()) > 0 || len(done.earlier) > 0)
	refused := func(t casefile.Task) bool {
		return slices.Contains([]dsr.TaskKind{dsr.TaskCorrect, dsr.TaskCorrectStrict, dsr.TaskFailed}, t.Kind)
	}
	switch {
	case outcome == dsr.Fulfilled && finished && changes && done.whole():
		return nil
	case outcome == dsr.PartlyDone && finished && changes && !done.whole():
		return nil
	case outcome == dsr.PartlyDone && begun && !finished, outcome == dsr.Refused && !begun:
		return a.decided(ctx, c.Ref, unfounded, dsr.Reject, refused)
	case outcome == dsr.Refused && finished && !changes:
		return nil
	case outcome == dsr.Withdrawn && !begun && c.WithdrawnAt != nil:
		return nil
	}
	return unfounded
}

// hashOf is a plan's hash for people.
func hashOf(p casefile.Plan) string { return hex.EncodeToString(p.Hash) }
