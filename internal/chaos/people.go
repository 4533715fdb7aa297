package main

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/example"
)

// people picks so many account holders, in an order that the seed gives, of whom the oracle knows what is
// theirs: none of their channels is anybody else's, and nobody else's message speaks of them.
func people(ctx context.Context, dsns map[string]string, random *rand.Rand, n int) ([]example.Person, error) {
	accounts, err := sql.Open("postgres", dsns["accounts"])
	if err != nil {
		return nil, fmt.Errorf("opening the accounts: %w", err)
	}
	defer func() { _ = accounts.Close() }()
	spoken, err := spokenOf(ctx, dsns["support"])
	if err != nil {
		return nil, err
	}
	rows, err := accounts.QueryContext(ctx, `SELECT id, login_name, real_name, mobile, email, id_number, language FROM accounts.users u
		WHERE email IS NOT NULL AND id_number IS NOT NULL AND enterprise_code IS NULL AND NOT EXISTS (SELECT FROM accounts.users o WHERE o.id <> u.id
			AND (o.mobile = u.mobile OR lower(o.email) = lower(u.email)))
		AND NOT EXISTS (SELECT FROM accounts.contacts o WHERE o.mobile = u.mobile OR lower(o.email) = lower(u.email)) ORDER BY id OFFSET 12`)
	if err != nil {
		return nil, fmt.Errorf("listing accounts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []example.Person
	for rows.Next() {
		p := example.Person{Collection: "accounts.users"}
		if err := rows.Scan(&p.ID, &p.Login, &p.Name, &p.Mobile, &p.Email, &p.IDNumber, &p.Language); err != nil {
			return nil, fmt.Errorf("listing accounts: %w", err)
		}
		p.Mobile = p.Mobile[max(0, len(p.Mobile)-11):] // stored in several styles
		all = append(all, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("listing accounts: %w", err)
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var list []example.Person
	for _, p := range all {
		if len(list) == n {
			return list, nil
		}
		told, err := spoken(p)
		if err != nil {
			return nil, err
		}
		if !told {
			list = append(list, p)
		}
	}
	return nil, fmt.Errorf("the example company has only %d people of whom the oracle knows everything, and %d are needed", len(list), n)
}

// spokenOf says of a person whether a message under somebody else's ticket holds one of their values.
func spokenOf(ctx context.Context, dsn string) (func(example.Person) (bool, error), error) {
	support, err := sql.Open("postgres", dsn)
	if err != nil {
		return nil, fmt.Errorf("opening the tickets: %w", err)
	}
	defer func() { _ = support.Close() }()
	rows, err := support.QueryContext(ctx, `SELECT coalesce(t.account_id, 0), m.body FROM support.messages m JOIN support.tickets t ON t.id = m.ticket_id`)
	if err != nil {
		return nil, fmt.Errorf("reading messages: %w", err)
	}
	defer func() { _ = rows.Close() }()
	type message struct {
		of   int64
		body string
	}
	var messages []message
	for rows.Next() {
		var m message
		if err := rows.Scan(&m.of, &m.body); err != nil {
			return nil, fmt.Errorf("reading messages: %w", err)
		}
		messages = append(messages, m)
	}
	return func(p example.Person) (bool, error) {
		for _, m := range messages {
			if m.of != p.ID && mentions(m.body, p) {
				return true, nil
			}
		}
		return false, nil
	}, rows.Err()
}

// arrive puts a ticket and its message under somebody's account, as they come from outside.
func arrive(ctx context.Context, dsn string, account, number int64) error {
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		return fmt.Errorf("opening the tickets: %w", err)
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(ctx, `WITH fresh AS (
			INSERT INTO support.tickets (id, account_id, subject, status, created_at) VALUES ($2, $1, 'it came later', 'open', now())
			ON CONFLICT (id) DO NOTHING RETURNING id)
		INSERT INTO support.messages (id, ticket_id, author, body, created_at) SELECT id, id, 'customer', 'and so did this', now() FROM fresh`, account, number)
	if err != nil {
		return fmt.Errorf("opening a ticket: %w", err)
	}
	return nil
}

// lock holds somebody's tickets, as a long transaction of the company's own does, until release.
func lock(ctx context.Context, dsn string, account int64) (release func(), held int, err error) {
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		return nil, 0, fmt.Errorf("opening the tickets: %w", err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		_ = db.Close()
		return nil, 0, fmt.Errorf("holding tickets: %w", err)
	}
	release = func() { _ = tx.Rollback(); _ = db.Close() }
	var ids pq.Int64Array
	err = tx.QueryRowContext(ctx, `SELECT array_agg(id) FROM (SELECT id FROM support.tickets WHERE account_id = $1 ORDER BY id FOR UPDATE) AS t`, account).Scan(&ids)
	if err != nil {
		release()
		return nil, 0, fmt.Errorf("holding tickets: %w", err)
	}
	return release, len(ids), nil
}

// newMobile is a number that nobody has: the block of 1370019 is no part of the example's.
func newMobile(n int) string { return "1370019" + strconv.Itoa(10000 + n)[1:] }
