package jurisdiction

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func compiled(t *testing.T, schema []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func asJSON(t *testing.T, text []byte) any {
	t.Helper()
	data, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func embedded(t *testing.T, name string) string {
	t.Helper()
	raw, err := files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestEmbeddedFilesFitTheirSchemas(t *testing.T) {
	t.Parallel()
	laws, calendars := compiled(t, Schema()), compiled(t, CalendarSchema())
	n := 0
	for dir, schema := range map[string]*jsonschema.Schema{"laws": laws, "calendars": calendars} {
		list, err := fs.Glob(files, dir+"/*.yaml")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range list {
			n++
			if err := schema.Validate(asJSON(t, []byte(embedded(t, name)))); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if n != len(Names())+2 {
		t.Errorf("%d files were held against the schemas", n)
	}
	for _, name := range Names() {
		if p, err := Find(name); err != nil || p.Name != name {
			t.Errorf("%s is not embedded: %v", name, err)
		}
	}
}

// What the loader refuses for its shape, the schema refuses too; what needs other names is the
// loader's business alone.
func TestMistakesAreRefusedWithFileAndField(t *testing.T) {
	t.Parallel()
	laws := compiled(t, Schema())
	for _, m := range []struct {
		name, old, new, says string
		shape                bool // the schema sees it
	}{
		{"typing error in a key", "warn_days:", "warndays:", "warndays", true},
		{"unknown name", "name: cn-pipl", "name: cn-piple", "name", true},
		{"no zone", "zone: Asia/Shanghai", "zone: Asia/Shangri-La", "zone", false},
		{"unknown unit", "{n: 3, unit: business_day}", "{n: 3, unit: weeks}", "unit", true},
		{"no days", "{n: 30, unit: calendar_day}", "{n: 0, unit: calendar_day}", "period", true},
		{"promptly with a number", "{n: 0, unit: promptly}", "{n: 2, unit: promptly}", "period", true},
		{"a right that is not there", "for: [correct, supplement,", "for: [amend, supplement,", "amend", false},
		{"a right twice", "{code: copy, kinds", "{code: access, kinds", "twice", false},
		{"no answer for all", "{for: [all], within: {n: 30, unit: calendar_day}", "{for: [access], within: {n: 30, unit: calendar_day}", "answer", false},
		{"unknown first day", "first_day: next ", "first_day: tomorrow ", "first_day", true},
		{"warnings that rise", "warn_days: [10, 7, 3, 1]", "warn_days: [1, 3]", "warn_days", false},
		{"unknown pause", "pause: {identity: none", "pause: {identity: maybe", "pause", true},
		{"level that is not there", "level_from: 较大", "level_from: 巨大", "level_from", false},
		{"no text", "zh: 涉及商业秘密", "zh: \"\"", "trade_secret", true},
		{"unknown address", "to: person", "to: everybody", "persons", true},
		{"unknown begin", "from: handling_ended", "from: christmas", "cac-summary", true},
		{"no version", `version: "2026-11-25"`, `version: ""`, "version", true},
		{"another schema", "schema: habeas.law/v1", "schema: habeas.law/v2", "schema", true},
	} {
		text := strings.Replace(embedded(t, "laws/cn-pipl.yaml"), m.old, m.new, 1)
		if !strings.Contains(text, m.new) {
			t.Errorf("%s: the file has no %q", m.name, m.old)
			continue
		}
		_, err := Load(fstest.MapFS{"own.yaml": {Data: []byte(text)}})
		if !fault.Is(err, contract.ErrBadInput) || !strings.Contains(err.Error(), "own.yaml") || !strings.Contains(err.Error(), m.says) {
			t.Errorf("%s: %v", m.name, err)
		}
		if refused := laws.Validate(asJSON(t, []byte(text))) != nil; refused != m.shape {
			t.Errorf("%s: the schema refuses it: %v", m.name, refused)
		}
	}
}

func TestCalendarsAreChecked(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"another year":         "holidays: [2028-01-01]",
		"no date":              "holidays: [2027-02-30]",
		"backwards":            "holidays: [2027-02-10/2027-02-05]",
		"works on a weekday":   "holidays: []\nworkdays: [2027-02-01]",
		"both":                 "holidays: [2027-02-06]\nworkdays: [2027-02-06]",
		"typing error in keys": "holyday: []",
	} {
		text = "schema: habeas.calendar/v1\ncountry: CN\nyear: 2027\nsource: test\n" + text
		if _, err := Load(fstest.MapFS{"CN-2027.yaml": {Data: []byte(text)}}); !fault.Is(err, contract.ErrBadInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestACompanysOwnFilesTakeThePlaceOfOurs(t *testing.T) {
	t.Parallel()
	at := moment(t, "2026-12-04T02:00Z")
	own := fstest.MapFS{
		"CN-2027.yaml": {Data: []byte("schema: habeas.calendar/v1\ncountry: CN\nyear: 2027\nsource: test\nholidays: [2027-01-01/2027-01-04]\n")},
		"germany.yaml": {Data: []byte(strings.NewReplacer("zone: Europe/Brussels", "zone: Europe/Berlin", "country: BE", "country: DE",
			`version: "2026-11-25"`, `version: "berlin-1"`).Replace(embedded(t, "laws/eu-gdpr.yaml")))},
		"notes.txt": {Data: []byte("not read")},
	}
	book, err := Load(own)
	if err != nil {
		t.Fatal(err)
	}
	cn, err := book.Law("cn-pipl", at)
	if err != nil {
		t.Fatal(err)
	}
	clock, err := cn.Answer("access", at, nil, at)
	if err != nil || len(clock.Missing) != 0 || clock.Legal.UTC().Format(time.DateOnly) != "2027-01-05" {
		t.Errorf("with the calendar of 2027: %+v, %v", clock, err)
	}
	if len(book.Missing(at)) != 0 {
		t.Errorf("missing %v", book.Missing(at))
	}
	// 3 October is a holiday in Germany, and the 1st of May too.
	at = moment(t, "2025-09-03T10:00Z")
	de, err := book.Law("eu-gdpr", at)
	if err != nil {
		t.Fatal(err)
	}
	clock, err = de.Answer("access", at, nil, at)
	if err != nil || clock.Version != "berlin-1" || clock.Legal.UTC().Format(time.DateOnly) != "2025-10-06" {
		t.Errorf("in Berlin: %+v, %v", clock, err)
	}
	if p, err := Find("eu-gdpr"); err != nil || p.Country != "BE" {
		t.Errorf("the embedded book has changed: %q, %v", p.Country, err)
	}
}
