package survey

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/subject"
	"github.com/habeas-dsr/habeas/internal/systems"
)

var update = flag.Bool("update", false, "write the drafts beside the schemas anew")

const samples = "../datamap/testdata/scaffold"

// Three schemas in well-known styles: the draft is as committed, its guesses are marked, and with
// a patch of guesses alone it loads, fits the schema, and finds a person's rows as written down.
func TestDraftsOfThreeSchemas(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"records", "tools", "shops"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, dir := patient(t), filepath.Join(samples, name)
			schema, err := os.ReadFile(filepath.Join(dir, "schema.sql"))
			if err != nil {
				t.Fatal(err)
			}
			dsn, analyse := database(t, string(schema))
			analyse("ANALYZE")
			draft, err := Draft(ctx, DraftOptions{System: name, Driver: "postgres", DSN: dsn, Title: name}, nil)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join(dir, "draft.yaml"), draft)
			noValues(t, string(schema), string(draft))

			patch, err := os.ReadFile(filepath.Join(dir, "guesses.patch"))
			if err != nil {
				t.Fatal(err)
			}
			onlyGuesses(t, string(patch))
			m := load(t, map[string]string{name + ".yaml": patched(t, draft, patch)})
			open := opener(t, m, map[string]string{name: dsn})
			findings, err := Check(ctx, m, nil, open, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range findings {
				if f.Drifts() {
					t.Errorf("after the patch: %s: %s", f.Kind, f.Text)
				}
			}
			by, want := answer(t, filepath.Join(dir, "answer.txt"))
			sys, err := open(ctx, name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, rowsOf(t, ctx, m, sys, by)); diff != "" {
				t.Errorf("the person's rows (-want +got):\n%s", diff)
			}
		})
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got), -update writes it anew:\n%s", path, diff)
	}
}

// noValues holds the draft against the rows of the schema: none of their texts may stand in it.
func noValues(t *testing.T, schema, draft string) {
	t.Helper()
	_, rows, _ := strings.Cut(schema, "INSERT INTO")
	for i, text := range strings.Split(rows, "'") {
		if i%2 == 1 && len(text) > 3 && strings.Contains(draft, text) {
			t.Errorf("the draft holds the value %q", text)
		}
	}
}

// onlyGuesses: every line that the patch takes away is marked as a guess, and whatever it adds
// stands in the place of such a line.
func onlyGuesses(t *testing.T, patch string) {
	t.Helper()
	touched := false
	for i, line := range strings.Split(patch, "\n") {
		switch {
		case strings.HasPrefix(line, "---"), strings.HasPrefix(line, "+++"):
		case strings.HasPrefix(line, "-"):
			touched = true
			if !strings.Contains(line, strings.TrimSpace(datamap.GuessMark)) {
				t.Errorf("line %d takes away what is no guess: %s", i+1, line)
			}
		case strings.HasPrefix(line, "+"):
			if !touched {
				t.Errorf("line %d adds where no guess stood: %s", i+1, line)
			}
		default:
			touched = false
		}
	}
}

func patched(t *testing.T, draft, patch []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "draft.yaml")
	if err := os.WriteFile(file, draft, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("patch", "--fuzz=0", "--silent", file)
	cmd.Stdin = bytes.NewReader(patch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("patch: %v\n%s", err, out)
	}
	out, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// answer reads who is meant and which keys each collection must give.
func answer(t *testing.T, path string) (dsr.Identity, map[string][]string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var by dsr.Identity
	want := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		switch {
		case len(words) == 4 && words[1] == "identity":
			by = dsr.Identity{Kind: words[2], Value: words[3]}
		case len(words) > 1 && words[0] != "#":
			want[words[0]] = words[1:]
		}
	}
	if by.Kind == "mobile" {
		by.Value, _ = datamap.Normalise("mobile", by.Value)
	}
	return by, want
}

// rowsOf finds the person and collects the keys of every row, as a case would.
func rowsOf(t *testing.T, ctx context.Context, m *datamap.Map, sys systems.System, by dsr.Identity) map[string][]string {
	t.Helper()
	open := func(string) (systems.System, error) { return sys, nil }
	accounts, err := subject.FindAccount(ctx, m, open, []dsr.Identity{by})
	if err != nil || len(accounts) != 1 {
		t.Fatalf("%d accounts, %v", len(accounts), err)
	}
	ks, got := &keys{sets: map[string]map[int][][]string{}}, map[string][]string{}
	for _, step := range subject.Steps(m, accounts[0]) {
		if _, err := subject.Discover(ctx, m, sys, step, accounts[0], ks); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range subject.Steps(m, accounts[0]) {
		for _, name := range step.Collections {
			c := m.System(step.System).Collection(name)
			var j, v bytes.Buffer
			if _, err := subject.Collect(ctx, m, sys, c, accounts[0], ks, &j, &v); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if found := keysIn(t, c, j.Bytes()); len(found) > 0 {
				got[name] = found
			}
		}
	}
	return got
}

func keysIn(t *testing.T, c *datamap.Collection, text []byte) []string {
	t.Helper()
	var rows []map[string]json.RawMessage
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, row := range rows {
		var parts []string
		for _, name := range c.Key {
			parts = append(parts, strings.Trim(string(row[name]), `"`))
		}
		found = append(found, strings.Join(parts, ","))
	}
	slices.Sort(found)
	return found
}

// keys is a key store in memory.
type keys struct {
	mu   sync.Mutex
	sets map[string]map[int][][]string
}

func (k *keys) set(coll string, columns []string) map[int][][]string {
	name := coll + "(" + strings.Join(columns, ",") + ")"
	if k.sets[name] == nil {
		k.sets[name] = map[int][][]string{}
	}
	return k.sets[name]
}

func (k *keys) PutKeys(_ context.Context, coll string, columns []string, chunk int, tuples [][]string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.set(coll, columns)[chunk] = tuples
	return nil
}

func (k *keys) TrimKeys(_ context.Context, coll string, columns []string, from int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	set := k.set(coll, columns)
	for chunk := range set {
		if chunk >= from {
			delete(set, chunk)
		}
	}
	return nil
}

func (k *keys) Keys(_ context.Context, coll string, columns []string, yield func([][]string) error) error {
	k.mu.Lock()
	set := k.set(coll, columns)
	k.mu.Unlock()
	for chunk := range len(set) {
		if err := yield(set[chunk]); err != nil {
			return err
		}
	}
	return nil
}
