package subject

import (
	"context"
	"time"

	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Account is one directory row: somebody whom a request may mean. All of it but System and
// Collection is personal data; it is kept sealed.
type Account struct {
	System     string   `json:"system"`
	Collection string   `json:"collection"` // name within the system
	Key        []string `json:"key"`        // in the order of the collection's key
	Name       string   `json:"name,omitempty"`
	Lang       string   `json:"lang,omitempty"` // "zh", "en", or empty when the row does not say
	// Channels are the registered addresses, in the map's order of preference.
	Channels []Channel `json:"channels,omitempty"`
	// Reader are the addresses of whoever reads in the person's place: a child's guardian, a relative of
	// the dead. Empty: the person does.
	Reader []Channel `json:"reader,omitempty"`
	// Identities start the search. Those marked Shared never do.
	Identities    []dsr.Identity `json:"identities,omitempty"`
	OwnRecordOnly bool           `json:"own_record_only,omitempty"`
	// Restored: somebody who was erased and is back in a restored system; the directory row may be gone.
	Restored bool `json:"restored,omitempty"`
	// Matched are the kinds of the request's identities that this row carries, in the
	// request's order.
	Matched []string `json:"matched,omitempty"`
}

// Channel is a registered address.
type Channel struct {
	Kind    string    `json:"kind"` // "email" or "mobile"
	Address string    `json:"address"`
	Since   time.Time `json:"since,omitzero"` // zero when the directory does not say
}

// Step is one visit to one system: its collections of one level, which do not depend on each
// other. Levels are done in order; the steps of one level may run side by side.
type Step struct {
	Level       int
	System      string
	Collections []string // names within the system, in map order
}

// Opener gives the System of that name. Whoever makes it closes it.
type Opener func(system string) (systems.System, error)

// KeyStore keeps the keys that lead from one collection to the next, sealed, for one case.
//
// A chunk is put once for each (coll, columns, chunk); putting it again replaces it. A search
// that found no keys puts one empty chunk, and Keys must yield that too (as an empty page): it
// is how "looked and found nothing" differs from "never looked".
type KeyStore interface {
	// PutKeys keeps tuples of the columns of coll ("system.collection").
	PutKeys(ctx context.Context, coll string, columns []string, chunk int, keys [][]string) error
	// TrimKeys drops the chunks from the given number on: what an earlier, longer search left.
	TrimKeys(ctx context.Context, coll string, columns []string, from int) error
	// Keys yields what was put, chunk by chunk.
	Keys(ctx context.Context, coll string, columns []string, yield func(keys [][]string) error) error
}
