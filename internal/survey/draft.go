package survey

import (
	"context"
	"errors"
	"slices"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// draftRows is how many rows of a table the guesses of a draft look at.
const draftRows = 200

// DraftOptions say what is drafted.
type DraftOptions struct {
	System  string   // name of the system; guessed from Title when empty
	Driver  string   // as the map names it
	DSN     string   // how it is reached
	Title   string   // of the database; may be empty
	Schemas []string // only these; all when empty
	Blind   bool     // look at names alone, at no row
}

// Draft writes a system's first file from its live schema (datamap.Scaffold).
func Draft(ctx context.Context, o DraftOptions, progress Progress) ([]byte, error) {
	name := o.System
	if name == "" {
		name = datamap.SystemNameOf(o.Title)
	}
	s := &datamap.System{Name: name, Driver: o.Driver, Connections: 1}
	opened, err := systems.Open(ctx, s, o.DSN)
	if bad := (*fault.Error)(nil); errors.As(err, &bad) && bad.Type == contract.ErrBadInput {
		return nil, fault.New(contract.ErrBadInput, "the address of the database cannot be used with the driver "+o.Driver, err).WithHint(bad.Hint)
	}
	if err != nil {
		return nil, err
	}
	defer opened.Close() // it only reads
	i, err := systems.Inspect(s, opened)
	if err != nil {
		return nil, err
	}
	cat, err := i.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	if len(o.Schemas) > 0 {
		cat.Tables = slices.DeleteFunc(cat.Tables, func(t datamap.CatalogTable) bool { return !slices.Contains(o.Schemas, t.Schema) })
		if len(cat.Tables) == 0 {
			return nil, fault.New(contract.ErrBadInput, "the database has no table in the schemas asked for", nil)
		}
	}
	samples := datamap.Samples{}
	for n := range cat.Tables {
		t := &cat.Tables[n]
		progress.at(int64(n), int64(len(cat.Tables)), t.Ref())
		if o.Blind || t.Kind == datamap.TableView || !t.Read || t.Secured {
			continue
		}
		if samples[t.Ref()], err = sampleTable(ctx, i, t); err != nil {
			return nil, err
		}
	}
	progress.at(int64(len(cat.Tables)), int64(len(cat.Tables)), "")
	return datamap.Scaffold(cat, datamap.Scaffolding{System: o.System, Driver: o.Driver, Title: o.Title, Samples: samples})
}

// sampleTable counts the shapes in the columns that may hold an identity.
func sampleTable(ctx context.Context, i systems.Inspector, t *datamap.CatalogTable) (map[string]datamap.ColumnSample, error) {
	var names []string
	for _, col := range t.Columns {
		if col.Read && (col.Class == datamap.ClassText || col.Class == datamap.ClassNumber) {
			names = append(names, col.Name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	counts := make([]datamap.ColumnSample, len(names))
	err := i.Sample(ctx, systems.Table{Schema: t.Schema, Name: t.Name}, names, draftRows, func(row []*string) error {
		for n, v := range row {
			if v != nil {
				counts[n].Add(*v)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := map[string]datamap.ColumnSample{}
	for n, name := range names {
		out[name] = counts[n]
	}
	return out, nil
}
