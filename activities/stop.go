package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
	"github.com/habeas-dsr/habeas/internal/subject"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// purposes are those that a restriction ends.
func (a *Activities) purposes(c casefile.Case) []string {
	if c.Scope == dsr.ScopeAll {
		return a.Map.PurposeNames()
	}
	return []string{dsr.PurposeOf(c.Scope)}
}

// stopMap is the data map as plan n of a restriction sees it; nil for every other kind of case.
func (a *Activities) stopMap(ctx context.Context, ref contract.Ref, n int) (*datamap.Map, error) {
	c, err := a.Store.Case(ctx, ref)
	if err != nil || c.Kind != dsr.Restriction {
		return nil, err
	}
	r, err := a.Store.Restriction(ctx, ref)
	if err != nil {
		return nil, err
	}
	if r.LiftFrom > 0 && n >= r.LiftFrom {
		return a.Map.Lifting(a.purposes(c)), nil
	}
	return a.Map.Stopping(a.purposes(c)), nil
}

// answerMap is the data map by which a case is answered: of a portability case what the person gave.
func (a *Activities) answerMap(c casefile.Case) *datamap.Map {
	if c.Kind == dsr.Portability {
		return a.Map.Portable()
	}
	return a.Map
}

// answerMapOf is answerMap for whoever has the reference alone.
func (a *Activities) answerMapOf(ctx context.Context, ref contract.Ref) (*datamap.Map, error) {
	c, err := a.Store.Case(ctx, ref)
	return a.answerMap(c), err
}

// atOnce says whether what a case asks for is done without a proof of who asks; contract.ErrNotFound
// when it is not.
func (a *Activities) atOnce(ctx context.Context, ref contract.Ref) error {
	c, err := a.Store.Case(ctx, ref)
	if err == nil && !dsr.AtOnce(c.Kind, c.Scope) {
		err = fault.Newf(contract.ErrNotFound, "%s is not done at once", ref)
	}
	return err
}

// notRestriction refuses a step that hands out data in a case in which nobody has to prove who they are.
func (a *Activities) notRestriction(ctx context.Context, ref contract.Ref) error {
	c, err := a.Store.Case(ctx, ref)
	if err == nil && c.Kind == dsr.Restriction {
		err = fault.Newf(contract.ErrNotApproved, "%s asks that something stop: nothing is collected for it", ref)
	}
	return err
}

// planAccount is the directory row that a plan is about. A wish that is done at once means every row with
// its address: each has a plan of its own, in their order.
func (a *Activities) planAccount(ctx context.Context, ref contract.Ref, n int) (subject.Account, error) {
	if err := a.atOnce(ctx, ref); fault.Is(err, contract.ErrNotFound) {
		return a.account(ctx, ref)
	} else if err != nil {
		return subject.Account{}, err
	}
	list, _, err := a.Store.Accounts(ctx, ref)
	if err != nil {
		return subject.Account{}, err
	}
	if n < 1 || n > len(list) {
		return subject.Account{}, fault.Newf(contract.ErrNotFound, "%s: there is no directory row %d with that address", ref, n)
	}
	return readAccount(list[n-1])
}

// BeginStopping begins a plan that needs no signature, once the casefile bears out that it is one.
func (a *Activities) BeginStopping(ctx context.Context, in contract.PlanInput) (contract.Nothing, error) {
	if err := a.atOnce(ctx, in.Ref); err != nil {
		return contract.Nothing{}, fault.Newf(contract.ErrNotApproved, "%s is not done at once", in.Ref)
	}
	return contract.Nothing{}, a.Store.BeginStopping(ctx, in.Ref, in.Plan)
}

// spared is what a hold may stop: a legal hold keeps what is there from being destroyed, and has no
// word in whether it is used. A plan that deletes nothing in a system is not stopped.
func (a *Activities) spared(ctx context.Context, ref contract.Ref, plan subject.Plan, system string) (bool, error) {
	c, err := a.Store.Case(ctx, ref)
	if err != nil || c.Kind != dsr.Restriction {
		return false, err
	}
	return !slices.ContainsFunc(plan.Entries, func(e subject.Entry) bool { return e.System == system && e.Action == systems.Delete }), nil
}

// stops says whether plan n of a case stops a purpose, and does not lift what was stopped.
func (a *Activities) stops(ctx context.Context, ref contract.Ref, n int) (bool, error) {
	c, err := a.Store.Case(ctx, ref)
	if err != nil || c.Kind != dsr.Restriction {
		return false, err
	}
	r, err := a.Store.Restriction(ctx, ref)
	return r.LiftFrom == 0 || n < r.LiftFrom, err
}

// mayStop gives the systems that a legal hold keeps from a plan about to begin: of a restriction only those
// in which rows go. The end of a restriction does not begin before the person was told of it (GDPR Art.
// 18(3)): by letter, or by staff who signed that they did.
func (a *Activities) mayStop(ctx context.Context, in contract.PlanInput) ([]string, error) {
	held, err := a.held(ctx, in.Ref, in.Plan)
	if err != nil {
		return nil, err
	}
	plan, err := a.sealedPlan(ctx, in.Ref, in.Plan)
	if err != nil {
		return nil, err
	}
	var keeps []string
	for _, system := range held {
		spared, err := a.spared(ctx, in.Ref, plan, system)
		if err != nil {
			return nil, err
		}
		if !spared {
			keeps = append(keeps, system)
		}
	}
	c, err := a.Store.Case(ctx, in.Ref)
	if err != nil || c.Kind != dsr.Restriction {
		return keeps, err
	}
	if stops, err := a.stops(ctx, in.Ref, in.Plan); err != nil || stops {
		return keeps, err
	}
	return keeps, a.wasTold(ctx, in.Ref, string(letters.RestrictionEnding), planOccasion(in.Plan))
}

// wasTold says whether the person had a letter, or staff signed that they were told by hand.
func (a *Activities) wasTold(ctx context.Context, ref contract.Ref, template, occasion string) error {
	sent, err := a.Store.Letters(ctx, ref)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(sent, func(l casefile.Letter) bool {
		return l.Template == template && strings.HasPrefix(l.Occasion, occasion) && l.State == "sent"
	}) {
		return nil
	}
	untold := fault.Newf(contract.ErrNotApproved, "%s: the person was not told", ref)
	return a.decided(ctx, ref, untold, dsr.Complete, func(t casefile.Task) bool {
		return t.Kind == dsr.TaskUnreachable && strings.HasPrefix(t.Occasion, template+"/"+occasion)
	})
}

// showLift shows what the end of a restriction would set back, and why it is to end.
func (a *Activities) showLift(ctx context.Context, s *dsr.Shown) error {
	if err := a.showPlan(ctx, s); err != nil {
		return err
	}
	var err error
	s.Because, err = a.Store.EndWhy(ctx, s.Ref)
	return err
}

// readClean says of the plans that were begun, from the first to the last given, whether every system of
// each was changed and read back clean: "" when so. Systems that signed decisions left out are given.
func (a *Activities) readClean(ctx context.Context, ref contract.Ref, plans []casefile.Plan) (why string, left []string, err error) {
	if left, err = a.partial(ctx, ref); err != nil {
		return "", nil, err
	}
	for _, p := range plans {
		c := carried{left: left, done: map[string][]subject.Done{}, remains: map[string][]subject.Left{}}
		if c.plan, err = a.Store.CheckPlan(ctx, ref, p.N, a.Pins); err != nil {
			return "", nil, err
		}
		if c.body, err = a.sealedPlan(ctx, ref, p.N); err != nil {
			return "", nil, err
		}
		if err = a.readErasures(ctx, ref, &c); err != nil {
			return "", nil, err
		}
		if n := len(c.open) + len(c.unproven); n > 0 {
			return fmt.Sprintf("plan %d is not done and read back in %d systems", p.N, n), left, nil
		}
	}
	return "", left, nil
}

// stopping and lifting plans of a restriction that were begun, in their order.
func (a *Activities) stopPlans(ctx context.Context, ref contract.Ref) (stopped, lifted []casefile.Plan, err error) {
	r, err := a.Store.Restriction(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	plans, err := a.Store.Plans(ctx, ref)
	for _, p := range plans {
		switch {
		case p.BegunAt == nil:
		case r.LiftFrom > 0 && p.N >= r.LiftFrom:
			lifted = append(lifted, p)
		default:
			stopped = append(stopped, p)
		}
	}
	return stopped, lifted, err
}

// stopped says whether what a restriction asks for is so: changed and read back, and every recipient
// told. Not so is a contract.ErrNotApproved.
func (a *Activities) stopped(ctx context.Context, c casefile.Case, what string) (left []string, err error) {
	unfounded := func(why string) error {
		return fault.Newf(contract.ErrNotApproved, "%s: %s", c.Ref, why)
	}
	stopped, lifted, err := a.stopPlans(ctx, c.Ref)
	if err != nil {
		return nil, err
	}
	plans := stopped
	if what == contract.CallLifted {
		plans = lifted
	}
	if dsr.AtOnce(c.Kind, c.Scope) {
		found, _, err := a.Store.Accounts(ctx, c.Ref)
		if err != nil {
			return nil, err
		}
		if len(plans) != len(found) {
			return nil, unfounded("not every directory row with the address is dealt with")
		}
	} else if len(plans) == 0 {
		return nil, unfounded("no plan of it was begun")
	} else {
		plans = plans[len(plans)-1:] // those before were replaced by it
	}
	why, left, err := a.readClean(ctx, c.Ref, plans)
	if err != nil {
		return nil, err
	}
	if why != "" {
		return nil, unfounded(why)
	}
	calls, err := a.Store.Calls(ctx, c.Ref)
	if err != nil {
		return nil, err
	}
	for _, s := range a.Map.Stopped(a.purposes(c)) {
		told := slices.ContainsFunc(calls, func(call casefile.RecipientCall) bool {
			return call.System == s.Name && call.What == what && call.AnsweredAt != nil
		})
		if !told && !slices.Contains(left, s.Name) {
			return nil, unfounded(s.Name + " was not told")
		}
	}
	return left, nil
}

// EnterForce writes down that a restriction is in force, once the casefile bears it out.
func (a *Activities) EnterForce(ctx context.Context, in contract.RefInput) (contract.Nothing, error) {
	c, err := a.Store.Case(ctx, in.Ref)
	if err != nil {
		return contract.Nothing{}, err
	}
	if c.Kind != dsr.Restriction || dsr.AtOnce(c.Kind, c.Scope) {
		return contract.Nothing{}, fault.Newf(contract.ErrNotApproved, "%s is no restriction that comes into force", in.Ref)
	}
	if err := a.verified(ctx, in.Ref); err != nil {
		return contract.Nothing{}, err
	}
	if _, err := a.stopped(ctx, c, contract.CallStopped); err != nil {
		return contract.Nothing{}, err
	}
	return contract.Nothing{}, a.Store.EnterForce(ctx, in.Ref)
}

// RestrictionFacts says how far a restriction is, and whether somebody wants it to end.
func (a *Activities) RestrictionFacts(ctx context.Context, in contract.RefInput) (contract.RestrictionState, error) {
	r, err := a.Store.Restriction(ctx, in.Ref)
	return contract.RestrictionState{InForce: r.InForceAt != nil && r.EndedAt == nil, Asked: r.Asked, LiftFrom: r.LiftFrom}, err
}

// restrictionEnded is borneOut for a restriction.
func (a *Activities) restrictionEnded(ctx context.Context, c casefile.Case, outcome dsr.Outcome, unfounded error) error {
	stopped, _, err := a.stopPlans(ctx, c.Ref)
	if err != nil {
		return err
	}
	switch outcome {
	case dsr.Fulfilled, dsr.PartlyDone:
		what := contract.CallLifted
		if dsr.AtOnce(c.Kind, c.Scope) {
			what = contract.CallStopped
		}
		left, err := a.stopped(ctx, c, what)
		if fault.Is(err, contract.ErrNotApproved) && outcome == dsr.PartlyDone { // staff ended it at a step that failed
			return a.decided(ctx, c.Ref, err, dsr.Reject, refusing)
		}
		if err != nil {
			return err
		}
		if (len(left) > 0) != (outcome == dsr.PartlyDone) {
			return unfounded
		}
		return nil
	case dsr.Refused:
		if len(stopped) > 0 {
			return unfounded
		}
		return a.decided(ctx, c.Ref, unfounded, dsr.Reject, refusing)
	case dsr.Withdrawn:
		if len(stopped) > 0 || c.WithdrawnAt == nil {
			return unfounded
		}
		return nil
	}
	return unfounded
}

// inForce says whether a restriction is in force, and the person may be told so.
func (a *Activities) inForce(ctx context.Context, ref contract.Ref) error {
	r, err := a.Store.Restriction(ctx, ref)
	if err == nil && r.InForceAt == nil {
		err = fault.Newf(contract.ErrNotApproved, "%s is not in force", ref)
	}
	return err
}

// stopFields adds what the letters of a restriction say.
func (a *Activities) stopFields(ctx context.Context, c casefile.Case, lang string, f *letters.Fields) error {
	for _, name := range a.purposes(c) {
		if p := a.Map.Purpose(name); p != nil {
			f.Purposes = append(f.Purposes, p.Title.In(lang))
		}
	}
	left, err := a.partial(ctx, c.Ref)
	if err != nil {
		return err
	}
	for _, name := range left {
		if s := a.Map.System(name); s != nil {
			f.Missing = append(f.Missing, s.Title.In(lang))
		}
	}
	calls, err := a.Store.Calls(ctx, c.Ref)
	if err != nil {
		return err
	}
	for _, call := range calls {
		if s := a.Map.System(call.System); s != nil && call.What == contract.CallStopped && call.Status != nil && *call.Status > 0 {
			f.Told = append(f.Told, s.Recipient.In(lang))
		}
	}
	r, err := a.Store.Restriction(ctx, c.Ref)
	if err != nil || r.LiftFrom == 0 {
		return err
	}
	if f.EndWhy, err = a.Store.EndWhy(ctx, c.Ref); err != nil {
		return err
	}
	plans, err := a.Store.Plans(ctx, c.Ref)
	for _, p := range plans {
		if p.N >= r.LiftFrom && p.CoolUntil != nil {
			f.EndsAt = *p.CoolUntil
		}
	}
	return err
}

// requester is whom a letter about a wish that is done at once goes to: the address that it came with, in
// the language of the row that has it.
func (a *Activities) requester(ctx context.Context, ref contract.Ref) (subject.Account, error) {
	account, err := a.stranger(ctx, ref)
	if err != nil {
		return account, err
	}
	list, _, err := a.Store.Accounts(ctx, ref)
	if err != nil || len(list) == 0 {
		return account, err
	}
	first, err := readAccount(list[0])
	if first.Lang != "" {
		account.Lang = first.Lang
	}
	return account, err
}
