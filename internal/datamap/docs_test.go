package datamap

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

const reference = "../../docs/data-map.md"

var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// The examples of the reference are one map, and it loads.
func TestReferenceExamplesLoad(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{}
	for i, block := range yamlBlock.FindAllSubmatch(text, -1) {
		name := CompanyFile
		if strings.HasPrefix(string(block[1]), "version:") {
			name = fmt.Sprintf("example-%d.yaml", i+1)
		}
		if fsys[name] != nil {
			t.Errorf("block %d is neither a system nor the only company", i+1)
		}
		fsys[name] = &fstest.MapFile{Data: block[1]}
	}
	m, err := LoadFS(fsys)
	if err != nil {
		t.Fatalf("the examples do not load:\n%v", err)
	}
	if len(m.Systems) != len(fsys)-1 || len(m.Systems) < 3 {
		t.Errorf("%d systems in %d files", len(m.Systems), len(fsys))
	}
	systems, company := compiled(t, Schema()), compiled(t, CompanySchema())
	for name, file := range fsys {
		schema := systems
		if name == CompanyFile {
			schema = company
		}
		if err := schema.Validate(asJSON(t, file.Data)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReferenceNamesEverything(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, list := range [][]string{
		systemKeys, tableKeys, dirKeys, channelKeys, matchKeys, linkKeys, columnKeys, companyKeys,
		identityKeys, pathKeys, exprKeys, validKeys, conditionKeys, operators, follows, sharings, sensitivities, ownNormalisers,
		deletionActions, deletionKeys, blockedKeys, expiryKeys, expiryActions, sinceKeys, missingKeys, nulls, floorKeys, sweepKeys, strategies, strategyKeys, truncations, boundKeys,
		identities, drivers, channels, exports, masks, relations, deletions, languages, laws, legalBases,
	} {
		for _, name := range list {
			if !strings.Contains(text, "`"+name+"`") {
				t.Errorf("docs/data-map.md does not explain %q", name)
			}
		}
	}
	for name := range treatments {
		last := name[strings.LastIndexAny(name, ".")+1:]
		if !strings.Contains(text, name+"`") && !strings.Contains(text, "`."+last+"`") {
			t.Errorf("docs/data-map.md does not say what happens to %s", name)
		}
	}
}

// The errors that the reference shows are those that Load gives.
func TestReferenceShowsRealErrors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("testdata/wrong/several-at-once.txt")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "accounts.yaml:") {
			shown++
			if !strings.Contains(string(golden), line) {
				t.Errorf("Load does not say %s", line)
			}
		}
	}
	if shown == 0 {
		t.Error("no error is shown")
	}
}
