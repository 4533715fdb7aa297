package systems

import (
	"context"
	"io"
	"slices"

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
	// pages of at most page tuples and in a fixed order. A tuple with a NULL is left out. Where
	// the selection names From or Until, each tuple ends with those two times (see Period).
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
	// Only, where it is not empty, keeps of those rows the ones that fulfil any of its clauses.
	Only []Clause
	// Except leaves out the rows that fulfil any of its clauses.
	Except []Clause
	// From and Until are columns between whose times the keys of a row hold; Keys alone reads them.
	From, Until string
}

// Clause is one way in which a row belongs to a person: by the keys that its columns hold, or by
// the identities that one column holds. Exactly one of Keys and Identities is set; a clause with
// When alone is fulfilled by the rows that fulfil the condition; in Any only a mass notice has one.
type Clause struct {
	Columns    []string
	Keys       KeySource
	Identities []dsr.Identity // of one kind; compared after the normaliser, or exactly where they say so

	// Expr says which part of the one column holds the key; keys are compared as text then.
	Expr *datamap.Expr
	// At is a column of the row with the time that counts: it must lie within the time of the
	// identity, or of the key, whose tuples then end with two times (see Period).
	At string
	// When is a condition that the row must fulfil besides.
	When *datamap.Condition
	// Others turns a clause with Keys round: the columns hold a whole key (no NULL) that is not
	// among Keys (with Expr and a list: one of its elements is such a key). It has neither At nor
	// When.
	Others bool
	// Over are times that must be over, and Alone tables of which no row may refer to the row. They go
	// with When alone, in a clause without Columns. A deletion locks the rows before it looks who
	// refers to them.
	Over  []Over
	Alone []Referrer
	// Stretch bounds such a clause to a part of a walk.
	Stretch *Stretch
}

// Period is the form of the two times behind a key, from (inclusive) and until (exclusive): RFC
// 3339 in UTC with microseconds. Open ends are these.
const (
	PeriodLayout = "2006-01-02T15:04:05.000000Z"
	PeriodStart  = "0001-01-01T00:00:00.000000Z"
	PeriodEnd    = "9999-12-31T23:59:59.999999Z"
)

// Beyond names what the selection asks for beyond plain clauses (keys and identities in any of a
// few columns), in the words of the data map. A driver that cannot do one of them must refuse the
// selection with that word: an answer that passes it over would be another person's.
func (s Selection) Beyond() []string {
	var words []string
	note := func(word string, there bool) {
		if there && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	note("valid", s.From != "" || s.Until != "")
	note("only", len(s.Only) > 0)
	note("except", len(s.Except) > 0)
	for _, c := range slices.Concat(s.Any, s.Only, s.Except) {
		note("expr", c.Expr != nil)
		note("valid", c.At != "")
		note("when", c.When != nil)
		note("others", c.Others)
		note("over", len(c.Over) > 0)
		note("alone", len(c.Alone) > 0)
	}
	return words
}

// KeySource gives a set of key tuples in pages, each tuple in the order of the clause's columns.
// A tuple may come twice. A driver reads it to its end before it hands on a row or a key, as what
// it hands on may replace the source.
type KeySource func(ctx context.Context, yield func(keys [][]string) error) error

// OneKey is the source of a single tuple.
func OneKey(tuple ...string) KeySource {
	return func(_ context.Context, yield func([][]string) error) error {
		return yield([][]string{tuple})
	}
}
