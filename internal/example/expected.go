package example

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/lib/pq"
)

// Row is one row as the oracle sees it.
type Row struct {
	Key  []string        // primary key as text
	JSON json.RawMessage // the whole row as the database writes it: nothing masked, nothing withheld
}

// Rows are a person's rows by collection ("system.collection"), each list in the order of its
// primary key. Every collection is there, with an empty list when nothing is theirs.
type Rows map[string][]Row

// Count is how many rows there are in all.
func (r Rows) Count() (n int) {
	for _, rows := range r {
		n += len(rows)
	}
	return n
}

// ErrNoSuchPerson says that nobody has this login name or contact number.
var ErrNoSuchPerson = errors.New("the example company knows nobody of that name")

// Expected says which rows of every table are about the account holder with that login name. It
// is the tests' oracle: written by hand for these three schemas, it knows nothing of data maps.
//
// Rows hang on the account; tickets without an account are the person's when they carry the
// person's e-mail or mobile. An e-mail that stands on several rows of the directory (accounts and
// contacts) in several cases counts only in the very letters of the account; one that stands
// there several times as it is, and a shared mobile, count for nobody. It reads all rows into
// memory: not for the Heavy person with a million.
func Expected(ctx context.Context, dsn map[string]string, login string) (Rows, error) {
	dbs, err := connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer closeAll(dbs)
	who, err := lookUp(ctx, dbs["accounts"], login)
	if err != nil {
		return nil, err
	}
	found := Rows{}
	accounts, support := dbs["accounts"], dbs["support"]
	tickets := `account_id = $1
		OR ($2 <> '' AND lower(btrim(contact_email)) = $2)
		OR ($3 <> '' AND contact_email = $3)
		OR ($4 <> '' AND ` + bareMobile("contact_mobile") + ` = $4)`
	ticketArgs := []any{who.id, who.emailAnyCase, who.emailAsIs, who.mobile}
	for _, q := range []struct {
		db    *sql.DB
		table string
		key   []string
		where string
		args  []any
	}{
		{accounts, "accounts.users", []string{"id"}, "id = $1", []any{who.id}},
		{accounts, "accounts.contacts", []string{"id"}, "user_id = $1", []any{who.id}},
		{accounts, "accounts.login_logs", []string{"id"}, "user_id = $1", []any{who.id}},
		{accounts, "accounts.request_logs", []string{"id"}, "user_id = $1", []any{who.id}},
		{support, "support.tickets", []string{"id"}, tickets, ticketArgs},
		{support, "support.messages", []string{"id"}, "ticket_id IN (SELECT id FROM support.tickets WHERE " + tickets + ")", ticketArgs},
	} {
		found[q.table], err = rowsOf(ctx, q.db, q.table, q.key, q.where, q.args)
		if err != nil {
			return nil, err
		}
	}
	return found, billed(ctx, dbs["billing"], who.id, found)
}

// All reads every row of every table: what is the same before and after was not touched.
func All(ctx context.Context, dsn map[string]string) (Rows, error) {
	dbs, err := connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer closeAll(dbs)
	all := Rows{}
	for i := range sources {
		table := sources[i].ID()
		system, _, _ := strings.Cut(table, ".")
		key := []string{"id"}
		if table == "billing.order_items" {
			key = []string{"order_id", "line_no"}
		}
		if all[table], err = rowsOf(ctx, dbs[system], table, key, "true", nil); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// ExpectedContact says what a designated contact may see: their own record and nothing else.
func ExpectedContact(ctx context.Context, dsn map[string]string, id int64) (Rows, error) {
	dbs, err := connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer closeAll(dbs)
	found := Rows{}
	for i := range sources {
		found[sources[i].ID()] = nil
	}
	rows, err := rowsOf(ctx, dbs["accounts"], "accounts.contacts", []string{"id"}, "id = $1", []any{id})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, ErrNoSuchPerson
	}
	found["accounts.contacts"] = rows
	return found, nil
}

// known is by what tickets without an account may be recognised as the person's; empty: by nothing.
type known struct {
	id           int64
	emailAnyCase string // lower case, when nobody else has it in any case
	emailAsIs    string // as stored, when others have it in another case
	mobile       string // 11 digits, when nobody else has it
}

// bareMobile is SQL that reduces a column to the 11 digits of a Chinese mobile.
func bareMobile(column string) string {
	return `regexp_replace(regexp_replace(` + column + `, '[^0-9]', '', 'g'), '^(0086|86)(?=1[0-9]{10}$)', '')`
}

func lookUp(ctx context.Context, db *sql.DB, login string) (known, error) {
	var k known
	var email, mobile string
	err := db.QueryRowContext(ctx, `SELECT id, coalesce(email, ''), `+bareMobile("mobile")+` FROM accounts.users WHERE login_name = $1`,
		login).Scan(&k.id, &email, &mobile)
	if errors.Is(err, sql.ErrNoRows) {
		return k, ErrNoSuchPerson
	}
	if err != nil {
		return k, fmt.Errorf("looking up an example account: %w", err)
	}
	var anyCase, asIs, mobiles int
	err = db.QueryRowContext(ctx, `
WITH directory AS (
    SELECT email, mobile FROM accounts.users UNION ALL SELECT email, mobile FROM accounts.contacts
)
SELECT count(*) FILTER (WHERE lower(btrim(email)) = lower(btrim($1))),
       count(*) FILTER (WHERE email = $1),
       count(*) FILTER (WHERE `+bareMobile("mobile")+` = $2)
FROM directory`, email, mobile).Scan(&anyCase, &asIs, &mobiles)
	if err != nil {
		return k, fmt.Errorf("counting an example account's channels: %w", err)
	}
	switch {
	case email == "":
	case anyCase == 1:
		k.emailAnyCase = strings.ToLower(strings.TrimSpace(email))
	case asIs == 1:
		k.emailAsIs = email
	}
	if mobiles == 1 {
		k.mobile = mobile
	}
	return k, nil
}

// rowsOf reads the rows of one table ("schema.table") that where selects.
func rowsOf(ctx context.Context, db *sql.DB, table string, key []string, where string, args []any) ([]Row, error) {
	order := strings.Join(key, ", ")
	texts := make([]string, len(key))
	for i, column := range key {
		texts[i] = column + "::text"
	}
	query := `SELECT ARRAY[` + strings.Join(texts, ", ") + `], row_to_json(t) FROM ` + table + ` t WHERE ` + where + ` ORDER BY ` + order
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", table, err)
	}
	defer func() { _ = rows.Close() }()
	var found []Row
	for rows.Next() {
		var r Row
		if err := rows.Scan((*pq.StringArray)(&r.Key), &r.JSON); err != nil {
			return nil, fmt.Errorf("reading %s: %w", table, err)
		}
		found = append(found, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", table, err)
	}
	return found, nil
}
