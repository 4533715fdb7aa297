package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// holdFirst places a hold on the person while the approval waits; a hold that was written although nobody
// heard so is found by its matter.
func (v *driver) holdFirst(ctx context.Context, p *play, _ *rand.Rand) error {
	matter := fmt.Sprintf("chaos %d", p.n)
	standing, err := v.d.Store.Holds(ctx, true, v.d.Pins)
	if err != nil {
		return err
	}
	for _, h := range standing {
		if h.Statement.Matter == matter {
			p.hold = h.Ref
			return nil
		}
	}
	p.hold, err = v.d.AddHold(ctx, desk.HoldOrder{Matter: matter, Reason: "a letter of the authority",
		Person: &dsr.Identity{Kind: "account", Value: p.who.Login}}, v.c.Staff["cao"])
	return err
}

// release has two people end the hold, and says whether it has ended.
func (v *driver) release(ctx context.Context, p *play, random *rand.Rand) (bool, error) {
	h, err := v.d.Store.Hold(ctx, p.hold, v.d.Pins)
	if err != nil || !h.Standing {
		return err == nil, err
	}
	tasks, err := v.d.Store.ListTasks(ctx, casefile.TaskFilter{Ref: p.hold, State: casefile.TaskOpen})
	if err != nil {
		return false, err
	}
	if len(tasks) == 0 {
		v.hesitate(ctx, p, "hold", random)
		return false, v.d.ReleaseHold(ctx, p.hold, "cao")
	}
	return false, v.counted(tasks[0], v.sign(ctx, tasks[0], signings[dsr.TaskReleaseHold]))
}

// whileLocked approves a deletion while somebody else's transaction holds rows that are to go. Once the
// deletion is at work and has told how far it is, every worker dies; then the rows are free.
func (v *driver) whileLocked(ctx context.Context, p *play, task casefile.Task, s signing) error {
	free, _, err := lock(ctx, v.dsns["support"], p.who.ID)
	if err != nil {
		p.locked = false
		return err
	}
	defer free()
	for signed := false; !signed; {
		if !rest(ctx, 200*time.Millisecond) {
			return ctx.Err()
		}
		_ = v.sign(ctx, task, s) // again, until it counts
		now, err := v.d.Store.Task(ctx, task.ID)
		signed = err == nil && now.State != casefile.TaskOpen
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && !v.has(ctx, p.ref, "plan.begun"); {
		rest(ctx, 300*time.Millisecond)
	}
	rest(ctx, 6*time.Second) // a heartbeat is told every two
	if v.strike != nil {
		return v.strike(ctx, workersKilled)
	}
	return nil
}

func (v *driver) has(ctx context.Context, ref contract.Ref, event string) bool {
	lines, err := v.d.Store.Ledger(ctx, ref)
	if err != nil {
		return false
	}
	for _, l := range lines {
		if l.Event == event {
			return true
		}
	}
	return false
}
