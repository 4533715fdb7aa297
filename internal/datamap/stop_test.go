package datamap

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const stopCompany = `name: {zh: 云, en: Cloud}
from: privacy@cloud.example
languages: [zh, en]
law: cn-pipl
purposes: {profiling: {zh: 画像, en: Profiling}, marketing: {zh: 营销邮件, en: Marketing mail}}
`

// stopMap is two collections and a table on the way between them.
func stopMap(users, notes string) fstest.MapFS {
	collection := func(name, more string) string {
		return "  " + name + ":\n    table: public." + name + "\n    title: {zh: 表, en: Table}\n    key: [id]\n    purpose: {zh: 用, en: Use}\n" +
			"    legal_basis: contract\n    retention: {zh: 一年, en: A year}\n    deletion: {action: delete}\n" + more
	}
	return fstest.MapFS{CompanyFile: {Data: []byte(stopCompany)}, "crm.yaml": {Data: []byte(
		"version: 1\nsystem: crm\ntitle: {zh: 客户, en: CRM}\ndriver: postgres\nregion: cn\nowner: crm\ncollections:\n" +
			collection("users", users+"    directory: {channels: [{kind: email, column: email}]}\n    match: [{column: email, identity: email}]\n"+
				"    columns:\n      id: {ignore: a number}\n      email: {category: user.contact.email}\n      wants: {category: user.privacy_preferences}\n") +
			collection("files", "    links: [{columns: [user_id], to: users, relation: belongs, deletion: deep}]\n"+
				"    columns:\n      id: {ignore: a number}\n      user_id: {category: user.unique_id}\n") +
			collection("notes", notes+"    links: [{columns: [file_id], to: files, relation: belongs, deletion: deep}]\n"+
				"    columns:\n      id: {ignore: a number}\n      file_id: {category: user.unique_id}\n      text: {category: user.content, free_text: true}\n") +
			collection("logs", "    links: [{columns: [user_id], to: users, relation: belongs, deletion: deep}]\n"+
				"    columns:\n      id: {ignore: a number}\n      user_id: {category: user.unique_id}\n"))}}
}

func TestStopsAreRefusedWhereTheyMeanNothing(t *testing.T) {
	t.Parallel()
	for stops, want := range map[string]string{
		"[{purpose: marketting, set: {wants: false}}]":                                        `unknown purpose "marketting" (did you mean marketing?)`,
		"[{purpose: marketing, set: {want: false}}]":                                          `unknown column "want" (did you mean wants?)`,
		"[{purpose: marketing, set: {id: 1}}]":                                                "is of the key",
		"[{purpose: marketing}]":                                                              "a stop says what happens",
		"[{purpose: marketing, delete: true}]":                                                "does not delete an account",
		"[{purpose: marketing, set: {wants: false}, delete: true}]":                           "a stop either has",
		"[{purpose: marketing, set: {wants: false}, lift: {email: x}}]":                       `which "set" did not touch`,
		"[{purpose: all, set: {wants: false}}]":                                               `unknown purpose "all"`,
		"[{purpose: marketing, set: {wants: [1]}}]":                                           "the value of wants must be text",
		"[{purpose: tracking, set: {wants: false}}, {purpose: tracking, set: {wants: null}}]": "a second time",
	} {
		_, err := LoadFS(stopMap("    stops: "+stops+"\n", ""))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", stops, err, want)
		}
	}
}

// What a purpose touches is all that the derived map changes, and what leads nowhere is not in it.
func TestStoppingKeepsToThePurpose(t *testing.T) {
	t.Parallel()
	m, err := LoadFS(stopMap("    stops: [{purpose: marketing, set: {wants: false}}, {purpose: profiling, set: {wants: null}, lift: {wants: true}}]\n",
		"    stops: [{purpose: profiling, delete: true}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if p := m.Purpose(PurposeMarketing); p == nil || p.Title.EN != "Marketing mail" || !slices.Equal(m.PurposeNames(), []string{"marketing", "tracking", "profiling"}) {
		t.Errorf("purposes: %v", m.PurposeNames())
	}
	whole := m
	names := func(m *Map) (list []string) {
		for _, s := range m.Systems {
			for _, c := range s.Collections {
				what := c.Deletion.Action
				for _, col := range c.Erased() {
					what += " " + col.Name + "=" + col.Erase.With + ":" + col.Erase.Value
				}
				list = append(list, c.Name+" "+what)
				for _, l := range c.Links {
					if l.From != c || l.To.System != s || c.System != s {
						t.Errorf("%s: a link leads out of the derived map", c.Name)
					}
				}
				if m != whole && slices.ContainsFunc(c.Columns, func(col *Column) bool { return col.FreeText }) {
					t.Errorf("%s: would be hunted through", c.Name)
				}
			}
		}
		return list
	}
	marketing, profiling := m.Stopping([]string{"marketing"}), m.Stopping([]string{"profiling"})
	lifting := m.Lifting([]string{"profiling"})
	for want, got := range map[string][]string{
		"users anonymise wants=constant:false":                   names(marketing),
		"users anonymise wants=null:, files leave, notes delete": names(profiling),
		"users anonymise wants=constant:true":                    names(lifting),
		"users delete, files delete, notes delete, logs delete":  names(m),
	} {
		if strings.Join(got, ", ") != want {
			t.Errorf("got %q, want %q", strings.Join(got, ", "), want)
		}
	}
	if marketing.Hash == profiling.Hash || profiling.Hash == lifting.Hash || marketing.Hash == m.Hash || marketing.Hash != m.Stopping([]string{"marketing"}).Hash {
		t.Error("the hashes do not tell the maps apart, or not the same one as itself")
	}
	if m.System("crm").Collection("users").Column("wants").Erase != nil {
		t.Error("the map itself was changed")
	}
}

func TestValuesMustFitTheirColumn(t *testing.T) {
	t.Parallel()
	constant := func(v string) Strategy { return Strategy{With: StrategyConstant, Value: v} }
	for _, c := range []struct {
		col  CatalogColumn
		v    Strategy
		fits bool
	}{
		{CatalogColumn{Class: ClassBoolean}, constant("false"), true},
		{CatalogColumn{Class: ClassBoolean}, constant("no"), false},
		{CatalogColumn{Class: ClassNumber, Type: "integer"}, constant("0"), true},
		{CatalogColumn{Class: ClassNumber, Type: "integer"}, constant("false"), false},
		{CatalogColumn{Class: ClassNumber, Type: "tinyint"}, constant("false"), true},
		{CatalogColumn{Class: ClassTime}, constant("2026-01-01"), true},
		{CatalogColumn{Class: ClassTime}, constant("soon"), false},
		{CatalogColumn{Class: ClassUUID}, constant("x"), false},
		{CatalogColumn{Class: ClassText}, constant("x"), true},
		{CatalogColumn{Class: ClassText, Computed: true}, constant("x"), false},
		{CatalogColumn{Class: ClassText, Filled: true}, Strategy{With: StrategyNull}, false},
		{CatalogColumn{Class: ClassText}, Strategy{With: StrategyNull}, true},
	} {
		if why := unfit(&c.col, c.v); (why == "") != c.fits {
			t.Errorf("%+v gets %+v: %q", c.col, c.v, why)
		}
	}
}
