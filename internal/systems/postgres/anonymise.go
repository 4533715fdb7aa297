package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// anonymise gives the columns of a page of rows their new values, which are made here.
func (e *eraser) anonymise(ctx context.Context) (systems.Applied, error) {
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
	rows, err := e.rowKeys(ctx, names)
	if err != nil || len(rows) == 0 {
		return systems.Applied{}, err
	}
	changed, err := systems.NewAnonymiser(e.change.Secret, e.change.Known).
		Rows(e.shape.c, e.change.Set, func(name string) systems.Live { return e.live(name) }, rows)
	if err != nil {
		return systems.Applied{}, err
	}
	done := systems.Applied{Rows: int64(len(rows))}
	if len(changed) == 0 {
		return done, nil
	}
	done.Changed, err = e.assign(ctx, changed, names)
	return done, err
}

// assign writes values into columns of rows.
func (e *eraser) assign(ctx context.Context, changed [][]*string, names []string) (int64, error) {
	from, match, args := e.keyed(changed, names)
	sets := make([]string, len(names))
	for i, name := range names {
		value := fmt.Sprintf("v.c%d", len(e.shape.c.Key)+i)
		switch col := e.shape.columns[name]; col.Type {
		case "bytea":
			value = "decode(" + value + ", 'hex')"
		default:
			value += "::" + col.Type
		}
		sets[i] = pq.QuoteIdentifier(name) + " = " + value
	}
	return e.exec(ctx, "UPDATE "+quoted(e.shape.c)+" AS d SET "+strings.Join(sets, ", ")+" FROM "+from+" WHERE "+match, args)
}

// textOf is a column as the text that strategies see: binary is hex digits.
func (e *eraser) textOf(name, table string) string {
	x := table + "." + pq.QuoteIdentifier(name)
	if e.shape.columns[name].Type == "bytea" {
		return "encode(" + x + ", 'hex')"
	}
	return x + "::text"
}

// live is what strategies must know of a column.
func (e *eraser) live(name string) systems.Live {
	col, fact := e.shape.columns[name], e.facts.columns[name]
	return systems.Live{Class: col.class(), Type: col.Type, Length: fact.Length, Filled: fact.Filled}
}
