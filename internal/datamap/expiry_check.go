package datamap

import (
	"fmt"
	"slices"
	"strings"
)

// DriftExpiry is a rule of retention that cannot be carried out as it stands.
const DriftExpiry = "expiry"

// KnownFloor is a floor that the company's law sets for records with one of some categories.
type KnownFloor struct {
	What       string
	Categories []string
	AtLeast    Span
	Source     string
}

// CheckExpiry holds the rules of a system against its live schema and the floors of the law. What it
// finds of the kind DriftExpiry stops the rule: it never runs half-known.
func CheckExpiry(s *System, cat Catalog, floors []KnownFloor) []Difference {
	e := expiryCheck{drift: drift{system: s, cat: cat}}
	for _, c := range s.Collections {
		if c.Expiry != nil {
			e.rule(c, floors)
		}
	}
	return e.found
}

type expiryCheck struct{ drift }

// wrong notes what is wrong with a rule, with the line of the map.
func (e *expiryCheck) wrong(c *Collection, line int, column, hint, format string, args ...any) {
	text := fmt.Sprintf("%s:%d: the rule of retention ", c.System.File, line) + fmt.Sprintf(format, args...)
	e.add(DriftExpiry, c.Name, column, text, hint)
}

func (e *expiryCheck) rule(c *Collection, floors []KnownFloor) {
	x := c.Expiry
	t := e.cat.Table(c.Schema, c.Table)
	if t == nil {
		e.wrong(c, x.Line, "", "", "is for %s, which is not there", TableRef(c.Schema, c.Table))
		return
	}
	if t.Kind != TablePlain && t.Kind != TablePartitioned {
		e.wrong(c, x.Line, "", "write it for the tables behind it", "is for %s, a %s", t.Ref(), t.Kind)
	}
	at := t
	if x.Parent != nil {
		if at = e.cat.Table(x.Parent.To.Schema, x.Parent.To.Table); at == nil {
			e.wrong(c, x.Line, "", "", "reckons from %s, which is not there", TableRef(x.Parent.To.Schema, x.Parent.To.Table))
			return
		}
	}
	if col := e.time(c, at, x.Since, x.Line); col != nil && !col.Filled && x.Null == "" {
		e.wrong(c, x.Line, x.Since, `add "missing": never, due, or {since: another column}`,
			"does not say what it means that %s of %s is NULL", x.Since, at.Ref())
	}
	if x.Else != "" {
		e.time(c, t, x.Else, x.Line)
	}
	for _, floor := range x.Floors {
		if floor.Since != "" {
			e.time(c, t, floor.Since, floor.Line)
		}
	}
	for _, name := range x.When.Columns() {
		if t.Column(name) == nil {
			e.wrong(c, x.Line, name, "", "names a column %s, which %s does not have", name, t.Ref())
		}
	}
	e.rights(c, t)
	e.floors(c, floors)
	if x.Parent == nil && t.Column(x.Since) != nil && !slices.ContainsFunc(t.Indexes, func(index []string) bool { return index[0] == x.Since }) {
		e.add(DriftAdvice, c.Name, x.Since, "no index begins with "+x.Since+" of "+t.Ref()+", by which rows are found whose time is up", "make one")
	}
}

// time checks a column that a rule takes for a time.
func (e *expiryCheck) time(c *Collection, t *CatalogTable, name string, line int) *CatalogColumn {
	col := t.Column(name)
	switch {
	case col == nil:
		e.wrong(c, line, name, "", "reckons from the column %s, which %s does not have", name, t.Ref())
		return nil
	case col.Class != ClassTime || strings.HasPrefix(col.Type, "time ") || col.Type == "time" || col.Type == "year" || col.Type == "interval":
		e.wrong(c, line, name, "name a column with a date", "reckons from the column %s of %s, which is %s and no date", name, t.Ref(), col.Type)
		return nil
	case c.Expiry.Zone == "" && !col.Zoned():
		e.wrong(c, line, name, `add "zone", such as Asia/Shanghai`,
			"does not say on whose clock %s of %s is, which is %s without a time zone", name, t.Ref(), col.Type)
	}
	return col
}

// Zoned reports whether the column holds moments rather than the reading of some clock.
func (c *CatalogColumn) Zoned() bool {
	return c.Type == "timestamp with time zone" || c.Type == "timestamp"
}

func (e *expiryCheck) rights(c *Collection, t *CatalogTable) {
	x := c.Expiry
	if m := x.Marked; m != nil && t.Column(m.Column) == nil {
		e.wrong(c, x.Line, m.Column, "", "marks rows by the column %s, which %s does not have", m.Column, t.Ref())
	}
	if x.Action != ExpiryAnonymise && !t.Delete {
		e.add(DriftNoWrite, c.Name, "", "the account may not delete from "+t.Ref()+", which its rule of retention needs", "grant it before `habeas retention apply`")
	}
	if x.Action != ExpiryDelete && !t.Update {
		e.add(DriftNoWrite, c.Name, "", "the account may not update "+t.Ref()+", which its rule of retention needs", "grant it before `habeas retention apply`")
	}
}

// floors wants a floor where the company's law knows one for a category of the collection.
func (e *expiryCheck) floors(c *Collection, floors []KnownFloor) {
	x := c.Expiry
	if x.NoFloor != (Text{}) {
		return
	}
	for _, known := range floors {
		record := slices.ContainsFunc(c.Columns, func(col *Column) bool { return slices.Contains(known.Categories, col.Category) })
		if !record || slices.ContainsFunc(x.Floors, func(f Floor) bool { return f.AtLeast.Covers(known.AtLeast) }) {
			continue
		}
		e.wrong(c, x.Line, "", `add it under "at_least", or say under "no_floor" why it does not apply`,
			"has no floor of %s, which %s sets for a %s", known.AtLeast, known.Source, known.What)
	}
}

// String writes a span as the map does.
func (s Span) String() string {
	switch {
	case s.Days > 0:
		return fmt.Sprintf("%dd", s.Days)
	case s.Months%12 == 0:
		return fmt.Sprintf("%dy", s.Months/12)
	}
	return fmt.Sprintf("%dm", s.Months)
}
