package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// pairs is how often ours and the floor are measured in turn.
const pairs = 3

// bench is what the rows share.
type bench struct {
	dir  string // for stacks, under the folder for temporary files
	bin  string // with the two programs, built for this run
	full bool
}

// measurement is a named thing that `BENCH` selects; it gives one row or several.
type measurement struct {
	name string
	run  func(context.Context, *bench) ([]Row, error)
}

var measurements = []measurement{
	{"cases", cases},
	{"export", exports},
	{"erase", erases},
	{"memory", memory},
	{"notice", notices},
	{"retention", sweeps},
	{"closed", closedCases},
	{"split", splits},
	{"start", start},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	do := func() error { return run(ctx, os.Getenv) }
	if len(os.Args) > 1 && os.Args[1] == "publish" {
		do = func() error { return publish(".", "bench.json") }
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string) (err error) {
	wanted, err := chosen(getenv("BENCH"))
	if err != nil {
		return err
	}
	b := &bench{full: getenv("BENCH_FULL") == "1"}
	if b.dir, err = os.MkdirTemp("", "habeas-bench-"); err != nil {
		return fmt.Errorf("making a folder for the stacks: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := os.Chmod(b.dir, 0o711); err != nil { //nolint:gosec // PostgreSQL runs as another user and passes through
		return fmt.Errorf("opening the folder to PostgreSQL: %w", err)
	}
	if err := b.build(ctx); err != nil {
		return err
	}
	report := Report{At: time.Now().UTC().Truncate(time.Second), Commit: commit(ctx), Machine: machine(), Full: b.full}
	fmt.Printf("habeas bench, %s, commit %s, %s\n\n", report.At.Format(time.RFC3339), report.Commit, report.Machine)
	for _, m := range wanted {
		rows, err := m.run(ctx, b)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		for _, r := range rows {
			report.Rows = append(report.Rows, r.finish())
		}
	}
	fmt.Println()
	report.table(os.Stdout)
	return report.write("bench.json")
}

// chosen are the measurements that a list with commas names; all when it is empty.
func chosen(list string) ([]measurement, error) {
	if list == "" {
		return measurements, nil
	}
	var out []measurement
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(measurements, func(m measurement) bool { return m.name == name })
		if i < 0 {
			var names []string
			for _, m := range measurements {
				names = append(names, m.name)
			}
			return nil, fmt.Errorf("there is no row %q; BENCH takes %s", name, strings.Join(names, ", "))
		}
		out = append(out, measurements[i])
	}
	return out, nil
}

// build makes the programs as `make` makes them, so that what is measured is this checkout.
// BENCH_BIN names a folder with programs that were made before.
func (b *bench) build(ctx context.Context) error {
	if b.bin = os.Getenv("BENCH_BIN"); b.bin != "" {
		return nil
	}
	b.bin = filepath.Join(b.dir, "bin")
	for name, pkg := range map[string]string{"habeas": "./starter", "habeas-worker": "./worker"} {
		out, err := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", filepath.Join(b.bin, name), pkg).CombinedOutput()
		if err != nil {
			return fmt.Errorf("building %s: %w\n%s", name, err, out)
		}
	}
	return nil
}

// say tells what is going on, on standard error: standard output is for the table.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
