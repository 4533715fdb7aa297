package subject

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/examples/cloud"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/stack/mytest"
	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// exampleErasure is the deletion of one of the example company's people, before anything is done.
func exampleErasure(t *testing.T, login string) Erasure {
	t.Helper()
	files, err := fs.Sub(cloud.Map, "map")
	if err != nil {
		t.Fatal(err)
	}
	m, err := datamap.LoadFS(files)
	if err != nil {
		t.Fatal(err)
	}
	dsn, dsns, open := pgtest.URL(t), map[string]string{}, map[string]systems.System{}
	for _, s := range m.Systems {
		if s.Outside != nil {
			continue
		}
		dsns[s.Name] = dsn
		if s.Driver != "postgres" {
			maria := mytest.New(t)
			dsns[s.Name] = maria.URL
			for _, c := range s.Collections {
				c.Schema = maria.Name // a database of a name of its own, so that tests run side by side
			}
		}
	}
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	if err := example.Load(t.Context(), dsns, example.Options{People: 100, Seed: 3, LogsPerPerson: 4, Now: now}, nil); err != nil {
		t.Fatal(err)
	}
	for _, s := range m.Systems {
		if s.Outside != nil {
			continue
		}
		sys, err := systems.Open(t.Context(), s, dsns[s.Name])
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sys.Close() })
		open[s.Name] = sys
	}
	opener := func(name string) (systems.System, error) { return open[name], nil }
	found, err := FindAccount(t.Context(), m, opener, []dsr.Identity{{Kind: datamap.IdentityAccount, Value: login}})
	if err != nil || len(found) != 1 {
		t.Fatalf("%d accounts, %v", len(found), err)
	}
	return Erasure{Search: Search{Map: m, Account: found[0], Keys: newMemory(), Open: opener}, Frozen: newMemory(), Now: now.AddDate(0, 1, 0),
		Secret: []byte("0123456789abcdef0123456789abcdef")}
}

// TestErasesFromTheExampleCompany goes the whole way over three systems and two engines, with the
// map that readers see.
func TestErasesFromTheExampleCompany(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	e := exampleErasure(t, example.Cast().Plain.Login)
	plan, err := makePlan(ctx, e)
	if err != nil {
		t.Fatalf("%v (%v)", err, cause(err))
	}
	if stops := plan.Stops(); len(stops) > 0 {
		t.Fatalf("the plan stops: %s", strings.Join(stops, "\n"))
	}
	if got := plan.Order[len(plan.Order)-1]; got != "accounts" {
		t.Errorf("the directory's system is not the last: %v", plan.Order)
	}
	actions := map[string]string{}
	for _, entry := range plan.Entries {
		if entry.Rows > 0 {
			actions[entry.ID()+" "+entry.Class] = entry.Action
		}
	}
	for of, want := range map[string]string{"accounts.users own": systems.Anonymise, "accounts.login_logs kept": Keep, "billing.orders kept": Keep,
		"billing.invoices kept": Keep, "support.tickets own": systems.Delete, "support.messages own": systems.Delete} {
		if actions[of] != want {
			t.Errorf("%s: %q, not %q", of, actions[of], want)
		}
	}
	guarded := 0
	run := Run{Guard: func(ctx context.Context, batch func(context.Context) error) error { guarded++; return batch(ctx) }}
	for _, system := range plan.Order {
		if _, err := e.Execute(ctx, plan, system, run); err != nil {
			t.Fatalf("%s: %v (%v)", system, err, cause(err))
		}
	}
	if guarded == 0 {
		t.Error("no batch ran under the guard")
	}
	fresh := e.Fresh(newMemory())
	for _, step := range fresh.Steps() {
		if _, err := fresh.Discover(ctx, step); err != nil {
			t.Fatal(err)
		}
	}
	for _, system := range plan.Order {
		left, err := e.ReadBack(ctx, plan, system)
		if err != nil {
			t.Fatal(err)
		}
		for _, more := range []func() ([]Left, error){
			func() ([]Left, error) { return e.FreshLeft(ctx, plan, fresh, system) },
			func() ([]Left, error) { return e.Orphans(ctx, plan, system) },
		} {
			some, err := more()
			if err != nil {
				t.Fatal(err)
			}
			left = append(left, some...)
		}
		for _, l := range left {
			if !l.Clean() {
				t.Errorf("left: %+v", l)
			}
		}
		if _, err := e.Hunt(ctx, plan, system, time.Minute); err != nil {
			t.Errorf("the hunt: %v", err)
		}
	}
	if _, err := FindAccount(ctx, e.Map, e.Open, []dsr.Identity{{Kind: datamap.IdentityAccount, Value: example.Cast().Plain.Login}}); err != nil {
		t.Error(err)
	}
}

// TestAPlanThatDoesNotFitIsRefused: keys, map, choices and time are those that were signed.
func TestAPlanThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	e := exampleErasure(t, example.Cast().English.Login)
	plan, err := makePlan(ctx, e)
	if err != nil {
		t.Fatal(err)
	}
	again, err := e.Assemble(ctx, []Part{})
	if !fault.Is(err, contract.ErrNotFound) {
		t.Errorf("a plan without parts: %v %v", again.Order, err)
	}
	if err := e.Check(ctx, plan); err != nil {
		t.Fatal(err)
	}
	other := e
	other.Now = e.Now.Add(time.Hour)
	if err := other.Check(ctx, plan); !fault.Is(err, contract.ErrTampered) {
		t.Errorf("another time: %v", err)
	}
	set := plan.Keys[0]
	if err := e.Frozen.PutKeys(ctx, set.Collection, set.Name, 0, [][]string{{fmt.Sprint(99999)}}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Execute(ctx, plan, "support", Run{}); !fault.Is(err, contract.ErrTampered) {
		t.Errorf("other keys: %v", err)
	}
}
