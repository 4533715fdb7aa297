package conformance

import (
	"context"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// meanwhile runs f while somebody else has written the statement and has not committed yet; they
// commit while f waits for them.
func (p *place) meanwhile(statement string, f func()) {
	p.Helper()
	ctx, stop := context.WithTimeout(p.ctx, 20*time.Second)
	defer stop()
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		p.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // committed below
	if _, err := tx.ExecContext(ctx, statement); err != nil {
		p.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
		p.Errorf("nothing waited for %q", statement)
	case <-time.After(700 * time.Millisecond):
	}
	if err := tx.Commit(); err != nil {
		p.Error(err)
	}
	<-done
}

// meanwhile: somebody else writes to rows while a batch waits for them. What is still the
// person's afterwards is dealt with, and what is not any more is left alone.
func (e Engine) meanwhile(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE cards (id integer PRIMARY KEY, one integer, two integer, v varchar(9), b boolean NOT NULL);
		INSERT INTO cards VALUES (1, 7, 8, 'a', false), (2, 7, NULL, 'b', false), (3, 8, 7, 'c', false), (4, 9, NULL, 'd', false);`)
	c := p.collection("cards", "id", "one", "two", "v", "b")
	owners := []systems.Owner{{Reference: systems.Reference{Columns: []string{"one"}}}, {Reference: systems.Reference{Columns: []string{"two"}}}}
	refcount := func(column, key string) systems.Change {
		return systems.Change{Rows: byKeys(c, []string{column}, []string{key}), Action: systems.Refcount, Cut: systems.Reference{Columns: []string{column}}, Owners: owners}
	}
	there := func(ids ...string) []string {
		sel := systems.Selection{Collection: c}
		for _, id := range ids {
			sel.Any = append(sel.Any, keyClause([]string{"id"}, []string{id}))
		}
		return p.ids(sel)
	}
	p.meanwhile("UPDATE cards SET one = NULL WHERE id = 1", func() {
		p.want("the other owner was cut first", p.once(refcount("two", "8")), systems.Applied{Rows: 1, Deleted: 1})
	})
	p.want("the shared row went with the last", there("1"), []string(nil))
	p.meanwhile("UPDATE cards SET two = 9 WHERE id = 2", func() {
		p.want("somebody else came", p.once(refcount("one", "7")), systems.Applied{Rows: 1, Changed: 1})
	})
	p.want("the row stays for them", there("2"), []string{"2"})

	p.exec(`INSERT INTO cards VALUES (5, 5, NULL, 'e', false), (6, 5, NULL, 'f', false), (7, 5, NULL, 'g', false)`)
	five := func(action string) systems.Change {
		return systems.Change{Rows: byKeys(c, []string{"one"}, []string{"5"}), Action: action}
	}
	anonymise := five(systems.Anonymise)
	anonymise.Secret, anonymise.Set = secret, []systems.Assignment{{Column: "v", Strategy: datamap.Strategy{With: datamap.StrategyConstant, Value: "-"}}}
	p.meanwhile("UPDATE cards SET v = 'z' WHERE id IN (5, 6)", func() {
		p.want("anonymised", p.once(anonymise), systems.Applied{Rows: 3, Changed: 3})
	})
	block := five(systems.Block)
	block.Set = []systems.Assignment{{Column: "b", Strategy: datamap.Strategy{With: datamap.StrategyConstant, Value: "true"}}}
	p.meanwhile("UPDATE cards SET v = 'y' WHERE id = 6", func() { p.want("blocked", p.erase(block, 10), systems.Applied{Changed: 3}) })
	p.meanwhile("UPDATE cards SET one = 9 WHERE id = 5", func() { p.want("deleted", p.erase(five(systems.Delete), 10), systems.Applied{Deleted: 2}) })
	p.want("it is another's now", there("5", "6", "7"), []string{"5"})
	p.exec(`INSERT INTO cards VALUES (6, 5, NULL, 'f', false)`)
	p.meanwhile("UPDATE cards SET v = 'z' WHERE id = 6", func() { p.want("deleted", p.erase(five(systems.Delete), 10), systems.Applied{Deleted: 1}) })
	p.exec(`INSERT INTO cards VALUES (6, 5, NULL, 'f', false)`)
	cut := five(systems.Unlink)
	cut.Cut.Columns = []string{"one"}
	p.meanwhile("UPDATE cards SET v = 'z' WHERE id = 6", func() { p.want("cut", p.erase(cut, 10), systems.Applied{Changed: 1}) })
}

func (p *place) once(change systems.Change) systems.Applied {
	p.Helper()
	done, err := p.eraser().Erase(p.ctx, change, 10)
	if err != nil {
		p.Errorf("%s: %v (%v)", change.Action, err, unwrapped(err))
	}
	return done
}

// locked: a lock that somebody holds makes the batch busy, with nothing done; then it goes through.
func (e Engine) locked(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE logs (id integer PRIMARY KEY, owner integer); INSERT INTO logs VALUES (1, 7), (2, 7);`)
	c := p.collection("logs", "id", "owner")
	change := systems.Change{Rows: byKeys(c, []string{"owner"}, []string{"7"}), Action: systems.Delete}
	tx, err := p.db.BeginTx(p.ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // rolled back below
	if _, err := tx.ExecContext(p.ctx, "UPDATE logs SET owner = 7 WHERE id = 2"); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(p.ctx, "SELECT id FROM logs WHERE id = 2 FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.eraser().Erase(p.ctx, change, 10); !fault.Is(err, contract.ErrBusy) {
		t.Errorf("a locked row: %v", err)
	}
	p.want("nothing was done", p.ids(byKeys(c, []string{"id"}, []string{"1"}, []string{"2"})), []string{"1", "2"})
	pre, err := p.eraser().Preflight(p.ctx, []systems.Change{change}, 10)
	if err != nil || len(pre.Findings) != 1 || pre.Findings[0].Kind != systems.Untried {
		t.Errorf("the preflight of a locked row: %v %+v", err, pre.Findings)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	p.want("the retry", p.erase(change, 10), systems.Applied{Deleted: 2})
}
