package incident

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	cloud "github.com/habeas-dsr/habeas/examples/cloud"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
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
		if missing := f.Checklist(nil, m.Company.Languages); len(missing) != 0 || string(f.Kind) != name {
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
	if asks, categories := breachAsks(jurisdiction.Embedded()); len(parts) != len(asks) || categories == "" {
		t.Fatalf("%d parts are tested, %d are asked for", len(parts), len(asks))
	}
	for name, part := range parts {
		whole := *part
		for lang, emptied := range map[string]datamap.Text{"zh": {EN: whole.EN}, "en": {ZH: whole.ZH}} {
			*part = emptied
			missing := f.Checklist(nil, []string{"zh", "en"})
			if len(missing) != 1 || missing[0].Field != name || missing[0].Lang != lang || missing[0].Laws == "" {
				t.Errorf("%s without %s: %v", name, lang, missing)
			}
		}
		*part = whole
	}
	f.Scopes[0].Categories = nil
	if missing := f.Checklist(nil, []string{"zh", "en"}); len(missing) != 1 {
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
		list, err := Clocks(nil, f)
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
	// Thirty days with Thursday 26 November: the end of Friday 25 December in Los Angeles (UTC-8).
	california := time.Date(2026, 12, 26, 8, 0, 0, 0, time.UTC).Sub(aware)
	for _, tc := range []struct {
		name   string
		change func(*File)
		want   map[string]time.Duration
	}{
		{"two hundred people", func(f *File) { f.Severity.Persons = 200 },
			map[string]time.Duration{"cn-authority": 4 * time.Hour, "cn-miit": 4 * time.Hour, "eu-authority": 72 * time.Hour, "uk-authority": 72 * time.Hour, "br-anpd": brazil, "br-persons": brazil, "us-persons": california, "br-anpd-supplement": more}},
		{"a million, critical, China alone", func(f *File) {
			f.Severity.Persons, f.Severity.Operator, f.Laws = 1_000_000, "critical", []string{"cn-pipl"}
		}, map[string]time.Duration{"cn-cac-cii": time.Hour, "cn-authority": 4 * time.Hour, "cn-miit": 4 * time.Hour}},
		{"no risk", func(f *File) { f.Severity.Risk, f.Severity.Persons = "none", 200 },
			map[string]time.Duration{"cn-authority": 4 * time.Hour, "cn-miit": 4 * time.Hour, "us-persons": california}},
		{"one short of a million, critical", func(f *File) {
			f.Severity.Persons, f.Severity.Operator, f.Laws = 999_999, "critical", []string{"cn-pipl"}
		}, map[string]time.Duration{"cn-authority": 4 * time.Hour, "cn-miit": 4 * time.Hour}},
		{"larger by hand", func(f *File) { f.Severity.Level, f.Severity.Persons, f.Laws = "larger", 3, []string{"cn-pipl"} },
			map[string]time.Duration{"cn-authority": 4 * time.Hour, "cn-miit": 4 * time.Hour, "cn-cac-other": 4 * time.Hour}},
		{"nobody is told", func(f *File) { f.Laws, f.Unneeded = []string{"us-ca"}, &NotifyNothing{Ground: "encrypted"} }, map[string]time.Duration{}},
		{"a change of the policy", func(f *File) { f.Kind = PolicyChange }, map[string]time.Duration{}},
	} {
		got := due(tc.change)
		if fmt.Sprint(got) != fmt.Sprint(tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

// California's Attorney General hears within 15 days of the first letter, where more than 500 people
// are told; their own 30 days are the notice's due date where no law is stricter.
func TestCaliforniaCountsFromTheFirstLetter(t *testing.T) {
	t.Parallel()
	aware := time.Date(2026, 11, 26, 22, 0, 0, 0, time.UTC)
	f := File{Kind: Breach, AwareAt: aware, Laws: []string{"us-ca"}, Severity: Severity{Risk: "high", Persons: 501}}
	told := time.Date(2026, 12, 1, 7, 0, 0, 0, time.UTC) // still 30 November in Los Angeles
	got, err := AfterTelling(nil, f, told)
	if err != nil || len(got) != 1 || got[0].Authority != "us-attorney-general" || !got[0].Due.Equal(time.Date(2026, 12, 15, 8, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v %v", got, err)
	}
	f.Severity.Persons = 500
	if got, err := AfterTelling(nil, f, told); err != nil || len(got) != 0 {
		t.Errorf("with 500 people: %+v %v", got, err)
	}
	for laws, want := range map[string]time.Time{
		"us-ca": time.Date(2026, 12, 26, 8, 0, 0, 0, time.UTC), "cn-pipl": aware.Add(72 * time.Hour), "br-lgpd": time.Date(2026, 12, 2, 3, 0, 0, 0, time.UTC),
		"us-ca cn-pipl": aware.Add(72 * time.Hour),
	} {
		f.Laws = strings.Fields(laws)
		if due, err := Due(nil, f, aware); err != nil || !due.Equal(want) {
			t.Errorf("%s: people must be told until %v, want %v; %v", laws, due, want, err)
		}
	}
}

// A folder of laws changes what a letter must say and how long an authority waits; a file that is
// silent about the letter asks what the embedded one asks.
func TestAFolderOfLawsIsHeard(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../jurisdiction/laws/eu-gdpr.yaml")
	if err != nil {
		t.Fatal(err)
	}
	own := strings.NewReplacer("within: {n: 72, unit: hour}", "within: {n: 96, unit: hour}", "{part: harm,", "{part: remedy,", `version: "`, `version: "own-`).Replace(string(raw))
	silent, _, _ := strings.Cut(own, "notify:")
	for text, want := range map[string]string{own: "GB/T 35273-2020 10.2, GDPR 33(3)(c)", silent: "GB/T 35273-2020 10.2"} {
		book, err := jurisdiction.Load(fstest.MapFS{"eu-gdpr.yaml": {Data: []byte(text)}})
		if err != nil {
			t.Fatal(err)
		}
		f := File{Kind: Breach, AwareAt: time.Date(2026, 11, 26, 22, 0, 0, 0, time.UTC), Laws: []string{"eu-gdpr"}, Severity: Severity{Risk: "high"}}
		list, err := Clocks(book, f)
		if err != nil || len(list) != 1 || list[0].Due.Sub(list[0].From) != 96*time.Hour {
			t.Errorf("%+v %v", list, err)
		}
		missing := f.Checklist(book, []string{"zh"})
		if i := slices.IndexFunc(missing, func(m Missing) bool { return m.Field == "remedy" }); i < 0 || missing[i].Laws != want {
			t.Errorf("%+v, want remedy for %s", missing, want)
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
