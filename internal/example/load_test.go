package example_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/systems"
	_ "github.com/habeas-dsr/habeas/internal/systems/mysql"
	_ "github.com/habeas-dsr/habeas/internal/systems/postgres"
)

// countSink counts rows by table.
type countSink map[string]int64

func (c countSink) Row(table *example.Table, _ []any) error { c[table.ID()]++; return nil }

func TestLoadStoresEveryRow(t *testing.T) {
	t.Parallel()
	o := example.Options{People: 2_000, Seed: 1, Now: now, Heavy: 30_000}
	want := countSink{}
	if err := example.Generate(testContext(t), o, want); err != nil {
		t.Fatal(err)
	}
	want["accounts.request_logs"] += int64(o.Heavy)
	dsn := emptyDatabase(t)
	var done, of, total int64
	for _, n := range want {
		total += n
	}
	err := example.Load(testContext(t), dsn, o, func(d, o int64) { done, of = max(done, d), o })
	if err != nil {
		t.Fatal(err)
	}
	if done != total || of != total {
		t.Errorf("progress ended at %d of %d, %d rows were made", done, of, total)
	}
	db, billing := open(t, dsn["accounts"]), open(t, dsn["billing"])
	for table, n := range want {
		there := db
		if name, ok := strings.CutPrefix(table, "billing."); ok {
			table, there = name, billing
		}
		if got := number(t, there, "SELECT count(*) FROM "+table); got != n {
			t.Errorf("%s holds %d rows, %d were made", table, got, n)
		}
	}
	heavy := example.Cast().Heavy.ID
	if n := number(t, db, `SELECT count(*) FROM accounts.request_logs WHERE user_id = $1`, heavy); n < int64(o.Heavy) {
		t.Errorf("the heavy person has %d rows", n)
	}
	if n := number(t, db, `SELECT count(*) FROM accounts.request_logs WHERE at > $1`, now); n != 0 {
		t.Errorf("%d requests lie in the future", n)
	}
	// The sequences stand behind the rows: a customer can go on working.
	if _, err := db.ExecContext(testContext(t), `INSERT INTO support.tickets (contact_email, subject, status, created_at)
		VALUES ('new@mail.example', 'x', 'open', now())`); err != nil {
		t.Errorf("a new row: %v", err)
	}
	if _, err := billing.ExecContext(testContext(t), `INSERT INTO orders (account_id, order_no, status, amount) VALUES (1, 'NEW', 'open', 1)`); err != nil {
		t.Errorf("a new order: %v", err)
	}
	// A time is the same moment on both engines, whatever zone a session has.
	if n := number(t, billing, "SELECT count(*) FROM orders WHERE order_no <> 'NEW' AND created_at > ?", now); n != 0 {
		t.Errorf("%d orders lie in the future", n)
	}
}

func TestLoadAgainAndLoaded(t *testing.T) {
	t.Parallel()
	dsn := emptyDatabase(t)
	o := example.Options{People: 100, Seed: 1, LogsPerPerson: 1, Now: now}
	loaded := func(o example.Options) bool {
		yes, err := example.Loaded(testContext(t), dsn, o)
		if err != nil {
			t.Fatal(err)
		}
		return yes
	}
	if loaded(o) {
		t.Error("an empty database counts as loaded")
	}
	for range 2 { // the second replaces the first
		if err := example.Load(testContext(t), dsn, o, nil); err != nil {
			t.Fatal(err)
		}
	}
	if !loaded(o) {
		t.Error("not recognised after loading")
	}
	o.Seed = 2
	if loaded(o) {
		t.Error("another seed counts as loaded")
	}
}

func TestLoadLeavesForeignSchemasAlone(t *testing.T) {
	t.Parallel()
	dsn := emptyDatabase(t)
	for system, statements := range map[string]string{
		"support": `CREATE SCHEMA support; CREATE TABLE support.precious (id int)`, "billing": `CREATE TABLE orders (id int)`,
	} {
		dsn := emptyDatabase(t)
		db := open(t, dsn[system])
		if _, err := db.ExecContext(testContext(t), statements); err != nil {
			t.Fatal(err)
		}
		err := example.Load(testContext(t), dsn, example.Options{People: 100, Now: now}, nil)
		if !errors.Is(err, example.ErrForeignSchema) {
			t.Fatalf("Load over somebody's schema: %v", err)
		}
		table := statements[strings.LastIndex(statements, "TABLE ")+6 : strings.LastIndex(statements, " (")]
		if n := number(t, db, `SELECT count(*) FROM `+table); n != 0 {
			t.Errorf("%s is gone", table)
		}
	}
	delete(dsn, "support")
	if err := example.Load(testContext(t), dsn, example.Options{Now: now}, nil); err == nil || !strings.Contains(err.Error(), "support") {
		t.Errorf("a missing DSN: %v", err)
	}
}

// Speed is printed, never asserted; memory must not grow with the number of people. On tables of
// this size the driver has no advice left: every way into them has its index.
func TestLoadSpeed(t *testing.T) {
	dsn := emptyDatabase(t)
	var rows int64
	var peak uint64
	start := time.Now()
	err := example.Load(testContext(t), dsn, example.Options{People: 20_000, Seed: 1, Now: now}, func(_, of int64) {
		rows = of
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		peak = max(peak, mem.HeapAlloc)
	})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	t.Logf("20,000 people: %d rows in %.1f s, %.0f rows/s, heap at most %d MiB",
		rows, took.Seconds(), float64(rows)/took.Seconds(), peak>>20)
	if peak > 64<<20 {
		t.Errorf("the heap grew to %d MiB", peak>>20)
	}
	m := loadMap(t)
	example.Place(m, dsn)
	for _, s := range m.Systems {
		if s.Outside != nil {
			continue // no query reaches it
		}
		findings := check(t, s, dsn[s.Name])
		for _, f := range findings {
			t.Errorf("%s: %s %s: %s", s.Name, f.Kind, f.Text, f.Hint)
		}
	}
}

// check holds a system's collections against its live schema, as a case does.
func check(t *testing.T, s *datamap.System, dsn string) []systems.Finding {
	t.Helper()
	system, err := systems.Open(testContext(t), s, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = system.Close() }()
	findings, err := system.Check(testContext(t), s.Collections)
	if err != nil {
		t.Fatal(err)
	}
	return findings
}
