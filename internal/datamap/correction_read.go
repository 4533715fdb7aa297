package datamap

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// correct reads what a column says of being corrected.
func (f *file) correct(n ast.Node, col *Column) {
	r := f.record(n, "correct", correctKeys)
	if r == nil {
		return
	}
	c := &Correct{Never: f.title(r, "never", false)}
	c.Line, _ = position(n)
	if list, ok := r.get("copies"); ok {
		nodes, _ := f.items(list, "copies")
		for _, node := range nodes {
			c.Copies = append(c.Copies, f.derived(node))
		}
	}
	if flag, ok := r.get("disputed"); ok {
		if b := f.record(flag, "disputed", blockedKeys); b != nil {
			c.Disputed = &Flag{}
			c.Disputed.Column, _ = b.needText("column")
			if v, ok := b.need("value"); ok {
				c.Disputed.Value, _ = f.scalar(v, "value")
			}
		}
	}
	if c.Never != (Text{}) && len(c.Copies) > 0 {
		f.node(n, "%s is never corrected, so that its copies are not either", quoted(col.Name))
	}
	col.Correct = c
}

func (f *file) derived(n ast.Node) Derived {
	d := Derived{As: CopySame}
	r := f.record(n, "a copy", copyKeys)
	if r == nil {
		return d
	}
	d.Column, _ = r.needText("column")
	if path := r.text("path"); path != "" {
		var ok bool
		if d.Keys, ok = splitPath(path); !ok {
			at, _ := r.get("path")
			f.node(at, "a path is the keys from the outside in with dots between them, such as customer.email; a key with a dot stands in double quotes")
		}
	}
	if as, at := r.needOr("as", CopySame); !known(as, copyForms) {
		f.choice(at, "form of a copy", as, copyForms)
	} else {
		d.As = as
	}
	return d
}

// corrected holds what columns say of being corrected against the other columns, once those are read.
func (f *file) corrected(look columnCheck) {
	c := look.collection
	for _, col := range c.Columns {
		if col.Correct == nil {
			continue
		}
		names := []string{}
		for _, d := range col.Correct.Copies {
			names = append(names, d.Column)
		}
		if col.Correct.Disputed != nil {
			names = append(names, col.Correct.Disputed.Column)
		}
		for _, name := range names {
			switch {
			case name == "" || look.silent:
			case c.Column(name) == nil:
				f.at(col.Correct.Line, 0, "%s has no column %s, which correct of %s names", quoted(c.Name), quoted(name), quoted(col.Name))
			case name == col.Name:
				f.at(col.Correct.Line, 0, "the column %s cannot be its own copy", quoted(name))
			case slices.Contains(c.Key, name):
				f.at(col.Correct.Line, 0, "the column %s is of the key, by which a row is known again, so it cannot be changed", quoted(name))
			}
		}
	}
}

// corrections reads what company.yaml says of corrections.
func (f *file) corrections(company *record, c *Company) {
	n, ok := company.get("correction")
	if !ok {
		return
	}
	r := f.record(n, "correction", correctionKeys)
	if r == nil {
		return
	}
	if list, ok := r.get("fields"); ok {
		entries, _ := f.entries(list, "fields")
		for _, e := range entries {
			if e.value == nil || e.value.Type() == ast.NullType {
				f.node(e.key, "the field %s says nothing", quoted(e.name))
				continue
			}
			f.correctedField(e, c)
		}
	}
	if check, ok := r.get("real_name"); ok {
		f.realName(check, c)
	}
}

func (f *file) correctedField(e entry, c *Company) {
	r := f.record(e.value, "the field "+quoted(e.name), fieldKeys)
	if r == nil {
		return
	}
	i := slices.IndexFunc(usualFields, func(u Field) bool { return u.Name == e.name })
	field := Field{Name: e.name}
	if i >= 0 {
		field = usualFields[i]
		field.Strict = strict(field.Category)
	}
	if _, stands := r.fields["category"]; stands || i < 0 {
		r.need("category")
		field.Category = f.category(r)
		for _, u := range usualFields {
			if u.Category == field.Category {
				field.Shape = u.Shape
			}
		}
		field.Strict = strict(field.Category)
	}
	if title := f.title(r, "title", false); title != (Text{}) {
		field.Title = title
	}
	if _, stands := r.fields["strict"]; stands {
		field.Strict = r.boolean("strict")
	}
	field.Evidence = f.title(r, "evidence", false)
	c.Correction.Fields = append(c.Correction.Fields, field)
}

func (f *file) realName(n ast.Node, c *Company) {
	r := f.record(n, "real_name", realNameKeys)
	if r == nil {
		return
	}
	check := &RealNameCheck{}
	var at ast.Node
	check.Collection, at = r.needText("collection")
	check.Name, _ = r.needText("name")
	check.Number, _ = r.needText("number")
	check.Since, _ = r.needText("since")
	c.Correction.RealName = check
	f.later = append(f.later, func(l *loading) {
		system, name, _ := strings.Cut(check.Collection, ".")
		var found *Collection
		if s := l.System(system); s != nil {
			found = s.Collection(name)
		}
		if found == nil {
			f.node(at, "the map has no collection %s", quoted(check.Collection))
			return
		}
		for _, column := range []string{check.Name, check.Number, check.Since} {
			if column != "" && found.Column(column) == nil {
				f.node(n, "%s has no column %s", check.Collection, quoted(column))
			}
		}
	})
}
