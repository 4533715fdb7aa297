package datamap

import (
	"fmt"
	"math/big"
	"strings"
	"time"
)

// DriftStop is a stop of a purpose that cannot be carried out as it stands.
const DriftStop = "stop"

// CheckStops holds what the end of each purpose does in a system against its live schema: that each new
// value fits its column, and that the account may write it. A column that is not there is drift already.
func CheckStops(s *System, cat Catalog) []Difference {
	d := drift{system: s, cat: cat}
	for _, c := range s.Collections {
		t := cat.Table(c.Schema, c.Table)
		if t == nil {
			continue
		}
		for _, stop := range c.Stops {
			wrong := func(column, format string, args ...any) {
				d.add(DriftStop, c.Name, column, fmt.Sprintf("%s:%d: the stop of %s ", s.File, stop.Line, stop.Purpose)+fmt.Sprintf(format, args...), "")
			}
			if stop.Delete && !t.Delete || !stop.Delete && !t.Update {
				wrong("", "changes %s, and the account may not", t.Ref())
			}
			for _, v := range append(stop.Set[:len(stop.Set):len(stop.Set)], stop.Lift...) {
				if col := t.Column(v.Column); col != nil {
					if why := unfit(col, v.Value); why != "" {
						wrong(v.Column, "gives %s of %s a value that it cannot have: %s", v.Column, t.Ref(), why)
					}
				}
			}
		}
	}
	return d.found
}

// unfit says why a column cannot have a value; empty: nothing is known against it. What a CHECK or an
// enumeration forbids only a trial shows, and the plan of a case makes one.
func unfit(col *CatalogColumn, value Strategy) string {
	if col.Computed {
		return "it is computed from others"
	}
	if value.With == StrategyNull {
		if col.Filled {
			return "it is never NULL"
		}
		return ""
	}
	text := strings.ToLower(value.Value)
	switch col.Class {
	case ClassBoolean:
		if text != "true" && text != "false" {
			return "it is true or false"
		}
	case ClassNumber:
		// MariaDB's tinyint(1) is a number to the catalog and a yes or no to people.
		if _, ok := new(big.Rat).SetString(text); !ok && (text != "true" && text != "false" || !strings.HasPrefix(col.Type, "tinyint")) {
			return "it is a number (" + col.Type + ")"
		}
	case ClassTime:
		for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
			if _, err := time.Parse(layout, value.Value); err == nil {
				return ""
			}
		}
		return "it is a time (" + col.Type + ")"
	case ClassUUID:
		if len(text) != 36 {
			return "it is a UUID"
		}
	}
	return ""
}
