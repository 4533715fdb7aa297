package activities

import (
	"context"
	"encoding/json"
	"slices"
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

// huntLimit is how long the read-back searches the free text of one table.
const huntLimit = 30 * time.Second

// Erase carries the plan out in one system. Before its first effect it verifies who is asking, the plan's
// hash and every signature; each batch runs under the lock under which no hold can be placed. It may
// run again after whatever stopped it, and then does what is left.
func (a *Activities) Erase(ctx context.Context, in contract.EraseInput) (contract.EraseResult, error) {
	var out contract.EraseResult
	if err := a.verified(ctx, in.Ref); err != nil {
		return out, err
	}
	p, err := a.Store.CheckPlan(ctx, in.Ref, in.Plan, a.Pins)
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
	plan, err := a.sealedPlan(ctx, in.Ref, in.Plan)
	if err != nil {
		return out, err
	}
	e, err := a.erasure(ctx, p)
	if err != nil {
		return out, err
	}
	target, err := a.target(ctx, in.Ref, in.Plan, plan, in.System)
	if err != nil {
		return out, err
	}
	if spared, err := a.spared(ctx, in.Ref, plan, in.System); err != nil {
		return out, err
	} else if spared {
		target = casefile.Target{}
	}
	ctx = systems.WithRef(ctx, in.Ref)
	count := &counts{a: a, in: in}
	progress(ctx, &count.rows, p.Rows)
	done, err := e.Execute(ctx, plan, in.System, subject.Run{
		Guard: func(ctx context.Context, batch func(context.Context) error) error {
			return a.Store.Guarded(ctx, in.Ref, target, a.Pins, batch)
		},
		Progress: func(d subject.Done) { count.note(ctx, d) },
	})
	if err != nil {
		return out, err
	}
	for _, d := range done {
		out.Deleted, out.Changed, out.Arrived = out.Deleted+d.Deleted, out.Changed+d.Changed, out.Arrived+d.Arrived
	}
	if done == nil {
		done = []subject.Done{}
	}
	return out, a.Store.PutErased(ctx, in.Ref, in.Plan, in.System, done, true)
}

// counts writes down how far a system is, for people to see. The engine's own counts, which stand
// among the frozen keys, are what counts in the end.
type counts struct {
	a    *Activities
	in   contract.EraseInput
	list []subject.Done // in the order of the plan
	rows atomic.Int64
}

// note takes the count of the entry that is being carried out.
func (c *counts) note(ctx context.Context, d subject.Done) {
	if last := len(c.list) - 1; last >= 0 && c.list[last].Collection == d.Collection && c.list[last].Class == d.Class && c.list[last].Planned == d.Planned {
		c.list[last] = d
	} else {
		c.list = append(c.list, d)
	}
	total := int64(0)
	for _, n := range c.list {
		total += n.Deleted + n.Changed
	}
	c.rows.Store(total)
	// What could not be written now is with the next batch.
	_ = c.a.Store.PutErased(ctx, c.in.Ref, c.in.Plan, c.in.System, c.list, false)
}

// fresh is the discovery after a plan: of the read-back once the plan was begun, of the drafting before.
func (a *Activities) fresh(ctx context.Context, p casefile.Plan) (subject.Search, error) {
	e, err := a.erasure(ctx, p)
	if err != nil {
		return subject.Search{}, err
	}
	if p.BegunAt == nil {
		return e.Search, nil
	}
	search := e.Fresh(a.Store.FreshKeys(p.Ref, p.N))
	search.Without, err = a.partial(ctx, p.Ref)
	return search, err
}

// Rediscover makes one step of a fresh discovery.
func (a *Activities) Rediscover(ctx context.Context, in contract.MarkInput) (contract.Nothing, error) {
	if err := a.verified(ctx, in.Ref); err != nil {
		return contract.Nothing{}, err
	}
	p, err := a.Store.Plan(ctx, in.Ref, in.Plan)
	if err != nil {
		return contract.Nothing{}, err
	}
	if _, err := a.reached(ctx, in.Step.System, in.Step.Collections); err != nil {
		return contract.Nothing{}, err
	}
	search, err := a.fresh(ctx, p)
	if err != nil {
		return contract.Nothing{}, err
	}
	var done atomic.Int64
	progress(ctx, &done, int64(len(in.Step.Collections)))
	_, err = search.Discover(systems.WithRef(ctx, in.Ref), step(in.Step))
	return contract.Nothing{}, err
}

// ReadBack looks in one system for what should be gone: with the plan's own locators, by the fresh
// discovery, in free text, and for references to what is gone.
func (a *Activities) ReadBack(ctx context.Context, in contract.EraseInput) (contract.ReadBackResult, error) {
	var out contract.ReadBackResult
	if err := a.verified(ctx, in.Ref); err != nil {
		return out, err
	}
	p, err := a.Store.Plan(ctx, in.Ref, in.Plan)
	if err != nil {
		return out, err
	}
	if p.BegunAt == nil {
		return out, fault.Newf(contract.ErrNotApproved, "plan %d of %s was not begun", in.Plan, in.Ref)
	}
	if _, err := a.reached(ctx, in.System, nil); err != nil {
		return out, err
	}
	plan, err := a.sealedPlan(ctx, in.Ref, in.Plan)
	if err != nil {
		return out, err
	}
	e, err := a.erasure(ctx, p)
	if err != nil {
		return out, err
	}
	fresh, err := a.fresh(ctx, p)
	if err != nil {
		return out, err
	}
	var done atomic.Int64
	progress(ctx, &done, 4)
	ctx = systems.WithRef(ctx, in.Ref)
	left := []subject.Left{}
	for _, look := range []func() ([]subject.Left, error){
		func() ([]subject.Left, error) { return e.ReadBack(ctx, plan, in.System) },
		func() ([]subject.Left, error) { return e.FreshLeft(ctx, plan, fresh, in.System) },
		func() ([]subject.Left, error) { return e.Hunt(ctx, plan, in.System, huntLimit) },
		func() ([]subject.Left, error) { return e.Orphans(ctx, plan, in.System) },
	} {
		found, err := look()
		if err != nil {
			return out, err
		}
		left = append(left, found...)
		done.Add(1)
	}
	out.Left = unclean(left)
	return out, a.Store.PutRemains(ctx, in.Ref, in.Plan, in.System, left, out.Left)
}

// unclean counts the places where something is left that the plan does not leave on purpose.
func unclean(left []subject.Left) int {
	n := 0
	for _, l := range left {
		if !l.Clean() {
			n++
		}
	}
	return n
}

// carried is how far a plan is: what was done and found in each of its systems.
type carried struct {
	earlier  []carried // the plans begun before, without what was read back
	plan     casefile.Plan
	body     subject.Plan
	done     map[string][]subject.Done
	remains  map[string][]subject.Left
	left     []string            // systems that signed decisions left out
	open     []string            // systems that are not done and read back, although nobody signed to leave them
	unproven []string            // systems where the read-back found something
	hands    map[string]handWork // what was done by hand, by system
	answers  map[string]answered // what processors have answered, by system
	last     time.Time
}

// carriedOut reads how far the last plan is that was begun; contract.ErrNotApproved when none is.
func (a *Activities) carriedOut(ctx context.Context, ref contract.Ref) (carried, error) {
	c := carried{done: map[string][]subject.Done{}, remains: map[string][]subject.Left{}}
	plans, err := a.Store.Plans(ctx, ref)
	if err != nil {
		return c, err
	}
	for _, p := range plans {
		if p.BegunAt == nil {
			continue
		}
		before := c
		c = carried{done: map[string][]subject.Done{}, remains: map[string][]subject.Left{}, earlier: before.earlier}
		if before.plan.N > 0 {
			before.earlier = nil
			c.earlier = append(c.earlier, before)
		}
		if c.plan, err = a.Store.CheckPlan(ctx, ref, p.N, a.Pins); err != nil {
			return c, err
		}
		if c.body, err = a.sealedPlan(ctx, ref, p.N); err != nil {
			return c, err
		}
		if c.left, err = a.partial(ctx, ref); err != nil {
			return c, err
		}
		if c.hands, err = a.byHand(ctx, ref, datamap.RightDeletion); err != nil {
			return c, err
		}
		if c.answers, err = a.processors(ctx, ref, c.body.Asked); err != nil {
			return c, err
		}
		if err := a.readErasures(ctx, ref, &c); err != nil {
			return c, err
		}
	}
	if c.plan.N == 0 {
		return c, fault.Newf(contract.ErrNotApproved, "no deletion of %s was begun", ref)
	}
	return c, nil
}

// order lists the systems of all plans that were begun, those of the last first.
func (c carried) order() []string {
	order := slices.Clone(c.body.Order)
	for _, before := range c.earlier {
		for _, system := range before.body.Order {
			if !slices.Contains(order, system) {
				order = append(order, system)
			}
		}
	}
	return append(order, c.asked()...)
}

// asked lists the systems that the plan has asked to act.
func (c carried) asked() []string {
	var list []string
	for _, s := range c.body.Asked {
		list = append(list, s.System)
	}
	return list
}

// class is what a plan says of some rows, and what became of it.
type class struct {
	entry subject.Entry
	done  subject.Done
}

// classes are those of a system: what earlier plans changed, and all of the last one.
func (c carried) classes(system string) []class {
	var out []class
	for _, before := range c.earlier {
		for _, k := range before.classes(system) {
			if changes(k.entry.Action) {
				out = append(out, k)
			}
		}
	}
	done := slices.Clone(c.done[system])
	for _, e := range c.body.Entries {
		if e.System != system {
			continue
		}
		k := class{entry: e}
		// Several entries may be of one class; both lists stand in the order of the plan.
		i := slices.IndexFunc(done, func(d subject.Done) bool {
			return d.Collection == e.Collection && d.Class == e.Class && d.Action == e.Action
		})
		if i >= 0 {
			k.done, done = done[i], slices.Delete(done, i, i+1)
		}
		out = append(out, k)
	}
	return out
}

func (a *Activities) readErasures(ctx context.Context, ref contract.Ref, c *carried) error {
	list, err := a.Store.Erasures(ctx, ref, c.plan.N)
	if err != nil {
		return err
	}
	proven := map[string]bool{}
	for _, s := range list {
		var done []subject.Done
		var left []subject.Left
		err := json.Unmarshal([]byte(s.Done), &done)
		if err == nil && s.Remains != nil {
			err = json.Unmarshal([]byte(*s.Remains), &left)
		}
		if err != nil {
			return fault.New(contract.ErrTampered, "what was done in a system cannot be read", err)
		}
		c.done[s.System], c.remains[s.System] = done, left
		proven[s.System] = s.EndedAt != nil && s.ReadAt != nil && !s.ReadAt.Before(*s.EndedAt)
		if s.ReadAt != nil && s.ReadAt.After(c.last) {
			c.last = *s.ReadAt
		}
		if unclean(left) > 0 {
			c.unproven = append(c.unproven, s.System)
		}
	}
	for system, answer := range c.answers {
		proven[system] = true
		if answer.at.After(c.last) {
			c.last = answer.at
		}
	}
	for system, work := range c.hands {
		proven[system] = true
		if work.task.DoneAt != nil && work.task.DoneAt.After(c.last) {
			c.last = *work.task.DoneAt
		}
	}
	for _, system := range slices.Concat(c.body.Order, c.asked()) {
		if !proven[system] && !slices.Contains(c.left, system) {
			c.open = append(c.open, system)
		}
	}
	return nil
}

// leftBehind are the systems that a signed decision left as the read-back found them.
func (a *Activities) leftBehind(ctx context.Context, ref contract.Ref) error {
	return a.decided(ctx, ref, fault.Newf(contract.ErrNotApproved, "nobody has signed to leave what the read-back of %s found", ref),
		dsr.Partial, func(t casefile.Task) bool { return t.Kind == dsr.TaskLeft })
}
