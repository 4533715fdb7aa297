package stack

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	tlog "go.temporal.io/sdk/log"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Namespace is the one that the dev server makes by itself.
const Namespace = "default"

func (s *session) temporal() part {
	return part{
		name:  "temporal",
		title: "Temporal",
		ports: []portUse{
			{"Temporal", &s.state.Ports.Temporal, s.opts.Ports.Temporal},
			{"Temporal's UI", &s.state.Ports.TemporalUI, s.opts.Ports.TemporalUI},
		},
		spec: func(ctx context.Context) (spec, error) {
			cli, err := FindTemporal(ctx)
			if err != nil {
				return spec{}, err
			}
			dir := filepath.Join(s.dir, "temporal")
			if err := mkdir(dir, 0o700); err != nil {
				return spec{}, err
			}
			// Profiles and addresses of ours would bend the server's command line.
			return spec{argv: s.temporalArgv(cli, dir), env: without(os.Environ(), "TEMPORAL_*"), dir: dir}, nil
		},
		ready: s.temporalReady,
	}
}

func (s *session) temporalArgv(cli, dir string) []string {
	argv := []string{
		cli, "server", "start-dev", "--ip", "127.0.0.1",
		"--port", strconv.Itoa(s.state.Ports.Temporal), "--ui-port", strconv.Itoa(s.state.Ports.TemporalUI),
		"--db-filename", filepath.Join(dir, "temporal.db"),
		// Without write-ahead logging a file does a third of the workflows a second.
		"--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1",
		"--log-level", "warn",
	}
	for _, name := range slices.Sorted(maps.Keys(contract.SearchAttributes)) {
		argv = append(argv, "--search-attribute", name+"="+contract.SearchAttributes[name])
	}
	if s.state.Codec != "" {
		argv = append(argv, "--ui-codec-endpoint", s.state.Codec)
	}
	return argv
}

// temporalReady says nil once the server serves the namespace with our search attributes. One
// that exists with another type stays as it was, silently, so they are compared.
func (s *session) temporalReady(ctx context.Context) error {
	c, err := client.DialContext(ctx, client.Options{
		HostPort: loopback(s.state.Ports.Temporal), Namespace: Namespace,
		Logger: tlog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return fmt.Errorf("connecting to Temporal: %w", err)
	}
	defer c.Close()
	got, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: Namespace})
	if err != nil {
		return fmt.Errorf("asking Temporal for its search attributes: %w", err)
	}
	for name, want := range contract.SearchAttributes {
		if have, ok := got.GetCustomAttributes()[name]; !ok || have != attributeType(want) {
			return fault.Newf(contract.ErrConflict, "Temporal's search attribute %s is not a %s", name, want).
				WithHint("another program made it in this server; remove the temporal folder of the stack to begin anew")
		}
	}
	return nil
}

func attributeType(name string) enums.IndexedValueType {
	t, err := enums.IndexedValueTypeFromString(name)
	if err != nil {
		return enums.INDEXED_VALUE_TYPE_UNSPECIFIED
	}
	return t
}

// FindTemporal returns the Temporal command line: HABEAS_TEMPORAL_CLI; or .tools/bin/temporal
// above the current folder or above our own program; or temporal on PATH, from version 1.5 on.
func FindTemporal(ctx context.Context) (string, error) {
	if path := os.Getenv("HABEAS_TEMPORAL_CLI"); path != "" {
		if err := checkTemporal(ctx, path); err != nil {
			return "", fault.New(contract.ErrBadInput, "HABEAS_TEMPORAL_CLI: "+err.Error(), err).WithHint("set it to a Temporal CLI from version 1.5 on")
		}
		return path, nil
	}
	candidates := []string{}
	if wd, err := os.Getwd(); err == nil {
		candidates = append(candidates, toolsAbove(wd)...)
	}
	if self, err := os.Executable(); err == nil {
		candidates = append(candidates, toolsAbove(filepath.Dir(self))...)
	}
	if path, err := exec.LookPath("temporal"); err == nil {
		candidates = append(candidates, path)
	}
	var last error
	for _, path := range candidates {
		if last = checkTemporal(ctx, path); last == nil {
			return path, nil
		}
	}
	return "", fault.New(contract.ErrUnavailable, "no Temporal command line from version 1.5 on found", last).WithHint("run: make tools")
}

func toolsAbove(dir string) []string {
	var found []string
	for {
		if path := filepath.Join(dir, ".tools", "bin", "temporal"); exists(path) {
			found = append(found, path)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return found
		}
		dir = parent
	}
}

var (
	cliVersion    = regexp.MustCompile(`version (\d+)\.(\d+)\.`)
	serverVersion = regexp.MustCompile(`Server (\d+)\.(\d+)\.`)
)

// checkTemporal asks the program at path for its version.
func checkTemporal(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return fmt.Errorf("%s does not tell its version: %w", path, err)
	}
	if !newEnough(out) {
		return fmt.Errorf("%s is too old", path)
	}
	return nil
}

// newEnough reads "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)". What `go install` builds
// calls itself 0.0.0-DEV; then the server's version counts.
func newEnough(version []byte) bool {
	return atLeast(cliVersion, version, 1, 5) || atLeast(serverVersion, version, 1, 29)
}

func atLeast(pattern *regexp.Regexp, text []byte, major, minor int) bool {
	m := pattern.FindSubmatch(text)
	if m == nil {
		return false
	}
	a, _ := strconv.Atoi(string(m[1]))
	b, _ := strconv.Atoi(string(m[2]))
	return a > major || a == major && b >= minor
}
