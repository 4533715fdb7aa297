package survey

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack/mytest"
	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
)

// The example company's map fits its schema, and an audit of its people finds what its cast was
// made for and no more.
func TestExampleCompany(t *testing.T) {
	t.Parallel()
	ctx, dsns := patient(t), map[string]string{}
	postgres, mariadb := example.Servers()
	for _, name := range postgres {
		dsns[name] = pgtest.URL(t)
	}
	for _, name := range mariadb {
		dsns[name] = mytest.URL(t)
	}
	if err := example.Load(ctx, dsns, example.Options{People: 300, LogsPerPerson: 3, Seed: 1, Now: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)}, nil); err != nil {
		t.Fatal(err)
	}
	m, err := datamap.Load("../../examples/cloud/map")
	if err != nil {
		t.Fatal(err)
	}
	example.Place(m, dsns)
	open := opener(t, m, dsns)
	findings, err := Check(ctx, m, nil, open, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		t.Errorf("%s: %s", f.Kind, f.Text)
	}
	walks, err := Plan(ctx, m, open, true)
	if err != nil || len(walks) != len(m.Directories()) {
		t.Fatalf("%d walks, %v", len(walks), err)
	}
	for _, w := range walks {
		if len(w.Missed)+len(w.Unknown) > 0 {
			t.Errorf("%s: %+v %+v", w.Directory, w.Missed, w.Unknown)
		}
	}
	all, err := Audit(ctx, m, open, AuditOptions{Rows: 300, Keys: 3}, nil)
	if err != nil {
		t.Fatal(err)
	}
	odd := []string{}
	for _, one := range all {
		if one.Sampled == 0 {
			t.Errorf("%s: no row was sampled", one.Collection)
		}
		if !one.Clean() {
			odd = append(odd, fmt.Sprintf("%s: unreached %t, shared %d, shapes %v%s", one.Collection, one.Unreached.Rows > 0, one.Shared.Rows, one.Shapes, one.Not))
		}
	}
	// Who writes in without an account, or leaves a mobile that two people have, is nobody to find.
	want := []string{"support.tickets: unreached true, shared 0, shapes []", "support.messages: unreached true, shared 0, shapes []"}
	if diff := cmp.Diff(want, odd); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
