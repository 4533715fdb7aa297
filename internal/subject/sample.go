package subject

import (
	"context"
	"errors"

	"github.com/habeas-dsr/habeas/internal/systems"
)

// errEnough ends a reading that has given enough.
var errEnough = errors.New("enough")

// Sample shows at most n rows of an entry, with every value masked but for its first character.
func (e Erasure) Sample(ctx context.Context, _ Plan, entry Entry, n int) (Sample, error) {
	sel, c, err := e.entryRows(ctx, entry)
	if err != nil {
		return Sample{}, err
	}
	if entry.Keyed {
		sel = systems.Selection{Collection: c, Any: []systems.Clause{e.frozenRows(entry, c)}}
	}
	sys, err := e.Open(entry.System)
	if err != nil {
		return Sample{}, err
	}
	inspector, err := systems.Inspect(c.System, sys)
	if err != nil {
		return Sample{}, err
	}
	var page [][]string
	err = sys.Keys(ctx, sel, c.Key, max(n, 1), func(keys [][]string) error {
		page = keys
		return errEnough
	})
	if err != nil && !errors.Is(err, errEnough) {
		return Sample{}, err
	}
	out := Sample{}
	for _, col := range c.Columns {
		out.Columns = append(out.Columns, col.Name)
	}
	if len(page) == 0 {
		return out, nil
	}
	err = inspector.Rows(ctx, c, systems.Clause{Columns: c.Key, Keys: pageOf(page)}, out.Columns, 1, func(row []*string) error {
		masked := make([]string, len(row))
		for i, value := range row {
			masked[i] = masked1(value)
		}
		out.Rows = append(out.Rows, masked)
		return nil
	})
	return out, err
}

func masked1(value *string) string {
	if value == nil || *value == "" {
		return ""
	}
	return string([]rune(*value)[0]) + "***"
}

// Preview shows what scrubbing makes of a text with the known values of a person.
func Preview(text string, known []string) string { return systems.NewScrubber(known).Text(text) }

// Known are the values of the person that scrubbing looks for: personal data, for the reviewer.
func (e Erasure) Known(ctx context.Context) ([]string, error) { return e.known(ctx) }
