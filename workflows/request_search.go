package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// search plans the walk over the data map and walks it: what is held, and where.
func (c *request) search(ctx workflow.Context) (contract.SearchPlan, error) {
	plan, err := c.planSearch(ctx)
	if err != nil {
		return plan, err
	}
	if err := c.find(ctx, plan.Steps); err != nil {
		return plan, err
	}
	return plan, c.forward(ctx)
}

// planSearch plans the walk, once the casefile bears out who is asking.
func (c *request) planSearch(ctx workflow.Context) (contract.SearchPlan, error) {
	return ifProved(c, ctx, "plan the walk over the data map", contract.PlanSearch)
}

// ifProved is step for what comes right after the proof. Where the casefile knows that nobody has proved who
// they are, whatever we were told, the person still may, and no human is asked.
func ifProved[Out any](c *request, ctx workflow.Context, summary string, a contract.Activity[contract.RefInput, Out]) (Out, error) {
	in := contract.RefInput{Ref: c.ref}
	out, err := a.Run(core(ctx, summary), in)
	if err != nil && typeOf(err) == contract.ErrNotApproved {
		workflow.GetMetricsHandler(ctx).Counter("habeas_challenges_refused_total").Inc(1)
		return out, errUnfounded
	}
	if err != nil && !stops(err) {
		out, err = step(c, ctx, summary, a, in, core)
	}
	return out, err
}

// find walks the levels of the map: the keys of one level lead to the rows of the next.
func (c *request) find(ctx workflow.Context, steps []contract.SearchStep) error {
	c.systems = systemsOf(steps)
	if err := c.enter(ctx, dsr.StateFinding, ""); err != nil {
		return err
	}
	return c.walk(ctx, "find", steps, func(ctx workflow.Context, s contract.SearchStep) workflow.Future {
		return contract.Discover.Start(ctx, contract.DiscoverInput{Ref: c.ref, Step: s})
	})
}

// walk visits the levels of a walk in order, the systems of a level side by side. Systems that a
// decision left out are passed over.
func (c *request) walk(ctx workflow.Context, what string, steps []contract.SearchStep, start func(workflow.Context, contract.SearchStep) workflow.Future) error {
	last := 0
	for _, s := range steps {
		last = max(last, s.Level)
	}
	for level := 0; level <= last; level++ {
		now := slices.DeleteFunc(slices.Clone(steps), func(s contract.SearchStep) bool { return s.Level != level })
		err := c.sideBySide(ctx, now, func(ctx workflow.Context, s contract.SearchStep) error {
			if slices.Contains(c.partial, s.System) {
				return nil
			}
			_, err := c.patiently(ctx, s.System, fmt.Sprintf("%s in %s, level %d", what, s.System, level), func(ctx workflow.Context) workflow.Future {
				return start(ctx, s)
			}, nil, true)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *request) sideBySide(ctx workflow.Context, steps []contract.SearchStep, do func(workflow.Context, contract.SearchStep) error) error {
	var failed error
	wg := workflow.NewWaitGroup(ctx)
	for _, s := range steps {
		wg.Add(1)
		workflow.GoNamed(ctx, s.System, func(ctx workflow.Context) {
			defer wg.Done()
			if err := do(ctx, s); err != nil && failed == nil {
				failed = err
			}
		})
	}
	wg.Wait(ctx)
	return failed
}

// patiently waits for a system as long as it takes. When the map's patience is over, or the
// system answers that it cannot, a task asks a human: go on trying, or (where mayLeave) go on
// without this system, which makes the case partial and is signed. It returns whether the system
// was left out.
func (c *request) patiently(ctx workflow.Context, system, summary string, start func(workflow.Context) workflow.Future, out any, mayLeave bool) (bool, error) {
	patience := c.facts.Patience[system]
	for try := 1; ; try++ {
		actx, cancel := workflow.WithCancel(onSystem(ctx, system, summary))
		done, failed := false, error(nil)
		future := start(actx)
		workflow.GoNamed(ctx, "await "+system, func(ctx workflow.Context) {
			failed = contract.Get(ctx, future, out)
			done = true
		})
		left, err := c.outlast(ctx, system, patience, fmt.Sprintf("%s/%d", summary, try), mayLeave, func() bool { return done })
		if err != nil || left {
			cancel()
			return left, err
		}
		cancel()
		if failed == nil {
			return false, nil
		}
		if contract.MadeUp(failed) {
			continue
		}
		if stops(failed) {
			return false, failed
		}
		kind, unfounded := dsr.TaskFailed, typeOf(failed) == contract.ErrNotApproved
		if mayLeave && !unfounded {
			kind = dsr.TaskMapMismatch
		}
		got, err := c.humans.ask(ctx, contract.OpenTaskInput{
			Kind: string(kind), Occasion: fmt.Sprintf("%s/failed-%d", summary, try), System: system, Problem: typeOf(failed)}, nil)
		if err == nil && unfounded {
			err = errUnfounded
		}
		if err == nil && got.verdict == dsr.Reject {
			err = errGivenUp
		}
		if err != nil {
			return false, err
		}
		if got.verdict == dsr.Partial {
			return true, c.leaveOut(ctx, system)
		}
	}
}

// leastPatience is how long a system is waited for whose patience is not known.
const leastPatience = time.Hour

// outlast waits until done, asking a human each time the patience is over.
func (c *request) outlast(ctx workflow.Context, system string, patience time.Duration, occasion string, mayLeave bool, done func() bool) (left bool, err error) {
	if patience <= 0 {
		patience = leastPatience // no patience at all would ask without end while the answer is on its way
	}
	for n := 1; ; n++ {
		ok, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout:      patience,
			TimerOptions: workflow.TimerOptions{Summary: "ask a human if " + system + " has not answered"},
		}, done)
		if err != nil || ok {
			return false, err
		}
		kind := dsr.TaskSystemDown
		if !mayLeave {
			kind = dsr.TaskFailed
		}
		got, err := c.humans.ask(ctx, contract.OpenTaskInput{
			Kind: string(kind), Occasion: fmt.Sprintf("%s/down-%d", occasion, n), System: system, Problem: contract.ErrUnavailable}, done)
		if err != nil {
			return false, err
		}
		switch got.verdict {
		case dsr.Partial:
			return true, c.leaveOut(ctx, system)
		case dsr.Reject:
			return false, errGivenUp
		}
	}
}

func (c *request) leaveOut(ctx workflow.Context, system string) error {
	if !slices.Contains(c.partial, system) {
		c.partial = append(c.partial, system)
		slices.Sort(c.partial)
	}
	c.answered(system)
	return c.show(ctx, c.humans.waiting())
}

// systemsOf lists the systems of the steps once each, sorted.
func systemsOf(steps []contract.SearchStep) []string {
	var systems []string
	for _, s := range steps {
		systems = append(systems, s.System)
	}
	slices.Sort(systems)
	return slices.Compact(systems)
}
