package systems

import (
	"context"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Inspector is what the tools of the data map ask of a system: its schema, a sample of its rows,
// where a value stands. A driver's System fulfils it where the engine can. Every call only reads,
// in one snapshot, and errors are classified as those of a System.
type Inspector interface {
	// Catalog reads the live schema.
	Catalog(ctx context.Context) (datamap.Catalog, error)

	// Sample yields at most limit rows from all over the table: the columns as text, nil for
	// NULL, each cut to SampleLength characters. A row is the caller's to keep.
	Sample(ctx context.Context, t Table, columns []string, limit int, yield func(row []*string) error) error

	// Rows yields rows of c that fulfil the clause: the columns as text, nil for NULL. Of rows
	// that hold the same in the clause's columns it gives the first each, in the order of the key.
	Rows(ctx context.Context, c *datamap.Collection, by Clause, columns []string, each int, yield func(row []*string) error) error

	// Search counts, column by column, the rows of the table that hold the needle, in one pass
	// and no longer than limit. Columns without a row are left out. Columns of times and
	// booleans are not searched, nor those that the account may not read.
	Search(ctx context.Context, t *datamap.CatalogTable, n Needle, limit time.Duration) ([]Hit, error)

	// Explain gives the statement that reads the selection, and, where plan is asked for, how
	// the database would carry it out for values that it does not know. Nothing is run.
	Explain(ctx context.Context, sel Selection, plan bool) (Explained, error)
}

// SampleLength is how many characters of a value a sample shows.
const SampleLength = 4096

// Table names a table or view.
type Table struct{ Schema, Name string }

// Needle is a value in the forms in which it may stand in a column. It is personal data.
type Needle struct {
	Texts  []string // contained in a text, upper and lower case being the same
	Packed string   // contained once blanks, hyphens, dots and brackets are gone; may be empty
	Number string   // equal to a number; may be empty
	Bytes  [][]byte // contained in binary
}

// Separators are the characters that Packed overlooks, beside the full-width digits that it
// takes for plain ones.
const Separators = " -.()\t\u00a0\u3000"

// Hit is a column that holds a needle.
type Hit struct {
	Column string
	Rows   int64
}

// Explained is a statement and its plan.
type Explained struct {
	Statement string
	Values    []string // the selection's own values for the statement's parameters, in order
	Plan      string
}

// Inspect gives the tools' view of a system. Error: contract.ErrBadInput when its driver has none.
func Inspect(sys *datamap.System, opened System) (Inspector, error) {
	if i, ok := opened.(Inspector); ok {
		return i, nil
	}
	return nil, fault.Newf(contract.ErrBadInput, "system %s: the driver %q cannot be inspected", sys.Name, sys.Driver)
}

// Placeholder is an identity that stands for one not known yet: for Explain alone.
func Placeholder(kind string) dsr.Identity { return dsr.Identity{Kind: kind, Value: "<" + kind + ">"} }
