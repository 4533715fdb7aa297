package example_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/example"
)

// counts is how many rows of each collection somebody has, empty ones left out.
func counts(rows example.Rows) map[string]int {
	found := map[string]int{}
	for collection, list := range rows {
		if len(list) > 0 {
			found[collection] = len(list)
		}
	}
	return found
}

// The answers are written down by hand from the cast's story.
func TestExpectedOfTheCast(t *testing.T) {
	t.Parallel()
	dsn, _ := load(t, example.Options{People: 2_000, Seed: 1, Now: now})
	cast := example.Cast()
	expected := func(login string) example.Rows {
		rows, err := example.Expected(testContext(t), dsn, login)
		if err != nil {
			t.Fatalf("%s: %v", login, err)
		}
		if len(rows) != len(example.Tables()) {
			t.Errorf("%s: %d collections", login, len(rows))
		}
		return rows
	}
	for who, want := range map[string]map[string]int{
		cast.Plain.Login: {"accounts.users": 1, "accounts.contacts": 1, "accounts.login_logs": 6, "accounts.request_logs": 12,
			"billing.orders": 3, "billing.invoices": 2, "support.tickets": 3},
		cast.English.Login: {"accounts.users": 1, "accounts.contacts": 1, "accounts.login_logs": 4, "accounts.request_logs": 9,
			"billing.orders": 2, "billing.invoices": 2, "support.tickets": 2},
		// Of two tickets one carries the shared mobile alone: it is nobody's.
		cast.SharedMobileA.Login: {"accounts.users": 1, "accounts.login_logs": 2, "accounts.request_logs": 5,
			"billing.orders": 1, "billing.invoices": 1, "support.tickets": 1},
		cast.SharedMobileB.Login: {"accounts.users": 1, "accounts.contacts": 1, "accounts.login_logs": 3, "accounts.request_logs": 4,
			"billing.orders": 1, "billing.invoices": 1, "support.tickets": 1},
		// Of three tickets one is written in a third case: it is nobody's.
		cast.CaseTwinA.Login: {"accounts.users": 1, "accounts.login_logs": 2, "accounts.request_logs": 3,
			"billing.orders": 1, "billing.invoices": 1, "support.tickets": 2},
		cast.CaseTwinB.Login: {"accounts.users": 1, "accounts.login_logs": 3, "accounts.request_logs": 6,
			"billing.orders": 2, "billing.invoices": 2, "support.tickets": 2},
		cast.NoEmail.Login: {"accounts.users": 1, "accounts.login_logs": 1, "accounts.request_logs": 2,
			"billing.orders": 1, "billing.invoices": 1, "support.tickets": 2},
		cast.NoData.Login: {"accounts.users": 1},
		// Of two tickets one carries the e-mail that a contact has too: it is nobody's.
		cast.AlsoContact.Login: {"accounts.users": 1, "accounts.login_logs": 2, "accounts.request_logs": 3,
			"billing.orders": 1, "billing.invoices": 1, "support.tickets": 1},
	} {
		got := counts(expected(who))
		// How many items and messages hang on them is thrown.
		if (got["billing.order_items"] == 0) != (want["billing.orders"] == 0) || (got["support.messages"] == 0) != (want["support.tickets"] == 0) {
			t.Errorf("%s: %d items, %d messages", who, got["billing.order_items"], got["support.messages"])
		}
		delete(got, "billing.order_items")
		delete(got, "support.messages")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", who, diff)
		}
	}
	if total := expected(cast.Plain.Login).Count(); total < 28 {
		t.Errorf("Plain has %d rows in all", total)
	}
	if _, err := example.Expected(testContext(t), dsn, "nobody"); !errors.Is(err, example.ErrNoSuchPerson) {
		t.Errorf("nobody: %v", err)
	}
}

func TestExpectedContact(t *testing.T) {
	t.Parallel()
	dsn, _ := load(t, example.Options{People: 200, Seed: 1, LogsPerPerson: 1, Now: now})
	rows, err := example.ExpectedContact(testContext(t), dsn, example.Cast().Contact.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"accounts.contacts": 1}, counts(rows)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(string(rows["accounts.contacts"][0].JSON), example.Cast().Contact.Email) {
		t.Error("another row was given")
	}
	if _, err := example.ExpectedContact(testContext(t), dsn, 1<<40); !errors.Is(err, example.ErrNoSuchPerson) {
		t.Errorf("nobody: %v", err)
	}
}

// Nobody's row is anybody else's: the rows of all people are disjoint.
func TestExpectedNeverOverlaps(t *testing.T) {
	t.Parallel()
	dsn, db := load(t, example.Options{People: 120, Seed: 4, LogsPerPerson: 2, Now: now})
	owner := map[string]string{}
	rows, err := db.QueryContext(testContext(t), `SELECT login_name FROM accounts.users`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var login string
		if err := rows.Scan(&login); err != nil {
			t.Fatal(err)
		}
		theirs, err := example.Expected(testContext(t), dsn, login)
		if err != nil {
			t.Fatal(err)
		}
		for collection, list := range theirs {
			for _, row := range list {
				key := collection + " " + strings.Join(row.Key, "/")
				if other, taken := owner[key]; taken {
					t.Errorf("%s is %s's and %s's", key, other, login)
				}
				owner[key] = login
			}
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
