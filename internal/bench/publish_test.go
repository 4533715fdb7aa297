package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPublish(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(name string, v any) string {
		t.Helper()
		raw, ok := v.(string)
		if !ok {
			text, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			raw = string(text)
		}
		path := filepath.Join(root, name)
		if err := os.WriteFile(path, []byte(raw), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	read := func(name string) string {
		t.Helper()
		raw, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	if err := os.Mkdir(filepath.Join(root, "docs"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("README.md", "before\n"+tableBegins+"old\n"+tableEnds+"after\n")
	export := Row{Name: "export", Unit: "rows/s", What: "a", Floor: "b", Goal: Goal{Least: 0.8}, Pairs: []Pair{{Ours: 9, Floor: 10}}}
	dirty := write("dirty.json", Report{Commit: "abc+", Rows: []Row{export.finish()}})
	if err := publish(root, dirty); err == nil || !strings.Contains(err.Error(), "no commit") {
		t.Errorf("what was measured on changed files: %v", err)
	}
	if err := publish(root, filepath.Join(root, "none.json")); err == nil || !strings.Contains(err.Error(), "make bench") {
		t.Errorf("nothing measured: %v", err)
	}
	first := write("first.json", Report{Commit: "abc", Machine: "m", Full: true, Rows: []Row{export.finish(), figure("events", "c", "count", 170)}})
	if err := publish(root, first); err != nil {
		t.Fatal(err)
	}
	export.Pairs = []Pair{{Ours: 7, Floor: 10}}
	if err := publish(root, write("second.json", Report{Commit: "def", Machine: "m", Rows: []Row{export.finish()}})); err != nil {
		t.Fatal(err)
	}
	if got, want := read("README.md"), "before\n"+tableBegins+"| | ours | beside it | ratio | goal |\n|---|---|---|---|---|\n"+
		"| [export](docs/measurements.md) | 7 rows/s | 10 | 0.70 (0.70 to 0.70) | >= 0.80, missed |\n"+tableEnds+"after\n"; got != want {
		t.Errorf("README:\n%s", got)
	}
	for _, want := range []string{"## export\n\n![export: ours beside the floor](pictures/measured/export.svg)", "goal >= 0.80, missed.", "commit def, m, default sizes.", "**170** count.", "commit abc, m, full sizes."} {
		if !strings.Contains(read(pageFile), want) {
			t.Errorf("no %q in the page:\n%s", want, read(pageFile))
		}
	}
	svg := xml.NewDecoder(strings.NewReader(read(pictureOf("export"))))
	for {
		if _, err := svg.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the picture is no XML: %v", err)
		}
	}
}
