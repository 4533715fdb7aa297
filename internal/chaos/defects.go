package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/chaos/audit"
)

//go:embed testdata/defects
var patches embed.FS

// defect is a deliberate one, and the run that must find it.
type defect struct {
	name    string // of its patch
	kinds   []string
	faults  []string
	promise string // that is broken by it
}

// deliberate are the five; each takes away something that a promise rests on.
var deliberate = []defect{
	{"outbox-claim-removed", []string{"access", "deletion"}, []string{"smtp-drop", "worker-kill"}, audit.Letters},
	{"plan-not-frozen", []string{arrivalKind}, []string{"worker-term"}, audit.Ended},
	{"signature-not-checked", []string{forgedKind}, []string{"worker-term"}, audit.RowsHeld},
	{"heartbeat-cursor-trusted", []string{lockedKind}, []string{workersKilled}, audit.Ended},
	{"ledger-link-skipped", []string{"access"}, []string{"worker-kill"}, audit.Ledger},
}

const (
	directedFor   = 25 * time.Second
	directedCases = 8
)

// defects holds the auditor against each defect in a copy of the checkout: a directed run of a minute must
// break the promise that rests on what the defect takes away. The copy without a defect keeps all.
func defects(ctx context.Context, o options, out io.Writer) error {
	dir, err := os.MkdirTemp("", "habeas-defects-")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // PostgreSQL runs as another user and passes through
		return fmt.Errorf("opening the folder to PostgreSQL: %w", err)
	}
	copied := filepath.Join(dir, "checkout")
	if err := checkout(ctx, copied); err != nil {
		return err
	}
	// The defects are the worker's: the command line, which verifies the ledger, is that without any.
	if err := build(ctx, copied, dir, "habeas"); err != nil {
		return err
	}
	all := defect{name: "none"}
	for _, d := range deliberate {
		all.kinds, all.faults = append(all.kinds, d.kinds...), append(all.faults, d.faults...)
	}
	missed := 0
	for _, d := range append([]defect{all}, deliberate...) {
		if only := os.Getenv("CHAOS_DEFECT"); only != "" && only != d.name {
			continue
		}
		says, found, err := directed(ctx, o, d, copied, filepath.Join(dir, d.name))
		if err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		fmt.Fprintf(out, "%-26s %s\n", d.name, says)
		if !found {
			missed++
		}
	}
	if missed > 0 {
		return fmt.Errorf("%d of these runs ended otherwise than they must", missed)
	}
	return nil
}

// directed makes the programs with a defect and runs them; found says whether it ended as it must.
func directed(ctx context.Context, o options, d defect, copied, dir string) (says string, found bool, err error) {
	if d.promise != "" {
		if err := apply(ctx, copied, d.name, false); err != nil {
			return "", false, err
		}
		defer func() { err = errors.Join(err, apply(ctx, copied, d.name, true)) }()
	}
	bin := filepath.Join(dir, "bin")
	say("%s: the worker is built", d.name)
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return "", false, fmt.Errorf("making a folder for programs: %w", err)
	}
	if err := os.Link(filepath.Join(filepath.Dir(copied), "habeas"), filepath.Join(bin, "habeas")); err != nil {
		return "", false, fmt.Errorf("lending the command line: %w", err)
	}
	if err := build(ctx, copied, bin, "habeas-worker"); err != nil {
		return "", false, err
	}
	o.dir, o.bin, o.kinds, o.only, o.lasts, o.cases, o.out, o.keep = dir, bin, d.kinds, d.faults, directedFor, directedCases, filepath.Join(dir, "report.json"), true
	var log bytes.Buffer
	err = run(ctx, o, &log)
	if err != nil && !errors.Is(err, errBroken) {
		return "", false, fmt.Errorf("%w\n%s", err, log.String())
	}
	if d.promise == "" {
		if err != nil {
			return "BROKEN without any defect:\n" + log.String(), false, nil
		}
		return "every promise is kept", true, nil
	}
	if err == nil {
		return "MISSED: every promise is kept", false, nil
	}
	line, right := brokenLine(log.String(), d.promise)
	if !right {
		return "found, but by another promise than " + d.promise + ":\n" + log.String(), false, nil
	}
	return "found: " + line, true, nil
}

// brokenLine is the first line of a report that says how a promise was broken.
func brokenLine(report, promise string) (string, bool) {
	for line := range strings.Lines(report) {
		if rest, ok := strings.CutPrefix(line, "broken: "+promise); ok {
			return "broken: " + promise + strings.TrimRight(rest, "\n"), true
		}
	}
	// Only the first are told one by one.
	return "broken: " + promise, strings.Contains(report, "BROKEN "+promise+"\n")
}

// checkout copies what the working tree has, as far as git knows it or would take it.
func checkout(ctx context.Context, into string) error {
	list, err := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return fmt.Errorf("listing the checkout: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		raw, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, and not told to git yet
		}
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(into, name)), 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(into, name), raw, 0o600)
		}
		if err != nil {
			return fmt.Errorf("copying the checkout: %w", err)
		}
	}
	return nil
}

// apply applies the patch of a defect to a checkout, or takes it back.
func apply(ctx context.Context, checkout, name string, back bool, more ...string) error {
	patch, err := patches.ReadFile("testdata/defects/" + name + ".patch")
	if err != nil {
		return fmt.Errorf("reading a patch: %w", err)
	}
	args := slices.Concat([]string{"apply"}, more)
	if back {
		args = append(args, "--reverse")
	}
	command := exec.CommandContext(ctx, "git", append(args, "-")...)
	command.Dir, command.Stdin = checkout, bytes.NewReader(patch)
	// Outside of any repository a patch is applied to what lies there, whatever lies above.
	command.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(checkout))
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("the patch %s does not apply: %w\n%s", name, err, out)
	}
	return nil
}
