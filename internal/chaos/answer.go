package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// signing is who answers a kind of task, and how.
type signing struct {
	verdict dsr.Verdict
	reason  string
	who     []string
}

// signings are the answers to the tasks that come in any case. What is not here is unforeseen, unless the
// play foresees it.
var signings = map[dsr.TaskKind]signing{
	dsr.TaskReview:      {dsr.Approve, "", []string{"bo"}},
	dsr.TaskRelease:     {dsr.Approve, "", []string{"cao"}},
	dsr.TaskPlan:        {dsr.Approve, "", []string{"bo"}},
	dsr.TaskErase:       {dsr.Approve, "", []string{"cao"}},
	dsr.TaskEraseLarge:  {dsr.Approve, "", []string{"cao", "dai"}},
	dsr.TaskCorrect:     {dsr.Approve, "", []string{"bo"}},
	dsr.TaskLift:        {dsr.Approve, "", []string{"bo", "cao"}},
	dsr.TaskReleaseHold: {dsr.Approve, "", []string{"cao", "dai"}},
	dsr.TaskUnreachable: {dsr.Retry, "the mail server takes mail again", []string{"bo"}},
	dsr.TaskSystemDown:  {dsr.Retry, "it is back", []string{"bo"}},
	dsr.TaskFailed:      {dsr.Retry, "once more", []string{"bo"}},
}

// answer answers a task as the play has it.
func (v *driver) answer(ctx context.Context, p *play, task casefile.Task, random *rand.Rand) error {
	v.hesitate(ctx, p, task.ID, random)
	s, known := signings[task.Kind]
	if task.Kind == dsr.TaskFailed {
		if p.failed++; p.failed > mostFailed {
			known = false // trying again is no answer to what fails every time
		}
	}
	switch {
	case task.Kind == dsr.TaskByHand:
		return v.counted(task, v.c.ByHand(ctx, v.d, task))
	case task.Kind == dsr.TaskReview:
		if err := v.choose(ctx, task); err != nil {
			return err
		}
	case task.Kind == dsr.TaskPlan && p.kind.name == forgedKind:
		if err := v.forge(ctx, p, task); err != nil {
			return err
		}
		s = signing{dsr.Reject, "somebody was at it", []string{"bo"}}
	case task.Kind == dsr.TaskErase && p.kind.name == arrivalKind && !p.arrived:
		if err := arrive(ctx, v.dsns["support"], p.who.ID, arrivals+int64(p.n)); err != nil {
			return err
		}
		p.arrived = true
	case task.Kind == dsr.TaskEraseFailed && p.kind.name == arrivalKind:
		s, known = signing{dsr.Replan, "a ticket came in between", []string{"bo"}}, true
	case task.Kind == dsr.TaskErase && p.kind.name == heldKind && p.hold == "":
		return v.holdFirst(ctx, p, random)
	case task.Kind == dsr.TaskHeld && p.kind.name == heldKind:
		if released, err := v.release(ctx, p, random); err != nil || !released {
			return err
		}
		s, known = signing{dsr.Retry, "released", []string{"bo"}}, true
	case task.Kind == dsr.TaskErase && p.kind.name == lockedKind && !p.locked:
		p.locked = true
		return v.whileLocked(ctx, p, task, s)
	}
	if !known {
		shown, _ := v.d.Task(ctx, task.ID)
		raw, _ := json.Marshal(shown.Shown)
		return fmt.Errorf("%w: %s: %s", errForeign, task.Kind, raw)
	}
	return v.counted(task, v.sign(ctx, task, s))
}

// mostFailed is how often a case may have a step tried again by hand.
const mostFailed = 20

// arrivals is where the numbers of tickets that arrive begin, beyond all that the example makes.
const arrivals = 900_000_000

func (v *driver) choose(ctx context.Context, task casefile.Task) error {
	now, err := v.d.Store.Task(ctx, task.ID)
	if err != nil || len(now.Choices) > 0 {
		return err
	}
	_, err = v.d.Choose(ctx, task.ID, map[string]string{"all": dsr.ChoiceMask}, "bo")
	return err
}

// sign has each of them sign, whoever has not yet.
func (v *driver) sign(ctx context.Context, task casefile.Task, s signing) error {
	for _, who := range s.who {
		_, err := v.d.Decide(ctx, task.ID, s.verdict, s.reason, v.c.Staff[who])
		if now, readErr := v.d.Store.Task(ctx, task.ID); readErr == nil && now.State != casefile.TaskOpen {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *driver) counted(task casefile.Task, err error) error {
	if err == nil {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.seen[string(task.Kind)]++
	}
	return err
}

// answered are the kinds of task that staff have answered, with how often, sorted.
func (v *driver) answered() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var list []string
	for name, n := range v.seen {
		list = append(list, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(list)
	return list
}
