package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"
)

// Report is bench.json.
type Report struct {
	At      time.Time `json:"at"`
	Commit  string    `json:"commit"`
	Machine string    `json:"machine"`
	Full    bool      `json:"full"`
	Rows    []Row     `json:"rows"`
}

var headings = []string{"row", "unit", "ours", "floor", "ratio (spread)", "goal", ""}

// table prints the rows as Markdown, which also reads well in a terminal, and below it what each
// row measures.
func (r Report) table(w io.Writer) {
	lines := [][]string{headings}
	for _, row := range r.Rows {
		lines = append(lines, row.cells())
	}
	widths := make([]int, len(headings))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, line := range lines {
		for i, cell := range line {
			fmt.Fprintf(w, "| %s%s ", cell, strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
		}
		fmt.Fprintln(w, "|")
		if n == 0 {
			for i := range headings {
				fmt.Fprint(w, "|", strings.Repeat("-", widths[i]+2))
			}
			fmt.Fprintln(w, "|")
		}
	}
	fmt.Fprintln(w)
	for _, row := range r.Rows {
		fmt.Fprintf(w, "%s: %s", row.Name, row.What)
		if row.Floor != "" {
			fmt.Fprintf(w, "; against %s", row.Floor)
		}
		fmt.Fprintln(w, ".")
		for _, note := range row.Notes {
			fmt.Fprintln(w, "  -", note)
		}
	}
}

// write puts the report where a program finds it.
func (r Report) write(path string) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.WriteFile(path, append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// machine names what was measured on: cores, memory, processor.
func machine() string {
	name := runtime.GOARCH
	if raw, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(raw)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				name = strings.TrimSpace(value)
				break
			}
		}
	}
	memory, _ := statusKiB("/proc/meminfo", "MemTotal")
	return fmt.Sprintf("%d cores, %d GiB, %s, %s", runtime.NumCPU(), (memory+1<<19)>>20, name, runtime.Version())
}

// commit is the checkout's, with a plus when files differ from it.
func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	name := strings.TrimSpace(string(out))
	if changed, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "-uno").Output(); err == nil && len(changed) > 0 {
		name += "+"
	}
	return name
}
