package subject

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Somebody whose directory row was deleted is back in a restored table: the columns that would notice them
// give the key that their rows hang on, and by that key alone, without the row, what is back is deleted again,
// and nobody else's.
func TestRestoredWithoutTheirDirectoryRow(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			h := newHousehold(t, e)
			h.fill("orders", "10, 1", "11, 1", "20, 2")
			h.fill("visits", "30, 1, 'seen'", "40, 2, 'seen'")
			first, plan := h.planned("zhang", nil)
			key := first.Account.Key
			h.execute(first, plan, Run{})
			h.want("users", "2 li", "3 wu")
			h.want("orders", "20 2")

			h.fill("orders", "10, 1", "11, 1") // out of the backup
			open := func(string) (systems.System, error) { return h.sys, nil }
			var back []string
			for _, l := range LocatingColumns(h.m.Systems[0]) {
				if l.Directory == nil || l.Collection.Name != "orders" {
					continue
				}
				err := l.Values(t.Context(), h.sys, func(page []string) error {
					back = append(back, page...)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if slices.Sort(back); !slices.Equal(back, []string{"1", "2"}) {
				t.Fatalf("the restored column gives %v", back)
			}
			account, err := RestoredAccount(t.Context(), h.m, open, "s2.users", key, []dsr.Identity{{Kind: datamap.IdentityAccount, Value: "zhang"}})
			if err != nil {
				t.Fatal(err)
			}
			again := Erasure{Search: Search{Map: h.m, Account: account, Keys: newMemory(), Open: open}, Frozen: newMemory(), Now: eraseNow,
				Secret: []byte("0123456789abcdef0123456789abcdef")}
			second, err := makePlan(t.Context(), again)
			if err != nil || len(second.Stops()) > 0 {
				t.Fatalf("%v (%v): %v", err, cause(err), second.Stops())
			}
			before := h.rows("visits")
			h.execute(again, second, Run{})
			h.want("users", "2 li", "3 wu")
			h.want("orders", "20 2")
			if diff := cmp.Diff(before, h.rows("visits")); diff != "" {
				t.Errorf("visits (-before +after):\n%s", diff)
			}
			left, err := again.ReadBack(t.Context(), second, "s2")
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range left {
				if !l.Clean() {
					t.Errorf("left: %+v", l)
				}
			}
		})
	}
}

// Systems that have nothing to do with each other do not wait for each other; the directory's waits for all.
func TestWhichSystemsWait(t *testing.T) {
	t.Parallel()
	m := &datamap.Map{}
	all := map[string]*datamap.Collection{}
	for _, name := range []string{"home", "shop", "desk", "parcels"} {
		s := &datamap.System{Name: name}
		all[name] = &datamap.Collection{System: s, Name: "t"}
		s.Collections = []*datamap.Collection{all[name]}
		m.Systems = append(m.Systems, s)
	}
	link(all["shop"], "a", all["home"], "id")
	link(all["desk"], "a", all["home"], "id")
	link(all["parcels"], "a", all["shop"], "id")
	e := Erasure{Search: Search{Map: m, Account: Account{System: "home"}}}
	got := e.After([]string{"parcels", "shop", "desk", "home"})
	if diff := cmp.Diff([][]string{{}, {"parcels"}, {}, {"parcels", "shop", "desk"}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
