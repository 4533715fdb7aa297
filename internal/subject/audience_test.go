package subject

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// listed makes every hop and gives who was found, as "directory key address", sorted and each once.
func (w *world) listed(t *testing.T, c *datamap.Collection, where *datamap.Condition) (people []string, loose int64) {
	t.Helper()
	a := Audience{Map: w.m, Collection: c, Where: where, Keys: newMemory(), Open: func(name string) (systems.System, error) {
		return w.sys[name].(counted).System, nil
	}}
	hops, err := a.Hops()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // a hop may be made again
		for _, h := range hops {
			err := a.Visit(t.Context(), h, func(some []Concerned) error {
				if len(some) > 0 && h.Gives(a) == false && some[0].Account.System != "" {
					t.Errorf("a hop in %s gave people", h.System)
				}
				for _, p := range some {
					address := ""
					for _, ch := range p.Account.Channels {
						address += " " + ch.Address
					}
					people = append(people, p.Account.System+" "+strings.Join(p.Account.Key, ",")+address)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if loose, err = a.Loose(t.Context()); err != nil {
		t.Fatal(err)
	}
	slices.Sort(people)
	return slices.Compact(people), loose
}

// Everybody behind the rows of a collection is found: across two systems, by an identity where the
// link is empty, and by the address alone where nobody has an account.
func TestAudience(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "accounts", "shop")
	w.exec(t, "accounts", `CREATE TABLE users (id int PRIMARY KEY, mail text); INSERT INTO users VALUES
		(1, 'one@p.example'), (2, NULL), (3, 'Three@p.example'), (4, 'four@p.example'), (5, 'five@p.example')`)
	w.exec(t, "shop", `CREATE TABLE orders (id int PRIMARY KEY, user_id int, at date); INSERT INTO orders VALUES
			(10, 1, '2026-01-01'), (11, 1, '2026-01-02'), (12, 2, '2026-01-03'), (13, 5, '2025-01-01'), (14, NULL, '2026-01-03');
		CREATE TABLE items (id int PRIMARY KEY, order_id int, sku text); INSERT INTO items VALUES (100, 10, 'a'), (101, 11, 'b'), (102, 12, 'a'), (103, 13, 'a'), (104, NULL, 'a');
		CREATE TABLE tickets (id int PRIMARY KEY, user_id int, mail text); INSERT INTO tickets VALUES
			(20, 4, 'other@p.example'), (21, NULL, 'three@p.example'), (22, NULL, 'stranger@q.example'), (23, NULL, NULL);
		CREATE TABLE parcels (id int PRIMARY KEY)`)
	users := w.add("accounts", "users", "id", "mail")
	users.Directory = &datamap.Directory{Channels: []datamap.Channel{{Kind: "email", Column: "mail"}}}
	users.Match = []datamap.Match{{Column: "mail", Identity: "email"}}
	orders := w.add("shop", "orders", "id", "user_id", "at")
	items := w.add("shop", "items", "id", "order_id", "sku")
	tickets := w.add("shop", "tickets", "id", "user_id", "mail")
	tickets.Match = []datamap.Match{{Column: "mail", Identity: "email"}}
	parcels := w.add("shop", "parcels", "id")
	link(orders, "user_id", users, "id")
	link(items, "order_id", orders, "id")
	link(tickets, "user_id", users, "id")
	eq := func(column, op, value string) *datamap.Condition {
		return &datamap.Condition{Column: column, Op: op, Values: []string{value}}
	}
	for _, tc := range []struct {
		name  string
		c     *datamap.Collection
		where *datamap.Condition
		want  []string
		loose int64
	}{
		{"a directory", users, eq("id", "le", "2"), []string{"accounts 1 one@p.example", "accounts 2"}, 0},
		{"one link", orders, eq("at", "ge", "2026-01-01"), []string{"accounts 1 one@p.example", "accounts 2"}, 1},
		{"two links and two systems", items, eq("sku", "eq", "a"), []string{"accounts 1 one@p.example", "accounts 2", "accounts 5 five@p.example"}, 1},
		{"nobody", items, eq("sku", "eq", "z"), nil, 0},
		{"identities beside the link", tickets, nil, []string{" " + " stranger@q.example", " " + " three@p.example", "accounts 3 Three@p.example", "accounts 4 four@p.example"}, 1},
	} {
		got, loose := w.listed(t, tc.c, tc.where)
		if diff := cmp.Diff(tc.want, got); diff != "" || loose != tc.loose {
			t.Errorf("%s: %s; %d loose, want %d", tc.name, diff, loose, tc.loose)
		}
	}
	_, err := Audience{Map: w.m, Collection: parcels}.Hops()
	if !fault.Is(err, contract.ErrMapMismatch) {
		t.Errorf("a collection without a way up: %v", err)
	}
}
