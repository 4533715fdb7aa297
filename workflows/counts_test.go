package workflows

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
)

// countsFile says how many events and steps each committed history has. HABEAS_COUNTS=update writes it
// anew: look at what has grown, and say in the commit why.
const countsFile = "testdata/counts.txt"

const countsHead = "# history: events without those of workflow tasks, steps on queues, steps in the workflow's own worker, timers\n"

// What a case costs on Temporal does not grow unnoticed. Workflow tasks are left out: how many events meet
// in one depends on the machine.
func TestCountsOfHistories(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	now := map[string][4]int{}
	var list strings.Builder
	list.WriteString(countsHead)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		n := countsOf(readHistory(t, file))
		now[name] = n
		fmt.Fprintf(&list, "%s: %d %d %d %d\n", name, n[0], n[1], n[2], n[3])
	}
	if os.Getenv("HABEAS_COUNTS") == "update" {
		if err := os.WriteFile(countsFile, []byte(list.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	held := readCounts(t)
	for name, n := range now {
		was, known := held[name]
		if !known {
			t.Errorf("%s is not in %s: run HABEAS_COUNTS=update go test -run TestCountsOfHistories ./workflows/", name, countsFile)
			continue
		}
		for i, what := range []string{"events", "steps on queues", "steps in the workflow's own worker", "timers"} {
			if n[i] > was[i] {
				t.Errorf("%s has %d %s, it had %d. On purpose? Then HABEAS_COUNTS=update go test -run TestCountsOfHistories ./workflows/", name, n[i], what, was[i])
			}
		}
	}
	for name := range held {
		if _, there := now[name]; !there {
			t.Errorf("%s has counts of %s, which is no history any more", countsFile, name)
		}
	}
}

func countsOf(h *history.History) (n [4]int) {
	for _, event := range h.GetEvents() {
		switch event.GetEventType() {
		case enums.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enums.EVENT_TYPE_WORKFLOW_TASK_STARTED, enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
			enums.EVENT_TYPE_WORKFLOW_TASK_FAILED, enums.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
			continue
		case enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			n[1]++
		case enums.EVENT_TYPE_MARKER_RECORDED:
			if event.GetMarkerRecordedEventAttributes().GetMarkerName() == "LocalActivity" {
				n[2]++
			}
		case enums.EVENT_TYPE_TIMER_STARTED:
			n[3]++
		}
		n[0]++
	}
	return n
}

func readCounts(t *testing.T) map[string][4]int {
	t.Helper()
	raw, err := os.ReadFile(countsFile)
	if err != nil {
		t.Fatal(err)
	}
	held := map[string][4]int{}
	for line := range strings.Lines(string(raw)) {
		name, rest, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.Fields(rest)
		if len(words) != 4 {
			t.Fatalf("%s: %q has not four counts", countsFile, line)
		}
		var n [4]int
		for i, word := range words {
			if n[i], err = strconv.Atoi(word); err != nil {
				t.Fatalf("%s: %v", countsFile, err)
			}
		}
		held[name] = n
	}
	return held
}
