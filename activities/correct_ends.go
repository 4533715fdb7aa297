package activities

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
)

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
	if c.hands, err = a.byHand(ctx, ref, datamap.RightCorrection); err != nil {
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
