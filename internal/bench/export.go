package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack"
	"github.com/habeas-dsr/habeas/internal/stack/cluster"
)

// exports times a whole package.
func exports(ctx context.Context, b *bench) ([]Row, error) {
	rows := 200_000
	if b.full {
		rows = 1_000_000
	}
	row := Row{
		Name: "export", Unit: "rows/s", Goal: Goal{Least: 0.8},
		What: fmt.Sprintf("%s log rows of one person in a real access case on the real worker: from the scheduling of PlanSearch to that of the review's task "+
			"(plan, find, count, collect as JSON and CSV, seal), and from the scheduling to the end of Assemble (check, pack, seal, sign)", number(float64(rows))),
		Floor: "psql COPY (SELECT row_to_json) of the same rows | gzip -1, then COPY CSV of them | gzip -1",
	}
	h, err := b.house(ctx, "export", example.Options{People: 200, Heavy: rows})
	if err != nil {
		return nil, err
	}
	defer h.Close()
	if err := h.quiet(ctx); err != nil {
		return nil, err
	}
	heavy := example.Cast().Heavy
	for n := range pairs {
		var p Pair
		for _, i := range turn(n) {
			if i == 0 {
				took, err := h.copyOut(ctx, heavy)
				if err != nil {
					return nil, err
				}
				p.Floor = float64(rows) / took.Seconds()
				continue
			}
			a, err := h.answer(ctx, heavy)
			if err != nil {
				return nil, err
			}
			spent, err := spans(ctx, h.desk.Temporal, a.Ref)
			if err != nil {
				return nil, err
			}
			p.Ours = float64(rows) / (spent.gather + spent.pack).Seconds()
			row.Notes = append(row.Notes, spent.String())
		}
		say("export: %.0f rows/s, floor %.0f rows/s", p.Ours, p.Floor)
		row.Pairs = append(row.Pairs, p)
	}
	return []Row{row}, nil
}

const logColumns = "id, user_id, at, ip, method, path, status, user_agent, cookie_id"

// copyOut is the floor: what somebody would type who knows where the rows are.
func (h *house) copyOut(ctx context.Context, p example.Person) (time.Duration, error) {
	bin, err := cluster.Binaries()
	if err != nil {
		return 0, err
	}
	from := fmt.Sprintf("SELECT %s FROM accounts.request_logs WHERE user_id = %d", logColumns, p.ID)
	began := time.Now()
	for _, copy := range []string{
		"COPY (SELECT row_to_json(t) FROM (" + from + ") t) TO STDOUT",
		"COPY (" + from + ") TO STDOUT CSV HEADER",
	} {
		cmd := exec.CommandContext(ctx, "bash", "-c", `set -o pipefail; "$1" -X -q -c "$2" "$3" | gzip -1 >/dev/null`,
			"bench", filepath.Join(bin, "psql"), copy, h.Stack.DatabaseURL(stack.RoleReader, "accounts"))
		if out, err := cmd.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("psql: %w: %s", err, out)
		}
	}
	return time.Since(began), nil
}

// spent is where the time of a case went that no human had.
type spent struct {
	gather, pack time.Duration
	steps        map[string]time.Duration // by activity, the longest of a name
}

// String tells the longest steps.
func (s spent) String() string {
	text := fmt.Sprintf("gather %.2f s, pack %.2f s", s.gather.Seconds(), s.pack.Seconds())
	for _, name := range []string{contract.Discover.Name, contract.Collect.Name} {
		text += fmt.Sprintf(", longest %s %.2f s", name, s.steps[name].Seconds())
	}
	return text
}

// spans reads the times out of the history.
func spans(ctx context.Context, c client.Client, ref contract.Ref) (spent, error) {
	s := spent{steps: map[string]time.Duration{}}
	scheduled := map[int64]*history.HistoryEvent{}
	var planned time.Time
	it := c.GetWorkflowHistory(ctx, string(ref), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for it.HasNext() {
		e, err := it.Next()
		if err != nil {
			return s, fmt.Errorf("reading the history: %w", err)
		}
		at := e.GetEventTime().AsTime()
		if name := e.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName(); name != "" {
			scheduled[e.GetEventId()] = e
			switch {
			case name == contract.PlanSearch.Name:
				planned = at
			case name == contract.OpenTask.Name && s.gather == 0 && !planned.IsZero():
				s.gather = at.Sub(planned)
			}
		}
		if done := e.GetActivityTaskCompletedEventAttributes(); done != nil {
			begun := scheduled[done.GetScheduledEventId()]
			name := begun.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()
			took := at.Sub(begun.GetEventTime().AsTime())
			s.steps[name] = max(s.steps[name], took)
			if name == contract.Assemble.Name {
				s.pack += took
			}
		}
	}
	if s.gather == 0 || s.pack == 0 {
		return s, fmt.Errorf("the history of %s does not show what was to be timed", ref)
	}
	return s, nil
}
