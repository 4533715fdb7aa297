package incident

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	cloud "github.com/habeas-dsr/habeas/examples/cloud"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func exampleMap(t *testing.T) *datamap.Map {
	t.Helper()
	dir := t.TempDir()
	files, err := cloud.Map.ReadDir("map")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		raw, err := cloud.Map.ReadFile("map/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/"+f.Name(), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, err := datamap.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func exampleFile(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("../../examples/cloud/incident/breach.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestTheExamplesAreWhole(t *testing.T) {
	t.Parallel()
	m := exampleMap(t)
	for _, name := range []string{"breach", "policy-change", "transfer"} {
		raw, err := os.ReadFile("../../examples/cloud/incident/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		f, err := Read(name+".yaml", raw, m)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if missing := f.Checklist(m.Company.Languages); len(missing) != 0 || string(f.Kind) != name {
			t.Errorf("%s: kind %s, missing %v", name, f.Kind, missing)
		}
	}
}

func TestFaultsHaveTheirLineAndTheNearestName(t *testing.T) {
	t.Parallel()
	m, good := exampleMap(t), exampleFile(t)
	for _, tc := range []struct{ from, to, want string }{
		{"harm:", "harms:", `unknown key "harms" (did you mean harm?)`},
		{"system: accounts", "system: acounts", `unknown system "acounts" (did you mean accounts?)`},
		{"collection: users", "collection: user", `unknown collection "user" (did you mean users?)`},
		{"column: region", "column: regio", `unknown column "regio" (did you mean region?)`},
		{"kind: breach", "kind: braech", `unknown kind "braech" (did you mean breach?)`},
		{"aware_at: \"", "aware_at: \"yesterday, ", "aware_at must be a time with its zone"},
		{"laws: [", "laws: [cn-pippl, ", `(did you mean cn-pipl?)`},
		{"waves: [", "waves: [100, ", "waves are per cent of the list"},
	} {
		bad := strings.Replace(good, tc.from, tc.to, 1)
		if bad == good {
			t.Fatalf("the example has no %q", tc.from)
		}
		line := 1 + strings.Count(good[:strings.Index(good, tc.from)], "\n")
		_, err := Read("x.yaml", []byte(bad), m)
		if !fault.Is(err, contract.ErrBadInput) || !strings.Contains(err.Error(), tc.want) ||
			!strings.Contains(err.Error(), fmt.Sprintf("x.yaml:%d:", line)) {
			t.Errorf("%q: want line %d and %q, got %v", tc.to, line, tc.want, err)
		}
	}
}

func TestEachMandatoryPartIsMissedInEachLanguage(t *testing.T) {
	t.Parallel()
	m := exampleMap(t)
	f, err := Read("x.yaml", []byte(exampleFile(t)), m)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]*datamap.Text{
		"title": &f.Title, "what": &f.Texts.What, "when": &f.Texts.When, "cause": &f.Texts.Cause, "harm": &f.Texts.Harm,
		"measures": &f.Texts.Measures, "advice": &f.Texts.Advice, "remedy": &f.Texts.Remedy, "contact": &f.Texts.Contact,
		"authority": &f.Texts.Authority,
	}
	if len(parts) != len(breachAsks) {
		t.Fatalf("%d parts are tested, %d are asked for", len(parts), len(breachAsks))
	}
	for name, part := range parts {
		whole := *part
		for lang, emptied := range map[string]datamap.Text{"zh": {EN: whole.EN}, "en": {ZH: whole.ZH}} {
			*part = emptied
			missing := f.Checklist([]string{"zh", "en"})
			if len(missing) != 1 || missing[0].Field != name || missing[0].Lang != lang || missing[0].Laws == "" {
				t.Errorf("%s without %s: %v", name, lang, missing)
			}
		}
		*part = whole
	}
	f.Scopes[0].Categories = nil
	if missing := f.Checklist([]string{"zh", "en"}); len(missing) != 1 {
		t.Errorf("without categories: %v", missing)
	}
}

func TestClocks(t *testing.T) {
	t.Parallel()
	aware := time.Date(2026, 11, 26, 22, 0, 0, 0, time.UTC) // Thursday, 19:00 in São Paulo
	due := func(change func(*File)) map[string]time.Duration {
		f := File{Kind: Breach, AwareAt: aware, Laws: Laws, Severity: Severity{Risk: "high"}}
		change(&f)
		got := map[string]time.Duration{}
		list, err := Clocks(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			got[c.Authority] = c.Due.Sub(aware)
		}
		return got
	}
	// Friday, Monday, Tuesday; the end of Tuesday in São Paulo (UTC-3).
	brazil := time.Date(2026, 12, 2, 3, 0, 0, 0, time.UTC).Sub(aware)
	// Twenty business days: four weeks, the end of Thursday 24 December.
	more := time.Date(2026, 12, 25, 3, 0, 0, 0, time.UTC).Sub(aware)
	for _, tc := range []struct {
		name   string
		change func(*File)
		want   map[string]time.Duration
	}{
		{"two hundred people", func(f *File) { f.Severity.Persons = 200 },
			map[string]time.Duration{"cn-authority": 4 * time.Hour, "cn-miit": 4 * time.Hour, "eu-authority": 72 * time.Hour, "uk-authority": 72 * time.Hour, "br-anpd": brazil, "br-anpd-supplement": more}},
		{"a million, critical, China alone", func(f *File) {
			f.Severity.Persons, f.Severity.Operator, f.Laws = 1_000_000, "critical", []string{"cn-pipl"}
		}, map[string]time.Duration{"cn-cac-cii": time.Hour, "cn-authority": 4 * time.Hour, "cn-miit": 4 * time.Hour}},
		{"no risk", func(f *File) { f.Severity.Risk, f.Severity.Persons = "none", 200 },
			map[string]time.Duration{"cn-authority": 4 * time.Hour, "cn-miit": 4 * time.Hour}},
		{"one short of a million, critical", func(f *File) {
			f.Severity.Persons, f.Severity.Operator, f.Laws = 999_999, "critical", []string{"cn-pipl"}
		}, map[string]time.Duration{"cn-authority": 4 * time.Hour, "cn-miit": 4 * time.Hour}},
		{"larger by hand", func(f *File) { f.Severity.Level, f.Severity.Persons, f.Laws = "larger", 3, []string{"cn-pipl"} },
			map[string]time.Duration{"cn-authority": 4 * time.Hour, "cn-miit": 4 * time.Hour, "cn-cac-other": 4 * time.Hour}},
		{"a change of the policy", func(f *File) { f.Kind = PolicyChange }, map[string]time.Duration{}},
	} {
		got := due(tc.change)
		if fmt.Sprint(got) != fmt.Sprint(tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestTooManyGetAPublicNotice(t *testing.T) {
	l := Ladder{Steps: []string{"phone", "public"}, PublicOver: 10}
	if l.Public(10) || !l.Public(11) {
		t.Error("the bound itself is not too many, one more is")
	}
	if l.Steps = []string{"phone"}; l.Public(11) {
		t.Error("a ladder without the step took it")
	}
}
