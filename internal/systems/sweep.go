package systems

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Over is fulfilled by rows whose time lies before a day.
type Over struct {
	Column string
	// Parent, where it is not nil, says that Column is one of the collection that this link leads to,
	// which must be in the same system. Of several such rows every one must lie before the day.
	Parent *datamap.Link
	// Day is a civil day as midnight UTC, and At the moment at which it begins: a column without a
	// time zone is held against the day, any other against the moment.
	Day time.Time
	At  time.Time
	// Missing counts a row without the time, or without the parent's row, as one whose time is over.
	Missing bool
	// Else is a column that counts where Column is NULL; "" for none.
	Else string
}

// Referrer is a table of the system whose rows refer to those of the selection: its columns From hold
// what their Columns hold.
type Referrer struct {
	Table   Table
	From    []string
	Columns []string
	Text    bool // the two are of different types and are compared as text
}

// Cursor is where a walk over due rows stands: the time, where rows are ordered by one, then the
// columns of the key, all as text. It is personal data.
type Cursor []string

// Due is rows that a rule of retention finds.
type Due struct {
	Rows Selection // one clause, without keys or identities
	// By is the column of the collection by which rows are walked before the key; "" for the key alone.
	By string
}

// Dues counts what is due. Oldest and Newest are days (2006-01-02) of the column Due.By; empty
// where there is none or nothing is due.
type Dues struct {
	Rows           int64
	Oldest, Newest string
	Table          int64 // rows of the collection altogether
}

// Page is some due rows in the order of their walk.
type Page struct {
	Keys [][]string
	Last Cursor // behind the last of them
}

// Stretch is the part of a walk behind After (nil: from its beginning) up to Last (nil: to its end), which
// belongs to it. A deletion whose selection is one clause with a stretch takes all of its rows in one
// transaction, however many a batch has.
type Stretch struct {
	By          string // as of the walk
	After, Last Cursor
}

// Span is what is known of due rows whose keys stay where they are.
type Span struct {
	Rows   int64
	Last   Cursor // behind the last of them; nil: there are none
	Digest []byte // as DigestKeys makes it, in the order of the walk
}

// DigestKeys is SHA-256 over keys in their order, in UTF-8: their fields with a comma between, and the keys with a
// semicolon between; of a field these and the backslash stand behind a backslash. A database can make it
// without handing the keys out.
func DigestKeys(keys [][]string) []byte {
	sum := sha256.New()
	for i, key := range keys {
		line := ""
		if i > 0 {
			line = ";"
		}
		for n, field := range key {
			if n > 0 {
				line += ","
			}
			line += escaped.Replace(field)
		}
		_, _ = sum.Write([]byte(line)) // a hash takes everything
	}
	return sum.Sum(nil)
}

var escaped = strings.NewReplacer(`\`, `\\`, `,`, `\,`, `;`, `\;`)

// Sweeper is an Eraser whose rows can be walked in the order of their age. A driver's System fulfils
// it where the engine can. These only read, in one snapshot each.
type Sweeper interface {
	Eraser

	// DuePage gives at most limit due rows behind the cursor (nil: from the beginning), in order.
	DuePage(ctx context.Context, due Due, after Cursor, limit int) (Page, error)

	// DueSpan says of the same rows how far they go, how many they are, and the digest of their keys.
	DueSpan(ctx context.Context, due Due, after Cursor, limit int) (Span, error)

	// Others counts the sessions of other people that are at work on the server at this moment, those that
	// wait for a lock among them. It is cheap, and a figure to be polite by: no more.
	Others(ctx context.Context) (int, error)

	// CountDue counts the due rows.
	CountDue(ctx context.Context, due Due) (Dues, error)

	// Foreign lists the tables whose foreign keys lead to the collection, wherever they stand on the
	// server, as far as the account may see them; its own among them.
	Foreign(ctx context.Context, c *datamap.Collection) ([]Referrer, error)
}

// SweeperOf gives that view of a system. Error: contract.ErrMapMismatch when its driver has none.
func SweeperOf(sys *datamap.System, opened System) (Sweeper, error) {
	if s, ok := opened.(Sweeper); ok {
		return s, nil
	}
	return nil, fault.Newf(contract.ErrMapMismatch, "system %s: the driver %q cannot sweep", sys.Name, sys.Driver)
}
