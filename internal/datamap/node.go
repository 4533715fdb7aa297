package datamap

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// file is one file while it is read: it collects what is wrong with it.
type file struct {
	name     string
	problems Problems
	later    []func(*loading) // checks that need every file
	givens   map[*Column]bool // what columns say for themselves of who gave them
}

func (f *file) at(line, column int, format string, args ...any) *Problem {
	f.problems = append(f.problems, Problem{
		File: f.name, Line: line, Column: column, Text: fmt.Sprintf(format, args...),
	})
	return &f.problems[len(f.problems)-1]
}

func (f *file) whole(format string, args ...any) { f.at(0, 0, format, args...) }

func (f *file) node(n ast.Node, format string, args ...any) *Problem {
	line, column := position(n)
	return f.at(line, column, format, args...)
}

// choice notes that got is none of names, with the nearest of them.
func (f *file) choice(n ast.Node, what, got string, names []string) {
	text := "unknown " + what + " " + quoted(got)
	hint := nearest(got, names)
	if hint == "" && len(names) <= 12 {
		text += "; it is one of " + listed(names)
	}
	f.node(n, "%s", text).Hint = hint
}

// quoted shows what a file says, shortened, so that no line of an error grows without bound.
func quoted(s string) string { return strconv.Quote(cut(s)) }

// position is where a node begins: a mapping's token is its first colon, so the key is asked.
func position(n ast.Node) (line, column int) {
	switch v := n.(type) {
	case nil:
		return 0, 0
	case *ast.MappingNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			return position(v.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return position(v.Key)
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line, t.Position.Column
	}
	return 0, 0
}

// kind names what a node is, for a reader who has never heard of YAML's words.
func kind(n ast.Node) string {
	switch v := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping (key: value)"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	case *ast.BoolNode:
		return fmt.Sprintf("the yes/no value %v", v.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "the number " + cut(v.GetToken().Value)
	case *ast.StringNode:
		return "the text " + quoted(v.Value)
	case *ast.LiteralNode:
		return "a text"
	}
	return "something else"
}

// entry is one key of a mapping and its value.
type entry struct {
	name  string
	key   ast.Node
	value ast.Node
}

// entries lists a mapping's keys in file order; a key that stands twice, or is no text, is noted
// and left out. what names the mapping in errors.
func (f *file) entries(n ast.Node, what string) ([]entry, bool) {
	var values []*ast.MappingValueNode
	switch v := n.(type) {
	case *ast.MappingNode:
		values = v.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{v}
	default:
		f.node(n, "%s must be a mapping (key: value), not %s", what, kind(n))
		return nil, false
	}
	first := make(map[string]ast.Node, len(values))
	list := make([]entry, 0, len(values))
	for _, v := range values {
		key, ok := keyText(v.Key)
		if !ok {
			f.node(v.Key, "a key of %s must be text; put it in quotes", what)
			continue
		}
		if before, twice := first[key]; twice {
			line, _ := position(before)
			f.node(v.Key, "the key %s stands here a second time; the first is on line %d", quoted(key), line)
			continue
		}
		first[key] = v.Key
		list = append(list, entry{name: key, key: v.Key, value: v.Value})
	}
	return list, true
}

func keyText(n ast.Node) (string, bool) {
	s, ok := n.(*ast.StringNode)
	if !ok {
		return "", false
	}
	return s.Value, true
}

// record is a mapping whose keys are given by the format.
type record struct {
	file   *file
	node   ast.Node
	what   string
	fields map[string]entry
	meant  map[string]bool // keys that an unknown one was probably meant to be
}

// record reads a mapping of which only the keys in allowed may stand there; nil when it is none.
func (f *file) record(n ast.Node, what string, allowed []string) *record {
	list, ok := f.entries(n, what)
	if !ok {
		return nil
	}
	r := &record{file: f, node: n, what: what, fields: make(map[string]entry, len(list)), meant: map[string]bool{}}
	for _, e := range list {
		if !known(e.name, allowed) {
			f.choice(e.key, "key", e.name, allowed)
			r.meant[nearest(e.name, allowed)] = true
			continue
		}
		r.fields[e.name] = e
	}
	return r
}

// get finds a key's value. A key without a value counts as missing.
func (r *record) get(key string) (ast.Node, bool) {
	e, ok := r.fields[key]
	if !ok || e.value == nil || e.value.Type() == ast.NullType {
		return nil, false
	}
	return e.value, true
}

// need is get, and notes it when the key is missing, unless a misspelt one stands in its place.
func (r *record) need(key string) (ast.Node, bool) {
	n, ok := r.get(key)
	if !ok && !r.meant[key] {
		where := r.node
		if e, stands := r.fields[key]; stands {
			where = e.key
		}
		r.file.node(where, "%s needs %q", r.what, key)
	}
	return n, ok
}

// text reads a text; "" when it is left out.
func (r *record) text(key string) string {
	n, ok := r.get(key)
	if !ok {
		return ""
	}
	s, _ := r.file.str(n, key)
	return s
}

// needText reads a text that must be there and must not be empty; "" and no node when it is not.
func (r *record) needText(key string) (string, ast.Node) {
	n, ok := r.need(key)
	if !ok {
		return "", nil
	}
	s, ok := r.file.str(n, key)
	if ok && s == "" {
		r.file.node(n, "%s is empty", key)
	}
	return s, n
}

// boolean reads true or false; false when it is left out.
func (r *record) boolean(key string) bool {
	n, ok := r.get(key)
	if !ok {
		return false
	}
	b, ok := n.(*ast.BoolNode)
	if !ok {
		r.file.node(n, "%s must be true or false, not %s", key, kind(n))
		return false
	}
	return b.Value
}

// items gives the elements of a list.
func (f *file) items(n ast.Node, what string) ([]ast.Node, bool) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		f.node(n, "%s must be a list, not %s", what, kind(n))
		return nil, false
	}
	return s.Values, true
}

// str reads a text. Numbers are refused rather than turned into text: a telephone number would
// lose its zeros.
func (f *file) str(n ast.Node, what string) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return strings.TrimSpace(v.Value), true
	case *ast.LiteralNode:
		return strings.TrimSpace(v.Value.Value), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		f.node(n, "%s must be text, not %s; put it in quotes", what, kind(n))
	default:
		f.node(n, "%s must be text, not %s", what, kind(n))
	}
	return "", false
}

// integer reads a whole number between low and high.
func (f *file) integer(n ast.Node, what string, low, high int) (int, bool) {
	v, ok := n.(*ast.IntegerNode)
	if !ok {
		f.node(n, "%s must be a whole number, not %s", what, kind(n))
		return 0, false
	}
	number, err := strconv.Atoi(v.GetToken().Value)
	if err != nil || number < low || number > high {
		f.node(n, "%s must be a whole number from %d to %d", what, low, high)
		return 0, false
	}
	return number, true
}

// named is a text in a list, with its place.
type named struct {
	name string
	node ast.Node
}

// names reads a list of different, non-empty texts.
func (f *file) names(n ast.Node, what string) []named {
	nodes, ok := f.items(n, what)
	if !ok {
		return nil
	}
	if len(nodes) == 0 {
		f.node(n, "%s is empty", what)
	}
	var list []named
	seen := map[string]bool{}
	for _, node := range nodes {
		s, ok := f.str(node, "an entry of "+what)
		switch {
		case !ok:
		case s == "":
			f.node(node, "an entry of %s is empty", what)
		case seen[s]:
			f.node(node, "%s stands twice in %s", quoted(s), what)
		default:
			seen[s] = true
			list = append(list, named{s, node})
		}
	}
	return list
}

func plainNames(list []named) []string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = n.name
	}
	return out
}
