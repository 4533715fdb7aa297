package systems

import (
	"slices"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// Needed are the names of all columns that the map uses of a collection, each once: what a live
// table must have.
func Needed(c *datamap.Collection) []string {
	names := slices.Clone(c.Key)
	for _, col := range c.Columns {
		names = append(names, col.Name)
	}
	for _, m := range c.Match {
		names = append(names, m.Column)
		names = append(names, m.Valid.Columns()...)
		if m.Valid != nil {
			names = append(names, m.Valid.From, m.Valid.Until)
		}
	}
	for _, l := range c.Links {
		names = append(names, l.Columns...)
		names = append(names, l.Valid.Columns()...)
	}
	if c.Directory != nil {
		names = append(names, RowColumns(c)...)
	}
	var once []string
	for _, name := range names {
		if name != "" && !slices.Contains(once, name) {
			once = append(once, name)
		}
	}
	return once
}

// CannotLink says why a column of a kind cannot be used by a link, in the words of the map: as a whole
// (e is nil), or the part of it that e names.
func CannotLink(e *datamap.Expr) string {
	switch {
	case e == nil:
		return "which cannot be followed as a link"
	case e.Prefix > 0:
		return "of which no prefix can be followed as a link"
	case e.ArrayElement && len(e.JSONPath) > 0:
		return "of which no json_path with array_element can be followed as a link"
	case e.ArrayElement:
		return "of which no array_element can be followed as a link"
	}
	return "of which no json_path can be followed as a link"
}

// RowColumns are the columns of a directory's Row, sorted.
func RowColumns(c *datamap.Collection) []string {
	names := slices.Concat(c.Key, []string{c.Directory.Account, c.Directory.Language})
	for _, ch := range c.Directory.Channels {
		names = append(names, ch.Column, ch.Since)
	}
	for _, m := range c.Match {
		names = append(names, m.Column)
		if m.Valid != nil {
			names = append(names, m.Valid.From, m.Valid.Until)
		}
	}
	for _, fact := range c.Facts() {
		names = append(names, fact.Name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// RowTimes are those of RowColumns that stand in a Row as times.
func RowTimes(c *datamap.Collection) []string {
	var names []string
	for _, ch := range c.Directory.Channels {
		names = append(names, ch.Since)
	}
	for _, m := range c.Match {
		if m.Valid != nil {
			names = append(names, m.Valid.From, m.Valid.Until)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" || slices.Contains(c.Key, name) })
}

// Carriers are the columns of a directory that hold identities of the kind; the account's name is
// one whether or not a match rule says so.
func Carriers(c *datamap.Collection, kind string) []string {
	var names []string
	for _, m := range c.Match {
		if m.Identity == kind {
			names = append(names, m.Column)
		}
	}
	if kind == "account" && c.Directory.Account != "" && !slices.Contains(names, c.Directory.Account) {
		names = append(names, c.Directory.Account)
	}
	return names
}
