package example_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/example"
)

// directory counts rows of accounts and contacts together.
const directory = `WITH directory AS (
	SELECT email, mobile FROM accounts.users UNION ALL SELECT email, mobile FROM accounts.contacts) `

func TestCastSituations(t *testing.T) {
	t.Parallel()
	_, db := load(t, example.Options{People: 2_000, Seed: 1, LogsPerPerson: 2, Now: now})
	cast := example.Cast()
	emails := func(email string) int64 {
		return number(t, db, directory+`SELECT count(*) FROM directory WHERE lower(btrim(email)) = lower($1)`, email)
	}
	mobiles := func(mobile string) int64 {
		return number(t, db, directory+`SELECT count(*) FROM directory WHERE right(mobile, 11) = $1`, mobile)
	}
	users := []example.Person{
		cast.Plain, cast.English, cast.SharedMobileA, cast.SharedMobileB, cast.CaseTwinA, cast.CaseTwinB,
		cast.NoEmail, cast.NoData, cast.AlsoContact, cast.Heavy,
	}
	for _, p := range users {
		var got example.Person
		err := db.QueryRowContext(testContext(t), `SELECT id, login_name, real_name, mobile, coalesce(email, ''), id_number, language
			FROM accounts.users WHERE login_name = $1`, p.Login).Scan(&got.ID, &got.Login, &got.Name, &got.Mobile, &got.Email, &got.IDNumber, &got.Language)
		got.Collection = "accounts.users"
		if err != nil || got != p {
			t.Errorf("%s: %v\n%s", p.Login, err, cmp.Diff(p, got))
		}
		if p.Email == "" {
			continue
		}
		want := int64(1)
		if p == cast.CaseTwinA || p == cast.CaseTwinB || p == cast.AlsoContact {
			want = 2
		}
		if n := emails(p.Email); n != want {
			t.Errorf("%s's e-mail stands on %d rows, %d expected", p.Login, n, want)
		}
	}
	for _, p := range []example.Person{cast.Contact, cast.AlsoUser} {
		var got example.Person
		err := db.QueryRowContext(testContext(t), `SELECT id, name, mobile, email FROM accounts.contacts WHERE id = $1`, p.ID).
			Scan(&got.ID, &got.Name, &got.Mobile, &got.Email)
		got.Collection, got.Language = "accounts.contacts", "zh"
		if err != nil || got != p {
			t.Errorf("contact %d: %v\n%s", p.ID, err, cmp.Diff(p, got))
		}
	}
	if cast.SharedMobileA.Mobile != cast.SharedMobileB.Mobile || mobiles(cast.SharedMobileA.Mobile) != 2 {
		t.Error("the shared mobile is not shared by two")
	}
	for _, p := range []example.Person{cast.Plain, cast.English, cast.NoEmail, cast.CaseTwinA, cast.AlsoContact, cast.AlsoUser, cast.Contact} {
		if n := mobiles(p.Mobile); n != 1 {
			t.Errorf("%s's mobile stands on %d rows", p.Name, n)
		}
	}
	if cast.AlsoUser.Email != cast.AlsoContact.Email {
		t.Error("contact and account do not share their e-mail")
	}
	if n := number(t, db, `SELECT count(*) FROM support.messages JOIN support.tickets ON tickets.id = ticket_id
		WHERE account_id = $1 AND body LIKE '%' || $2 || '%' || $3 || '%'`, cast.English.ID, cast.Plain.Name, cast.Plain.Mobile); n == 0 {
		t.Error("no message of English's speaks of Plain")
	}
}

// The company is as awkward as promised: shares of people, to within what chance allows.
func TestShares(t *testing.T) {
	t.Parallel()
	_, db := load(t, example.Options{People: 5_000, Seed: 11, LogsPerPerson: 1, Now: now})
	for what, c := range map[string]struct {
		query    string
		low, top int64
	}{
		"people who share a mobile": {`SELECT count(*) FROM (SELECT right(mobile, 11) FROM accounts.users GROUP BY 1 HAVING count(*) > 1) s`, 45, 55},
		"e-mails that differ only in case": {`SELECT count(*) FROM (SELECT lower(btrim(email)) FROM accounts.users WHERE email IS NOT NULL
			GROUP BY 1 HAVING count(*) > 1 AND count(DISTINCT email) > 1) s`, 45, 55},
		"e-mails twice as they are":     {`SELECT count(*) FROM (SELECT email FROM accounts.users WHERE email IS NOT NULL GROUP BY 1 HAVING count(*) > 1) s`, 0, 0},
		"people without e-mail":         {`SELECT count(*) FROM accounts.users WHERE email IS NULL`, 490, 510},
		"contacts with a user's e-mail": {`SELECT count(*) FROM accounts.contacts c WHERE EXISTS (SELECT FROM accounts.users u WHERE u.email = c.email)`, 60, 220},
		"contacts without e-mail":       {`SELECT count(*) FROM accounts.contacts WHERE email IS NULL`, 100, 300},
		"tickets without account":       {`SELECT count(*) FROM support.tickets WHERE account_id IS NULL`, 250, 700},
		"of these by mobile alone":      {`SELECT count(*) FROM support.tickets WHERE account_id IS NULL AND contact_email IS NULL`, 80, 400},
		"messages that name an account": {`SELECT count(*) FROM support.messages WHERE body ~ '1629[0-9]{7}'`, 500, 5_000},
		"subjects like a formula":       {`SELECT count(*) FROM support.tickets WHERE subject ~ '^[-=]'`, 50, 2_000},
		"English speakers":              {`SELECT count(*) FROM accounts.users WHERE language = 'en'`, 450, 750},
		"people who sign for a company": {`SELECT count(*) FROM accounts.users WHERE enterprise_code IS NOT NULL`, 1_300, 1_700},
	} {
		if n := number(t, db, c.query); n < c.low || n > c.top {
			t.Errorf("%s: %d, between %d and %d expected", what, n, c.low, c.top)
		}
	}
}
