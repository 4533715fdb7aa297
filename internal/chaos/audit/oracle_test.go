package audit

import (
	"strings"
	"testing"
	"time"
)

const exampleMap = "../../../examples/cloud/map"

func row(pairs ...string) Row {
	r := Row{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "NULL" {
			r[pairs[i]] = nil
			continue
		}
		r[pairs[i]] = &pairs[i+1]
	}
	return r
}

func (r Row) with(pairs ...string) Row {
	out := Row{}
	for name, v := range r {
		out[name] = v
	}
	for name, v := range row(pairs...) {
		out[name] = v
	}
	return out
}

// small is a company of two people, seen now.
func small(t *testing.T, now time.Time) *oracle {
	t.Helper()
	collections, err := readMap(exampleMap)
	if err != nil {
		t.Fatal(err)
	}
	at := func(months int) string { return now.AddDate(0, -months, 0).Format(time.RFC3339) }
	user := row("id", "1", "login_name", "linwan", "mobile", "+86 139 0000 0001", "mobile_since", at(20), "email", "lin@mail.example", "email_since", at(20),
		"real_name", "林晚舟", "language", "zh", "cookie_id", "c-1", "marketing_opt_in", "true", "created_at", at(20))
	return &oracle{collections: collections, now: now, swept: map[string]bool{"accounts": true, "support": true}, before: Rows{
		"accounts.users":      {"1": user, "2": user.with("id", "2", "login_name", "jane", "mobile", "13900000002", "email", "jane@post.example")},
		"accounts.login_logs": {"1": row("id", "1", "user_id", "1", "at", at(1)), "2": row("id", "2", "user_id", "1", "at", at(8)), "3": row("id", "3", "user_id", "2", "at", at(6))},
		"support.tickets": {"1": row("id", "1", "account_id", "NULL", "contact_email", "Lin@Mail.example", "contact_mobile", "139-0000-0001", "status", "open", "closed_at", "NULL"),
			"2": row("id", "2", "account_id", "2", "contact_email", "NULL", "contact_mobile", "NULL", "status", "closed", "closed_at", at(30))},
		"support.messages": {"1": row("id", "1", "ticket_id", "1"), "2": row("id", "2", "ticket_id", "2")},
		"billing.orders":   {"1": row("id", "1", "account_id", "1", "created_at", "2026-01-01 10:00:00")},
	}}
}

func TestWhoseRowsTheyAre(t *testing.T) {
	t.Parallel()
	o := small(t, time.Now())
	mine, _, err := o.mine("linwan")
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"accounts.users": "1", "accounts.login_logs": "1 2", "support.tickets": "1", "support.messages": "1", "billing.orders": "1"} {
		for key := range o.before[id] {
			if mine[id][key] != strings.Contains(want, key) {
				t.Errorf("%s %s is theirs: %v", id, key, mine[id][key])
			}
		}
	}
	if _, _, err := o.mine("nobody"); err == nil {
		t.Error("somebody whom nobody knows has rows")
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	o := small(t, time.Now())
	user, ticket := o.before["accounts.users"]["1"], o.before["support.tickets"]["1"]
	logs := o.before["accounts.login_logs"]
	wish := Wish{"user.contact.phone_number", "13900000001", "13700190001"}
	gone := user.with("login_name", "x", "mobile", "y", "mobile_since", user.text("mobile_since")[:4]+"-01-01T00:00:00+00:00", "email", "NULL", "email_since", "NULL",
		"real_name", "-", "cookie_id", "z", "marketing_opt_in", "false", "created_at", user.text("created_at")[:4]+"-01-01T00:00:00+00:00")
	for _, test := range []struct {
		name, id      string
		before, after Row
		fate          string
		busy          bool
		wrong         string // a part of what is said; empty: nothing is wrong
	}{
		{"untouched", "accounts.users", user, user, Kept, false, ""},
		{"changed for nobody", "accounts.users", user, user.with("language", "en"), Kept, false, "another language"},
		{"gone for nobody", "accounts.users", user, nil, Kept, false, "is gone"},
		{"expired and swept", "accounts.login_logs", logs["2"], nil, Kept, false, ""},
		{"expired and left", "accounts.login_logs", logs["2"], logs["2"], Kept, false, "time is over"},
		{"expired and left, of an open case", "accounts.login_logs", logs["2"], logs["2"], Kept, true, ""},
		{"swept too early", "accounts.login_logs", logs["1"], nil, Kept, false, "is gone"},
		{"on its day", "accounts.login_logs", logs["3"], nil, Kept, false, ""},
		{"a closed ticket's time", "support.tickets", o.before["support.tickets"]["2"], o.before["support.tickets"]["2"], Kept, false, "time is over"},
		{"an open ticket's time", "support.tickets", ticket, nil, Kept, false, "is gone"},
		{"erased", "support.tickets", ticket, nil, Erased, true, ""},
		{"not erased", "support.tickets", ticket, ticket, Erased, true, "still there"},
		{"kept by law", "accounts.login_logs", logs["1"], logs["1"], Erased, true, ""},
		{"kept by law, and gone", "accounts.login_logs", logs["1"], nil, Erased, true, "the law keeps it"},
		{"no longer kept by law", "accounts.login_logs", logs["2"], logs["2"], Erased, true, "still there"},
		{"made anonymous", "accounts.users", user, gone, Erased, true, ""},
		{"not quite anonymous", "accounts.users", user, gone.with("email", "lin@mail.example"), Erased, true, "still says its email"},
		{"anonymous and more", "accounts.users", user, gone.with("language", "en"), Erased, true, "another language"},
		{"an order is kept", "billing.orders", o.before["billing.orders"]["1"], nil, Erased, true, "the law keeps it"},
		{"corrected", "accounts.users", user, user.with("mobile", "13700190001", "mobile_since", "2026-11-25T00:00:00Z"), Corrected, true, ""},
		{"corrected in its own style", "support.tickets", ticket, ticket.with("contact_mobile", "137-0019-0001"), Corrected, true, ""},
		{"not corrected", "support.tickets", ticket, ticket, Corrected, true, "another contact_mobile"},
		{"corrected and more", "accounts.users", user, user.with("mobile", "13700190001", "email", "NULL"), Corrected, true, "another email"},
		{"opted out", "accounts.users", user, user.with("marketing_opt_in", "false"), OptedOut, true, ""},
		{"not opted out", "accounts.users", user, user, OptedOut, true, "another marketing_opt_in"},
	} {
		got, err := o.verdict(o.collections[test.id], test.before, test.after, test.fate, wish, test.busy)
		if err != nil || (got == "") != (test.wrong == "") || !strings.Contains(got, test.wrong) {
			t.Errorf("%s: it says %q, want %q; %v", test.name, got, test.wrong, err)
		}
	}
}

func TestFormsAreFound(t *testing.T) {
	t.Parallel()
	for form, text := range map[string]string{"as it is": "x 林晚舟 y", "hex": "e69e97e6999ae8889f", "JSON": `"\u6797\u665a\u821f"`, "base64": "eOael+aZmuiIn3k="} {
		if got := standsIn([]byte(text), "林晚舟"); got != form {
			t.Errorf("%s: found as %q", form, got)
		}
	}
	if got := standsIn([]byte("nothing of the kind"), "林晚舟"); got != "" {
		t.Errorf("found as %q where it is not", got)
	}
}
