package systems

import (
	"context"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Actions of a Change.
const (
	Delete    = "delete"    // the rows go
	Anonymise = "anonymise" // columns of the rows get other values
	Unlink    = "unlink"    // the rows stay, their references to the person go
	Refcount  = "refcount"  // the references go, and the row with the last one
	Block     = "block"     // the rows stay, out of ordinary use by a flag
)

// Eraser is a System whose rows can be changed: a driver's System fulfils it where the engine
// can. Errors are classified as those of a System; contract.ErrBusy passes (a lock, a deadlock),
// and nothing of the batch has happened then.
type Eraser interface {
	System

	// Preflight holds the changes against the live catalog and tries them, in their order, at most
	// batch rows each, in one transaction that is rolled back. The error is for a system that did
	// not answer; whatever else speaks against a change is in the findings.
	Preflight(ctx context.Context, changes []Change, batch int) (Preflight, error)

	// Erase makes one batch of the change in one transaction: at most batch rows, none outside
	// the selection. It is called again until it reports no rows. A row already gone, cut or
	// flagged is none. Rows of Anonymise stay selected, so that its selection is a page of keys
	// and it is called once each.
	Erase(ctx context.Context, change Change, batch int) (Applied, error)

	// Pending makes one batch as Erase does and takes it back: what there is left to do.
	Pending(ctx context.Context, change Change, batch int) (Applied, error)
}

// Change is what happens to some rows of one collection.
type Change struct {
	Rows   Selection
	Action string
	// Set are the new values of Anonymise, and the flag of Block.
	Set []Assignment
	// Cut is the reference that goes, for Unlink and Refcount: of whole columns the last one that
	// may be NULL and is not of the key becomes NULL, of a list the elements that Rows.Any[0] names
	// go. With Refcount and a reference that cannot be cut, the row goes when its owners are gone.
	Cut Reference
	// Owners are, for Refcount, what keeps a row alive once the reference is cut.
	Owners []Owner
	Secret []byte   // the key of the keyed strategies: 32 bytes
	Known  []string // the person's values that scrubbing looks for; personal data
	// With are more changes that delete, for the same transaction: their foreign keys and those of
	// this one run in circles and are checked at its end. All rows go at once, at most
	// TogetherRows; more are contract.ErrRefused.
	With []Change
}

// TogetherRows is how many rows may go in one transaction where they cannot go one batch after
// the other.
const TogetherRows = 100_000

// Assignment is a new value for a column.
type Assignment struct {
	Column   string
	Strategy datamap.Strategy
}

// Reference is where a row refers to another.
type Reference struct {
	Columns []string
	Expr    *datamap.Expr
}

// Owner keeps a row alive: a whole reference of its own, or rows of another table of the system
// whose columns From hold what its columns Reference.Columns hold.
type Owner struct {
	Reference
	Table *Table
	From  []string
}

// OwnedBy reports whether rows of the table keep rows of the change alive by these columns: then
// there are none when a row goes.
func (c Change) OwnedBy(schema, table string, columns []string) bool {
	return slices.ContainsFunc(c.Owners, func(o Owner) bool {
		return o.Table != nil && o.Table.Schema == schema && o.Table.Name == table &&
			!slices.ContainsFunc(o.From, func(name string) bool { return !slices.Contains(columns, name) })
	})
}

// Applied is what one batch did.
type Applied struct {
	Rows    int64 // selected and dealt with: 0 means that there is nothing left to do
	Deleted int64 // of them, gone
	Changed int64 // of them, changed
	// Waiting counts rows that could not go yet, because others of the selection refer to them.
	Waiting int64
	// With is what was done by each change of Change.With.
	With []Applied
}

// Preflight is what speaks against changes, and how they must be made.
type Preflight struct {
	Findings []Finding
	// Order is the order in which the changes may be made, as indexes into them: what refers
	// before what is referred to, by the foreign keys of the catalog.
	Order []int
	// Keyed are the changes whose rows must be known by their keys before anything is changed,
	// because references among them have to be cut first.
	Keyed []int
	// First are references that must be cut, in rows of the change At, before any row may go:
	// foreign keys that run in a circle.
	First []Circle
	// Together are changes that must be made in one transaction, in this order; see Change.With.
	Together []int
	// Sizes are the rows of the collections of the changes, as the catalog estimates them.
	Sizes []int64
}

// Circle is a foreign key to be cut first.
type Circle struct {
	At      int
	Columns []string
}

// LockTimeout is how long a batch waits for a lock before it is given up as contract.ErrBusy.
const LockTimeout = 3 * time.Second

// Changeable gives the changing view of a system. Error: contract.ErrMapMismatch when its driver
// has none.
func Changeable(sys *datamap.System, opened System) (Eraser, error) {
	if e, ok := opened.(Eraser); ok {
		return e, nil
	}
	return nil, fault.Newf(contract.ErrMapMismatch, "system %s: the driver %q cannot change rows", sys.Name, sys.Driver)
}
