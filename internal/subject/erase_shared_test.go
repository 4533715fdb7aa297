package subject

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// household is a shop in which people share things: cards go with the last of two holders, a joint
// account hangs on both of its owners, notes hang on cards, and orders and visits are one person's.
type household struct {
	*testing.T
	m      *datamap.Map
	db     *sql.DB
	schema string
	sys    systems.System
}

func newHousehold(t *testing.T, e engine) *household {
	t.Helper()
	at, db := e.place(t)
	s := &datamap.System{Name: "s2", Driver: e.name, Connections: 4}
	h := &household{T: t, m: &datamap.Map{Systems: []*datamap.System{s}}, db: db, schema: at["s2"].schema}
	add := func(table, action string, columns ...string) *datamap.Collection {
		c := &datamap.Collection{System: s, Name: table, Schema: h.schema, Table: table, Key: columns[:1], Deletion: &datamap.Deletion{Action: action}}
		var defs []string
		for _, name := range columns {
			kind := "integer"
			if name == "login" || name == "v" {
				kind = "varchar(40)"
			}
			defs = append(defs, name+" "+kind)
			c.Columns = append(c.Columns, &datamap.Column{Name: name, Category: "user", Export: datamap.ExportShow})
		}
		h.exec(fmt.Sprintf("CREATE TABLE %s.%s (%s, PRIMARY KEY (%s))", h.schema, table, strings.Join(defs, ", "), columns[0]))
		s.Collections = append(s.Collections, c)
		return c
	}
	users := add("users", datamap.DeletionDelete, "id", "login")
	users.Match = []datamap.Match{{Column: "login", Identity: datamap.IdentityAccount}}
	users.Directory = &datamap.Directory{Account: "login"}
	own := func(from *datamap.Collection, column string, to *datamap.Collection, relation, deletion string) {
		from.Links = append(from.Links, &datamap.Link{From: from, Columns: []string{column}, To: to, ToColumns: []string{"id"},
			Relation: relation, Deletion: deletion, Follow: datamap.FollowDown})
	}
	cards := add("cards", datamap.DeletionDelete, "id", "one", "two")
	own(cards, "one", users, datamap.Refers, datamap.Refcount)
	own(cards, "two", users, datamap.Refers, datamap.Refcount)
	own(add("notes", datamap.DeletionDelete, "id", "card"), "card", cards, datamap.Belongs, datamap.Deep)
	joint := add("joint", datamap.DeletionDelete, "id", "one", "two", "v")
	own(joint, "one", users, datamap.Belongs, datamap.Deep)
	own(joint, "two", users, datamap.Belongs, datamap.Deep)
	own(add("orders", datamap.DeletionDelete, "id", "owner"), "owner", users, datamap.Belongs, datamap.Deep)
	visits := add("visits", datamap.DeletionAnonymise, "id", "owner", "v")
	visits.Column("v").Erase = &datamap.Strategy{With: datamap.StrategyConstant, Value: "-"}
	own(visits, "owner", users, datamap.Belongs, datamap.Deep)
	h.exec(fmt.Sprintf("INSERT INTO %s.users VALUES (1, 'zhang'), (2, 'li'), (3, 'wu')", h.schema))
	sys, err := systems.Open(t.Context(), s, at["s2"].dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sys.Close() })
	h.sys = sys
	return h
}

func (h *household) exec(statement string) {
	h.Helper()
	if _, err := h.db.Exec(statement); err != nil {
		h.Fatalf("%v\n%.200s", err, statement)
	}
}

// fill inserts rows into a table, in one statement.
func (h *household) fill(table string, rows ...string) {
	h.Helper()
	h.exec("INSERT INTO " + h.schema + "." + table + " VALUES (" + strings.Join(rows, "), (") + ")")
}

// rows are the rows of a table, each as its columns with blanks between, NULL as "-".
func (h *household) rows(table string) []string {
	h.Helper()
	found, err := h.db.Query("SELECT * FROM " + h.schema + "." + table + " ORDER BY id")
	if err != nil {
		h.Fatal(err)
	}
	defer found.Close()
	columns, _ := found.Columns()
	var out []string
	for found.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			values[i].String, into[i] = "-", &values[i]
		}
		if err := found.Scan(into...); err != nil {
			h.Fatal(err)
		}
		var parts []string
		for _, v := range values {
			if !v.Valid {
				v.String = "NULL"
			}
			parts = append(parts, v.String)
		}
		out = append(out, strings.Join(parts, " "))
	}
	if err := found.Err(); err != nil {
		h.Fatal(err)
	}
	return out
}

func (h *household) want(table string, rows ...string) {
	h.Helper()
	if diff := cmp.Diff(rows, h.rows(table)); diff != "" {
		h.Errorf("%s (-want +got):\n%s", table, diff)
	}
}

// planned is the deletion of a person, with its plan.
func (h *household) planned(login string, choices map[string]string) (Erasure, Plan) {
	h.Helper()
	e, p := h.draft(login, choices)
	if stops := p.Stops(); len(stops) > 0 {
		h.Fatalf("the plan stops: %v", stops)
	}
	return e, p
}

// stopped is what stops the plan for a person.
func (h *household) stopped(login string) []string {
	h.Helper()
	_, p := h.draft(login, nil)
	return p.Stops()
}

func (h *household) draft(login string, choices map[string]string) (Erasure, Plan) {
	h.Helper()
	open := func(string) (systems.System, error) { return h.sys, nil }
	found, err := FindAccount(h.Context(), h.m, open, []dsr.Identity{{Kind: datamap.IdentityAccount, Value: login}})
	if err != nil || len(found) != 1 {
		h.Fatalf("%d accounts, %v", len(found), err)
	}
	e := Erasure{Search: Search{Map: h.m, Account: found[0], Keys: newMemory(), Open: open}, Frozen: newMemory(), Now: eraseNow,
		Choices: choices, Secret: []byte("0123456789abcdef0123456789abcdef")}
	p, err := makePlan(h.Context(), e)
	if err != nil {
		h.Fatalf("%v (%v)", err, cause(err))
	}
	return e, p
}

func (h *household) execute(e Erasure, p Plan, run Run) []Done {
	h.Helper()
	done, err := e.Execute(h.Context(), p, "s2", run)
	if err != nil {
		h.Errorf("%v (%v)", err, cause(err))
	}
	return done
}

// left is what the read-back says, "collection reason rows" each.
func (h *household) left(e Erasure, p Plan) []string {
	h.Helper()
	all, err := e.ReadBack(h.Context(), p, "s2")
	if err != nil {
		h.Fatal(err)
	}
	orphans, err := e.Orphans(h.Context(), p, "s2")
	if err != nil {
		h.Fatal(err)
	}
	var texts []string
	for _, l := range append(all, orphans...) {
		texts = append(texts, fmt.Sprint(l.Collection, " ", l.Reason, " ", l.Rows))
	}
	return texts
}

func onBoth(t *testing.T, f func(*household)) {
	t.Helper()
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) { t.Parallel(); f(newHousehold(t, e)) })
	}
}

// TestTwoDeletionsAtOnce: two people who hold cards together are deleted at the same time, each by
// a plan that was made while the other was there. Their cards go, nobody else's does, and neither
// deletion leaves anything.
func TestTwoDeletionsAtOnce(t *testing.T) {
	onBoth(t, func(h *household) {
		var cards []string
		for i := range 60 {
			cards = append(cards, fmt.Sprintf("%d, %d, %d", 10+i, 1+i%2, 2-i%2))
		}
		h.fill("cards", append(cards, "1, 1, 3", "2, 3, 2", "3, 3, NULL")...)
		ends := make(chan func(), 2)
		var both sync.WaitGroup
		start := make(chan struct{})
		for _, login := range []string{"zhang", "li"} {
			e, p := h.planned(login, nil)
			both.Go(func() {
				<-start
				h.execute(e, p, Run{Batch: 3})
				ends <- func() {
					if left := h.left(e, p); len(left) > 0 {
						h.Errorf("left: %v", left)
					}
				}
			})
		}
		close(start)
		both.Wait()
		close(ends)
		for end := range ends {
			end()
		}
		h.want("cards", "1 NULL 3", "2 3 NULL", "3 3 NULL")
		h.want("users", "3 wu")
	})
}

// TestArrivalsAboveTheLimitStopExecution: up to a hundred rows more than planned go along and are
// counted apart; one more and nothing of that collection is touched.
func TestArrivalsAboveTheLimitStopExecution(t *testing.T) {
	onBoth(t, func(h *household) {
		for _, table := range []string{"orders", "visits"} {
			value := map[string]string{"orders": "", "visits": ", 'x'"}[table]
			h.fill(table, "1, 1"+value, "2, 2"+value)
			arrive := func(from, n int) {
				var rows []string
				for i := range n {
					rows = append(rows, fmt.Sprintf("%d, 1%s", from+i, value))
				}
				h.fill(table, rows...)
			}
			e, p := h.planned("zhang", nil)
			arrive(100, 101)
			before := h.rows(table)
			if _, err := e.Execute(h.Context(), p, "s2", Run{}); !fault.Is(err, contract.ErrConflict) || !strings.Contains(fmt.Sprint(err), "s2."+table) {
				h.Errorf("101 arrivals under %s: %v", table, err)
			}
			h.want(table, before...)
			h.want("users", "1 zhang", "2 li", "3 wu")
			h.exec("DELETE FROM " + h.schema + "." + table + " WHERE id >= 100")
		}
		h.fill("orders", "1, 1") // the first went before the visits stopped it
		e, p := h.planned("zhang", nil)
		var rows []string
		for i := range 100 {
			rows = append(rows, fmt.Sprintf("%d, 1", 200+i))
		}
		h.fill("orders", rows...)
		for _, d := range h.execute(e, p, Run{Batch: 7}) {
			if d.Collection == "orders" && (d.Planned != 1 || d.Deleted != 101 || d.Arrived != 100) {
				h.Errorf("counted %+v", d)
			}
		}
		h.want("orders", "2 2")
	})
}

// TestABusyBatchIsTriedAgain: somebody holds a row for longer than a batch waits.
func TestABusyBatchIsTriedAgain(t *testing.T) {
	onBoth(t, func(h *household) {
		h.fill("orders", "1, 1", "2, 1", "3, 2")
		e, p := h.planned("zhang", nil)
		tx, err := h.db.Begin()
		if err != nil {
			h.Fatal(err)
		}
		defer tx.Rollback()
		if _, err := tx.Exec("SELECT id FROM " + h.schema + ".orders WHERE id = 2 FOR UPDATE"); err != nil {
			h.Fatal(err)
		}
		busy := 0
		h.execute(e, p, Run{Guard: func(ctx context.Context, batch func(context.Context) error) error {
			err := batch(ctx)
			if fault.Is(err, contract.ErrBusy) {
				busy++
				if err := tx.Rollback(); err != nil {
					h.Error(err)
				}
			}
			return err
		}})
		if busy != 1 {
			h.Errorf("busy %d times", busy)
		}
		h.want("orders", "3 2")
		h.want("users", "2 li", "3 wu")
	})
}

// TestChoicesOnSharedRows: a joint account is left alone unless a reviewer says otherwise.
func TestChoicesOnSharedRows(t *testing.T) {
	onBoth(t, func(h *household) {
		for i, c := range []struct {
			choice string
			rows   []string
			left   []string
		}{
			{"", []string{"1 1 2 x", "2 2 3 x"}, []string{"joint shared 1", "joint by-law 1"}},
			{ChoiceUnlink, []string{"1 NULL 2 x", "2 2 3 x"}, nil},
			{ChoiceErase, []string{"2 2 3 x"}, nil},
		} {
			if i > 0 {
				h.fill("users", "1, 'zhang'")
				h.exec("DELETE FROM " + h.schema + ".joint")
			}
			h.fill("joint", "1, 1, 2, 'x'", "2, 2, 3, 'x'", "3, 1, NULL, 'x'")
			choices := map[string]string{}
			if c.choice != "" {
				choices["s2.joint"] = c.choice
			}
			e, p := h.planned("zhang", choices)
			h.execute(e, p, Run{Batch: 1})
			h.want("joint", c.rows...)
			if diff := cmp.Diff(c.left, h.left(e, p)); diff != "" {
				h.Errorf("%q leaves (-want +got):\n%s", c.choice, diff)
			}
			h.want("users", "2 li", "3 wu")
			before := h.rows("joint")
			h.execute(e, p, Run{})
			h.want("joint", before...)
		}
	})
}

// TestWhatHangsOnACountedRowIsAnOrphan: the note of a card that went with its last holder stays,
// and is listed; that of a card that stays is nobody's matter.
func TestWhatHangsOnACountedRowIsAnOrphan(t *testing.T) {
	onBoth(t, func(h *household) {
		h.fill("cards", "1, 1, NULL", "2, 1, 3")
		h.fill("notes", "5, 1", "6, 2", "7, NULL")
		e, p := h.planned("zhang", nil)
		h.execute(e, p, Run{})
		h.want("cards", "2 NULL 3")
		h.want("notes", "5 1", "6 2", "7 NULL")
		if diff := cmp.Diff([]string{"notes upward 2", "notes orphan 1"}, h.left(e, p)); diff != "" {
			h.Errorf("left (-want +got):\n%s", diff)
		}
	})
}
