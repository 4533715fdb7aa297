package main

import (
	"context"
	"database/sql"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack/cluster"
	"github.com/habeas-dsr/habeas/internal/subject"
	"github.com/habeas-dsr/habeas/internal/systems"
	_ "github.com/habeas-dsr/habeas/internal/systems/postgres" // the driver
)

// eraseTables are the tables of the person's rows, beside one for the person.
const eraseTables = 5

// erases times the deletion of one person's rows.
func erases(ctx context.Context, b *bench) ([]Row, error) {
	rows := 200_000
	if b.full {
		rows = 1_000_000
	}
	row := Row{
		Name: "erase", Unit: "rows/s", Goal: Goal{Least: 0.85},
		What: fmt.Sprintf("%s rows of one person over %d tables, beside as many of others, with a foreign key each: Execute of a frozen plan "+
			"(check of the plan, counts, batches of %d rows, a transaction each)", number(float64(rows)), eraseTables, subject.DefaultBatch),
		Floor: "the same as one DELETE a table in one psql session, on a copy of the database",
	}
	h, err := b.house(ctx, "erase", example.Options{People: 20})
	if err != nil {
		return nil, err
	}
	defer h.Close()
	if err := h.eraseTemplate(ctx, rows/eraseTables); err != nil {
		return nil, err
	}
	for n := range pairs {
		var p Pair
		for _, i := range turn(n) {
			name := fmt.Sprintf("bench_erase_%d_%d", n, i)
			if err := h.copyOf(ctx, name); err != nil {
				return nil, err
			}
			run := h.byHand
			if i == 1 {
				run = h.byPlan
			}
			took, err := run(ctx, name, rows+1)
			if err != nil {
				return nil, err
			}
			if err := h.onSystem(ctx, "postgres", "DROP DATABASE "+name); err != nil {
				return nil, err
			}
			if rate := float64(rows) / took.Seconds(); i == 0 {
				p.Floor = rate
			} else {
				p.Ours = rate
			}
		}
		say("erase: %.0f rows/s, floor %.0f rows/s", p.Ours, p.Floor)
		row.Pairs = append(row.Pairs, p)
	}
	return []Row{row}, nil
}

// eraseTemplate makes the database that is copied for each measurement.
func (h *house) eraseTemplate(ctx context.Context, each int) error {
	if err := h.onSystem(ctx, "postgres", "CREATE DATABASE bench_erase"); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("CREATE TABLE people (id bigint PRIMARY KEY, login text NOT NULL UNIQUE); INSERT INTO people SELECT n, 'u' || n FROM generate_series(1, 1000) n;\n")
	for t := range eraseTables {
		fmt.Fprintf(&b, "CREATE TABLE t%[1]d (id bigint PRIMARY KEY, person bigint NOT NULL, at timestamptz NOT NULL DEFAULT now(), note text NOT NULL);\n"+
			"INSERT INTO t%[1]d (id, person, note) SELECT n, CASE WHEN n %% 2 = 0 THEN 1 ELSE 2 + n %% 999 END, md5(n::text) FROM generate_series(1, %[2]d) n;\n"+
			"ALTER TABLE t%[1]d ADD FOREIGN KEY (person) REFERENCES people (id); CREATE INDEX ON t%[1]d (person);\n", t, 2*each)
	}
	db, err := sql.Open("postgres", h.Stack.DatabaseURL(cluster.Superuser, "bench_erase"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(ctx, b.String()); err != nil {
		return fmt.Errorf("filling bench_erase: %w", err)
	}
	_, err = db.ExecContext(ctx, "VACUUM ANALYZE")
	return err
}

func (h *house) copyOf(ctx context.Context, name string) error {
	if err := h.onSystem(ctx, "postgres", "CREATE DATABASE "+name+" TEMPLATE bench_erase"); err != nil {
		return err
	}
	return h.onSystem(ctx, "postgres", "CHECKPOINT")
}

// byHand is the floor: what somebody would type who knows where the rows are.
func (h *house) byHand(ctx context.Context, database string, _ int) (time.Duration, error) {
	bin, err := cluster.Binaries()
	if err != nil {
		return 0, err
	}
	var b strings.Builder
	for t := range eraseTables {
		fmt.Fprintf(&b, "DELETE FROM t%d WHERE person = 1;\n", t)
	}
	b.WriteString("DELETE FROM people WHERE id = 1;\n")
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", h.Stack.DatabaseURL(cluster.Superuser, database))
	cmd.Stdin = strings.NewReader(b.String())
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("psql: %w: %s", err, out)
	}
	return time.Since(began), nil
}

// byPlan is ours. Finding and planning come before the clock starts, as the floor knows the rows.
func (h *house) byPlan(ctx context.Context, database string, want int) (time.Duration, error) {
	m := eraseMap()
	sys, err := systems.Open(ctx, m.Systems[0], h.Stack.DatabaseURL(cluster.Superuser, database))
	if err != nil {
		return 0, err
	}
	defer func() { _ = sys.Close() }()
	open := func(string) (systems.System, error) { return sys, nil }
	found, err := subject.FindAccount(ctx, m, open, []dsr.Identity{{Kind: datamap.IdentityAccount, Value: "u1"}})
	if err != nil || len(found) != 1 {
		return 0, fmt.Errorf("finding the person: %d accounts, %w", len(found), err)
	}
	e := subject.Erasure{Search: subject.Search{Map: m, Account: found[0], Keys: newKeys(), Open: open}, Frozen: newKeys(), Now: time.Now(), Secret: make([]byte, 32)}
	plan, err := planOf(ctx, e)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	done, err := e.Execute(ctx, plan, "bench", subject.Run{})
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	var deleted int64
	for _, d := range done {
		deleted += d.Deleted
	}
	if deleted != int64(want) {
		return 0, fmt.Errorf("%d rows were deleted, not %d", deleted, want)
	}
	return took, nil
}

func planOf(ctx context.Context, e subject.Erasure) (subject.Plan, error) {
	for _, step := range e.Search.Steps() {
		if _, err := e.Discover(ctx, step); err != nil {
			return subject.Plan{}, err
		}
	}
	for _, step := range e.Steps() {
		if err := e.Mark(ctx, step); err != nil {
			return subject.Plan{}, err
		}
	}
	part, err := e.Draft(ctx, "bench")
	if err != nil {
		return subject.Plan{}, err
	}
	return e.Assemble(ctx, []subject.Part{part})
}

// eraseMap describes the benchmark's tables.
func eraseMap() *datamap.Map {
	s := &datamap.System{Name: "bench", Driver: "postgres", Connections: 2}
	collection := func(name string, columns ...string) *datamap.Collection {
		c := &datamap.Collection{System: s, Name: name, Schema: "public", Table: name, Key: columns[:1], Deletion: &datamap.Deletion{Action: datamap.DeletionDelete}}
		for _, column := range columns {
			c.Columns = append(c.Columns, &datamap.Column{Name: column, Category: "user", Export: datamap.ExportShow})
		}
		s.Collections = append(s.Collections, c)
		return c
	}
	people := collection("people", "id", "login")
	people.Match = []datamap.Match{{Column: "login", Identity: datamap.IdentityAccount}}
	people.Directory = &datamap.Directory{Account: "login"}
	for t := range eraseTables {
		c := collection(fmt.Sprintf("t%d", t), "id", "person", "at", "note")
		c.Links = []*datamap.Link{{From: c, Columns: []string{"person"}, To: people, ToColumns: []string{"id"}, Relation: datamap.Belongs, Deletion: datamap.Deep, Follow: datamap.FollowDown}}
	}
	return &datamap.Map{Systems: []*datamap.System{s}}
}

// keys is a subject.KeyStore in memory: the casefile's is measured by the other rows.
type keys struct {
	mu   sync.Mutex
	sets map[string][][][]string
}

func newKeys() *keys { return &keys{sets: map[string][][][]string{}} }

func (k *keys) PutKeys(_ context.Context, coll string, columns []string, chunk int, tuples [][]string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	name := coll + "\x00" + strings.Join(columns, "\x00")
	for len(k.sets[name]) <= chunk {
		k.sets[name] = append(k.sets[name], nil)
	}
	k.sets[name][chunk] = tuples
	return nil
}

func (k *keys) TrimKeys(_ context.Context, coll string, columns []string, from int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	name := coll + "\x00" + strings.Join(columns, "\x00")
	k.sets[name] = k.sets[name][:min(from, len(k.sets[name]))]
	return nil
}

func (k *keys) Keys(_ context.Context, coll string, columns []string, yield func([][]string) error) error {
	k.mu.Lock()
	set := slices.Clone(k.sets[coll+"\x00"+strings.Join(columns, "\x00")])
	k.mu.Unlock()
	for _, chunk := range set {
		if err := yield(chunk); err != nil {
			return err
		}
	}
	return nil
}
