package stack

import (
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func TestTemporalVersions(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)":     true,
		"temporal version 2.0.0 (Server 1.40.0, UI 3.0.0)":      true,
		"temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)": true,
		"temporal version 0.0.0-DEV (Server 1.24.2, UI 2.28.0)": false,
		"temporal version 1.4.1 (Server 1.28.0, UI 2.39.0)":     false,
		"something else": false,
	} {
		if got := newEnough([]byte(version)); got != want {
			t.Errorf("%q is new enough: %v, want %v", version, got, want)
		}
	}
}

// Not parallel: it changes the environment.
func TestMissingToolsSayWhatToType(t *testing.T) {
	t.Setenv("HABEAS_TEMPORAL_CLI", "/nowhere/temporal")
	if _, err := FindTemporal(t.Context()); !fault.Is(err, contract.ErrBadInput) {
		t.Errorf("a wrong HABEAS_TEMPORAL_CLI: %v", err)
	}
	t.Setenv("HABEAS_PG_BIN", t.TempDir())
	_, err := Up(t.Context(), Options{Dir: folder(t)})
	if f := fault.As(err); f.Type != contract.ErrUnavailable || !strings.Contains(f.Hint, "make tools") {
		t.Errorf("without PostgreSQL: %v, hint %q", err, f.Hint)
	}
}
