package subject

import (
	"bytes"
	"context"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// company is three systems: accounts, billing linked by account id, support linked by ticket.
func company(t testing.TB) *world {
	t.Helper()
	w := newWorld(t, "accounts", "billing", "support")
	users := w.add("accounts", "users", "id", "login", "lang", "email", "email_since", "mobile")
	users.Match = []datamap.Match{{Column: "login", Identity: "account"}, {Column: "email", Identity: "email"}, {Column: "mobile", Identity: "mobile"}}
	users.Directory = &datamap.Directory{Account: "login", Language: "lang", Channels: []datamap.Channel{
		{Kind: "mobile", Column: "mobile"}, {Kind: "email", Column: "email", Since: "email_since"}}}
	contacts := w.add("accounts", "contacts", "id", "account_id", "name", "email")
	contacts.Match = []datamap.Match{{Column: "email", Identity: "email"}}
	contacts.Directory = &datamap.Directory{OwnRecordOnly: true, Channels: []datamap.Channel{{Kind: "email", Column: "email"}}}
	link(contacts, "account_id", users, "id")
	link(w.add("accounts", "logs", "id", "account_id", "ip"), "account_id", users, "id")
	orders := w.add("billing", "orders", "id", "shop", "no", "account_id")
	link(orders, "account_id", users, "id")
	link(w.add("billing", "invoices", "id", "shop", "order_no", "title"), "shop,order_no", orders, "shop,no")
	// Messages stand before tickets in the map: the walk must not depend on its order.
	messages := w.add("support", "messages", "id", "ticket_id", "body")
	tickets := w.add("support", "tickets", "id", "account_id", "email", "mobile")
	tickets.Match = []datamap.Match{{Column: "email", Identity: "email"}, {Column: "mobile", Identity: "mobile"}}
	link(tickets, "account_id", users, "id")
	link(messages, "ticket_id", tickets, "id")

	w.exec(t, "accounts", `
		CREATE TABLE users (id bigint PRIMARY KEY, login text, lang text, email text, email_since timestamptz, mobile text);
		CREATE TABLE contacts (id bigint PRIMARY KEY, account_id bigint, name text, email text);
		CREATE TABLE logs (id bigint PRIMARY KEY, account_id bigint, ip inet);
		INSERT INTO users VALUES
			(1, 'wang', 'zh-CN', 'wang@x.example', '2025-03-01 08:00:00+08', '13800138000'),
			(2, 'li', 'en', 'Li@x.example', NULL, '+86 138 0013 8000'), -- shares the mobile of 1
			(3, 'lee', NULL, 'li@x.example', NULL, NULL),               -- e-mail differs from 2's in case alone
			(4, 'zero', NULL, 'zero@x.example', NULL, 'none'),           -- no row anywhere; no real mobile
			(5, 'twin1', NULL, 'twin@x.example', NULL, NULL), (6, 'twin2', NULL, 'twin@x.example', NULL, NULL);
		INSERT INTO contacts VALUES (51, 1, '陈', 'chen@x.example'), (52, 2, 'Zhao', 'zhao@x.example'), (53, NULL, 'Nobody', NULL);
		INSERT INTO logs VALUES (101, 1, '192.0.2.1'), (102, 1, '192.0.2.2'), (103, 2, '192.0.2.1'), (104, NULL, '192.0.2.1')`)
	w.exec(t, "billing", `
		CREATE TABLE orders (id int PRIMARY KEY, shop text, no int, account_id varchar(20));
		CREATE TABLE invoices (id int PRIMARY KEY, shop text, order_no int, title text);
		INSERT INTO orders VALUES (11, 'a', 1, '1'), (12, 'b', 2, '1'), (13, 'a', 2, '2'), (14, 'a', 3, NULL), (15, 'c', NULL, '1');
		INSERT INTO invoices VALUES (21, 'a', 1, 'x'), (22, 'b', 1, 'x'), (23, 'b', 2, 'x'), (24, 'a', 2, 'x'), (25, 'c', NULL, 'x'), (26, NULL, 1, 'x')`)
	w.exec(t, "support", `
		CREATE TABLE tickets (id int PRIMARY KEY, account_id int, email text, mobile text);
		CREATE TABLE messages (id int PRIMARY KEY, ticket_id int, body text);
		INSERT INTO tickets VALUES
			(31, 1, NULL, NULL), (32, NULL, 'WANG@x.example', NULL), (33, 1, 'wang@x.example', '13800138000'),
			(34, NULL, NULL, '13800138000'), -- of 1 or of 2: of nobody
			(35, NULL, 'Li@x.example', NULL), (36, NULL, 'li@x.example', NULL), (37, NULL, 'LI@x.example', NULL),
			(38, NULL, 'chen@x.example', NULL), (39, NULL, NULL, NULL), (30, NULL, 'twin@x.example', 'none');
		INSERT INTO messages VALUES (41, 31, 'a'), (42, 31, 'b'), (43, 32, 'c'), (44, 33, 'd'), (45, 34, 'e'), (46, 35, 'f'),
			(47, 36, 'g'), (48, 38, 'h'), (49, NULL, 'i')`)
	return w
}

func account(name string) dsr.Identity { return dsr.Identity{Kind: "account", Value: name} }
func email(value string) dsr.Identity  { return dsr.Identity{Kind: "email", Value: value} }

func TestAnswers(t *testing.T) {
	t.Parallel()
	w := company(t)
	for _, person := range []struct {
		what string
		by   dsr.Identity
		want map[string][]string
	}{
		{"wang, who shares a mobile", email("wang@x.example"), map[string][]string{
			"accounts.users": {"1"}, "accounts.contacts": {"51"}, "accounts.logs": {"101", "102"},
			"billing.orders": {"11", "12", "15"}, "billing.invoices": {"21", "23"},
			"support.tickets": {"31", "32", "33"}, "support.messages": {"41", "42", "43", "44"}}},
		{"li, whose e-mail has a twin in another case", account("li"), map[string][]string{
			"accounts.users": {"2"}, "accounts.contacts": {"52"}, "accounts.logs": {"103"},
			"billing.orders": {"13"}, "billing.invoices": {"24"}, "support.tickets": {"35"}, "support.messages": {"46"}}},
		{"the twin", account("lee"), map[string][]string{
			"accounts.users": {"3"}, "support.tickets": {"36"}, "support.messages": {"47"}}},
		{"nobody's rows", account("zero"), map[string][]string{"accounts.users": {"4"}}},
		{"an e-mail on two rows", account("twin1"), map[string][]string{"accounts.users": {"5"}}},
		{"a designated contact", email("chen@x.example"), map[string][]string{"accounts.contacts": {"51"}}},
	} {
		if diff := cmp.Diff(person.want, w.answer(t, w.find(t, person.by))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", person.what, diff)
		}
	}
}

func TestFindAccount(t *testing.T) {
	t.Parallel()
	w := company(t)
	mobile := dsr.Identity{Kind: "mobile", Value: "+8613800138000"}
	for _, look := range []struct {
		what string
		by   []dsr.Identity
		want []string // account name or key, and what matched
	}{
		{"e-mails that differ in case", []dsr.Identity{email("li@x.example")}, []string{"li email", "lee email"}},
		{"a shared mobile", []dsr.Identity{mobile}, []string{"wang mobile", "li mobile"}},
		{"the account's name settles it", []dsr.Identity{mobile, account("li")}, []string{"li mobile account"}},
		{"a mistyped name hides nobody", []dsr.Identity{mobile, account("lii")}, []string{"wang mobile", "li mobile"}},
		{"each of a different person", []dsr.Identity{email("zero@x.example"), account("li")}, []string{"zero email", "li account"}},
		{"a contact", []dsr.Identity{email("chen@x.example")}, []string{"51 email"}},
		{"nobody", []dsr.Identity{email("who@x.example")}, nil},
	} {
		accounts, err := FindAccount(t.Context(), w.m, w.open, look.by)
		if err != nil {
			t.Fatalf("%s: %v", look.what, err)
		}
		var got []string
		for _, a := range accounts {
			name := a.Name
			if name == "" {
				name = a.Key[0]
			}
			for _, kind := range a.Matched {
				name += " " + kind
			}
			got = append(got, name)
		}
		if diff := cmp.Diff(look.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", look.what, diff)
		}
	}
}

func TestAccountIsReadWhole(t *testing.T) {
	t.Parallel()
	w := company(t)
	want := Account{System: "accounts", Collection: "users", Key: []string{"1"}, Name: "wang", Lang: "zh",
		Channels: []Channel{{Kind: "mobile", Address: "+8613800138000"},
			{Kind: "email", Address: "wang@x.example", Since: time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)}},
		// That the two rows write the mobile differently does not make it wang's.
		Identities: []dsr.Identity{account("wang"), email("wang@x.example"), {Kind: "mobile", Value: "+8613800138000", Shared: true}},
		Matched:    []string{"account"}}
	if diff := cmp.Diff(want, w.find(t, account("wang"))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for name, want := range map[string][]dsr.Identity{
		"li":    {account("li"), {Kind: "email", Value: "Li@x.example", Exact: true}, {Kind: "mobile", Value: "+8613800138000", Shared: true}},
		"zero":  {account("zero"), email("zero@x.example"), {Kind: "mobile", Value: "none", Shared: true}},
		"twin1": {account("twin1"), {Kind: "email", Value: "twin@x.example", Shared: true}},
	} {
		if diff := cmp.Diff(want, w.find(t, account(name)).Identities); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	w := company(t)
	got := Steps(w.m, w.find(t, account("wang")))
	want := []Step{
		{0, "accounts", []string{"users"}}, {1, "accounts", []string{"contacts", "logs"}}, {1, "billing", []string{"orders"}},
		{1, "support", []string{"tickets"}}, {2, "billing", []string{"invoices"}}, {2, "support", []string{"messages"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	got = Steps(w.m, w.find(t, email("chen@x.example")))
	if diff := cmp.Diff([]Step{{0, "accounts", []string{"contacts"}}}, got); diff != "" {
		t.Errorf("a contact (-want +got):\n%s", diff)
	}
	// What no link and no identity leads to is no step; what hangs on it neither.
	island := w.add("billing", "island", "id", "x")
	link(w.add("billing", "reef", "id", "x"), "x", island, "id")
	for _, s := range Steps(w.m, w.find(t, account("wang"))) {
		for _, name := range s.Collections {
			if name == "island" || name == "reef" {
				t.Errorf("%s cannot be reached", name)
			}
		}
	}
}

// A search that skips a level must fail: its answer would look whole.
func TestUndiscoveredKeysAreRefused(t *testing.T) {
	t.Parallel()
	w := company(t)
	acc := w.find(t, account("wang"))
	var j, v bytes.Buffer
	orders := w.m.System("billing").Collection("orders")
	if _, err := Collect(t.Context(), w.m, w.sys["billing"], orders, acc, newMemory(), &j, &v); !fault.Is(err, contract.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// Links that lead back are followed until nothing new is found: a thread of answers, down and up.
func TestThreads(t *testing.T) {
	t.Parallel()
	w := company(t)
	w.exec(t, "support", `CREATE TABLE posts (id int PRIMARY KEY, account_id int, answers int);
		INSERT INTO posts VALUES (1, 2, NULL), (2, 1, 1), (3, 2, 2), (4, 2, 3), (5, 2, 4), (6, 2, 1), (7, NULL, 7), (8, 2, 9), (9, 2, 8)`)
	posts := w.add("support", "posts", "id", "account_id", "answers")
	link(posts, "account_id", w.m.System("accounts").Collection("users"), "id")
	link(posts, "answers", posts, "id")
	for follow, want := range map[string][]string{
		datamap.FollowNone: {"2"}, datamap.FollowDown: {"2", "3", "4", "5"}, datamap.FollowUp: {"1", "2"},
	} {
		posts.Links[1].Follow = follow
		if diff := cmp.Diff(want, w.answer(t, w.find(t, account("wang")))["support.posts"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", follow, diff)
		}
	}
}

// A circle that needs more rounds than there are stops the case: it is never cut short in silence.
func TestCirclesThroughSystemsThatDoNotClose(t *testing.T) {
	t.Parallel()
	w := company(t)
	w.exec(t, "support", `CREATE TABLE a (id int PRIMARY KEY, b int); INSERT INTO a SELECT g, g - 1 FROM generate_series(1, 20) g`)
	w.exec(t, "billing", `CREATE TABLE b (id int PRIMARY KEY, a int); INSERT INTO b SELECT g, g FROM generate_series(1, 20) g`)
	a, b := w.add("support", "a", "id", "b"), w.add("billing", "b", "id", "a")
	link(a, "b", b, "id")
	link(b, "a", a, "id")
	link(a, "id", w.m.System("accounts").Collection("users"), "id")
	acc := w.find(t, account("wang"))
	for rounds, want := range map[int]int64{0: -1, 25: 20} {
		s := Search{Map: w.m, Account: acc, Keys: newMemory(), Open: w.open, Rounds: rounds}
		rows, failed := int64(0), error(nil)
		for _, step := range s.Steps() {
			found, err := s.Discover(t.Context(), step)
			if failed = err; failed != nil {
				break
			}
			rows = max(rows, found.Rows["support.a"])
		}
		switch {
		case want < 0 && !(fault.Is(failed, contract.ErrMapMismatch) && strings.Contains(failed.Error(), "8 rounds")):
			t.Errorf("%d rounds: %d rows, %v", rounds, rows, failed)
		case want >= 0 && (failed != nil || rows != want):
			t.Errorf("%d rounds: %d rows, %v", rounds, rows, failed)
		}
	}
}

// What hangs on a system that was left out is left out with it, and said; the rest is whole.
func TestLeftOut(t *testing.T) {
	t.Parallel()
	w := company(t)
	ratings := w.add("accounts", "ratings", "id", "ticket_id")
	link(ratings, "ticket_id", w.m.System("support").Collection("tickets"), "id")
	w.exec(t, "accounts", "CREATE TABLE ratings (id int PRIMARY KEY, ticket_id int)")
	s := Search{Map: w.m, Account: w.find(t, account("wang")), Keys: newMemory(), Open: w.open, Without: []string{"support"}}
	left, err := s.LeftOut()
	if diff := cmp.Diff([]string{"accounts.ratings", "support.messages", "support.tickets"}, left); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	for _, step := range s.Steps() {
		if step.System == "support" {
			continue
		}
		found, err := s.Discover(t.Context(), step)
		if err != nil {
			t.Fatal(err)
		}
		if _, there := found.Rows["accounts.ratings"]; there {
			t.Error("ratings hang on support and were looked for")
		}
	}
	var j, v bytes.Buffer
	if _, err := s.Collect(t.Context(), ratings, &j, &v); !fault.Is(err, contract.ErrNotFound) {
		t.Errorf("ratings: %v", err)
	}
	if n, err := s.Collect(t.Context(), w.m.System("billing").Collection("invoices"), &j, &v); err != nil || n != 2 {
		t.Errorf("%d invoices, %v", n, err)
	}
}

// The same calls for a person with many rows as for one with a few. HABEAS_TEST_ROWS=1000000 is
// the full size.
func TestCallsDoNotDependOnRows(t *testing.T) {
	t.Parallel()
	w := company(t)
	rows := 30_000 // three pages of keys
	if s := os.Getenv("HABEAS_TEST_ROWS"); s != "" {
		rows, _ = strconv.Atoi(s)
	}
	series := " FROM generate_series(1, " + strconv.Itoa(rows) + ") g;"
	w.exec(t, "accounts", "INSERT INTO logs SELECT 1000 + g, 2, '192.0.2.9'"+series)
	w.exec(t, "billing", "INSERT INTO orders SELECT 1000 + g, 's', g, '2'"+series+"INSERT INTO invoices SELECT 1000 + g, 's', g, 't'"+series)
	few, many := w.find(t, account("wang")), w.find(t, account("li"))
	run := func(acc Account, want int) map[string]int {
		w.mu.Lock()
		clear(w.calls)
		w.mu.Unlock()
		if n := len(w.answer(t, acc)["billing.invoices"]); n != want {
			t.Errorf("%d invoices, want %d", n, want)
		}
		return maps.Clone(w.calls)
	}
	if diff := cmp.Diff(run(few, 2), run(many, rows+1)); diff != "" {
		t.Errorf("calls (-few +many):\n%s", diff)
	}
}

// A second search that finds less leaves nothing of the first behind.
func TestDiscoverReplacesKeys(t *testing.T) {
	t.Parallel()
	w := company(t)
	w.exec(t, "billing", "INSERT INTO orders SELECT 1000 + g, 's', g, '1' FROM generate_series(1, 10001) g; INSERT INTO invoices VALUES (99, 's', 7, 'x')")
	acc, ks := w.find(t, account("wang")), newMemory()
	invoices := w.m.System("billing").Collection("invoices")
	for _, want := range []int64{3, 2} {
		for _, step := range Steps(w.m, acc) {
			if _, err := Discover(t.Context(), w.m, w.sys[step.System], step, acc, ks); err != nil {
				t.Fatal(err)
			}
		}
		var j, v bytes.Buffer
		if n, err := Collect(t.Context(), w.m, w.sys["billing"], invoices, acc, ks, &j, &v); err != nil || n != want {
			t.Errorf("%d invoices, %v; want %d", n, err, want)
		}
		w.exec(t, "billing", "UPDATE orders SET account_id = '2' WHERE id > 1000")
	}
}

// Discover may run twice, and a System that fails is heard of.
func TestDiscoverAgainAndDown(t *testing.T) {
	t.Parallel()
	w := company(t)
	acc, ks := w.find(t, account("wang")), newMemory()
	step := Steps(w.m, acc)[0]
	for range 2 {
		counts, err := Discover(t.Context(), w.m, w.sys["accounts"], step, acc, ks)
		if diff := cmp.Diff(map[string]int64{"accounts.users": 1}, counts); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	}
	down, err := systems.Open(t.Context(), w.m.System("accounts"), "postgres://nobody@127.0.0.1:1/none?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer down.Close()
	if _, err := Discover(t.Context(), w.m, down, step, acc, ks); !fault.Is(err, contract.ErrUnavailable) {
		t.Errorf("down: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := FindAccount(gone, w.m, w.open, []dsr.Identity{account("wang")}); err == nil {
		t.Error("a search that was given up gave an answer")
	}
}
