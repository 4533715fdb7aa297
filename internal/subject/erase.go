package subject

import (
	"context"
	"time"

	"github.com/habeas-dsr/habeas/internal/systems"
)

// Erasure is the deletion of one account's rows, from plan to proof. It is used in this order:
//
//  1. Search.Discover for every step of Search.Steps: what there is.
//  2. Mark for every step of Steps: which of it goes. It freezes the keys.
//  3. Draft for every system of Systems: what happens to each row, and what speaks against it.
//  4. Assemble: the plan, whose Bytes are what gets signed.
//  5. Execute for every system of Order(plan), one after the other.
//  6. ReadBack and Orphans for every system.
//
// From Mark on, everything is read from Frozen; a later discovery does not touch it. 5 and 6 do
// not need the rows of the directory any more.
type Erasure struct {
	// Search found the person. Its Keys are those of the discovery; only Mark and ReadBack use them.
	Search
	// Frozen keeps the keys of the plan. It must be another KeyStore than Keys, sealed alike.
	Frozen KeyStore
	// Choices are the reviewer's words on rows that somebody else may claim too, by
	// "system.collection": one of Choice…; ChoiceLeave where nothing is said. The same must stand
	// in every call.
	Choices map[string]string
	// Now is the time by which the ends of duties to keep are reckoned; the same in every call.
	Now time.Time
	// Secret keys the strategies: 32 bytes that go when the case is forgotten.
	Secret []byte
}

// What a reviewer may say of rows that somebody else may claim too.
const (
	ChoiceLeave  = "leave"  // nothing happens to them, and the plan lists them
	ChoiceUnlink = "unlink" // the references to the person go, the rows stay
	ChoiceErase  = "erase"  // they are dealt with like the person's own
)

// Actions of an entry, beside those of package systems.
const (
	Keep  = "keep"  // kept by law, not flagged
	Leave = "leave" // not the plan's: shared, or reached in a way that deletion does not follow
)

// Untouched is the reason of rows that are only on the way to those of a plan that stops a purpose.
const Untouched = "untouched"

// ForCustomer is the reason of rows that are only held for a customer, who decides about them.
const ForCustomer = "for-customer"

// Entry is what happens to some rows of one collection.
type Entry struct {
	System     string `json:"system"`
	Collection string `json:"collection"` // name within the system
	Class      string `json:"class"`      // one of Class…: which rows
	Link       int    `json:"link"`       // of referring and counted rows: which of the collection's links, from 1; else 0
	Action     string `json:"action"`     // one of systems.Delete… or Keep, Leave
	Rows       int64  `json:"rows"`       // when the plan was drafted
	// Reason is why, in a word for the reader of the plan: "own", "by-law", "shared", …
	Reason string `json:"reason"`
	Law    string `json:"law,omitempty"` // of rows kept
	Until  string `json:"until,omitempty"`
	// Columns are what anonymise changes, what unlink cuts, the flag of block: "column strategy".
	Columns []string `json:"columns,omitempty"`
	// Keyed rows are held by their own keys, others by a predicate over frozen keys.
	Keyed bool `json:"keyed"`
	// Together is above 0 for entries whose rows go in one transaction with those of the others that
	// have it in the system: foreign keys run in circles through them.
	Together int   `json:"together,omitempty"`
	Table    int64 `json:"table,omitempty"` // rows of the whole table, as the catalog estimates them
}

// Classes of rows of a collection.
const (
	ClassOwn       = "own"       // the person's own
	ClassExpired   = "expired"   // own, kept by law once, and its time is over
	ClassKept      = "kept"      // own, kept by law
	ClassShared    = "shared"    // somebody else may claim them too
	ClassReferring = "referring" // they refer to own rows, and stay
	ClassCounted   = "counted"   // they go when nobody else refers to them
	ClassBeyond    = "beyond"    // found by the discovery, in ways that deletion does not follow
)

// ID is "system.collection".
func (e Entry) ID() string { return e.System + "." + e.Collection }

// KeySet is a frozen set of keys, as part of the plan: so that its hash covers what the locators
// hold.
type KeySet struct {
	Collection string   `json:"collection"` // "system.collection"
	Name       []string `json:"name"`
	Tuples     int64    `json:"tuples"`
	Digest     string   `json:"digest"` // SHA-256 over the tuples, hex
}

// Plan is what will be done, frozen. It holds no value of a person, but counts and digests of
// keys, which may be guessed: it is kept sealed.
type Plan struct {
	Version int       `json:"version"`
	MapHash string    `json:"map_hash"`
	Made    time.Time `json:"made"`
	// Account is the directory row's collection, "system.collection".
	Account  string            `json:"account"`
	Order    []string          `json:"order"`   // systems, in the order of execution
	Entries  []Entry           `json:"entries"` // in the order of execution within each system
	Choices  []Choice          `json:"choices,omitempty"`
	Findings []systems.Finding `json:"findings,omitempty"`
	Over     []string          `json:"over,omitempty"` // why a third approval is needed: "rows", or collections over the percentage
	LeftOut  []string          `json:"left_out,omitempty"`
	Keys     []KeySet          `json:"keys"`
	Circles  []Circle          `json:"circles,omitempty"`
	// Asked are the systems that no query reaches and that are asked to delete, in map order.
	Asked []Asked `json:"asked,omitempty"`
}

// Asked is a system that is asked, and the kinds of identity by which the person is named to it.
type Asked struct {
	System string   `json:"system"`
	Driver string   `json:"driver"`
	Region string   `json:"region"`
	Tells  []string `json:"tells"`
	URL    string   `json:"url,omitempty"`    // of a processor
	Domain string   `json:"domain,omitempty"` // as its certificate says it
}

// Choice is a reviewer's word on the shared rows of a collection.
type Choice struct {
	Collection string `json:"collection"`
	Choice     string `json:"choice"`
}

// Circle is a foreign key of planned rows that is cut before any of them goes.
type Circle struct {
	System     string   `json:"system"`
	Collection string   `json:"collection"`
	Class      string   `json:"class"`
	Link       int      `json:"link"`
	Columns    []string `json:"columns"`
}

// Part is one system's part of a plan: what Draft gives and Assemble puts together.
type Part struct {
	System   string            `json:"system"`
	Entries  []Entry           `json:"entries"`
	Findings []systems.Finding `json:"findings,omitempty"`
	Circles  []Circle          `json:"circles,omitempty"`
}

// Guard runs one batch. It may refuse (a hold), and whoever makes it holds what must be held
// while the batch runs. An error of the batch comes back as it is.
type Guard func(ctx context.Context, batch func(ctx context.Context) error) error

// Done is what the execution of one entry did, so far.
type Done struct {
	System     string `json:"system"`
	Collection string `json:"collection"`
	Class      string `json:"class"`
	Action     string `json:"action"`
	Planned    int64  `json:"planned"`
	Deleted    int64  `json:"deleted"`
	Changed    int64  `json:"changed"`
	// Arrived are rows that came under a frozen key after the plan was made, net of planned rows
	// that went by themselves.
	Arrived int64 `json:"arrived"`
}

// Run is how a system's part is executed.
type Run struct {
	Guard    Guard      // nil: nothing guards
	Progress func(Done) // nil: nobody looks; called after each batch
	Batch    int        // rows; 0 is DefaultBatch
}

// DefaultBatch is how many rows one transaction touches at most.
const DefaultBatch = 10_000

// Left is something that is still there after execution.
type Left struct {
	System     string `json:"system"`
	Collection string `json:"collection"`
	Column     string `json:"column,omitempty"`
	Rows       int64  `json:"rows"`
	// Reason: "frozen" (a locator of the plan still finds rows), "new" (a fresh discovery does),
	// "hunt" (a strong value stands in free text), "orphan" (points at a key that is gone),
	// "unanswered" (a hunt ran out of time), or, of what the plan leaves on purpose, "by-law",
	// "shared", "upward", Untouched, ForCustomer.
	Reason string `json:"reason"`
}

// Clean reports whether it is what the plan leaves on purpose.
func (l Left) Clean() bool {
	switch l.Reason {
	case "by-law", "shared", "upward", "no-rule", Untouched, ForCustomer:
		return true
	}
	return false
}

// Sample is some rows of an entry, masked: column → what may be shown.
type Sample struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
}
