package subject

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/stack/mytest"
	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
	"github.com/habeas-dsr/habeas/internal/systems"
)

var onlySeed = flag.Int64("seed", -1, "repeat one seed of TestAgreesWithReference")

// engine is a kind of database on which the random schemas are made. The systems are s0, s1 and s2,
// each in a schema of its own.
type engine struct {
	name  string
	seeds int
	// place makes three empty schemas, and says how each is reached and called.
	place func(t testing.TB) (at map[string]placed, db *sql.DB)
	// types of the columns of the random tables.
	number, text, json, list, time string
	// elements writes a list of numbers.
	elements func([]int) string
	// before stands before TABLE.
	before string
	// keeps says that tables are better emptied than made anew.
	keeps bool
}

// placed is the schema of one system.
type placed struct{ dsn, schema string }

var names = []string{"s0", "s1", "s2"}

var engines = []engine{{
	name: "postgres", seeds: 500, before: "UNLOGGED ",
	place: func(t testing.TB) (map[string]placed, *sql.DB) {
		dsn := pgtest.URL(t)
		db, err := sql.Open("postgres", dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		// What a test is not about: waiting for a disk.
		if _, err := db.Exec("CREATE SCHEMA s0; CREATE SCHEMA s1; CREATE SCHEMA s2; ALTER ROLE CURRENT_USER SET synchronous_commit = off"); err != nil {
			t.Fatal(err)
		}
		at := map[string]placed{}
		for _, name := range names {
			at[name] = placed{dsn, name}
		}
		return at, db
	},
	number: "integer", text: "text", json: "jsonb", list: "integer[]", time: "timestamptz",
	elements: func(list []int) string { return "ARRAY[" + joined(list) + "]::integer[]" },
}, {
	name: "mariadb", seeds: 100, keeps: true,
	place: func(t testing.TB) (map[string]placed, *sql.DB) {
		at, last := map[string]placed{}, mytest.Database{}
		for _, name := range names {
			last = mytest.New(t)
			at[name] = placed{last.URL, last.Name}
		}
		db, err := sql.Open("mysql", last.DSN)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return at, db
	},
	number: "integer", text: "varchar(80)", json: "json", list: "json", time: "datetime", // there are no arrays
	elements: func(list []int) string { return "'[" + joined(list) + "]'" },
}}

func joined(list []int) string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ",")
}

// TestAgreesWithReference makes random maps over random data, one a seed, and holds what the
// search finds against a reference that reads everything and follows the map in memory.
//
//	go test ./internal/subject -run TestAgreesWithReference -seed 7    repeats one seed
//	HABEAS_SEEDS=5000 go test ./internal/subject -run …                runs more of them
func TestAgreesWithReference(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			first, last := int64(0), int64(e.seeds)
			if n, err := strconv.ParseInt(os.Getenv("HABEAS_SEEDS"), 10, 64); err == nil {
				last = n
			}
			if *onlySeed >= 0 {
				first, last = *onlySeed, *onlySeed+1
			}
			next := atomic.Int64{}
			next.Store(first)
			var tally tally
			var workers sync.WaitGroup
			for range min(4, last-first) {
				at := e.arena(t)
				workers.Go(func() {
					for seed := next.Add(1) - 1; seed < last && !t.Failed(); seed = next.Add(1) - 1 {
						if err := at.seed(seed, &tally); err != nil {
							t.Errorf("seed %d: %v\nrepeat it with: go test ./internal/subject -run TestAgreesWithReference/%s -seed %d", seed, err, e.name, seed)
						}
					}
				})
			}
			workers.Wait()
			t.Log(tally.String())
			tally.judge(t, last-first)
		})
	}
}

// tally counts what the seeds had in them, as a test of the test: a generator that never makes a
// cycle would prove nothing about cycles.
type tally struct {
	mu    sync.Mutex
	count map[string]int
}

func (c *tally) add(word string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == nil {
		c.count = map[string]int{}
	}
	c.count[word] += n
}

func (c *tally) String() string {
	var parts []string
	for word, n := range c.count {
		parts = append(parts, fmt.Sprintf("%s %d", word, n))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

func (c *tally) judge(t *testing.T, seeds int64) {
	if seeds < 100 || t.Failed() {
		return
	}
	for _, word := range []string{"rows", "rows shared", "circles in one system", "circles through systems", "self-references", "values that widen",
		"values that must not", "identities that are exact", "identities bound to a time", "collections left out", "links by a part", "links with a time"} {
		if c.count[word] < int(seeds)/50 {
			t.Errorf("only %d %s in %d seeds", c.count[word], word, seeds)
		}
	}
	if gaveUp := c.count["circles that did not close"]; gaveUp > int(seeds)/20 {
		t.Errorf("%d of %d seeds needed more than %d rounds", gaveUp, seeds, DefaultRounds)
	}
}

// arena is one database in which seeds are tried one after the other.
type arena struct {
	engine
	ctx  context.Context
	db   *sql.DB
	at   map[string]placed
	made map[string]*datamap.System
	open map[string]systems.System
}

func (e engine) arena(t testing.TB) *arena {
	t.Helper()
	at, db := e.place(t)
	a := &arena{engine: e, ctx: t.Context(), db: db, at: at, made: map[string]*datamap.System{}, open: map[string]systems.System{}}
	for _, name := range names {
		s := &datamap.System{Name: name, Driver: e.name, Connections: 1, Identities: ownKinds}
		sys, err := systems.Open(t.Context(), s, at[name].dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sys.Close() })
		a.made[name], a.open[name] = s, sys
	}
	return a
}

func (a *arena) opener(name string) (systems.System, error) { return a.open[name], nil }

// seed tries one seed; the error says where search and reference differ.
func (a *arena) seed(seed int64, tally *tally) error {
	w := newRandom(seed, a.made)
	for _, c := range w.all {
		c.Schema = a.at[c.System.Name].schema
	}
	if err := a.load(w); err != nil {
		return fmt.Errorf("making the tables: %w", err)
	}
	account := dsr.Identity{Kind: datamap.IdentityAccount, Value: "u" + strconv.Itoa(w.who.id)}
	found, err := FindAccount(a.ctx, w.m, a.opener, []dsr.Identity{account})
	if err != nil {
		return fmt.Errorf("finding the account: %w", err)
	}
	if len(found) != 1 {
		return fmt.Errorf("%d accounts", len(found))
	}
	want := w.reference()
	s := Search{Map: w.m, Account: found[0], Keys: newMemory(), Open: a.opener, Without: w.without}
	got, err := a.answer(s)
	if tooManyRounds(err) {
		tally.add("circles that did not close", 1)
		s.Keys, s.Rounds = newMemory(), 60
		got, err = a.answer(s)
	}
	if err != nil {
		return fmt.Errorf("%w (%v)\n%s", err, cause(err), w)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		return fmt.Errorf("reference and answer differ (-want +got):\n%s\n%s", diff, w)
	}
	w.tell(tally, s, got)
	return nil
}

// cause is the private one: there is nobody's data in a random table.
func cause(err error) string {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return fmt.Sprint(err)
}

func tooManyRounds(err error) bool {
	return fault.Is(err, contract.ErrMapMismatch) && strings.Contains(err.Error(), "rounds")
}

// load makes the tables of the seed anew and fills them.
func (a *arena) load(w *random) error {
	var statements []string
	if !a.keeps {
		for _, name := range names {
			for i := range maxTables {
				statements = append(statements, fmt.Sprintf("DROP TABLE IF EXISTS %s.t%d", a.at[name].schema, i))
			}
		}
	}
	for _, c := range w.all {
		table := c.Schema + "." + c.Table
		statements = append(statements, "CREATE "+a.before+"TABLE IF NOT EXISTS "+table+fmt.Sprintf(
			" (id %[1]s NOT NULL, k %[1]s NOT NULL, a %[1]s, b %[1]s, login %[2]s, mail %[2]s, badge %[2]s, j %[3]s, r %[4]s, p %[2]s, at %[5]s, f %[5]s, u %[5]s)",
			a.number, a.text, a.json, a.list, a.time), "DELETE FROM "+table)
		var rows []string
		for _, r := range w.data[c] {
			rows = append(rows, a.values(r))
		}
		statements = append(statements, "INSERT INTO "+table+" VALUES "+strings.Join(rows, ", "))
	}
	_, err := a.db.ExecContext(a.ctx, strings.Join(statements, ";\n"))
	return err
}

func (a *arena) values(r *row) string {
	list := "NULL"
	if r.r != nil {
		list = a.elements(r.r)
	}
	parts := []string{strconv.Itoa(r.id), strconv.Itoa(r.k), number(r.a), number(r.b), text(r.login), text(r.mail), text(r.badge), text(r.document()),
		list, text(r.p), moment(r.at), moment(r.f), moment(r.u)}
	return "(" + strings.Join(parts, ", ") + ")"
}

func number(n *int) string {
	if n == nil {
		return "NULL"
	}
	return strconv.Itoa(*n)
}

func text(s *string) string {
	if s == nil {
		return "NULL"
	}
	return "'" + strings.ReplaceAll(*s, "'", "''") + "'"
}

// moment is a day in 2026.
func moment(n *int) string {
	if n == nil {
		return "NULL"
	}
	return fmt.Sprintf("'2026-01-%02d 00:00:00'", *n)
}

// answer makes the search as a case does: every step, then the rows of every collection.
func (a *arena) answer(s Search) (outcome, error) {
	out := outcome{Rows: map[string][]string{}, Shared: map[string]int64{}}
	counts := map[string]int64{}
	for _, step := range s.Steps() {
		if slices.Contains(s.Without, step.System) {
			continue
		}
		found, err := s.Discover(a.ctx, step)
		if err != nil {
			return out, fmt.Errorf("discovering %v: %w", step, err)
		}
		for id, n := range found.Rows {
			counts[id] = n
		}
	}
	left, err := s.LeftOut()
	if err != nil {
		return out, err
	}
	out.LeftOut = left
	for _, sys := range s.Map.Systems {
		for _, c := range sys.Collections {
			if slices.Contains(left, c.ID()) {
				continue
			}
			sel, err := s.Select(a.ctx, c)
			if err != nil {
				return out, err
			}
			err = a.open[sys.Name].Keys(a.ctx, sel, []string{"id", "k"}, 100, func(keys [][]string) error {
				for _, k := range keys {
					out.Rows[c.ID()] = append(out.Rows[c.ID()], k[0]+"/"+k[1])
				}
				return nil
			})
			if err == nil && counts[c.ID()] != int64(len(out.Rows[c.ID()])) {
				err = errors.New("the count differs from the rows")
			}
			if err != nil {
				return out, fmt.Errorf("%s: %w", c.ID(), err)
			}
			slices.Sort(out.Rows[c.ID()])
		}
	}
	if out.Shared, err = s.Shared(a.ctx); err != nil {
		return out, err
	}
	widened, err := s.Widened(a.ctx)
	for _, v := range widened {
		id := v.Identity
		out.Widened = append(out.Widened, fmt.Sprintf("%s.%s.%s %q exact=%v bound=%v shared=%v %s-%s", v.System, v.Collection, v.Column, id.Value,
			id.Exact, id.Bound, id.Shared, mark(id.From), mark(id.Until)))
	}
	slices.Sort(out.Widened)
	return out, err
}
