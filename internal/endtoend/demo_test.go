package endtoend

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/stack"
)

// What README promises of the demo: it ends well, may be run again on what it left, works on servers
// of one's own, and `down` leaves no process.
func TestDemoCommand(t *testing.T) {
	t.Parallel()
	first, second := stateFolder(t), stateFolder(t)
	for _, which := range []string{"first", "second"} {
		out := runHabeas(t, nil, first, "demo", "--people", "200")
		demoEnded(t, which, out)
	}
	own := ownServers(t, first)
	out := runHabeas(t, own, second, "demo", "--people", "200")
	demoEnded(t, "on servers of one's own", out)
	if !strings.Contains(out, own["TEMPORAL_ADDRESS"]) {
		t.Errorf("it does not say which Temporal it used:\n%s", out)
	}
	for _, dir := range []string{second, first} {
		runHabeas(t, nil, dir, "stack", "down")
		if left := mentioning(t, dir); len(left) > 0 {
			t.Errorf("left running: %q", left)
		}
	}
}

func demoEnded(t *testing.T, which, out string) {
	t.Helper()
	for _, want := range []string{": fulfilled", "(deletion): fulfilled, certificate", ": told, ",
		": refused, for", ": partly refused, for", ": extended by two months", "retention of accounts.login_logs", "retention of billing.orders"} {
		if !strings.Contains(out, want) {
			t.Fatalf("the demo (%s) did not say %q:\n%s", which, want, out)
		}
	}
}

// ownServers are databases in the servers of a stack that the next demo knows nothing of, a namespace
// of its Temporal, and its mail server.
func ownServers(t *testing.T, dir string) map[string]string {
	t.Helper()
	runHabeas(t, nil, dir, "stack", "up", "--system", "own", "--mariadb", "own_billing")
	st, err := stack.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c, err := client.DialContext(ctx, client.Options{HostPort: st.TemporalAddress()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: "own", WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	attributes := map[string]enums.IndexedValueType{}
	for name, kind := range contract.SearchAttributes {
		if attributes[name], err = enums.IndexedValueTypeFromString(kind); err != nil {
			t.Fatal(err)
		}
	}
	for { // the server learns of a new namespace after a while
		_, err := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: "own", SearchAttributes: attributes})
		if err == nil {
			break
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-time.After(time.Second):
		}
	}
	dsns := st.LoadDSNs()
	return map[string]string{
		"HABEAS_DATABASE_URL": dsns["own"], "HABEAS_DSN_ACCOUNTS": dsns["own"], "HABEAS_DSN_SUPPORT": dsns["own"],
		"HABEAS_DSN_BILLING": dsns["own_billing"], "HABEAS_SMTP_URL": st.Env(stack.RoleStaff)["HABEAS_SMTP_URL"],
		"TEMPORAL_ADDRESS": st.TemporalAddress(), "TEMPORAL_NAMESPACE": "own",
	}
}

func stateFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "habeas-stack-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, dir) })
	return dir
}

// runHabeas runs the command line on a state folder and wants it to end with 0.
func runHabeas(t *testing.T, env map[string]string, state string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "habeas"), args...)
	cmd.Env = append(os.Environ(), "HABEAS_STATE="+state)
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("habeas %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// mentioning lists the processes that name a folder on their command line or in their environment.
func mentioning(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	procs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, proc := range procs {
		line, _ := os.ReadFile(filepath.Join(proc, "cmdline")) // one that has ended meanwhile reads empty
		env, _ := os.ReadFile(filepath.Join(proc, "environ"))
		if bytes.Contains(line, []byte(dir)) || bytes.Contains(env, []byte(dir)) {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}
