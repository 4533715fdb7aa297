package main

import (
	"context"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// shape is what a case does, as Temporal sees it: turns one after the other, each what one
// workflow task asked for. The floor does the same, with nothing behind it.
type shape struct{ Turns []turnShape }

type turnShape struct {
	Activities int
	Timers     int
	Updates    int // accepted before this turn
	Signals    int // received before this turn
}

// shapeOf reads it from the history of a case that was played.
func shapeOf(ctx context.Context, c client.Client, ref contract.Ref) (shape, error) {
	var s shape
	var now turnShape
	flush := func() {
		if now != (turnShape{}) {
			s.Turns = append(s.Turns, now)
			now = turnShape{}
		}
	}
	it := c.GetWorkflowHistory(ctx, string(ref), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for it.HasNext() {
		e, err := it.Next()
		if err != nil {
			return s, fmt.Errorf("reading the history: %w", err)
		}
		switch e.GetEventType() {
		case enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			flush()
		case enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			now.Activities++
		case enums.EVENT_TYPE_TIMER_STARTED:
			now.Timers++
		case enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
			now.Updates++
		case enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
			now.Signals++
		}
	}
	flush()
	if s.total().Activities == 0 {
		return s, fmt.Errorf("%s has no activities", ref)
	}
	return s, nil
}

func (s shape) total() (sum turnShape) {
	for _, t := range s.Turns {
		sum.Activities += t.Activities
		sum.Timers += t.Timers
		sum.Updates += t.Updates
		sum.Signals += t.Signals
	}
	return sum
}

// String counts.
func (s shape) String() string {
	t := s.total()
	return fmt.Sprintf("%d activities, %d updates, %d timers and %d signals", t.Activities, t.Updates, t.Timers, t.Signals)
}
