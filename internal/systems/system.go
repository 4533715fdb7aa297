package systems

import (
	"context"
	"io"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// PageSize is how many keys travel at a time, to a database and into the casefile.
const PageSize = 10_000

// System is one place that keeps data, reached by one driver. Every call is one read-only
// snapshot, under the time limits of the driver, and tells the database which case it serves
// (see WithRef). Errors are classified: contract.ErrUnavailable and contract.ErrBusy pass,
// contract.ErrMapMismatch names the table or column that differs from the map.
//
// A System may be used by many goroutines at once; it never holds more connections than the
// map allows.
type System interface {
	// Check holds the collections against the live schema. What is wrong is in the findings;
	// the error is for a system that did not answer. See Mismatch.
	Check(ctx context.Context, collections []*datamap.Collection) ([]Finding, error)

	// Lookup finds the directory rows that carry every one of the identities, at most limit
	// of them, in the order of their key. A shared identity is looked up like any other.
	Lookup(ctx context.Context, c *datamap.Collection, by []dsr.Identity, limit int) ([]Row, error)

	// Keys yields the distinct tuples of the columns over the selected rows, as text, in
	// pages of at most page tuples and in a fixed order. A tuple with a NULL is left out.
	Keys(ctx context.Context, sel Selection, columns []string, page int, yield func(keys [][]string) error) error

	// Count counts the selected rows.
	Count(ctx context.Context, sel Selection) (int64, error)

	// Stream writes the selected rows twice, from one snapshot: as a JSON array with one
	// object a line ("[\n", rows parted by ",\n", "\n]\n"; "[\n]\n" when there are none), and
	// as CSV (UTF-8 with byte order mark, RFC 4180, CRLF, the header names the columns).
	// Columns that the map ignores are left out; masked and held ones never leave the
	// database in clear. Text that a spreadsheet would take for a formula gets a leading
	// apostrophe in the CSV. It returns the number of rows.
	Stream(ctx context.Context, sel Selection, json, csv io.Writer) (int64, error)

	// Close gives the connections back.
	Close() error
}

// Row is one directory row: column → value as text, without the NULL ones. It holds the columns
// of key, account, language, channels and match rules. The columns with the time since when a
// channel stands there are in RFC 3339, UTC.
type Row map[string]string

// Selection is the rows of a collection that fulfil any of the clauses. No clauses, no rows.
type Selection struct {
	Collection *datamap.Collection
	Any        []Clause
}

// Clause is one way in which a row belongs to a person: by the keys that its columns hold, or by
// the identities that one column holds. Exactly one of Keys and Identities is set.
type Clause struct {
	Columns    []string
	Keys       KeySource
	Identities []dsr.Identity // of one kind; compared after the normaliser, or exactly where they say so
}

// KeySource gives a set of key tuples in pages, each tuple in the order of the clause's columns.
// A tuple may come twice. It is read once for each statement that needs it.
type KeySource func(ctx context.Context, yield func(keys [][]string) error) error

// OneKey is the source of a single tuple.
func OneKey(tuple ...string) KeySource {
	return func(_ context.Context, yield func([][]string) error) error {
		return yield([][]string{tuple})
	}
}
