package workflows

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// A worker with this code goes on with every case that an earlier one began: the histories under
// testdata (`make histories` records them on a real server) replay.
func TestHistoriesReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, file := range files {
		h := readHistory(t, file)
		start := h.Events[0].GetWorkflowExecutionStartedEventAttributes()
		kinds[start.GetWorkflowType().GetName()] = true
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			replayer := worker.NewWorkflowReplayer()
			Register(replayer)
			if err := replay(replayer, h); err != nil {
				t.Errorf("%v\nChanged on purpose? Then it needs workflow.GetVersion; see CONTRIBUTING", err)
			}
		})
	}
	for _, name := range registered() {
		if !kinds[name] {
			t.Errorf("no history of %s is committed: run `make histories`", name)
		}
	}
}

// The replay would notice: the same history against a workflow that does its first step twice.
func TestReplayNoticesABreak(t *testing.T) {
	t.Parallel()
	h := readHistory(t, "testdata/checkpoint.json")
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(func(ctx workflow.Context, in contract.CheckpointInput) (contract.CheckpointResult, error) {
		if err := workflow.Sleep(ctx, 1); err != nil {
			return contract.CheckpointResult{}, err
		}
		return Checkpoint(ctx, in)
	}, workflow.RegisterOptions{Name: contract.Checkpoint.Name})
	if err := replay(replayer, h); err == nil {
		t.Error("a workflow that waits before its first step replayed the history of one that does not")
	}
}

func readHistory(t *testing.T, file string) *history.History {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	h, err := client.HistoryFromJSON(f, client.HistoryJSONOptions{})
	if err != nil || len(h.Events) == 0 {
		t.Fatalf("%s: %d events, %v", file, len(h.GetEvents()), err)
	}
	return h
}

// replay needs the ids that the run had: names of children and tasks derive from them.
func replay(r worker.WorkflowReplayer, h *history.History) error {
	start := h.Events[0].GetWorkflowExecutionStartedEventAttributes()
	return r.ReplayWorkflowHistoryWithOptions(nil, h, worker.ReplayWorkflowHistoryOptions{
		OriginalExecution: workflow.Execution{ID: start.GetWorkflowId(), RunID: start.GetOriginalExecutionRunId()}})
}

// registered are the names of all workflows of ours.
func registered() []string {
	var names names
	Register(&names)
	return names
}

type names []string

func (n *names) RegisterWorkflowWithOptions(_ any, o workflow.RegisterOptions) {
	*n = append(*n, o.Name)
}
