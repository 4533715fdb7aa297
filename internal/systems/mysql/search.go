package mysql

import (
	"context"
	"database/sql"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Search is one count for each column, all in one pass over the table.
func (d *driver) Search(ctx context.Context, t *datamap.CatalogTable, n systems.Needle, limit time.Duration) ([]systems.Hit, error) {
	var hits []systems.Hit
	err := d.within(ctx, limit, func(s *session) error {
		live, err := s.live(ctx, systems.Table{Schema: t.Schema, Name: t.Name})
		if err != nil {
			return err
		}
		f, values := s.finder(n)
		var names, counts []string
		for _, col := range t.Columns {
			at := slices.IndexFunc(live, func(c column) bool { return c.Name == col.Name })
			if at < 0 || !col.Read {
				continue
			}
			if condition := f.condition(col.Class, live[at]); condition != "" {
				names = append(names, col.Name)
				counts = append(counts, "COALESCE(SUM("+condition+"), 0)")
			}
		}
		if len(names) == 0 {
			return nil
		}
		if err := s.keep(ctx, values...); err != nil {
			return s.classify(ctx, nil, err)
		}
		found, into := make([]sql.NullInt64, len(names)), make([]any, len(names))
		for i := range found {
			into[i] = &found[i]
		}
		from := tableName(systems.Table{Schema: t.Schema, Name: t.Name})
		err = s.conn.QueryRowContext(ctx, s.note+"SELECT "+strings.Join(counts, ", ")+" FROM "+from+" AS t").Scan(into...)
		if err != nil {
			return s.classify(ctx, nil, err)
		}
		for i, rows := range found {
			if rows.Int64 > 0 {
				hits = append(hits, systems.Hit{Column: names[i], Rows: rows.Int64})
			}
		}
		return nil
	})
	return hits, err
}

// finder writes the conditions of a search. Values stand in variables of the session.
type finder struct {
	*session
	texts  []string // lowered
	packed string
	number string
	raw    []string
}

func (s *session) finder(n systems.Needle) (finder, []held) {
	f := finder{session: s}
	var values []held
	put := func(value string) string {
		h := s.reserve(value)
		values = append(values, h)
		return h.name
	}
	lowered := func(value string) string { return s.bytes("LOWER(CONVERT(" + put(value) + " USING utf8mb4))") }
	for _, text := range n.Texts {
		f.texts = append(f.texts, lowered(text))
	}
	if n.Packed != "" {
		f.packed = lowered(n.Packed)
	}
	if n.Number != "" {
		f.number = s.bytes("CONVERT(" + put(n.Number) + " USING utf8mb4)")
	}
	for _, raw := range n.Bytes {
		f.raw = append(f.raw, "UNHEX("+put(hex.EncodeToString(raw))+")")
	}
	return f, values
}

func (f finder) condition(class string, col column) string {
	switch class {
	case datamap.ClassTime, datamap.ClassBoolean:
		return ""
	case datamap.ClassNumber:
		if f.number == "" {
			return ""
		}
		return f.bytes(col.text()) + " = " + f.number
	case datamap.ClassBinary:
		parts := make([]string, len(f.raw))
		for i, raw := range f.raw {
			parts[i] = "LOCATE(" + raw + ", " + col.of() + ") > 0"
		}
		return oneOf(parts)
	}
	x := "LOWER(" + col.text() + ")"
	var parts []string
	for _, text := range f.texts {
		parts = append(parts, "LOCATE("+text+", "+x+") > 0")
	}
	if f.packed != "" {
		parts = append(parts, "LOCATE("+f.packed+", "+without(narrow(x, "０１２３４５６７８９"), systems.Separators)+") > 0")
	}
	return oneOf(parts)
}

// oneOf is the condition that one of the parts holds; none, no condition.
func oneOf(parts []string) string {
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// without takes the characters out of a text.
func without(x, characters string) string {
	for _, r := range characters {
		x = "REPLACE(" + x + ", '" + string(r) + "', '')"
	}
	return x
}
