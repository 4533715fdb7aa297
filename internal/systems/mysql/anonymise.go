package mysql

import (
	"slices"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// anonymise gives the columns of a page of rows their new values, which are made here.
func (e *eraser) anonymise() (systems.Applied, error) {
	var names []string
	for _, set := range e.change.Set {
		if slices.Contains(e.shape.c.Key, set.Column) {
			return systems.Applied{}, fault.Newf(contract.ErrMapMismatch, "%s: column %s is of the key and cannot be anonymised", e.shape.c.ID(), set.Column)
		}
		names = append(names, set.Column)
	}
	if _, err := e.columns(names, 0); err != nil {
		return systems.Applied{}, err
	}
	rows, err := e.rowsOf(e.batch, names)
	if err != nil || len(rows) == 0 {
		return systems.Applied{}, err
	}
	changed, err := systems.NewAnonymiser(e.change.Secret, e.change.Known).
		Rows(e.shape.c, e.change.Set, func(name string) systems.Live { return e.shape.columns[name].live() }, rows)
	if err != nil {
		return systems.Applied{}, err
	}
	done := systems.Applied{Rows: int64(len(rows))}
	done.Changed, err = e.assign(changed, names)
	return done, err
}

var liveClasses = map[class]string{
	numberClass: datamap.ClassNumber, floatClass: datamap.ClassNumber, bitClass: datamap.ClassNumber, dateClass: datamap.ClassTime,
	momentClass: datamap.ClassTime, stampClass: datamap.ClassTime, timeClass: datamap.ClassTime, textClass: datamap.ClassText,
	binaryClass: datamap.ClassBinary, jsonClass: datamap.ClassJSON, otherClass: datamap.ClassOther, wordClass: datamap.ClassOther,
}

// live is what strategies must know of the column.
func (c column) live() systems.Live {
	out := systems.Live{Class: liveClasses[c.class()], Type: c.Type, Filled: c.Nullable != "YES"}
	switch c.Type {
	case "uuid":
		out.Class = datamap.ClassUUID
	case "decimal":
		out.Type = "numeric"
	}
	if c.Length != nil && *c.Length < 1<<20 {
		out.Length = int(*c.Length)
	}
	return out
}
