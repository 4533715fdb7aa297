package subject

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Hunt looks for strong values of the person in columns of the system that the map marks as free
// text, no longer than limit a table and value.
func (e Erasure) Hunt(ctx context.Context, p Plan, system string, limit time.Duration) ([]Left, error) {
	s := e.Map.System(system)
	if s == nil {
		return nil, fault.Newf(contract.ErrMapMismatch, "the data map has no system %q", system)
	}
	free := func(c *datamap.Collection) bool {
		return slices.ContainsFunc(c.Columns, func(col *datamap.Column) bool { return col.FreeText })
	}
	needles := e.needles()
	if len(needles) == 0 || !slices.ContainsFunc(s.Collections, free) {
		return nil, nil
	}
	sys, err := e.Open(system)
	if err != nil {
		return nil, err
	}
	inspector, err := systems.Inspect(s, sys)
	if err != nil {
		return nil, err
	}
	catalog, err := inspector.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	var left []Left
	for _, c := range s.Collections {
		table := catalog.Table(c.Schema, c.Table)
		if !free(c) || table == nil {
			continue
		}
		some, err := hunt(ctx, inspector, c, *table, needles, limit)
		if err != nil {
			return nil, err
		}
		left = append(left, some...)
	}
	return left, nil
}

// hunt looks into the free-text columns of one collection.
func hunt(ctx context.Context, inspector systems.Inspector, c *datamap.Collection, table datamap.CatalogTable, needles []systems.Needle, limit time.Duration) ([]Left, error) {
	table.Columns = slices.DeleteFunc(slices.Clone(table.Columns), func(col datamap.CatalogColumn) bool {
		mapped := c.Column(col.Name)
		return mapped == nil || !mapped.FreeText
	})
	var left []Left
	note := func(column, reason string, rows int64) {
		at := slices.IndexFunc(left, func(l Left) bool { return l.Column == column && l.Reason == reason })
		if at < 0 {
			left, at = append(left, Left{System: c.System.Name, Collection: c.Name, Column: column, Reason: reason}), len(left)
		}
		left[at].Rows = max(left[at].Rows, rows)
	}
	for _, needle := range needles {
		hits, err := inspector.Search(ctx, &table, needle, limit)
		switch {
		case fault.Is(err, contract.ErrUnavailable) && ctx.Err() == nil:
			note("", "unanswered", 0)
		case err != nil:
			return nil, err
		}
		for _, hit := range hits {
			note(hit.Column, "hunt", hit.Rows)
		}
	}
	return left, nil
}

// needles are the person's values that are worth a hunt: of the kinds that the map calls strong,
// and not shared with anybody.
func (e Erasure) needles() []systems.Needle {
	var needles []systems.Needle
	for _, id := range e.Account.Identities {
		if id.Shared || id.Bound || len(id.Value) < leastNeedle || !slices.Contains(e.Map.Company.Strong, id.Kind) {
			continue
		}
		needle := systems.Needle{Texts: []string{id.Value}}
		if id.Kind == datamap.IdentityMobile {
			local := strings.TrimPrefix(strings.TrimPrefix(id.Value, "+"), "86")
			needle = systems.Needle{Texts: []string{local}, Packed: local, Number: local}
		}
		needles = append(needles, needle)
	}
	return needles
}

// leastNeedle is how short a value may be that is hunted for.
const leastNeedle = 5
