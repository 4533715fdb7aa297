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
