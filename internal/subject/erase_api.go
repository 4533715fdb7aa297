package subject

import (
	"context"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func notYet(what string) error {
	return fault.Newf(contract.ErrRefused, "%s is not built yet", what)
}

// Systems are the systems with a part in the deletion, in map order.
func (e Erasure) Systems() ([]string, error) { return nil, notYet("deletion") }

// Steps is the walk of Mark, as Search.Steps is that of Discover.
func (e Erasure) Steps() []Step { return nil }

// Mark freezes, for the collections of one step, which of the person's rows go. It may be run
// again until the plan is assembled; the levels before it must have been marked.
func (e Erasure) Mark(ctx context.Context, step Step) error { return notYet("marking") }

// Draft settles what happens to each row of one system, counts, freezes the keys of rows that
// need it, and has the system's preflight look and try. Every step must have been marked.
func (e Erasure) Draft(ctx context.Context, system string) (Part, error) {
	return Part{}, notYet("drafting")
}

// Assemble puts the parts together. Error: contract.ErrNotFound when a system of Systems has no
// part.
func (e Erasure) Assemble(ctx context.Context, parts []Part) (Plan, error) {
	return Plan{}, notYet("the plan")
}

// Bytes are the canonical bytes of the plan: the same for the same plan, whatever made it.
func (p Plan) Bytes() []byte { return nil }

// Stops lists what must be mended before the plan may be executed; empty: nothing.
func (p Plan) Stops() []string { return nil }

// Rows counts the rows that the plan deletes or changes.
func (p Plan) Rows() int64 { return 0 }

// Check holds a plan against the map and the frozen keys, as Execute does before its first batch.
// Error: contract.ErrTampered, contract.ErrMapMismatch.
func (e Erasure) Check(ctx context.Context, p Plan) error { return notYet("checking") }

// Execute carries out the part of one system, batch by batch. It may be run again after whatever
// stopped it, and then does what is left. Errors: contract.ErrConflict when more rows arrived
// under frozen keys than the plan allows; contract.ErrRefused when the plan's findings stop it;
// what the guard says.
func (e Erasure) Execute(ctx context.Context, p Plan, system string, run Run) ([]Done, error) {
	return nil, notYet("execution")
}

// ReadBack looks with the frozen locators whether anything is left in the system that should not
// be. The fresh discovery is its own: run Fresh's steps before.
func (e Erasure) ReadBack(ctx context.Context, p Plan, system string) ([]Left, error) {
	return nil, notYet("read-back")
}

// Fresh is a search like the one that made the plan, with keys of its own, for the read-back: it
// works although the directory row is gone. Discover its Steps, then ask FreshLeft.
func (e Erasure) Fresh(keys KeyStore) Search { return Search{} }

// FreshLeft lists what a fresh search finds in the system beyond what the plan leaves.
func (e Erasure) FreshLeft(ctx context.Context, p Plan, fresh Search, system string) ([]Left, error) {
	return nil, notYet("read-back")
}

// Hunt looks for strong values of the person in columns of the system that the map marks as free
// text, no longer than limit a table.
func (e Erasure) Hunt(ctx context.Context, p Plan, system string, limit time.Duration) ([]Left, error) {
	return nil, notYet("the hunt")
}

// Orphans lists rows of the system that refer to keys that are gone.
func (e Erasure) Orphans(ctx context.Context, p Plan, system string) ([]Left, error) {
	return nil, notYet("orphans")
}

// Sample shows at most n rows of an entry, with every value masked but for its first character.
func (e Erasure) Sample(ctx context.Context, p Plan, entry Entry, n int) (Sample, error) {
	return Sample{}, notYet("samples")
}

// Preview shows what scrubbing would make of a text of the person's rows.
func Preview(text string, known []string) string { return text }

var _ = datamap.DeletionDelete
