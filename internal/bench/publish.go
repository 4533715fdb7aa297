package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Measured is a row with the run that gave it: rows may come from several runs.
type Measured struct {
	Row
	At      time.Time `json:"at"`
	Commit  string    `json:"commit"`
	Machine string    `json:"machine"`
	Full    bool      `json:"full"`
}

// The files that publish keeps, from the top of the repository.
const (
	storeFile   = "docs/measurements.json"
	pageFile    = "docs/measurements.md"
	readmeFile  = "README.md"
	pictureDir  = "docs/pictures/measured"
	tableBegins = "<!-- measured: `make measurements` writes what follows -->\n"
	tableEnds   = "<!-- end of what was measured -->\n"
)

// publish takes the rows of a run into the documentation below root: the page, its pictures and the
// table of README. A row of before with the same name goes.
func publish(root, path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading what was measured (run make bench first): %w", err)
	}
	var run Report
	if err := json.Unmarshal(raw, &run); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	if strings.HasSuffix(run.Commit, "+") || run.Commit == "unknown" {
		return fmt.Errorf("%s was measured on files that are in no commit: commit, run make bench again, and publish that", path)
	}
	list, err := readMeasured(root)
	if err != nil {
		return err
	}
	for _, row := range run.Rows {
		m := Measured{Row: row, At: run.At, Commit: run.Commit, Machine: run.Machine, Full: run.Full}
		if i := slices.IndexFunc(list, func(old Measured) bool { return old.Name == row.Name }); i >= 0 {
			list[i] = m
		} else {
			list = append(list, m)
		}
	}
	files, err := documents(root, list)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(root, pictureDir), 0o755); err != nil { //nolint:gosec // documentation
		return fmt.Errorf("making the folder of the pictures: %w", err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(root, name), text, 0o644); err != nil { //nolint:gosec // documentation
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}

func readMeasured(root string) ([]Measured, error) {
	raw, err := os.ReadFile(filepath.Join(root, storeFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", storeFile, err)
	}
	var list []Measured
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("reading %s: %w", storeFile, err)
	}
	return list, nil
}

// documents are the files that follow from the rows, by name.
func documents(root string, list []Measured) (map[string][]byte, error) {
	store, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", storeFile, err)
	}
	readme, err := os.ReadFile(filepath.Join(root, readmeFile))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", readmeFile, err)
	}
	before, rest, begins := bytes.Cut(readme, []byte(tableBegins))
	_, after, ends := bytes.Cut(rest, []byte(tableEnds))
	if !begins || !ends {
		return nil, fmt.Errorf("%s lacks the lines between which the table stands", readmeFile)
	}
	files := map[string][]byte{
		storeFile:  append(store, '\n'),
		pageFile:   page(list),
		readmeFile: slices.Concat(before, []byte(tableBegins), short(list), []byte(tableEnds), after),
	}
	for _, m := range list {
		if len(m.Pairs) > 0 {
			files[pictureOf(m.Name)] = picture(m.Row)
		}
	}
	return files, nil
}

func pictureOf(row string) string {
	return pictureDir + "/" + strings.ReplaceAll(row, " ", "-") + ".svg"
}

// short is README's table: what has a goal.
func short(list []Measured) []byte {
	var out bytes.Buffer
	fmt.Fprintln(&out, "| | ours | beside it | ratio | goal |")
	fmt.Fprintln(&out, "|---|---|---|---|---|")
	for _, m := range list {
		if len(m.Pairs) == 0 || m.Goal.String() == "" {
			continue
		}
		fmt.Fprintf(&out, "| [%s](%s) | %s %s | %s | %s | %s, %s |\n", m.Name, pageFile, number(m.Ours.Median), m.Unit, number(m.Base.Median), ratio(m.Row), m.Goal, verdict(m.Row))
	}
	return out.Bytes()
}

// page is the whole of it: every row with what it measures, when and on what.
func page(list []Measured) []byte {
	var out bytes.Buffer
	out.WriteString("# What was measured\n\n" +
		"`make bench` measures each row beside a floor or a rival in the same run, three pairs in turn; `make measurements` takes the\n" +
		"figures over into this page and into README's table. A ratio is the median of the pairs' ratios, with the least and the most.\n" +
		"Figures on another machine differ; the ratios should not by much. What is plain figures has no goal.\n\n")
	for _, m := range list {
		fmt.Fprintf(&out, "## %s\n\n", m.Name)
		if len(m.Pairs) > 0 {
			fmt.Fprintf(&out, "![%s: ours beside the floor](%s)\n\n", m.Name, strings.TrimPrefix(pictureOf(m.Name), "docs/"))
			fmt.Fprintf(&out, "%s %s beside %s: **%s**", number(m.Ours.Median), m.Unit, number(m.Base.Median), ratio(m.Row))
			if m.Goal.String() != "" {
				fmt.Fprintf(&out, ", goal %s, %s", m.Goal, verdict(m.Row))
			}
			fmt.Fprint(&out, ".\n\n")
		} else {
			fmt.Fprintf(&out, "**%s** %s.\n\n", number(m.Ours.Median), m.Unit)
		}
		fmt.Fprintf(&out, "- Measured: %s.\n", m.What)
		if m.Floor != "" {
			fmt.Fprintf(&out, "- Beside: %s.\n", m.Floor)
		}
		for _, note := range m.Notes {
			fmt.Fprintf(&out, "- %s.\n", strings.TrimSuffix(note, "."))
		}
		size := "default sizes"
		if m.Full {
			size = "full sizes"
		}
		fmt.Fprintf(&out, "- %s, commit %s, %s, %s.\n\n", m.At.Format("2006-01-02"), m.Commit, m.Machine, size)
	}
	return append(bytes.TrimRight(out.Bytes(), "\n"), '\n')
}

func ratio(r Row) string {
	return fmt.Sprintf("%.2f (%.2f to %.2f)", r.Ratio.Median, r.Ratio.Least, r.Ratio.Most)
}

func verdict(r Row) string {
	if r.Met {
		return "met"
	}
	return "missed"
}
