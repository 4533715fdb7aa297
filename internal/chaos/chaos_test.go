package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// A short seed: a few cases of each kind, and every fault for some seconds.
func TestChaos(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "habeas-chaos-")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	o := options{seed: 20261125, lasts: 25 * time.Second, cases: len(kinds), dir: dir, src: "../.."}
	if err := run(t.Context(), o, &out); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// The patches of the defects still apply, so that `go run ./internal/chaos defects` finds them.
func TestPatchesApply(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range deliberate {
		if err := apply(t.Context(), root, d.name, false, "--check"); err != nil {
			t.Error(err)
		}
	}
	files, err := patches.ReadDir("testdata/defects")
	if err != nil || len(files) != len(deliberate) {
		t.Errorf("%d patches for %d defects, %v", len(files), len(deliberate), err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, wrong := range []map[string]string{
		{"CHAOS": "3"}, {"CHAOS": "1s"}, {"CHAOS_SEED": "-1"}, {"CHAOS_CASES": "0"}, {"CHAOS_CASES": "many"}, {"CHAOS_KINDS": "acess"}, {"CHAOS_FAULTS": "fire"},
	} {
		if o, err := readOptions(func(name string) string { return wrong[name] }); err == nil {
			t.Errorf("%v is taken: %+v", wrong, o)
		}
	}
	said := map[string]string{"CHAOS": "1h", "CHAOS_SEED": "7", "CHAOS_CASES": "200", "CHAOS_KINDS": "access,deletion"}
	o, err := readOptions(func(name string) string { return said[name] })
	if err != nil || o.seed != 7 || o.cases != 200 || o.rounds() != 20 || !slices.Equal(o.kinds, []string{"access", "deletion"}) {
		t.Errorf("%+v, %v", o, err)
	}
	if got, want := o.again(), "CHAOS_SEED=7 CHAOS=1h0m0s CHAOS_CASES=200 CHAOS_KINDS=access,deletion make chaos"; got != want {
		t.Errorf("to run it again: %q, want %q", got, want)
	}
}

// Each kind has its turn, those of which there is one a round come once, and a seed deals the same again.
func TestDeck(t *testing.T) {
	t.Parallel()
	dealt := map[string]int{}
	for _, k := range deck(60, nil) {
		dealt[k.name]++
	}
	for _, k := range kinds {
		if n := dealt[k.name]; n < 1 || k.single && n != 1 {
			t.Errorf("%s was dealt %d times", k.name, n)
		}
	}
	if got := deck(3, []string{"access"}); len(got) != 3 || got[2].name != "access" {
		t.Errorf("of one kind alone: %v", got)
	}
}

// What is somebody else's is not broken, and the report says which faults that leaves out.
func TestFaultsOnOwnServers(t *testing.T) {
	t.Parallel()
	can, cannot := possible(map[string]string{"TEMPORAL_ADDRESS": "temporal.example:7233", "HABEAS_DATABASE_URL": "postgres://db.example/habeas",
		"HABEAS_SMTP_URL": "smtp://mail.example"}, "", nil)
	if len(can)+len(cannot) != len(faults) {
		t.Errorf("%d faults are possible and %d are not, of %d", len(can), len(cannot), len(faults))
	}
	for _, f := range can {
		if f.what == onTemporal || f.what == onPostgres || f.what == onMail || f.what == onBlobs {
			t.Errorf("%s would be injected into somebody else's server", f.name)
		}
	}
	if can, cannot := possible(nil, "/blobs", nil); len(can) != len(faults) || len(cannot) != 0 {
		t.Errorf("on a stack of one's own: %v", cannot)
	}
}
