package datamap

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// Every clue names a category and an identity that the format knows.
func TestCluesAreOfTheFormat(t *testing.T) {
	t.Parallel()
	for _, c := range clues {
		if _, known := slices.BinarySearch(categories, c.category); !known {
			t.Errorf("unknown category %s", c.category)
		}
		if c.identity != "" && !known(c.identity, identities) {
			t.Errorf("unknown identity %s", c.identity)
		}
		if strings.ToLower(c.words) != c.words {
			t.Errorf("%s is not in lower case", c.words)
		}
	}
	for kind, families := range holds {
		for _, family := range families {
			if _, known := slices.BinarySearch(categories, family); !known {
				t.Errorf("%s: unknown category %s", kind, family)
			}
		}
	}
}

func TestGuessByName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"shoujihao": "user.contact.phone_number mobile", "MOBILE_PHONE": "user.contact.phone_number mobile", "ContactMobile": "user.contact.phone_number mobile",
		"youxiang": "user.contact.email email", "EmailAddress": "user.contact.email email", "e_mail": "user.contact.email email", "backup_email2": "user.contact.email email",
		"xingming": "user.name ", "RealName": "user.name ", "first_name": "user.name.first ", "LASTNAME": "user.name.last ",
		"shenfenzheng": "user.government_id.national_identification_number national_id", "id_card_no": "user.government_id.national_identification_number national_id",
		"idCard": "user.government_id.national_identification_number national_id",
		"phone":  "user.contact.phone_number ", "HomeTel": "user.contact.phone_number ",
		"password_hash": "user.authorization.credentials ", "UserName": "user.account.username account", "yonghuming": "user.account.username account",
		"ShipPostalCode": "user.contact.address.postal_code ", "client_ip": "user.device.ip_address ", "emergency_contact": "user.name  third",
		"beizhu": "user.content.private  third", "xyz": "user ", "state": "user ", "shipping": "user ", "mainframe": "user ",
	} {
		g := guessColumn(CatalogColumn{Name: name, Class: ClassText}, ColumnSample{}, false, false)
		got := g.category + " " + g.identity
		if g.third {
			got += " third"
		}
		if got != want || g.why == "" {
			t.Errorf("%s: %q, want %q (%s)", name, got, want, g.why)
		}
	}
}

func TestGuessByClassAndValues(t *testing.T) {
	t.Parallel()
	emails := ColumnSample{Values: 40, Shapes: map[string]int{IdentityEmail: 21}}
	for _, c := range []struct {
		col         CatalogColumn
		sample      ColumnSample
		key, linked bool
		want        string
	}{
		{CatalogColumn{Name: "c7", Class: ClassText}, emails, false, false, "user.contact.email email 21 of 40 sampled values are shaped like an e-mail address"},
		{CatalogColumn{Name: "c7", Class: ClassText}, ColumnSample{Values: 40, Shapes: map[string]int{IdentityEmail: 19}}, false, false, "user  neither its name nor its values tell"},
		{CatalogColumn{Name: "c7", Class: ClassText}, ColumnSample{Values: 2, Shapes: map[string]int{IdentityEmail: 2}}, false, false, "user  neither its name nor its values tell"},
		{CatalogColumn{Name: "account", Class: ClassText}, emails, true, false, "user.contact.email email 21 of 40 sampled values are shaped like an e-mail address"},
		{CatalogColumn{Name: "email", Class: ClassText}, ColumnSample{Values: 12}, false, false, "user.contact.email  by its name, though no sampled value is shaped like an e-mail address"},
		{CatalogColumn{Name: "email_verified", Class: ClassBoolean}, ColumnSample{}, false, false, "user.settings  it is yes or no"},
		{CatalogColumn{Name: "email_since", Class: ClassTime}, ColumnSample{}, false, false, "user.behavior  it is a time"},
		{CatalogColumn{Name: "birthday", Class: ClassTime}, ColumnSample{}, false, false, "user.demographic.date_of_birth  by its name"},
		{CatalogColumn{Name: "mobile", Class: ClassNumber}, ColumnSample{}, false, false, "user.contact.phone_number mobile by its name"},
		{CatalogColumn{Name: "email", Class: ClassNumber}, ColumnSample{}, false, false, "user.contact.email  by its name"},
		{CatalogColumn{Name: "emails", Class: ClassArray}, ColumnSample{}, false, false, "user  neither its name nor its values tell"},
		{CatalogColumn{Name: "email", Class: ClassText}, emails, false, true, "user.unique_id  it leads to another table"},
		{CatalogColumn{Name: "nr", Class: ClassNumber}, ColumnSample{}, true, false, "user.unique_id  it is the key"},
	} {
		g := guessColumn(c.col, c.sample, c.key, c.linked)
		if got := fmt.Sprintf("%s %s %s", g.category, g.identity, g.why); got != c.want {
			t.Errorf("%s: %q, want %q", c.col.Name, got, c.want)
		}
	}
}

func TestShapes(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"wang@x.example": IdentityEmail, " WANG@X.example ": IdentityEmail, "wang@x": "", "13800138000": IdentityMobile, "+86 138-0013-8000": IdentityMobile,
		"12800138000": "", "138001380001": "", "+14155550100": "", "990101199001010019": IdentityNationalID, "990101199001010018": "", "91110108123456789X": "", "": "", "2026-01-01": "",
	} {
		if got := ShapeOf(value); got != want {
			t.Errorf("%q is shaped like %q, want %q", value, got, want)
		}
	}
	for text, want := range map[string][]string{
		"ring 138 0013 8000 or write to wang@x.example.": {IdentityEmail, IdentityMobile},
		`{"m": "+8613800138000", "n": 1}`:                {IdentityMobile},
		"order 2026013800138000 of 990101199001010019":   {IdentityNationalID},
		"电话13800138000，身份证990101199001010019。":           {IdentityMobile, IdentityNationalID},
		"6ba7b810-9dad-11d1-80b4-13800138000f":           nil,
		"990101199001010018 and a@b":                     nil,
		"":                                               nil,
	} {
		if diff := cmp.Diff(want, ShapesIn(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	if !Expects("user.contact.email", IdentityEmail) || Expects("user.contacts", IdentityEmail) || Expects("", IdentityMobile) || Expects("system.operations", IdentityEmail) {
		t.Error("families are compared part by part")
	}
}

// What a draft writes is read back as it was, whatever the names are.
func TestScaffoldOfOddNames(t *testing.T) {
	t.Parallel()
	odd := []string{"yes", "1e5", "a b", `q"uote`, "dot.ted", "数据", "colon: x", "# x", "{x}", "null", "-", "~", "!tag", "e mail"}
	table := CatalogTable{Schema: `sch"e.ma`, Name: "Users 2", Kind: TablePlain, Comment: "it's: a # table", Read: true, Key: []string{"yes"}}
	for _, name := range odd {
		table.Columns = append(table.Columns, CatalogColumn{Name: name, Type: "text", Class: ClassText, Filled: true, Read: true})
	}
	twin := CatalogTable{Schema: "other", Name: "users-2", Kind: TablePlain, Read: true, Columns: []CatalogColumn{{Name: "mail", Class: ClassText, Read: true}}}
	closed := CatalogTable{Schema: "other", Name: "closed", Kind: TablePlain, Columns: twin.Columns}
	text, err := Scaffold(Catalog{Tables: []CatalogTable{table, twin, closed}}, Scaffolding{Driver: "postgres", Title: "数据 DB_1"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := LoadFS(mapOf(t, string(text)))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	c := m.Systems[0].Collections[0]
	var names []string
	for _, col := range c.Columns {
		names = append(names, col.Name)
	}
	if diff := cmp.Diff(odd, names); diff != "" || c.Schema != `sch"e.ma` || c.Table != "Users 2" || len(m.Systems[0].Collections) != 2 || len(m.Systems[0].Ignored) != 1 {
		t.Errorf("(-want +got):\n%s\n%s", diff, text)
	}
	again, err := Scaffold(Catalog{Tables: []CatalogTable{table, twin, closed}}, Scaffolding{Driver: "postgres", Title: "数据 DB_1"})
	if err != nil || string(again) != string(text) {
		t.Error("two drafts of one schema differ")
	}
	if _, err := Scaffold(Catalog{Tables: []CatalogTable{closed}}, Scaffolding{Driver: "postgres"}); err == nil {
		t.Error("a draft without a table")
	}
}

// Tables that point at each other do not make a circle of a draft: one way is kept, the other said.
func TestScaffoldOfACircle(t *testing.T) {
	t.Parallel()
	number := func(name string) CatalogColumn {
		return CatalogColumn{Name: name, Class: ClassNumber, Filled: true, Read: true}
	}
	table := func(name string, links []CatalogLink, columns ...CatalogColumn) CatalogTable {
		return CatalogTable{Schema: "s", Name: name, Kind: TablePlain, Read: true, Key: []string{"id"}, Links: links, Columns: append([]CatalogColumn{number("id")}, columns...)}
	}
	to := func(column, table string) CatalogLink {
		return CatalogLink{Columns: []string{column}, Schema: "s", Table: table, ToColumns: []string{"id"}}
	}
	text, err := Scaffold(Catalog{Tables: []CatalogTable{
		table("first", []CatalogLink{to("person", "users"), to("other", "second")}, number("person"), number("other")),
		table("second", []CatalogLink{to("person", "users"), to("other", "first")}, number("person"), number("other")),
		table("users", nil, CatalogColumn{Name: "email", Class: ClassText, Read: true}),
	}}, Scaffolding{System: "circle", Driver: "postgres"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := LoadFS(mapOf(t, string(text)))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	links := 0
	for _, c := range m.Systems[0].Collections {
		links += len(c.Links)
	}
	if links != 3 || !strings.Contains(string(text), "not followed: [other] to s.first, which would lead back here") {
		t.Errorf("%d links:\n%s", links, text)
	}
}

func TestMermaid(t *testing.T) {
	t.Parallel()
	m, err := Load("testdata/example")
	if err != nil {
		t.Fatal(err)
	}
	text := Mermaid(m, "en")
	nodes := 0
	for _, s := range m.Systems {
		nodes += len(s.Collections)
	}
	if !strings.HasPrefix(text, "flowchart LR\n") || strings.Count(text, "subgraph") != len(m.Systems) || !strings.Contains(text, fmt.Sprintf("c%d", nodes-1)) ||
		strings.Contains(text, fmt.Sprintf("c%d[", nodes)) {
		t.Error(text)
	}
	if got := mermaidText(`a"b<br>#1;`); got != `a#quot;b#lt;br#gt;#35;1;` {
		t.Error(got)
	}
}

// mapOf is a folder with one system beside a company.
func mapOf(t *testing.T, system string) fstest.MapFS {
	t.Helper()
	company, err := os.ReadFile("testdata/scaffold/company.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{CompanyFile: {Data: company}, "system.yaml": {Data: []byte(system)}}
}
