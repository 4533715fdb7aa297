package mysql

import (
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// wantStops runs the preflight of one change and wants one stopping finding with these words.
func (d *driver) wantStops(t *testing.T, change systems.Change, kind, words string) {
	t.Helper()
	pre, err := d.Preflight(t.Context(), []systems.Change{change}, 10)
	if err != nil {
		t.Errorf("%s of %s: %v", change.Action, change.Rows.Collection.Table, err)
		return
	}
	for _, f := range pre.Findings {
		if f.Kind == kind && strings.Contains(f.Text, words) && f.Stops() {
			return
		}
	}
	t.Errorf("%s of %s: %+v", change.Action, change.Rows.Collection.Table, pre.Findings)
}

// TestThePreflightNamesMissingRights: of each action, before anything is done.
func TestThePreflightNamesMissingRights(t *testing.T) {
	t.Parallel()
	db, exec := fresh(t)
	worker := account(t, exec)
	exec(`CREATE TABLE seen (id int PRIMARY KEY, a int, b int); INSERT INTO seen VALUES (1, 7, 7);
		GRANT SELECT, UPDATE (b) ON seen TO ` + worker + `@'127.0.0.1'`)
	d := open(t, db.As(worker), db.Name)
	seen := d.table("seen", "id", "a", "b")
	change := systems.Change{Rows: byKey(seen, "1"), Action: systems.Delete}
	d.wantStops(t, change, systems.NoPrivilege, db.Name+".seen")
	change.Action, change.Cut.Columns = systems.Unlink, []string{"a"}
	d.wantStops(t, change, systems.NoPrivilege, db.Name+".seen")
	change.Action = systems.Refcount
	d.wantStops(t, change, systems.NoPrivilege, db.Name+".seen")
	change.Action, change.Set = systems.Anonymise, []systems.Assignment{{Column: "a", Strategy: datamap.Strategy{With: "null"}}}
	d.wantStops(t, change, systems.NoPrivilege, "may not change column a")
}

// TestEnginesThatDoNotRollBackAreRefused before anything is tried, and by Erase itself.
func TestEnginesThatDoNotRollBackAreRefused(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"MyISAM", "Aria"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			db, exec := fresh(t)
			exec("CREATE TABLE logs (id int PRIMARY KEY, v int) ENGINE=" + engine + "; INSERT INTO logs VALUES (1, 7)")
			d := open(t, db.URL, db.Name)
			logs := d.table("logs", "id", "v")
			for _, action := range []string{systems.Delete, systems.Unlink, systems.Refcount, systems.Anonymise, systems.Block} {
				change := systems.Change{Rows: byKey(logs, "1"), Action: action}
				change.Cut.Columns = []string{"v"}
				if action == systems.Anonymise || action == systems.Block {
					change.Set = []systems.Assignment{{Column: "v", Strategy: datamap.Strategy{With: datamap.StrategyConstant, Value: "1"}}}
				}
				d.wantStops(t, change, systems.NoRollback, engine)
				if _, err := d.Erase(t.Context(), change, 10); !fault.Is(err, contract.ErrRefused) {
					t.Errorf("%s: %v", action, err)
				}
				if _, err := d.Pending(t.Context(), change, 10); !fault.Is(err, contract.ErrRefused) {
					t.Errorf("pending %s: %v", action, err)
				}
			}
			if n, err := d.Count(t.Context(), systems.Selection{Collection: logs, Any: []systems.Clause{{Columns: []string{"v"}, Keys: systems.OneKey("7")}}}); err != nil || n != 1 {
				t.Errorf("the row was changed: %d, %v", n, err)
			}
		})
	}
}
