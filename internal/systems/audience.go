package systems

import (
	"context"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Audience is what a mass notice asks of a system: the directory rows of many people at once. A
// driver's System fulfils it where the engine can. Errors are classified as those of a System.
type Audience interface {
	// People yields the selected rows of a directory, each once, in pages of at most page rows and
	// in no order, from one snapshot and in constant memory. A Row holds what Lookup gives, and the
	// columns in more besides. A clause of the selection that has nothing but When is fulfilled by
	// every row that fulfils it.
	People(ctx context.Context, sel Selection, more []string, page int, yield func([]Row) error) error
}

// AudienceOf gives that view of a system. Error: contract.ErrBadInput when its driver has none.
func AudienceOf(sys *datamap.System, opened System) (Audience, error) {
	if a, ok := opened.(Audience); ok {
		return a, nil
	}
	return nil, fault.Newf(contract.ErrBadInput, "system %s: the driver %q cannot list many people; name them in a CSV", sys.Name, sys.Driver)
}
