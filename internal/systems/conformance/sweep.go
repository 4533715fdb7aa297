package conformance

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// RunSweeper is the suite of what retention asks (systems.Sweeper). A driver that fulfils it runs
// this beside Run.
func RunSweeper(t *testing.T, e Engine) {
	t.Run("due", e.due)
	t.Run("due by a parent", e.dueByParent)
	t.Run("walks", e.walks)
	t.Run("sweeps by stretches", e.stretches)
	t.Run("sees who else is at work", e.others)
	t.Run("sweeps only what nobody refers to", e.alone)
}

func (p *place) sweeper() systems.Sweeper {
	p.Helper()
	s, err := systems.SweeperOf(p.system, p.sys)
	if err != nil {
		p.Fatal(err)
	}
	return s
}

// firstDay is the first day whose rows stay; eight o'clock in Shanghai is midnight in UTC.
var (
	firstDay = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	shanghai = firstDay.Add(-8 * time.Hour)
)

func (p *place) dueIDs(c *datamap.Collection, clause systems.Clause, by string) []string {
	p.Helper()
	due := systems.Due{Rows: systems.Selection{Collection: c, Any: []systems.Clause{clause}}, By: by}
	var ids []string
	var at systems.Cursor
	for {
		page, err := p.sweeper().DuePage(p.ctx, due, at, 2)
		if err != nil {
			p.Fatalf("%v (%v)", err, unwrapped(err))
		}
		for _, key := range page.Keys {
			ids = append(ids, strings.Join(key, "/"))
		}
		span, err := p.sweeper().DueSpan(p.ctx, due, at, 2)
		if err != nil || span.Rows != int64(len(page.Keys)) || !slices.Equal(span.Last, page.Last) || !bytes.Equal(span.Digest, systems.DigestKeys(page.Keys)) {
			p.Errorf("a span of the rows %q: %+v, %v", page.Keys, span, err)
		}
		if at = page.Last; len(page.Keys) < 2 {
			break
		}
	}
	counted, err := p.sweeper().CountDue(p.ctx, due)
	if err != nil || counted.Rows != int64(len(ids)) {
		p.Errorf("counted %+v, walked %d; %v", counted, len(ids), err)
	}
	return ids
}

func (e Engine) due(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE logs (id integer PRIMARY KEY, at timestamp NULL, day date, other date, v varchar(9));
		INSERT INTO logs VALUES (1, '2026-02-28 15:59:59', '2026-02-27', NULL, 'a'), (2, '2026-02-28 16:00:00', '2026-02-28', NULL, 'a'),
		(3, '2026-02-28 23:59:59', '2026-03-01', NULL, 'b'), (4, '2026-03-01 00:00:00', NULL, '2026-01-01', 'a'), (5, NULL, NULL, NULL, 'a');`)
	c := p.collection("logs", "id", "at", "day", "other", "v")
	over := func(o systems.Over) systems.Clause {
		o.Day, o.At = firstDay, shanghai
		return systems.Clause{Over: []systems.Over{o}}
	}
	// On PostgreSQL a timestamp is the reading of a clock, on MariaDB it is a moment.
	want := []string{"1", "2", "3"}
	if e.Driver != "postgres" {
		want = []string{"1"}
	}
	p.want("by time", p.dueIDs(c, over(systems.Over{Column: "at"}), "at"), want)
	p.want("by day", p.dueIDs(c, over(systems.Over{Column: "day"}), "day"), []string{"1", "2"})
	p.want("missing is due", p.dueIDs(c, over(systems.Over{Column: "day", Missing: true}), ""), []string{"1", "2", "4", "5"})
	p.want("another column instead", p.dueIDs(c, over(systems.Over{Column: "day", Else: "other"}), ""), []string{"1", "2", "4"})
	both := over(systems.Over{Column: "day"})
	both.When = &datamap.Condition{Column: "id", Op: datamap.OpGt, Values: []string{"1"}}
	p.want("and a condition", p.dueIDs(c, both, "day"), []string{"2"})
	both.Over = append(both.Over, systems.Over{Column: "at", Day: firstDay.AddDate(-1, 0, 0), At: shanghai.AddDate(-1, 0, 0)})
	p.want("and a floor", len(p.dueIDs(c, both, "day")), 0)
	got, err := p.sweeper().CountDue(p.ctx, systems.Due{Rows: systems.Selection{Collection: c, Any: []systems.Clause{over(systems.Over{Column: "day"})}}, By: "day"})
	if err != nil || got != (systems.Dues{Rows: 2, Oldest: "2026-02-27", Newest: "2026-02-28", Table: 5}) {
		t.Errorf("counted %+v, %v", got, err)
	}
}

func (e Engine) dueByParent(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE tickets (id integer PRIMARY KEY, closed date); CREATE TABLE messages (id integer PRIMARY KEY, ticket integer);
		INSERT INTO tickets VALUES (1, '2026-02-01'), (2, '2026-04-01'), (3, NULL);
		INSERT INTO messages VALUES (10, 1), (11, 1), (20, 2), (30, 3), (40, NULL), (50, 9);`)
	tickets, messages := p.collection("tickets", "id", "closed"), p.collection("messages", "id", "ticket")
	link := &datamap.Link{From: messages, Columns: []string{"ticket"}, To: tickets, ToColumns: []string{"id"}}
	over := systems.Over{Column: "closed", Parent: link, Day: firstDay, At: shanghai}
	p.want("never without", p.dueIDs(messages, systems.Clause{Over: []systems.Over{over}}, ""), []string{"10", "11"})
	over.Missing = true
	p.want("due without", p.dueIDs(messages, systems.Clause{Over: []systems.Over{over}}, ""), []string{"10", "11", "30", "40", "50"})
}

// stretches sweeps a part of a walk at a time, also where it ends among equal times: each takes its due rows
// whole, but for those left alone, and nothing else; what was taken is not there for another.
func (e Engine) stretches(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE items (name varchar(20), n integer, at date, note varchar(9), PRIMARY KEY (name, n));`)
	for i := range 12 {
		p.exec(fmt.Sprintf(`INSERT INTO items VALUES ('%s', %d, '2026-01-%02d', '%s')`, []string{"a", "B", "ü"}[i%3], i/3, 1+i/6, map[bool]string{true: "stays", false: "goes"}[i == 4]))
	}
	p.exec(`INSERT INTO items VALUES ('a', 99, '2026-03-01', 'goes'), ('x,y\\;', 0, '2026-01-01', 'goes')`)
	c := p.collection("items", "name", "n", "at", "note")
	c.Key = []string{"name", "n"}
	for _, by := range []string{"at", ""} {
		clause := systems.Clause{When: &datamap.Condition{Column: "note", Op: datamap.OpEq, Values: []string{"goes"}}, Over: []systems.Over{{Column: "at", Day: firstDay, At: shanghai}}}
		due := systems.Due{Rows: systems.Selection{Collection: c, Any: []systems.Clause{clause}}, By: by}
		page, err := p.sweeper().DuePage(p.ctx, due, nil, 5)
		if err != nil || len(page.Keys) < 5 {
			t.Fatalf("walked by %q: %d rows, %v", by, len(page.Keys), err)
		}
		alone := page.Keys[2]
		clause.Stretch = &systems.Stretch{By: by, Last: page.Last}
		change := systems.Change{Action: systems.Delete, Rows: systems.Selection{Collection: c, Any: []systems.Clause{clause},
			Except: []systems.Clause{{Columns: c.Key, Keys: func(_ context.Context, yield func([][]string) error) error { return yield([][]string{alone}) }}}}}
		for _, want := range []int64{4, 0} {
			if done, err := p.eraser().Erase(p.ctx, change, 1); err != nil || done.Deleted != want {
				t.Errorf("walked by %q: %+v instead of %d, %v (%v)", by, done, want, err, unwrapped(err))
			}
		}
		change.Rows.Except = nil
		if n, err := p.sweeper().Count(p.ctx, change.Rows); err != nil || n != 1 {
			t.Errorf("%d rows are left in the stretch, %v", n, err)
		}
		change.Rows.Any[0].Stretch = &systems.Stretch{By: by, After: page.Last}
		if done, err := p.eraser().Erase(p.ctx, change, 1); err != nil || (by == "at" && done.Deleted != 7) {
			t.Errorf("the rest, walked by %q: %+v, %v", by, done, err)
		}
		for i := 0; i < 8 && by == "at"; i++ { // for the other order
			p.exec(fmt.Sprintf(`INSERT INTO items VALUES ('%s', %d, '2026-02-0%d', 'goes')`, []string{"a", "B", "ü"}[i%3], 100+i/3, 1+i))
		}
	}
	stay := systems.Selection{Collection: c, Any: []systems.Clause{{When: &datamap.Condition{Any: []*datamap.Condition{
		{Column: "note", Op: datamap.OpEq, Values: []string{"stays"}}, {Column: "n", Op: datamap.OpEq, Values: []string{"99"}}}}}}}
	if n, err := p.sweeper().Count(p.ctx, stay); err != nil || n != 2 {
		t.Errorf("%d of the 2 rows that are not due are there, %v", n, err)
	}
}

// others sees somebody who is at work, and does not count itself.
func (e Engine) others(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE slow (id integer PRIMARY KEY); INSERT INTO slow VALUES (1)`)
	sleep := "SELECT pg_sleep(5)"
	if e.Driver != "postgres" {
		sleep = "DO SLEEP(5)"
	}
	before, err := p.sweeper().Others(p.ctx)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); p.exec(sleep) }()
	t.Cleanup(func() { <-done })
	for n := before; n <= before; { // other tests come and go on the same server: until there is one more
		select {
		case <-done:
			t.Fatalf("nobody was seen at work beside %d", before)
		case <-time.After(20 * time.Millisecond):
		}
		if n, err = p.sweeper().Others(p.ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// walks goes over composite keys and equal times in steps that end in the middle of them.
func (e Engine) walks(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE items (name varchar(20), n integer, at date, PRIMARY KEY (name, n));`)
	var want []string
	for i := range 9 {
		name, n := []string{"a", "B", "ü"}[i%3], i/3
		p.exec(fmt.Sprintf(`INSERT INTO items VALUES ('%s', %d, '2026-01-%02d')`, name, n, 1+i/6))
		want = append(want, fmt.Sprintf("%s/%d", name, n))
	}
	c := p.collection("items", "name", "n", "at")
	c.Key = []string{"name", "n"}
	clause := systems.Clause{Over: []systems.Over{{Column: "at", Day: firstDay, At: shanghai}}}
	slices.Sort(want)
	for _, by := range []string{"at", ""} {
		got := p.dueIDs(c, clause, by)
		slices.Sort(got)
		p.want("walked by "+by, got, want)
	}
}

func (e Engine) alone(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE parents (id integer PRIMARY KEY, up integer, at date, FOREIGN KEY (up) REFERENCES parents (id));
		CREATE TABLE children (id integer PRIMARY KEY, parent integer, FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE);
		INSERT INTO parents VALUES (1, NULL, '2026-01-01'), (2, 1, '2026-01-01'), (3, 3, '2026-01-01'), (4, NULL, '2026-01-01');
		INSERT INTO children VALUES (10, 4);`)
	c := p.collection("parents", "id", "up", "at")
	alone, err := p.sweeper().Foreign(p.ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	p.want("who refers", alone, []systems.Referrer{
		{Table: systems.Table{Schema: p.schema, Name: "children"}, From: []string{"parent"}, Columns: []string{"id"}},
		{Table: systems.Table{Schema: p.schema, Name: "parents"}, From: []string{"up"}, Columns: []string{"id"}},
	})
	over := []systems.Over{{Column: "at", Day: firstDay, At: shanghai}}
	p.want("first", p.dueIDs(c, systems.Clause{Over: over, Alone: alone}, "at"), []string{"2", "3"})
	page := byKeys(c, []string{"id"}, []string{"1"}, []string{"2"}, []string{"3"}, []string{"4"})
	change := systems.Change{Action: systems.Delete, Rows: page}
	change.Rows.Only = []systems.Clause{{Over: over, Alone: alone}}
	done, err := p.eraser().Erase(p.ctx, change, 10)
	if err != nil || done.Deleted != 2 {
		t.Errorf("the leaves: %+v, %v (%v)", done, err, unwrapped(err))
	}
	if done, err = p.eraser().Erase(p.ctx, change, 10); err != nil || done.Deleted != 1 {
		t.Errorf("what they referred to: %+v, %v", done, err)
	}
	p.want("referred to from elsewhere", p.ids(page), []string{"4"})
	p.want("and nothing went along", p.ids(byKeys(p.collection("children", "id", "parent"), []string{"id"}, []string{"10"})), []string{"10"})
}
