package conformance

import (
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// lacking: what a column's kind does not give is refused by Check in the word that the map has for
// it, and by every call that would need it. No answer would be right.
func (e Engine) lacking(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE odd (id integer PRIMARY KEY, n integer, v varchar(40), doc json, f double precision, at timestamp NULL);
		CREATE TABLE aim (id integer PRIMARY KEY);`)
	aim := p.collection("aim", "id")
	aim.Name = "aim"
	link := func(column string, expr *datamap.Expr, valid *datamap.Valid) func(*datamap.Collection) {
		return func(c *datamap.Collection) {
			c.Links = []*datamap.Link{{From: c, To: aim, Columns: []string{column}, ToColumns: []string{"id"}, Expr: expr, Valid: valid}}
		}
	}
	for _, look := range []struct {
		column, word string
		change       func(*datamap.Collection)
	}{
		{"v", "array_element", link("v", &datamap.Expr{ArrayElement: true}, nil)},
		{"n", "json_path", link("n", &datamap.Expr{JSONPath: []string{"a"}}, nil)},
		{"v", "json_path", link("v", &datamap.Expr{JSONPath: []string{"a"}, ArrayElement: true}, nil)},
		{"n", "prefix", link("n", &datamap.Expr{Prefix: 2}, nil)},
		{"doc", "cannot be followed as a link", link("doc", nil, nil)},
		{"v", "is no time", link("n", nil, &datamap.Valid{At: "v", From: "at"})},
		{"v", "no paths inside", func(c *datamap.Collection) {
			c.Column("v").Paths = []datamap.Path{{Name: "a", Keys: []string{"a"}, Category: "user", Export: datamap.ExportHeld}}
		}},
		{"doc", "cannot hold an identity", func(c *datamap.Collection) { c.Match = []datamap.Match{{Column: "doc", Identity: "email"}} }},
	} {
		c := p.collection("odd", "id", "n", "v", "doc", "f", "at")
		look.change(c)
		findings, err := p.sys.Check(p.ctx, []*datamap.Collection{c, aim})
		if err != nil {
			t.Fatal(err)
		}
		if len(findings) != 1 || findings[0].Kind != systems.WrongKind || findings[0].Column != look.column || !strings.Contains(findings[0].Text, look.word) {
			t.Errorf("%s of %s: %+v", look.word, look.column, findings)
		}
		if _, err := p.sys.Count(p.ctx, byKeys(c, []string{"id"}, []string{"1"})); !fault.Is(err, contract.ErrMapMismatch) || !strings.Contains(err.Error(), look.word) {
			t.Errorf("%s of %s: counting gives %v", look.word, look.column, err)
		}
	}
}
