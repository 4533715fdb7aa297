// Package docs_test holds the documents against the code: links, commands, metrics, settings,
// tasks and tests that a page names must exist. What a page says about them is for its readers to
// judge.
package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = ".."

// page is one Markdown file of the repository.
type page struct {
	name string // from the root
	text string
}

func pages(t *testing.T) []page {
	t.Helper()
	var list []page
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"bin", "testdata", "node_modules"}, d.Name())) {
			return filepath.SkipDir
		}
		if !d.IsDir() && filepath.Ext(path) == ".md" {
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name, _ := filepath.Rel(root, path)
			list = append(list, page{name, string(raw)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 10 {
		t.Fatalf("only %d pages were found", len(list))
	}
	return list
}

var (
	fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```")
	span  = regexp.MustCompile("`([^`\n]+)`")
	link  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// prose is the page without its fenced blocks.
func (p page) prose() string { return fence.ReplaceAllString(p.text, "") }

// code lists what a reader would type or look for: the code spans, and each line of a shell block.
func (p page) code() []string {
	var list []string
	for _, m := range fence.FindAllStringSubmatch(p.text, -1) {
		if m[1] != "sh" {
			continue
		}
		for line := range strings.Lines(m[2]) {
			line, _, _ = strings.Cut(line, " #")
			list = append(list, strings.TrimSpace(line))
		}
	}
	for _, m := range span.FindAllStringSubmatch(p.prose(), -1) {
		list = append(list, m[1])
	}
	return list
}

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	all, found := pages(t), 0
	for _, p := range all {
		for _, m := range link.FindAllStringSubmatch(p.prose(), -1) {
			to, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			found++
			target := p.name
			if to != "" {
				target = filepath.Join(filepath.Dir(p.name), to)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s, which is not there", p.name, m[1])
				continue
			}
			i := slices.IndexFunc(all, func(q page) bool { return q.name == target })
			if anchor != "" && (i < 0 || !slices.Contains(all[i].anchors(), anchor)) {
				t.Errorf("%s links to %s, but there is no such heading", p.name, m[1])
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d links were looked at", found)
	}
}

var (
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notWord = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are the names by which the page's headings are linked.
func (p page) anchors() []string {
	var list []string
	for _, m := range heading.FindAllStringSubmatch(p.prose(), -1) {
		name := notWord.ReplaceAllString(strings.ToLower(m[1]), "")
		list = append(list, strings.ReplaceAll(strings.TrimSpace(name), " ", "-"))
	}
	return list
}

func TestMakeTargetsExist(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	call, found := regexp.MustCompile(`^make ([a-z]+)`), 0
	for _, p := range pages(t) {
		for _, code := range p.code() {
			m := call.FindStringSubmatch(code)
			if m == nil {
				continue
			}
			found++
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(makefile) {
				t.Errorf("%s names `make %s`, which is not in the Makefile", p.name, m[1])
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d targets were looked at", found)
	}
}

func TestTestsThatPagesNameExist(t *testing.T) {
	t.Parallel()
	there, names := sources(t, true), regexp.MustCompile(`^Test[A-Z]\w+$`)
	found := 0
	for _, p := range pages(t) {
		for _, code := range p.code() {
			if !names.MatchString(code) {
				continue
			}
			found++
			if !strings.Contains(there, "\nfunc "+code+"(") {
				t.Errorf("%s names the test %s, which is not there", p.name, code)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d tests were looked at", found)
	}
}

// sources is the text of all Go files together, of tests or of all others.
func sources(t *testing.T, tests bool) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") != tests {
			return nil
		}
		raw, err := os.ReadFile(path)
		all.WriteString("\n")
		all.Write(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
