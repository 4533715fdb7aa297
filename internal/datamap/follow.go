package datamap

import (
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

// How a link from a collection to itself is followed.
const (
	FollowDown = "down" // from a row to those that refer to it
	FollowUp   = "up"   // from a row to the one it refers to
	FollowNone = "none" // not at all
)

// Whether rows that are only referred to are shown to the person.
const (
	SharedShow = "show"
	SharedHide = "hide"
)

// Expr says which part of a column refers, where it is not the whole. JSONPath and ArrayElement
// may go together: the elements of an array inside a JSON value.
type Expr struct {
	JSONPath     []string // object keys from the outside in
	ArrayElement bool     // every element of an array refers
	Prefix       int      // the first characters refer; 0: not this
}

// Valid says when a match or a link counts: within a time, under a condition, or both.
//
// For a link, From and Until are columns of the collection it leads to and At is one of its own.
// For a match all are its own: From and Until say how long a value found here was the person's,
// At when a row was made that is found by such a value. An empty From or Until, and a NULL in
// it, is open; a NULL in At never counts.
type Valid struct {
	From, Until string
	At          string
	When        *Condition // on the row that is found; may be nil
	Line        int
}

// Columns are the columns of the collection itself that the validity names beside From and Until:
// At, and those of the condition. Nil has none.
func (v *Valid) Columns() []string {
	if v == nil {
		return nil
	}
	names := v.When.Columns()
	if v.At != "" {
		names = append(names, v.At)
	}
	return names
}

// expr reads which part of a column refers.
func (f *file) expr(r *record, l *Link) {
	n, ok := r.get("expr")
	if !ok {
		return
	}
	e := f.record(n, "an expr", exprKeys)
	if e == nil {
		return
	}
	out := &Expr{}
	if path, ok := e.get("json_path"); ok {
		nodes, _ := f.items(path, "json_path")
		if len(nodes) == 0 {
			f.node(path, "json_path is empty")
		}
		for _, node := range nodes {
			if key, ok := f.str(node, "an entry of json_path"); ok {
				if key == "" {
					f.node(node, "an entry of json_path is empty")
				}
				out.JSONPath = append(out.JSONPath, key)
			}
		}
	}
	out.ArrayElement = e.boolean("array_element")
	if prefix, ok := e.get("prefix"); ok {
		out.Prefix, _ = f.integer(prefix, "prefix", 1, 1000)
		if len(out.JSONPath) > 0 || out.ArrayElement {
			f.node(prefix, "prefix stands alone: it cannot go with json_path or array_element")
		}
	}
	if out.Prefix == 0 && len(out.JSONPath) == 0 && !out.ArrayElement {
		if _, prefix := e.get("prefix"); !prefix && len(e.meant) == 0 {
			f.node(n, "an expr needs one of %s", listed(exprKeys))
		}
		return
	}
	if len(l.Columns) > 1 {
		f.node(n, "a link with an expr names one column, not %s", strconv.Itoa(len(l.Columns)))
	}
	l.Expr = out
}

// follow reads how a link is followed, once it is known where it leads.
func (f *file) follow(r *record, l *Link) {
	n, given := r.get("follow")
	if !given {
		l.Follow = FollowDown
		return
	}
	follow, ok := f.str(n, "follow")
	switch {
	case !ok:
		return
	case !known(follow, follows):
		f.choice(n, "follow", follow, follows)
	case !l.Self():
		f.node(n, "follow is for a link that leads to its own collection; this one leads to %s", l.To.ID())
	case follow == FollowUp && l.Expr != nil:
		f.node(n, "a link with an expr is followed down or not at all")
	case follow == FollowUp && l.Valid != nil && l.Valid.At != "":
		f.node(n, "a link with a time is followed down or not at all")
	}
	l.Follow = follow
}

// shared reads whether rows that may be shared are shown.
func (f *file) shared(r *record, l *Link) {
	n, given := r.get("shared")
	if !given {
		if l.Relation == Refers {
			l.Shared = SharedShow
		}
		return
	}
	shared, ok := f.str(n, "shared")
	switch {
	case !ok:
		return
	case !known(shared, sharings):
		f.choice(n, "shared", shared, sharings)
	case l.Relation == Belongs:
		f.node(n, "shared is for rows that several people may share (relation: refers)")
	}
	l.Shared = shared
}

// valid reads the validity of a match or a link, and gives its place; none when a misspelt key
// stands in it, so that nothing can be said of what is missing. Whether the columns from and
// until exist is checked by period, as they may be another collection's.
func (f *file) valid(r *record, look columnCheck) (*Valid, ast.Node) {
	n, ok := r.get("valid")
	if !ok {
		return nil, nil
	}
	v := f.record(n, "valid", validKeys)
	if v == nil {
		return nil, nil
	}
	out := &Valid{From: v.text("from"), Until: v.text("until"), At: look.one(v, "at", false)}
	out.Line, _ = position(n)
	if when, ok := v.get("when"); ok {
		out.When = f.condition(when, look, 0)
	}
	if len(v.fields) == 0 && len(v.meant) == 0 {
		f.node(n, "valid says nothing; it has %s", listed(validKeys))
	}
	if len(v.meant) > 0 {
		return out, nil
	}
	return out, n
}

// period checks the columns from and until, once it is known whose they are.
func (f *file) period(n ast.Node, look columnCheck, v *Valid) {
	list := []*ast.MappingValueNode{}
	switch m := n.(type) {
	case *ast.MappingNode:
		list = m.Values
	case *ast.MappingValueNode:
		list = append(list, m)
	}
	for _, value := range list {
		switch key, _ := keyText(value.Key); key {
		case "from":
			look.has(value.Value, v.From)
		case "until":
			look.has(value.Value, v.Until)
		}
	}
}
