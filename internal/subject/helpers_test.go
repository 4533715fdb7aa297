package subject

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	_ "github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/stack/mytest"
	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
	"github.com/habeas-dsr/habeas/internal/systems"
	_ "github.com/habeas-dsr/habeas/internal/systems/mysql"
	_ "github.com/habeas-dsr/habeas/internal/systems/postgres"
)

func TestMain(m *testing.M) {
	stop := mytest.Prepare()
	pgtest.Main(m)
	if err := stop(); err != nil {
		panic(err)
	}
}

// memory is a KeyStore in memory.
type memory struct {
	mu   sync.Mutex
	sets map[string]map[int][][]string
}

func newMemory() *memory { return &memory{sets: map[string]map[int][][]string{}} }

func (k *memory) PutKeys(_ context.Context, coll string, columns []string, chunk int, keys [][]string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	name := coll + "(" + strings.Join(columns, ",") + ")"
	if k.sets[name] == nil {
		k.sets[name] = map[int][][]string{}
	}
	k.sets[name][chunk] = keys
	return nil
}

func (k *memory) TrimKeys(_ context.Context, coll string, columns []string, from int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	set := k.sets[coll+"("+strings.Join(columns, ",")+")"]
	for chunk := range set {
		if chunk >= from {
			delete(set, chunk)
		}
	}
	return nil
}

func (k *memory) Keys(_ context.Context, coll string, columns []string, yield func([][]string) error) error {
	k.mu.Lock()
	set := k.sets[coll+"("+strings.Join(columns, ",")+")"]
	k.mu.Unlock()
	for chunk := range len(set) {
		if err := yield(set[chunk]); err != nil {
			return err
		}
	}
	return nil
}

// world is a few systems in databases of their own.
type world struct {
	m     *datamap.Map
	dbs   map[string]*sql.DB
	sys   map[string]systems.System
	mu    sync.Mutex
	calls map[string]int // calls of a System, by name
}

func newWorld(t testing.TB, names ...string) *world {
	t.Helper()
	w := &world{m: &datamap.Map{}, dbs: map[string]*sql.DB{}, sys: map[string]systems.System{}, calls: map[string]int{}}
	for _, name := range names {
		s := &datamap.System{Name: name, Driver: "postgres", Connections: 4}
		w.m.Systems = append(w.m.Systems, s)
		dsn := pgtest.URL(t)
		db, err := sql.Open("postgres", dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		sys, err := systems.Open(t.Context(), s, dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sys.Close() })
		w.dbs[name], w.sys[name] = db, counted{sys, w, name}
	}
	return w
}

func (w *world) open(name string) (systems.System, error) {
	if sys, known := w.sys[name]; known {
		return sys, nil
	}
	return nil, fmt.Errorf("no system %q", name)
}

func (w *world) exec(t testing.TB, system, statements string) {
	t.Helper()
	if _, err := w.dbs[system].Exec(statements); err != nil {
		t.Fatalf("%s: %v\n%.300s", system, err, statements)
	}
}

// add describes a table of public; its first column is the key.
func (w *world) add(system, table string, columns ...string) *datamap.Collection {
	s := w.m.System(system)
	c := &datamap.Collection{System: s, Name: table, Schema: "public", Table: table, Key: columns[:1]}
	for _, name := range columns {
		c.Columns = append(c.Columns, &datamap.Column{Name: name, Category: "user", Export: datamap.ExportShow})
	}
	s.Collections = append(s.Collections, c)
	return c
}

func link(from *datamap.Collection, columns string, to *datamap.Collection, toColumns string) {
	from.Links = append(from.Links, &datamap.Link{From: from, Columns: strings.Split(columns, ","), To: to,
		ToColumns: strings.Split(toColumns, ","), Relation: datamap.Belongs, Deletion: "deep"})
}

// counted counts the calls of a System. Each is a fixed number of statements, a page of keys aside.
type counted struct {
	systems.System
	w    *world
	name string
}

func (c counted) note(call string) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.w.calls[c.name+" "+call]++
}

func (c counted) Lookup(ctx context.Context, dir *datamap.Collection, by []dsr.Identity, limit int) ([]systems.Row, error) {
	c.note("lookup")
	return c.System.Lookup(ctx, dir, by, limit)
}

func (c counted) Count(ctx context.Context, sel systems.Selection) (int64, error) {
	c.note("count")
	return c.System.Count(ctx, sel)
}

func (c counted) Keys(ctx context.Context, sel systems.Selection, columns []string, page int, yield func([][]string) error) error {
	c.note("keys")
	return c.System.Keys(ctx, sel, columns, page, yield)
}

func (c counted) Stream(ctx context.Context, sel systems.Selection, json, csv io.Writer) (int64, error) {
	c.note("stream")
	return c.System.Stream(ctx, sel, json, csv)
}

// fataler is what the helpers need of *testing.T and *rapid.T.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// find gives the single account that the identities mean.
func (w *world) find(t fataler, by ...dsr.Identity) Account {
	t.Helper()
	accounts, err := FindAccount(context.Background(), w.m, w.open, by)
	if err != nil {
		t.Fatalf("finding: %v", err)
	}
	if len(accounts) != 1 {
		t.Fatalf("found %d accounts", len(accounts))
	}
	return accounts[0]
}

// answer walks the map for the account and returns the keys of the rows by collection. What
// Discover counted and what Collect gives must agree.
func (w *world) answer(t fataler, acc Account) map[string][]string {
	t.Helper()
	ctx, ks := context.Background(), newMemory()
	got := map[string][]string{}
	for _, step := range Steps(w.m, acc) {
		counts, err := Discover(ctx, w.m, w.sys[step.System], step, acc, ks)
		if err != nil {
			t.Fatalf("discovering: %v", err)
		}
		for _, name := range step.Collections {
			c := w.m.System(step.System).Collection(name)
			var j, v bytes.Buffer
			n, err := Collect(ctx, w.m, w.sys[step.System], c, acc, ks, &j, &v)
			if err != nil {
				t.Fatalf("collecting %s: %v", c.ID(), err)
			}
			ids := keysOf(t, c, j.Bytes())
			if n != counts[c.ID()] || n != int64(len(ids)) {
				t.Fatalf("%s: discovered %d, collected %d, wrote %d", c.ID(), counts[c.ID()], n, len(ids))
			}
			if len(ids) > 0 {
				got[c.ID()] = ids
			}
		}
	}
	return got
}

func keysOf(t fataler, c *datamap.Collection, text []byte) []string {
	t.Helper()
	var rows []map[string]json.RawMessage
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatalf("%s: %v", c.ID(), err)
	}
	var ids []string
	for _, row := range rows {
		ids = append(ids, string(row[c.Key[0]]))
	}
	slices.Sort(ids)
	return ids
}
