package datamap

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// FuzzLoad feeds any text in place of a system's file and of company.yaml: nothing may panic, an
// error is always a list of problems, and what loads loads again to the same hash.
func FuzzLoad(f *testing.F) {
	company, err := os.ReadFile(filepath.Join(exampleDir, CompanyFile))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{"accounts.yaml", "billing.yaml", CompanyFile} {
		data, err := os.ReadFile(filepath.Join(exampleDir, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	docs, err := os.ReadFile(reference)
	if err != nil {
		f.Fatal(err)
	}
	for _, block := range yamlBlock.FindAllSubmatch(docs, -1) {
		f.Add(block[1])
	}
	for _, text := range []string{"", "a", "version: 1\nsystem: a\ncollections: {a: {columns: {a: }}}", "? a\n: b", "a: |\n  b\n", "- - a",
		"collections:\n  a:\n    links:\n      - {columns: [a], to: a.b}", "{", "a: !!x", "\"\\", "a: [", "title: {zh: &a 1}", "key: *a"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, fsys := range []fstest.MapFS{
			{CompanyFile: {Data: company}, "a.yaml": {Data: data}},
			{CompanyFile: {Data: data}, "a.yaml": {Data: data}},
		} {
			m, err := LoadFS(fsys)
			var problems Problems
			switch {
			case err != nil && (!errors.As(err, &problems) || len(problems) == 0):
				t.Fatalf("no problems in %v", err)
			case err == nil:
				again, err := LoadFS(fsys)
				if err != nil || again.Hash != m.Hash {
					t.Fatalf("the second time: %v", err)
				}
				wholeMap(t, m)
			}
		}
	})
}

// wholeMap checks what Load promises of every map.
func wholeMap(t *testing.T, m *Map) {
	t.Helper()
	for _, s := range m.Systems {
		for _, c := range s.Collections {
			if c.Schema == "" || c.Table == "" || len(c.Key) == 0 || len(c.Columns) == 0 {
				t.Errorf("%s is not whole: %+v", c.ID(), c)
			}
			for _, col := range c.Columns {
				if (col.Category == "") == (col.Ignore == "") || (col.Ignore == "") == (col.Export == "") {
					t.Errorf("%s.%s is not classified: %+v", c.ID(), col.Name, col)
				}
			}
			for _, l := range c.Links {
				if l.To == nil || len(l.Columns) == 0 || len(l.Columns) != len(l.ToColumns) {
					t.Errorf("%s has a loose link: %+v", c.ID(), l)
				}
			}
		}
	}
}

// FuzzNormalise: no panic, the same twice, no value in an error.
func FuzzNormalise(f *testing.F) {
	own := []OwnIdentity{{Name: "words", Normaliser: NormaliserText}, {Name: "folded", Normaliser: NormaliserCasefold},
		{Name: "number", Normaliser: NormaliserDigits, Pattern: "[0-9]{4,}"}}
	m := &Map{Company: Company{Identities: own}}
	for _, kind := range m.IdentityNames() {
		for _, value := range []string{
			"li@cloud.example", "İ@CLOUD.example", "13800138000", "+86 138 0013 8000", "+5215512345678", "+39 06 1234",
			"99010119900307004x", "91990100MA0000000D", "ǅ", "\u00a8a", "ﬃ", "\u1e9e@ẞ.example", "+", "00", "a\u0301",
		} {
			f.Add(kind, value)
		}
	}
	f.Fuzz(func(t *testing.T, kind, value string) {
		once, err := m.Normalise(kind, value)
		if err != nil {
			if known(kind, m.IdentityNames()) && len(value) > 12 && strings.Contains(err.Error(), value) {
				t.Fatalf("the error holds the value: %v", err)
			}
			return
		}
		twice, err := m.Normalise(kind, once)
		if err != nil || once == "" || twice != once {
			t.Fatalf("%s %q is %q, then %q (%v)", kind, value, once, twice, err)
		}
	})
}
