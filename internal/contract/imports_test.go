package contract_test

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

const module = "github.com/habeas-dsr/habeas/"

// may is the house's import table (docs/how-it-works.md): what a package may import of ours,
// directly, outside tests. A package that is not in it may import any internal one, but is
// imported only by those named in mains.
var may = map[string][]string{
	"internal/contract":         {},
	"internal/fault":            {"internal/contract"},
	"internal/dsr":              {"internal/contract", "internal/fault"},
	"internal/jurisdiction":     {"internal/contract", "internal/fault"},
	"internal/incident":         {"internal/contract", "internal/fault", "internal/datamap", "internal/jurisdiction"},
	"internal/datamap":          {"internal/contract", "internal/fault"},
	"internal/config":           {"internal/contract", "internal/fault"},
	"internal/seal":             {"internal/contract", "internal/fault"},
	"internal/blobs":            {"internal/contract", "internal/fault"},
	"internal/telemetry":        {},
	"internal/letters":          {"internal/contract", "internal/fault", "internal/dsr", "internal/datamap"},
	"internal/export":           {"internal/contract", "internal/fault", "internal/dsr", "internal/datamap", "internal/seal"},
	"internal/certificate":      {"internal/contract", "internal/fault", "internal/datamap", "internal/seal"},
	"internal/casefile":         {"internal/contract", "internal/fault", "internal/dsr", "internal/seal"},
	"internal/systems":          {"internal/contract", "internal/fault", "internal/dsr", "internal/datamap"},
	"internal/systems/postgres": {"internal/contract", "internal/fault", "internal/dsr", "internal/datamap", "internal/systems"},
	"internal/systems/mysql":    {"internal/contract", "internal/fault", "internal/dsr", "internal/datamap", "internal/systems"},
	"internal/systems/opendsr":  {"internal/contract", "internal/fault", "internal/dsr", "internal/datamap"},
	"internal/systems/webhook":  {"internal/contract", "internal/fault", "internal/dsr"},
	"internal/processor":        {"internal/contract", "internal/fault", "internal/dsr", "internal/datamap", "internal/systems/opendsr", "internal/casefile", "internal/desk"},
	"internal/subject":          {"internal/contract", "internal/fault", "internal/dsr", "internal/datamap", "internal/systems"},
	"internal/survey":           {"internal/contract", "internal/fault", "internal/dsr", "internal/datamap", "internal/systems", "internal/subject"},
	"internal/retention":        {"internal/contract", "internal/fault", "internal/dsr", "internal/datamap", "internal/jurisdiction", "internal/systems", "internal/subject"},
	"internal/mailing":          {"internal/contract", "internal/fault", "internal/casefile", "internal/letters"},
	"internal/evidence":         {"internal/contract", "internal/fault"},
	"internal/bounces":          {"internal/contract", "internal/fault", "internal/casefile", "internal/letters", "internal/announce"},
	"internal/announce":         {"internal/contract", "internal/fault", "internal/datamap", "internal/jurisdiction", "internal/incident", "internal/letters", "internal/seal"},
	"internal/clocks":           {"internal/contract", "internal/fault", "internal/dsr", "internal/jurisdiction", "internal/casefile"},
	"internal/desk": {"internal/contract", "internal/dsr", "internal/jurisdiction", "internal/clocks", "internal/datamap", "internal/systems", "internal/subject",
		"internal/casefile", "internal/certificate", "internal/seal", "internal/letters", "internal/export", "internal/blobs", "internal/fault",
		"internal/incident", "internal/announce", "internal/evidence", "internal/retention"},
	"internal/chaos/audit": {"internal/contract"},
	"internal/portal":      {"internal/desk", "internal/export", "internal/seal", "internal/fault", "internal/contract", "internal/datamap", "internal/dsr"},
	"workflows":            {"internal/contract", "internal/dsr", "internal/jurisdiction"},
	"activities": {"internal/contract", "internal/dsr", "internal/fault", "internal/jurisdiction", "internal/clocks", "internal/datamap", "internal/systems", "internal/systems/opendsr", "internal/systems/webhook", "internal/subject",
		"internal/casefile", "internal/certificate", "internal/seal", "internal/letters", "internal/export", "internal/blobs", "internal/config",
		"internal/incident", "internal/announce", "internal/mailing", "internal/retention"},
}

// never is what a package may not import of anybody's.
var never = map[string][]string{
	"internal/contract":     {"database/sql", "net"},
	"internal/dsr":          {"database/sql", "net", "go.temporal.io/sdk/client"},
	"internal/jurisdiction": {"database/sql", "net", "go.temporal.io/sdk/client"},
	"workflows":             {"database/sql", "net", "os", "github.com/lib/pq", "github.com/jmoiron/sqlx", "github.com/emersion/go-smtp"},
	"worker":                {module + "internal/stack", module + "internal/portal", module + "starter"},
	"starter":               {module + "activities", module + "workflows"},
}

func TestTheHouseStandsAsDrawn(t *testing.T) {
	t.Parallel()
	list, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedImports, Dir: "../.."}, "./...")
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 15 {
		t.Fatalf("only %d packages were found", len(list))
	}
	for _, p := range list {
		name := strings.TrimPrefix(p.PkgPath, module)
		for _, banned := range []string{"util", "utils", "common", "helpers", "models"} {
			if slices.Contains(strings.Split(name, "/"), banned) {
				t.Errorf("%s: no package is called %s", name, banned)
			}
		}
		allowed, listed := may[name]
		for path := range p.Imports {
			if ours, ok := strings.CutPrefix(path, module); ok && listed && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s, which the table does not allow", name, ours)
			}
			if slices.Contains(never[name], path) {
				t.Errorf("%s imports %s, which it never may", name, path)
			}
		}
	}
}
