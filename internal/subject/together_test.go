package subject

import (
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// TestCirclesOfForeignKeys: teams and their heads refer to each other and neither may be without. Where
// one of the keys is DEFERRABLE the rows of both go in one transaction; where none is, the plan stops.
func TestCirclesOfForeignKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, when, rule string
		stops            bool
	}{{"deferrable", "DEFERRABLE", "", false}, {"deferred", "DEFERRABLE INITIALLY DEFERRED", "", false},
		{"fixed", "", "", true}, {"restrict", "DEFERRABLE", "ON DELETE RESTRICT", true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHousehold(t, engines[0])
			s, users := h.m.Systems[0], h.m.Systems[0].Collections[0]
			add := func(table, refers string) {
				col := &datamap.Collection{System: s, Name: table, Schema: h.schema, Table: table, Key: []string{"id"}, Deletion: &datamap.Deletion{Action: datamap.DeletionDelete}}
				for _, name := range []string{"id", refers, "owner"} {
					col.Columns = append(col.Columns, &datamap.Column{Name: name, Category: "user", Export: datamap.ExportShow})
				}
				col.Links = []*datamap.Link{{From: col, Columns: []string{"owner"}, To: users, ToColumns: []string{"id"},
					Relation: datamap.Belongs, Deletion: datamap.Deep, Follow: datamap.FollowDown}}
				s.Collections = append(s.Collections, col)
			}
			add("teams", "head")
			add("heads", "team")
			for _, statement := range []string{"CREATE TABLE %s.teams (id integer PRIMARY KEY, head integer NOT NULL, owner integer)",
				"CREATE TABLE %s.heads (id integer PRIMARY KEY, team integer NOT NULL REFERENCES %s.teams " + c.rule + ", owner integer)",
				"INSERT INTO %s.teams VALUES (1, 11, 1), (2, 12, 2), (3, 13, 1)", "INSERT INTO %s.heads VALUES (11, 1, 1), (12, 2, 2), (13, 3, 1)",
				"ALTER TABLE %s.teams ADD FOREIGN KEY (head) REFERENCES %s.heads " + c.rule + " " + c.when} {
				h.exec(strings.ReplaceAll(statement, "%s", h.schema))
			}
			if c.stops {
				if text := strings.Join(h.stopped("zhang"), ";"); !strings.Contains(text, "run in a circle") {
					t.Errorf("the plan says: %q", text)
				}
				return
			}
			e, p := h.planned("zhang", nil)
			// Somebody else's team came under a head that goes: nothing of the circle may go.
			h.exec("INSERT INTO " + h.schema + ".teams VALUES (4, 11, 2)")
			if _, err := e.Execute(t.Context(), p, "s2", Run{}); !fault.Is(err, contract.ErrRefused) {
				t.Errorf("a row outside the plan refers to one that goes: %v", err)
			}
			h.want("heads", "11 1 1", "12 2 2", "13 3 1")
			h.exec("DELETE FROM " + h.schema + ".teams WHERE id = 4")
			deleted := map[string]int64{}
			for _, d := range h.execute(e, p, Run{Batch: 1}) {
				deleted[d.Collection] = d.Deleted
			}
			if deleted["teams"] != 2 || deleted["heads"] != 2 {
				t.Errorf("counted %v", deleted)
			}
			h.want("teams", "2 12 2")
			h.want("heads", "12 2 2")
			h.want("users", "2 li", "3 wu")
			if left := h.left(e, p); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
			for _, d := range h.execute(e, p, Run{}) {
				if want := deleted[d.Collection]; d.Deleted != want {
					t.Errorf("run again, %s counts %d, want %d", d.Collection, d.Deleted, want)
				}
			}
		})
	}
}

// TestSortTogether: what runs in a circle goes together, what refers to it goes before, and what it
// refers to goes with it, as it cannot go earlier.
func TestSortTogether(t *testing.T) {
	t.Parallel()
	edges := []systems.Edge{{From: 0, To: 1, Name: "a"}, {From: 1, To: 2, Name: "b"}, {From: 2, To: 1, Name: "c", Deferred: true}, {From: 2, To: 3, Name: "d"}}
	order, first, together, stuck := systems.SortTogether(4, edges)
	if len(order) != 4 || order[0] != 0 || len(first) > 0 || len(stuck) > 0 || len(together) != 3 || together[2] != 3 {
		t.Errorf("order %v, first %v, together %v, stuck %v", order, first, together, stuck)
	}
	edges[2].Deferred = false
	if _, _, together, stuck := systems.SortTogether(4, edges); len(together) > 0 || len(stuck) == 0 {
		t.Errorf("together %v, stuck %v", together, stuck)
	}
}
