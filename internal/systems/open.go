package systems

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Opener makes a System of one driver. It checks the DSN but need not reach the system yet.
type Opener func(ctx context.Context, sys *datamap.System, dsn string) (System, error)

var (
	driversMu sync.RWMutex
	drivers   = map[string]Opener{}
)

// Register makes a driver known under the name that the map uses. Driver packages call it when
// they are imported; a name taken twice is a mistake in the program and panics.
func Register(name string, open Opener) {
	driversMu.Lock()
	defer driversMu.Unlock()
	if _, taken := drivers[name]; taken {
		panic("systems: driver " + name + " registered twice")
	}
	drivers[name] = open
}

// Drivers lists the names that a map may use in this program, sorted.
func Drivers() []string {
	driversMu.RLock()
	defer driversMu.RUnlock()
	return slices.Sorted(maps.Keys(drivers))
}

// Open makes the System that the map describes. Errors: contract.ErrBadInput for a driver that
// this program does not have and for a DSN that cannot be read; the DSN is never in the text.
func Open(ctx context.Context, sys *datamap.System, dsn string) (System, error) {
	driversMu.RLock()
	open, known := drivers[sys.Driver]
	driversMu.RUnlock()
	if !known {
		return nil, fault.Newf(contract.ErrBadInput, "system %s: there is no driver %q", sys.Name, sys.Driver).
			WithHint("drivers of this program: " + strings.Join(Drivers(), ", "))
	}
	return open(ctx, sys, dsn)
}

// DSNVariable is the environment variable that says how the system of that name is reached.
func DSNVariable(system string) string {
	return "HABEAS_DSN_" + strings.ToUpper(strings.ReplaceAll(system, "-", "_"))
}

// DSN reads that variable through getenv. Error: contract.ErrBadInput when it is empty.
func DSN(system string, getenv func(string) string) (string, error) {
	name := DSNVariable(system)
	if dsn := getenv(name); dsn != "" {
		return dsn, nil
	}
	return "", fault.Newf(contract.ErrBadInput, "system %s: %s is not set", system, name).
		WithHint("set it to the connection URL of the database, such as postgres://user@host/database")
}

type refKey struct{}

// WithRef says for which case (or notice, or run) the calls under this context are made. The
// driver shows it to the database as "habeas <ref>", so that its operator sees who is reading.
func WithRef(ctx context.Context, ref contract.Ref) context.Context {
	return context.WithValue(ctx, refKey{}, ref)
}

// SessionName is what a session calls itself: "habeas <ref>", or "habeas" without one.
func SessionName(ctx context.Context) string {
	if ref, ok := ctx.Value(refKey{}).(contract.Ref); ok && ref != "" {
		return "habeas " + ref.String()
	}
	return "habeas"
}
