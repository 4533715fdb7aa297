package survey

import (
	"context"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Opener gives the System of that name. Whoever makes it closes it.
type Opener func(ctx context.Context, system string) (systems.System, error)

// Progress hears how much of the work is done, and at what it is; it may be nil. Numbers are in
// units of the tool's own (tables, or bytes of them).
type Progress func(done, total int64, what string)

func (p Progress) at(done, total int64, what string) {
	if p != nil {
		p(done, total, what)
	}
}

// inspector opens a system for the tools.
func inspector(ctx context.Context, s *datamap.System, open Opener) (systems.System, systems.Inspector, error) {
	opened, err := open(ctx, s.Name)
	if err != nil {
		return nil, nil, err
	}
	i, err := systems.Inspect(s, opened)
	return opened, i, err
}

// short is the text of an error that may be shown.
func short(err error) string { return fault.As(err).Text }
