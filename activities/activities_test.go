package activities

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nexus-rpc/sdk-go/nexus"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// names records what is registered.
type names []string

func (n *names) RegisterActivity(any) { panic("register by name") }
func (n *names) RegisterActivityWithOptions(_ any, o activity.RegisterOptions) {
	*n = append(*n, o.Name)
}
func (n *names) RegisterDynamicActivity(any, activity.DynamicRegisterOptions) {
	panic("register by name")
}
func (n *names) RegisterNexusService(*nexus.Service) { panic("no nexus here") }
func (n *names) RegisterWorkflow(any)                { panic("no workflows here") }
func (n *names) RegisterWorkflowWithOptions(any, workflow.RegisterOptions) {
	panic("no workflows here")
}

var _ worker.ActivityRegistry = (*names)(nil)

// Every activity of the dictionary runs somewhere, and once: one that no queue runs would wait
// for ever. That the types fit, the compiler has seen.
func TestEveryActivityIsRegistered(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../internal/contract/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var source []byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, text...)
	}
	var want []string
	for _, m := range regexp.MustCompile(`= Activity\[\w+, \w+\]\{"(\w+)"\}`).FindAllStringSubmatch(string(source), -1) {
		want = append(want, m[1])
	}
	var got names
	a := &Activities{}
	a.RegisterCore(&got)
	a.RegisterLetters(&got)
	a.RegisterSystem(&got)
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, []string(got)); diff != "" || len(want) < 15 {
		t.Error(diff)
	}
}
