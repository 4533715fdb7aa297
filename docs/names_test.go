package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/habeas-dsr/habeas/internal/config"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

func operating(t *testing.T) page {
	t.Helper()
	all := pages(t)
	return all[slices.IndexFunc(all, func(p page) bool { return p.name == filepath.Join("docs", "operating.md") })]
}

// An alert on a metric that does not exist never fires. Ours stand in our code, Temporal's in its
// SDK, those of the process in what the collector gathers here.
func TestMetricsExist(t *testing.T) {
	t.Parallel()
	p, ours := operating(t), sources(t, false)
	for _, m := range regexp.MustCompile(`"(habeas_[a-z_]+_total)"`).FindAllStringSubmatch(ours, -1) {
		if !strings.Contains(p.text, m[1]) {
			t.Errorf("%s does not name the metric %s", p.name, m[1])
		}
	}
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "go.temporal.io/sdk").Output()
	if err != nil {
		t.Fatal(err)
	}
	sdk, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "internal", "common", "metrics", "constants.go"))
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range regexp.MustCompile(`\b(?:habeas_[a-z_]+_total|temporal_[a-z_]+|process_[a-z_]+)\b`).FindAllString(p.text, -1) {
		found++
		there := strings.Contains(ours, `"`+name+`"`)
		if rest, ok := strings.CutPrefix(name, "temporal_"); ok {
			there = strings.Contains(string(sdk), `"`+strings.TrimSuffix(rest, "_seconds")+`"`) ||
				(rest == "request_failure" && strings.Contains(string(sdk), `TemporalRequest + "_failure"`))
		}
		for _, f := range families {
			there = there || f.GetName() == name
		}
		if !there {
			t.Errorf("%s names the metric %s, which is not there", p.name, name)
		}
	}
	if found < 10 {
		t.Errorf("only %d metrics were looked at", found)
	}
}

func TestSettingsExist(t *testing.T) {
	t.Parallel()
	for _, p := range pages(t) {
		for _, name := range regexp.MustCompile(`HABEAS_[A-Z_]*[A-Z]`).FindAllString(p.text, -1) {
			if !config.Known(name) && name != "HABEAS_DSN" {
				t.Errorf("%s names %s, which nothing reads", p.name, name)
			}
		}
	}
}

// Each kind of task has its line, with every answer that it takes.
func TestTasksAreExplained(t *testing.T) {
	t.Parallel()
	p := operating(t)
	for kind, rule := range dsr.Rules {
		i := strings.Index(p.text, "\n| `"+string(kind)+"` |")
		if i < 0 {
			t.Errorf("%s does not explain the task %s", p.name, kind)
			continue
		}
		line, _, _ := strings.Cut(p.text[i+1:], "\n")
		for _, v := range rule.Verdicts {
			if !strings.Contains(line, "`"+string(v)) {
				t.Errorf("%s does not say what %s means for %s", p.name, v, kind)
			}
		}
		for _, r := range rule.Roles {
			if !strings.Contains(line, string(r)) {
				t.Errorf("%s does not say that a %s may answer %s", p.name, r, kind)
			}
		}
	}
	for name := range contract.SearchAttributes {
		if !strings.Contains(p.text, "`"+name+"`") {
			t.Errorf("%s does not explain %s", p.name, name)
		}
	}
}

// Every module that go.mod names directly has its reason, and no other.
func TestDependenciesHaveReasons(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var direct []string
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(raw), -1) {
		direct = append(direct, m[1])
	}
	table, err := os.ReadFile(filepath.Join("decisions", "0009-dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	var explained []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(table), -1) {
		explained = append(explained, m[1])
	}
	for _, name := range direct {
		if !slices.Contains(explained, name) {
			t.Errorf("docs/decisions/0009-dependencies.md has no reason for %s", name)
		}
	}
	for _, name := range explained {
		if !slices.Contains(direct, name) {
			t.Errorf("docs/decisions/0009-dependencies.md explains %s, which go.mod does not name", name)
		}
	}
}
