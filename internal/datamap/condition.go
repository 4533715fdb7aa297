package datamap

import (
	"github.com/goccy/go-yaml/ast"
)

// Operators of a condition.
const (
	OpEq      = "eq"
	OpNe      = "ne" // holds for no NULL
	OpLt      = "lt"
	OpLe      = "le"
	OpGt      = "gt"
	OpGe      = "ge"
	OpIn      = "in"
	OpIsNull  = "is_null"
	OpNotNull = "not_null"
)

// maxNesting bounds conditions inside conditions.
const maxNesting = 5

// Condition is a condition on a row: one comparison, or all or any of some. There is no SQL in a
// map, so that the same condition means the same in every system.
type Condition struct {
	All, Any []*Condition
	Column   string
	Op       string
	// Values are what the column is compared with, as text in the form of the column's type:
	// one, several for OpIn, none for OpIsNull and OpNotNull.
	Values []string
	Line   int
}

// Columns are the columns that the condition names, in order, each as often as it stands there.
func (c *Condition) Columns() []string {
	if c == nil {
		return nil
	}
	var names []string
	if c.Column != "" {
		names = append(names, c.Column)
	}
	for _, list := range [][]*Condition{c.All, c.Any} {
		for _, inner := range list {
			names = append(names, inner.Columns()...)
		}
	}
	return names
}

// condition reads a condition; nil when it cannot be read.
func (f *file) condition(n ast.Node, look columnCheck, depth int) *Condition {
	r := f.record(n, "a condition", conditionKeys)
	if r == nil {
		return nil
	}
	if depth >= maxNesting {
		f.node(n, "conditions stand inside each other more than %d deep", maxNesting)
		return nil
	}
	c := &Condition{}
	c.Line, _ = position(n)
	_, all := r.get("all")
	_, some := r.get("any")
	_, one := r.get("column")
	switch {
	case all && (some || one), some && one:
		f.node(n, `a condition has one of "all", "any" and "column"`)
		return nil
	case all:
		c.All = f.conditions(r, "all", look, depth)
	case some:
		c.Any = f.conditions(r, "any", look, depth)
	case r.meant["all"] || r.meant["any"]:
		return nil
	default:
		f.comparison(r, c, look)
		return c
	}
	for _, key := range []string{"op", "value"} {
		if e, stands := r.fields[key]; stands {
			f.node(e.key, `%q goes with "column"`, key)
		}
	}
	return c
}

func (f *file) conditions(r *record, key string, look columnCheck, depth int) []*Condition {
	n, _ := r.get(key)
	nodes, ok := f.items(n, key)
	if ok && len(nodes) == 0 {
		f.node(n, "%s is empty", key)
	}
	var list []*Condition
	for _, node := range nodes {
		if c := f.condition(node, look, depth+1); c != nil {
			list = append(list, c)
		}
	}
	return list
}

func (f *file) comparison(r *record, c *Condition, look columnCheck) {
	c.Column = look.one(r, "column", true)
	op, at := r.needText("op")
	if op == "" {
		return
	}
	if !known(op, operators) {
		f.choice(at, "op", op, operators)
		return
	}
	c.Op = op
	if op == OpIsNull || op == OpNotNull {
		if e, stands := r.fields["value"]; stands {
			f.node(e.key, "%s takes no value", op)
		}
		return
	}
	n, ok := r.need("value")
	if !ok {
		return
	}
	if op != OpIn {
		if value, ok := f.scalar(n, "value"); ok {
			c.Values = []string{value}
		}
		return
	}
	nodes, isList := f.items(n, "value")
	if isList && len(nodes) == 0 {
		f.node(n, "value is empty")
	}
	for _, node := range nodes {
		if value, ok := f.scalar(node, "an entry of value"); ok {
			c.Values = append(c.Values, value)
		}
	}
}

// scalar reads a text, a whole number or a truth value as text.
func (f *file) scalar(n ast.Node, what string) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.IntegerNode:
		return v.GetToken().Value, true
	case *ast.BoolNode:
		if v.Value {
			return "true", true
		}
		return "false", true
	}
	f.node(n, "%s must be text, a whole number, true or false, not %s; put it in quotes", what, kind(n))
	return "", false
}
