package survey

import (
	"context"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// What the map knows of a column in which a value was found.
const (
	KnownMatched   = "matched"   // a search compares it: it finds the row, unless the map's rule reads it differently
	KnownMapped    = "mapped"    // the map shows it, and the row is found only where a link or another column leads to it
	KnownIgnored   = "ignored"   // the map leaves the column out
	KnownUnmapped  = "unmapped"  // the table is mapped, the column is not
	KnownWavedOff  = "waved off" // the table stands under ignore_tables
	KnownUnmention = "unknown"   // no file mentions the table
)

// Found is a column that holds the value.
type Found struct {
	System string `json:"system"`
	Table  string `json:"table"`
	Column string `json:"column"`
	Rows   int64  `json:"rows"`
	Map    string `json:"map"` // one of Known…
}

// Missed reports whether a search by the map could not have seen the column at all.
func (f Found) Missed() bool { return f.Map != KnownMatched && f.Map != KnownMapped }

// Unsearched is a table of which nothing is known.
type Unsearched struct {
	System string `json:"system"`
	Table  string `json:"table"`
	Why    string `json:"why"`
}

// Trail is what a hunt found. It holds names and counts, no values.
type Trail struct {
	Found      []Found      `json:"found"`
	Unsearched []Unsearched `json:"unsearched"`
	Tables     int          `json:"tables"` // searched
}

// Hunt searches every column of the systems' tables in which the value could stand, mapped or not.
// A table is read once, for no longer than limit; one that takes longer, or that may not be read,
// is among the Unsearched. Error: contract.ErrBadInput for a value that cannot be hunted for; that
// and every other text is free of the value.
func Hunt(ctx context.Context, chosen []*datamap.System, open Opener, value string, limit time.Duration, progress Progress) (Trail, error) {
	trail := Trail{Found: []Found{}, Unsearched: []Unsearched{}}
	n, err := needleOf(value)
	if err != nil {
		return trail, err
	}
	h := hunting{needle: n, limit: limit, progress: progress, trail: &trail, seen: map[string]bool{}, sharers: map[string][]*datamap.System{}}
	for _, s := range chosen {
		if err := h.catalog(ctx, s, open); err != nil {
			return trail, err
		}
	}
	for _, t := range h.tables {
		if err := h.table(ctx, t); err != nil {
			return trail, err
		}
	}
	progress.at(h.total, h.total, "")
	return trail, nil
}

type hunting struct {
	needle      systems.Needle
	limit       time.Duration
	progress    Progress
	trail       *Trail
	tables      []hunted
	seen        map[string]bool              // tables, as two systems may share a database
	sharers     map[string][]*datamap.System // by database
	done, total int64                        // bytes, and one a table
}

type hunted struct {
	system   *datamap.System
	i        systems.Inspector
	table    datamap.CatalogTable
	database string
}

func (h *hunting) catalog(ctx context.Context, s *datamap.System, open Opener) error {
	_, i, err := inspector(ctx, s, open)
	if err != nil {
		return err
	}
	cat, err := i.Catalog(ctx)
	if err != nil {
		return err
	}
	h.sharers[cat.Database] = append(h.sharers[cat.Database], s)
	for _, t := range cat.Tables {
		at := cat.Database + " " + t.Ref()
		if t.Kind == datamap.TableView || h.seen[at] {
			continue // what a view shows stands in a table
		}
		h.seen[at] = true
		h.tables = append(h.tables, hunted{s, i, t, cat.Database})
		h.total += t.Bytes + 1
	}
	return nil
}

func (h *hunting) table(ctx context.Context, t hunted) error {
	h.progress.at(h.done, h.total, t.system.Name+" "+t.table.Ref())
	h.done += t.table.Bytes + 1
	var unread int
	for _, col := range t.table.Columns {
		if !col.Read {
			unread++
		}
	}
	if !t.table.Read || unread == len(t.table.Columns) {
		h.miss(t, "the account may not read it")
		return nil
	}
	hits, err := t.i.Search(ctx, &t.table, h.needle, h.limit)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case fault.Is(err, contract.ErrUnavailable), fault.Is(err, contract.ErrBusy), fault.Is(err, contract.ErrMapMismatch), fault.Is(err, contract.ErrInternal):
		h.miss(t, short(err))
		return nil
	case err != nil:
		return err
	}
	if unread > 0 {
		h.miss(t, "the account may not read all of its columns; the others were searched")
	}
	h.trail.Tables++
	for _, hit := range hits {
		h.trail.Found = append(h.trail.Found, Found{System: t.system.Name, Table: t.table.Ref(), Column: hit.Column, Rows: hit.Rows,
			Map: known(&t.table, h.sharers[t.database], hit.Column)})
	}
	return nil
}

func (h *hunting) miss(t hunted, why string) {
	h.trail.Unsearched = append(h.trail.Unsearched, Unsearched{System: t.system.Name, Table: t.table.Ref(), Why: why})
}

// known says what the files of the systems in this database have to say of a column. Of several
// collections over one table the one that knows most counts.
func known(t *datamap.CatalogTable, sharers []*datamap.System, column string) string {
	best := KnownUnmention
	for _, s := range sharers {
		for _, ignored := range s.Ignored {
			if ignored.Schema == t.Schema && ignored.Table == t.Name && best == KnownUnmention {
				best = KnownWavedOff
			}
		}
		for _, c := range s.Collections {
			if c.Schema == t.Schema && c.Table == t.Name {
				best = better(best, knownIn(c, column))
			}
		}
	}
	return best
}

func knownIn(c *datamap.Collection, column string) string {
	for _, match := range c.Match {
		if match.Column == column {
			return KnownMatched
		}
	}
	switch col := c.Column(column); {
	case col == nil:
		return KnownUnmapped
	case col.Ignore != "":
		return KnownIgnored
	}
	return KnownMapped
}

func better(a, b string) string {
	order := []string{KnownUnmention, KnownWavedOff, KnownUnmapped, KnownIgnored, KnownMapped, KnownMatched}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}
