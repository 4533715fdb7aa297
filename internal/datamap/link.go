package datamap

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// links reads the links of a collection. Where they lead is settled when every file is read.
func (f *file) links(n ast.Node, c *Collection, look columnCheck) {
	nodes, _ := f.items(n, "links")
	for _, node := range nodes {
		if r := f.record(node, "a link", linkKeys); r != nil {
			f.link(r, c, look)
		}
	}
}

func (f *file) link(r *record, c *Collection, look columnCheck) {
	l := &Link{From: c}
	l.Line, _ = position(r.node)
	if columns, ok := r.need("columns"); ok {
		l.Columns = look.list(columns, "columns")
	}
	if relation, at := r.needText("relation"); relation != "" {
		if !known(relation, relations) {
			f.choice(at, "relation", relation, relations)
		}
		l.Relation = relation
	}
	deletion, deletionAt := r.needText("deletion")
	l.Deletion = deletion
	switch {
	case deletion == "":
	case !known(deletion, deletions):
		f.choice(deletionAt, "deletion", deletion, deletions)
	case l.Relation == Belongs && deletion == Refcount:
		f.node(deletionAt, "refcount is for rows that several people may share (relation: refers)")
	case l.Relation == Refers && deletion == Deep:
		f.node(deletionAt, "a row that may be shared (relation: refers) is never deleted along with one person; use shallow or refcount")
	}
	f.expr(r, l)
	f.shared(r, l)
	var validAt ast.Node
	l.Valid, validAt = f.valid(r, look)
	target, targetAt := r.needText("to")
	var wanted []named
	toColumns, given := r.get("to_columns")
	if given {
		wanted = f.names(toColumns, "to_columns")
	}
	if target == "" {
		return
	}
	f.later = append(f.later, func(m *loading) {
		if l.To = f.target(m, c, target, targetAt); l.To == nil {
			return
		}
		f.follow(r, l)
		if v := l.Valid; v != nil {
			f.period(validAt, columnCheck{file: f, collection: l.To, silent: len(l.To.Columns) == 0}, v)
			if validAt != nil && (v.At == "") != (v.From == "" && v.Until == "") {
				f.node(validAt, "a time needs both ends: at (a column of %s) and from or until (columns of %s)", c.ID(), l.To.ID())
			}
		}
		if !given {
			f.keyTarget(r, l)
			return
		}
		f.columnTarget(toColumns, wanted, l)
	})
}

// target finds "collection" or "system.collection".
func (f *file) target(m *loading, c *Collection, target string, at ast.Node) *Collection {
	system, name := c.System, target
	if systemName, rest, across := strings.Cut(target, "."); across {
		if system, name = m.System(systemName), rest; system == nil {
			if m.broken {
				return nil
			}
			names := make([]string, len(m.Systems))
			for i, s := range m.Systems {
				names[i] = s.Name
			}
			problem := f.node(at, "unknown system %s", quoted(systemName))
			if hint := nearest(systemName, names); hint != "" {
				problem.Hint = hint + "." + rest
			}
			return nil
		}
	}
	if found := system.Collection(name); found != nil {
		return found
	}
	f.node(at, "%s has no collection %s", system.Name, quoted(name)).Hint = m.nearestCollection(system, target, name)
	return nil
}

// nearestCollection looks in the system first, then for the same name in another one.
func (l *loading) nearestCollection(system *System, target, name string) string {
	var names []string
	for _, c := range system.Collections {
		names = append(names, c.Name)
	}
	if hint := nearest(name, names); hint != "" {
		if strings.Contains(target, ".") {
			return system.Name + "." + hint
		}
		return hint
	}
	var all []string
	for _, s := range l.Systems {
		if s.Collection(name) != nil {
			return s.Name + "." + name
		}
		for _, c := range s.Collections {
			all = append(all, c.ID())
		}
	}
	return nearest(target, all)
}

// keyTarget lets a link without to_columns lead to the key of its target.
func (f *file) keyTarget(r *record, l *Link) {
	if len(l.Columns) > 0 && len(l.To.Key) > 0 && len(l.Columns) != len(l.To.Key) {
		f.node(r.node, "the link names %d of its own columns, but the key of %s has %d; say which with to_columns",
			len(l.Columns), l.To.ID(), len(l.To.Key))
		return
	}
	l.ToColumns = slices.Clone(l.To.Key)
	f.join(r.node, l)
}

func (f *file) columnTarget(n ast.Node, wanted []named, l *Link) {
	look := columnCheck{file: f, collection: l.To, silent: len(l.To.Columns) == 0}
	for _, w := range wanted {
		look.has(w.node, w.name)
	}
	l.ToColumns = plainNames(wanted)
	if len(l.Columns) > 0 && len(wanted) > 0 && len(l.Columns) != len(wanted) {
		f.node(n, "columns and to_columns are compared in pairs, but columns names %d and to_columns %d", len(l.Columns), len(wanted))
		return
	}
	f.join(n, l)
}

// join adds a settled link to its collection, unless it stands there already.
func (f *file) join(n ast.Node, l *Link) {
	for _, other := range l.From.Links {
		if other.To == l.To && slices.Equal(other.Columns, l.Columns) && slices.Equal(other.ToColumns, l.ToColumns) {
			f.node(n, "the same link stands here a second time; the first is on line %d", other.Line)
			return
		}
	}
	if l.From == l.To && slices.Equal(l.Columns, l.ToColumns) {
		f.node(n, "the link leads from its own columns to themselves")
		return
	}
	l.From.Links = append(l.From.Links, l)
}
