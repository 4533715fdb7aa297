package datamap

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// How sensitive a column is beyond its category.
const (
	Ordinary  = "ordinary"
	Sensitive = "sensitive" // sensitive personal information (PIPL Art. 28)
	Special   = "special"   // a special category (GDPR Art. 9)
)

// paths reads the personal fields inside a JSON column.
func (f *file) paths(n ast.Node, col *Column) {
	list, ok := f.entries(n, "paths")
	if !ok {
		return
	}
	if len(list) == 0 {
		f.node(n, "paths is empty")
	}
	for _, e := range list {
		keys, ok := splitPath(e.name)
		if !ok {
			f.node(e.key, `a path is the keys from the outside in with dots between them, such as customer.email; a key with a dot stands in double quotes`)
			continue
		}
		what := "the path " + quoted(e.name)
		if e.value == nil || e.value.Type() == ast.NullType {
			f.node(e.key, "%s is not classified: give it a category", what)
			continue
		}
		r := f.record(e.value, what, pathKeys)
		if r == nil {
			continue
		}
		r.need("category")
		field := Column{Category: f.category(r)}
		f.export(r, what, &field)
		p := Path{Name: e.name, Keys: keys, Category: field.Category, Title: Text{ZH: e.name, EN: e.name},
			Export: field.Export, Mask: field.Mask, Sensitivity: f.sensitivity(r)}
		p.Line, _ = position(e.key)
		if title := f.title(r, "title", false); title != (Text{}) {
			p.Title = title
		}
		col.Paths = append(col.Paths, p)
	}
}

func (f *file) sensitivity(r *record) string {
	n, ok := r.get("sensitivity")
	if !ok {
		return ""
	}
	s, ok := f.str(n, "sensitivity")
	if ok && !known(s, sensitivities) {
		f.choice(n, "sensitivity", s, sensitivities)
	}
	return s
}

// splitPath splits a path at its dots.
func splitPath(s string) ([]string, bool) {
	var keys []string
	for {
		part, rest, good := firstPart(s)
		if !good || part == "" || len(keys) >= 16 || len(part) > 256 || strings.ContainsFunc(part, isControl) {
			return nil, false
		}
		keys = append(keys, part)
		if rest == "" {
			return keys, true
		}
		s = rest[1:]
	}
}

// ignoredTables reads the tables that are left out on purpose.
func (f *file) ignoredTables(n ast.Node, s *System) {
	list, ok := f.entries(n, "ignore_tables")
	if !ok {
		return
	}
	for _, e := range list {
		schema, table, ok := tableName(e.name)
		if !ok {
			f.node(e.key, "a table must be schema.table, such as public.migrations; a name with a dot stands in double quotes")
			continue
		}
		if e.value == nil || e.value.Type() == ast.NullType {
			f.node(e.key, "the table %s needs the reason why it is left out", quoted(e.name))
			continue
		}
		reason, ok := f.str(e.value, "the reason")
		if ok && reason == "" {
			f.node(e.value, "the table %s needs the reason why it is left out", quoted(e.name))
		}
		line, _ := position(e.key)
		for _, c := range s.Collections {
			if c.Schema == schema && c.Table == table {
				f.node(e.key, "the table %s is left out here, but the collection %s reads it", quoted(e.name), quoted(c.Name))
			}
		}
		s.Ignored = append(s.Ignored, IgnoredTable{Schema: schema, Table: table, Reason: reason, Line: line})
	}
}
