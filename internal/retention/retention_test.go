package retention

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
	"github.com/habeas-dsr/habeas/internal/systems"
	_ "github.com/habeas-dsr/habeas/internal/systems/postgres"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const company = `name: {zh: 例, en: Example}
from: privacy@cloud.example
hotline: "1"
officer: dpo@cloud.example
address: {zh: 例, en: Example}
languages: [zh, en]
law: cn-pipl
`

const system = `version: 1
system: shop
title: {zh: 例, en: Shop}
driver: postgres
region: cn
owner: team@cloud.example
collections:
  users:
    table: public.users
    title: {zh: 例, en: Users}
    key: [id]
    purpose: {zh: 例, en: x}
    legal_basis: contract
    retention: {zh: 例, en: x}
    expiry:
      after: 3y
      since: closed_at
      missing: never
      when: {column: state, op: eq, value: closed}
      action: anonymise
      marked: {column: state, value: erased}
      purpose: {zh: 例, en: x}
      legal_basis: contract
    directory: {account: login, channels: [{kind: email, column: email}]}
    match:
      - {column: login, identity: account}
      - {column: email, identity: email}
    columns:
      id: {category: user.unique_id}
      login: {category: user.account.username, erase: placeholder}
      email: {category: user.contact.email, erase: null}
      note: {category: user.content.private, erase: {with: truncate, to: prefix, keep: 1}}
      state: {category: user.account}
      closed_at: {category: user.account}
  invoices:
    table: public.invoices
    title: {zh: 例, en: Invoices}
    key: [id]
    purpose: {zh: 例, en: x}
    legal_basis: contract
    retention: {zh: 例, en: x}
    deletion: {action: keep, basis: legal-obligation, law: {zh: 法, en: Law}, since: issued, for: 5y, blocked: {column: flag, value: kept}}
    expiry:
      after: 1y
      since: issued
      zone: Asia/Shanghai
      action: block
      marked: {column: flag, value: old}
      until: 10y
      at_least: [{for: 2y, since: paid, law: {zh: 法, en: Law}}]
      purpose: {zh: 例, en: x}
      legal_basis: contract
    links:
      - {columns: [user_id], to: users, to_columns: [id], relation: belongs, deletion: deep}
    columns:
      id: {category: user.unique_id}
      user_id: {category: user.unique_id}
      issued: {category: user.behavior}
      paid: {category: user.behavior}
      flag: {category: user.behavior}
  lines:
    table: public.lines
    title: {zh: 例, en: Lines}
    key: [id]
    purpose: {zh: 例, en: x}
    legal_basis: contract
    retention: {zh: 例, en: x}
    expiry:
      after: 30d
      since: at
      zone: Europe/Berlin
      action: delete
      purpose: {zh: 例, en: x}
      legal_basis: contract
    links:
      - {columns: [user_id], to: users, to_columns: [id], relation: belongs, deletion: deep}
    columns:
      id: {category: user.unique_id}
      user_id: {category: user.unique_id}
      up: {category: user.unique_id}
      at: {category: user.behavior}
`

const tables = `CREATE TABLE users (id integer PRIMARY KEY, login text NOT NULL UNIQUE, email text, note text, state text NOT NULL, closed_at timestamptz);
	CREATE TABLE invoices (id integer PRIMARY KEY, user_id integer REFERENCES users, issued date NOT NULL, paid date, flag text);
	CREATE TABLE lines (id integer PRIMARY KEY, user_id integer REFERENCES users, up integer REFERENCES lines, at timestamptz NOT NULL);`

// memory is a log that forgets nothing, and fails when it is told to.
type memory struct {
	at     Position
	kept   map[string]bool
	fail   func(p Position) error
	hashed int64
}

func (m *memory) Position(context.Context) (Position, error) { return m.at, nil }

func (m *memory) Put(_ context.Context, p Position, done *Batch) error {
	if m.fail != nil {
		if err := m.fail(p); err != nil {
			return err
		}
	}
	m.at = p
	if done != nil {
		m.hashed += done.Rows
	}
	return nil
}

func (m *memory) Keeps(context.Context) (bool, error) { return len(m.kept) > 0, nil }

func (m *memory) Kept(_ context.Context, keys [][]string) ([]string, error) {
	out := make([]string, len(keys))
	for i, k := range keys {
		if m.kept[strings.Join(k, "/")] {
			out[i] = Held
		}
	}
	return out, nil
}

type place struct {
	*testing.T
	db     *sql.DB
	system *datamap.System
	sys    systems.Sweeper
	cat    datamap.Catalog
}

func newPlace(t *testing.T) *place {
	t.Helper()
	t.Parallel()
	m, err := datamap.LoadFS(fstest.MapFS{"company.yaml": {Data: []byte(company)}, "shop.yaml": {Data: []byte(system)}})
	if err != nil {
		t.Fatal(err)
	}
	dsn := pgtest.URL(t)
	p := &place{T: t, system: m.System("shop")}
	if p.db, err = sql.Open("postgres", dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.db.Close() })
	p.exec(tables)
	opened, err := systems.Open(t.Context(), p.system, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	if p.sys, err = systems.SweeperOf(p.system, opened); err != nil {
		t.Fatal(err)
	}
	i, err := systems.Inspect(p.system, opened)
	if err != nil {
		t.Fatal(err)
	}
	if p.cat, err = i.Catalog(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *place) exec(statement string, args ...any) {
	p.Helper()
	if _, err := p.db.ExecContext(p.Context(), statement, args...); err != nil {
		p.Fatalf("%v\n%.200s", err, statement)
	}
}

// ids are those for which the query finds rows, as one text.
func (p *place) ids(query string) string {
	p.Helper()
	var out string
	if err := p.db.QueryRowContext(p.Context(), `SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), '') FROM (`+query+`) AS q`).Scan(&out); err != nil {
		p.Fatal(err)
	}
	return out
}

func (p *place) sweep(rule string, now time.Time, log *memory) *Sweep {
	p.Helper()
	r, err := Find(p.system, rule)
	if err != nil {
		p.Fatal(err)
	}
	var alone []systems.Referrer
	if r.Action == systems.Delete {
		alone = Referrers(p.cat, r.Collection)
	}
	return &Sweep{Rule: r, Now: now, System: p.sys, Alone: alone, Log: log, Batch: 3, Secret: []byte("0123456789abcdef0123456789abcdef"),
		Guard: func(ctx context.Context, batch func(context.Context) error) error { return batch(ctx) }}
}

func (p *place) run(rule string, now time.Time, log *memory) (Position, Left) {
	p.Helper()
	s := p.sweep(rule, now, log)
	at, err := s.Run(p.Context())
	if err != nil {
		p.Fatal(err)
	}
	left, err := s.Prove(p.Context())
	if err != nil {
		p.Fatal(err)
	}
	return at, left
}

func (p *place) want(what string, got, want any) {
	p.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		p.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

var now = time.Date(2026, 11, 25, 3, 30, 0, 0, time.UTC)

// Rows get their new values and their mark in one go, and are not touched a second time.
func TestAnonymiseOnce(t *testing.T) {
	p := newPlace(t)
	p.exec(`INSERT INTO users VALUES (1, 'a', 'a@x.example', 'note', 'closed', '2023-01-01'), (2, 'b', 'b@x.example', 'note', 'open', '2023-01-01'),
		(3, 'c', 'c@x.example', 'note', 'closed', '2024-01-01'), (4, 'd', 'd@x.example', 'note', 'closed', NULL), (5, 'e', 'e@x.example', 'note', 'closed', '2022-01-01')`)
	p.exec(`CREATE TABLE touched (id integer); CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO touched VALUES (OLD.id); RETURN NEW; END $$;
		CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()`)
	log := &memory{kept: map[string]bool{"5": true}}
	at, left := p.run("users", now, log)
	p.want("done", at.Done, int64(1))
	p.want("left", left, Left{Due: 1, Held: 1})
	p.want("marked", p.ids(`SELECT id FROM users WHERE state = 'erased' AND email IS NULL AND note = 'n' AND login <> 'a'`), "1")
	for range 2 {
		at, _ = p.run("users", now, &memory{})
	}
	p.want("nothing more", at.Done, int64(0))
	p.want("touched", p.ids(`SELECT id FROM touched`), "1 5") // 5 was freed, and is not touched again either
}

// A row is blocked when its time and every floor is over, and deleted at the second date; what a
// deletion case blocked has a date of its own.
func TestBlockThenDelete(t *testing.T) {
	p := newPlace(t)
	p.exec(`INSERT INTO invoices VALUES (1, NULL, '2025-11-24', '2024-11-01', NULL), (2, NULL, '2025-11-25', '2024-11-01', NULL), (3, NULL, '2020-01-01', '2024-11-23', NULL),
		(4, NULL, '2020-01-01', NULL, NULL), (5, NULL, '2016-11-24', '2016-01-01', 'old'), (6, NULL, '2016-11-25', '2016-01-01', 'old'),
		(7, NULL, '2021-11-23', '2025-01-01', 'kept'), (8, NULL, '2021-11-24', '2025-01-01', 'kept')`)
	now := time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC) // the next day in Shanghai, where the rule counts
	at, left := p.run("invoices", now, &memory{})
	p.want("blocked", at.Done, int64(2))
	p.want("left", left, Left{})
	p.want("with the flag", p.ids(`SELECT id FROM invoices WHERE flag = 'old'`), "1 3 5 6")
	at, _ = p.run("invoices/until", now, &memory{})
	p.want("at the second date", at.Done, int64(1))
	at, _ = p.run("invoices/blocked", now, &memory{})
	p.want("blocked by a case, and over", at.Done, int64(1))
	p.want("what stays", p.ids(`SELECT id FROM invoices`), "1 2 3 4 6 8")
	p.want("untouched", p.ids(`SELECT id FROM invoices WHERE flag IS NULL`), "2 4")
}

// A chain within a table goes from its leaves, and stops where a row that stays refers to one.
func TestChainsGoFromTheirLeaves(t *testing.T) {
	p := newPlace(t)
	for i := 1; i <= 12; i++ {
		up := any(i - 1)
		if i == 1 || i == 9 {
			up = nil
		}
		at := now.AddDate(0, -2, 0)
		if i == 12 {
			at = now
		}
		p.exec(`INSERT INTO lines VALUES ($1, NULL, $2, $3)`, i, up, at)
	}
	at, left := p.run("lines", now, &memory{})
	p.want("one chain", at.Done, int64(8))
	p.want("the other hangs on a row that stays", left, Left{Due: 3, Referred: 3})
	p.want("left", p.ids(`SELECT id FROM lines`), "9 10 11 12")
}

// A row that somebody holds all the time is left with that reason; the others of its batch go.
func TestLockedRowsAreLeft(t *testing.T) {
	p := newPlace(t)
	p.exec(`INSERT INTO invoices SELECT n, NULL, '2020-01-01', NULL, 'kept' FROM generate_series(1, 7) AS n`)
	tx, err := p.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), `SELECT FROM invoices WHERE id = 2 FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	at, left := p.run("invoices/blocked", now, &memory{})
	p.want("done", at.Done, int64(6))
	p.want("left", left, Left{Due: 1, Other: 1})
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	at, left = p.run("invoices/blocked", now, &memory{})
	p.want("then it goes", at.Done, int64(1))
	p.want("nothing left", left, Left{})
}

// Rows whose person came under a hold after a batch was begun, and before the sweep that was stopped went on, stay.
func TestABatchThatWasBegunLooksAgain(t *testing.T) {
	p := newPlace(t)
	p.exec(`INSERT INTO lines SELECT n, NULL, NULL, '2026-01-01' FROM generate_series(1, 4) AS n`)
	log := &memory{}
	s, refused := p.sweep("lines", now, log), errors.New("a hold was placed")
	s.Guard = func(context.Context, func(context.Context) error) error { return refused }
	if _, err := s.Run(t.Context()); !errors.Is(err, refused) || log.at.Page == nil && log.at.Next == nil {
		t.Fatalf("%v, %+v", err, log.at)
	}
	log.kept = map[string]bool{"2": true}
	at, left := p.run("lines", now, log)
	p.want("done", at.Done, int64(3))
	p.want("left", left, Left{Due: 1, Held: 1})
	p.want("the held row", p.ids(`SELECT id FROM lines`), "2")
}

// A sweep that stops at any moment (before or after a batch was written down) goes on and ends as one
// that did not: nothing touched twice, every row counted. Rows of lines may refer to each other and are known by
// their keys, invoices by where they stand.
func TestASweepThatStopsAnywhereGoesOn(t *testing.T) {
	p := newPlace(t)
	p.exec(`CREATE TABLE touched (id integer); CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO touched VALUES (OLD.id); RETURN coalesce(NEW, OLD); END $$;
		CREATE TRIGGER touch BEFORE DELETE ON lines FOR EACH ROW EXECUTE FUNCTION touch(); CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();
		CREATE TRIGGER touch BEFORE DELETE ON invoices FOR EACH ROW EXECUTE FUNCTION touch()`)
	for stop := range 12 {
		for _, v := range []struct {
			rule string
			kept map[string]bool
			want string
		}{{"lines", nil, "1 2 3 4 5 6 7 8 9 10"}, {"users", nil, "1 2 3 4 5 6 7 8 9 10"}, {"invoices/blocked", nil, "1 2 3 4 5 6 7 8 9 10"},
			{"invoices/blocked", map[string]bool{"3": true, "8": true}, "1 2 4 5 6 7 9 10"}, {"lines", map[string]bool{"3": true, "8": true}, "1 2 4 5 6 7 9 10"}} {
			p.exec(`DELETE FROM lines; DELETE FROM users; DELETE FROM invoices; TRUNCATE touched;
				INSERT INTO lines SELECT n, NULL, NULL, '2026-01-01' FROM generate_series(1, 10) AS n;
				INSERT INTO invoices SELECT n, NULL, date '2020-01-01' + n / 4, NULL, 'kept' FROM generate_series(1, 10) AS n;
				INSERT INTO users SELECT n, 'u' || n, 'x', 'x', 'closed', '2020-01-01' FROM generate_series(1, 10) AS n`)
			puts, broken := 0, errors.New("killed")
			log := &memory{kept: v.kept}
			log.fail = func(Position) error {
				if puts++; puts == stop+1 {
					return broken
				}
				return nil
			}
			if _, err := p.sweep(v.rule, now, log).Run(t.Context()); err != nil && !errors.Is(err, broken) {
				t.Fatal(err)
			}
			log.fail = nil
			at, left := p.run(v.rule, now, log)
			rows, held := int64(len(strings.Fields(v.want))), int64(len(v.kept))
			p.want(fmt.Sprintf("%s stopped at %d: done", v.rule, stop), at.Done, rows)
			p.want("left", left, Left{Due: held, Held: held})
			p.want("hashed", log.hashed, rows)
			p.want("touched once each", p.ids(`SELECT id FROM touched`), v.want)
		}
	}
}

// The system refuses to let a row of a stretch go: the others go, and it is left.
func TestAStretchGoesButForWhatIsRefused(t *testing.T) {
	p := newPlace(t)
	p.exec(`INSERT INTO invoices SELECT n, NULL, '2020-01-01', NULL, 'kept' FROM generate_series(1, 8) AS n;
		CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE check_violation; END $$;
		CREATE TRIGGER stay BEFORE DELETE ON invoices FOR EACH ROW WHEN (OLD.id = 5) EXECUTE FUNCTION stay()`)
	log := &memory{kept: map[string]bool{"7": true}}
	at, left := p.run("invoices/blocked", now, log)
	p.want("done", at.Done, int64(6))
	p.want("left", left, Left{Due: 2, Held: 1, Other: 1})
	p.want("which", p.ids(`SELECT id FROM invoices`), "5 7")
}

// Rows whose person came under a hold after their stretch was noted stay, though the sweep was killed between.
func TestAStretchThatWasBegunLooksAgain(t *testing.T) {
	p := newPlace(t)
	for killed, want := range map[string]int64{"before": 5, "after": 6} { // the first batch was made: 2 is gone
		p.exec(`DELETE FROM invoices; INSERT INTO invoices SELECT n, NULL, '2020-01-01', NULL, 'kept' FROM generate_series(1, 7) AS n`)
		log := &memory{}
		s, broken := p.sweep("invoices/blocked", now, log), errors.New("killed")
		s.Guard = func(ctx context.Context, batch func(context.Context) error) error {
			if killed == "after" {
				if err := batch(ctx); err != nil {
					return err
				}
			}
			return broken
		}
		if _, err := s.Run(t.Context()); !errors.Is(err, broken) || (log.at.Page == nil && log.at.Next == nil) {
			t.Fatalf("%v, %+v", err, log.at)
		}
		log.kept = map[string]bool{"2": true, "6": true}
		at, left := p.run("invoices/blocked", now, log)
		p.want("done when killed "+killed, at.Done, want)
		p.want("left", left, Left{Due: 7 - want, Held: 7 - want})
	}
}

// A sweep rests while others are at work, and only then.
func TestManners(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		times, others int
		failed        error
		rests         bool
	}{{3, 2, nil, true}, {3, 0, nil, false}, {0, 2, nil, false}, {3, 2, errors.New("down"), false}} {
		asked := 0
		m := &manners{times: v.times, others: func(context.Context) (int, error) { asked++; return v.others, v.failed }}
		ctx, stop := context.WithCancel(t.Context())
		stop() // a rest ends at once, and says so
		if err := m.rest(ctx, time.Hour); (err != nil) != v.rests {
			t.Errorf("%+v: %v", v, err)
		}
		if _ = m.rest(ctx, time.Hour); asked > 1 || (asked == 0) != (v.times == 0) {
			t.Errorf("%+v: asked %d times within a moment", v, asked)
		}
	}
}

// The next batch is as large as one that takes the time meant for it.
func TestPace(t *testing.T) {
	t.Parallel()
	p := newPace(0, 0)
	for _, v := range []struct {
		rows int
		took time.Duration
		err  error
		want int
	}{{2_000, 5 * time.Millisecond, nil, 8_000}, {8_000, 20 * time.Millisecond, nil, 32_000}, {32_000, 80 * time.Millisecond, nil, 40_000}, {100, time.Microsecond, nil, 40_000},
		{40_000, 160 * time.Millisecond, nil, 25_000}, {25_000, time.Minute, nil, 12_500}, {12_500, 0, nil, 50_000}, {50_000, 0, fault.New(contract.ErrBusy, "", nil), 25_000}} {
		if p.took(v.rows, v.took, v.err); p.rows() != v.want {
			t.Errorf("%+v: %d", v, p.rows())
		}
	}
	if p := newPace(0, 500); p.rows() != 500 {
		t.Errorf("more than a second's share: %d", p.rows())
	}
}

// Nights across a change of the clock, and nights that were missed, leave the same rows: what is due
// is reckoned from the time for which a run was meant.
func TestNightsAcrossAChangeOfTheClock(t *testing.T) {
	p := newPlace(t)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	fill := func() {
		p.exec(`DELETE FROM lines`)
		p.exec(`INSERT INTO lines SELECT n, NULL, NULL, timestamptz '2026-02-20 00:00+00' + n * interval '97 minutes' FROM generate_series(1, 200) AS n`)
	}
	night := func(day int) time.Time { return time.Date(2026, 3, 26+day, 2, 30, 0, 0, berlin) } // 29 March has no such time
	var states [3]string
	fill()
	for day := range 7 {
		p.run("lines", night(day), &memory{})
		// Independently, by the database: the day in Berlin and thirty days lie before today.
		wrong := p.ids(fmt.Sprintf(`SELECT id FROM lines WHERE (at AT TIME ZONE 'Europe/Berlin')::date + 30 < (timestamptz '%s' AT TIME ZONE 'Europe/Berlin')::date`, night(day).Format(time.RFC3339)))
		p.want("due and there after night "+fmt.Sprint(day), wrong, "")
	}
	states[0] = p.ids(`SELECT id FROM lines`)
	fill()
	for _, day := range []int{0, 1, 5, 6} { // three nights missed
		p.run("lines", night(day), &memory{})
	}
	states[1] = p.ids(`SELECT id FROM lines`)
	fill()
	for _, day := range []int{0, 1, 5, 2, 3, 4, 6} { // made up later, in whatever order
		p.run("lines", night(day), &memory{})
	}
	states[2] = p.ids(`SELECT id FROM lines`)
	if states[0] == "" || states[1] != states[0] || states[2] != states[0] || len(strings.Fields(states[0])) == 200 {
		t.Errorf("the rows that stay differ:\n%s\n%s\n%s", states[0], states[1], states[2])
	}
}

func TestOrderAndReferrers(t *testing.T) {
	p := newPlace(t)
	var names []string
	for _, r := range Order(Rules(p.system), p.cat) {
		names = append(names, r.Name())
	}
	if at := slices.Index(names, "users"); at != len(names)-1 {
		t.Errorf("parents before children: %v", names)
	}
	refs := Referrers(p.cat, p.system.Collection("users"))
	if len(refs) != 2 { // each table once, though foreign key and link both say so
		t.Errorf("referrers: %+v", refs)
	}
	p.want("readable", Unread(p.cat, refs), nil)
	p.cat.Table("public", "lines").Read = false
	if Unread(p.cat, refs) == nil {
		t.Error("a table that may not be read was passed over")
	}
}

// The version of a rule changes with all that decides what it does, and with nothing else.
func TestVersion(t *testing.T) {
	t.Parallel()
	load := func(changes ...string) []byte {
		m, err := datamap.LoadFS(fstest.MapFS{"company.yaml": {Data: []byte(company)}, "shop.yaml": {Data: []byte(strings.NewReplacer(changes...).Replace(system))}})
		if err != nil {
			t.Fatal(err)
		}
		r, err := Find(m.System("shop"), "invoices")
		if err != nil {
			t.Fatal(err)
		}
		return r.Version()
	}
	first := load()
	if !bytes.Equal(first, load("region: cn", "region: cn\n# moved by a line\nbackups: 30d", "en: Invoices", "en: Bills")) {
		t.Error("a comment made another rule of it")
	}
	for name, changes := range map[string][]string{
		"span": {"after: 1y", "after: 13m"}, "floor": {"for: 2y", "for: 3y"}, "law": {"en: Law}}]", "en: Another}}]"}, "zone": {"Asia/Shanghai", "UTC"},
		"mark": {"value: old", "value: older"}, "usual": {"until: 10y", "until: 10y\n      usual: 7"}, "column": {"since: issued\n      zone", "since: paid\n      missing: never\n      zone"},
		"table": {"public.invoices", "public.bills"}, "condition": {"until: 10y", "until: 10y\n      when: {column: user_id, op: not_null}"},
	} {
		if bytes.Equal(first, load(changes...)) {
			t.Errorf("another %s is the same rule", name)
		}
	}
}

func TestFloorsOfTheLaw(t *testing.T) {
	t.Parallel()
	law, err := jurisdiction.Find("cn-pipl")
	if err != nil {
		t.Fatal(err)
	}
	floors := Floors(law)
	if len(floors) != 3 || floors[0].What != "network_log" || floors[0].AtLeast != (datamap.Span{Months: 6}) {
		t.Errorf("floors: %+v", floors)
	}
}
