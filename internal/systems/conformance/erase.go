package conformance

import (
	"fmt"
	"testing"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

func (p *place) eraser() systems.Eraser {
	p.Helper()
	e, err := systems.Changeable(p.system, p.sys)
	if err != nil {
		p.Fatal(err)
	}
	return e
}

// erase makes batches of a change until nothing is left of it, and gives the sums.
func (p *place) erase(change systems.Change, batch int) systems.Applied {
	p.Helper()
	var sum systems.Applied
	for range 100 {
		done, err := p.eraser().Erase(p.ctx, change, batch)
		if err != nil {
			p.Fatalf("%s: %v (%v)", change.Action, err, unwrapped(err))
		}
		sum.Deleted, sum.Changed = sum.Deleted+done.Deleted, sum.Changed+done.Changed
		if done.Rows == 0 || change.Action == systems.Anonymise {
			return sum
		}
		if done.Rows > int64(batch) {
			p.Errorf("%s: a batch of %d rows, where %d are allowed", change.Action, done.Rows, batch)
		}
	}
	p.Fatalf("%s does not come to an end", change.Action)
	return sum
}

func unwrapped(err error) error {
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if !ok || inner.Unwrap() == nil {
			return err
		}
		err = inner.Unwrap()
	}
}

var secret = []byte("0123456789abcdef0123456789abcdef")

func (e Engine) deletes(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE logs (id integer PRIMARY KEY, owner integer, v varchar(9));
		INSERT INTO logs VALUES (1, 7, 'a'), (2, 7, 'b'), (3, 8, 'a'), (4, NULL, 'a'), (5, 7, NULL);`)
	c := p.collection("logs", "id", "owner", "v")
	change := systems.Change{Rows: byKeys(c, []string{"owner"}, []string{"7"}), Action: systems.Delete}
	if got, err := p.eraser().Pending(p.ctx, change, 10); err != nil || got.Deleted != 3 {
		t.Errorf("pending: %+v, %v", got, err)
	}
	p.want("two batches", p.erase(change, 2), systems.Applied{Deleted: 3})
	p.want("others", p.ids(byKeys(c, []string{"id"}, []string{"1"}, []string{"2"}, []string{"3"}, []string{"4"}, []string{"5"})), []string{"3", "4"})
	p.want("again", p.erase(change, 2), systems.Applied{})

	p.exec(`CREATE TABLE tree (id integer PRIMARY KEY, up integer, owner integer, FOREIGN KEY (up) REFERENCES tree (id));
		INSERT INTO tree VALUES (1, 1, 7); INSERT INTO tree VALUES (2, 1, 7); INSERT INTO tree VALUES (3, 2, 7); INSERT INTO tree VALUES (4, 3, 7); INSERT INTO tree VALUES (9, 9, 8);`)
	tree := p.collection("tree", "id", "up", "owner")
	p.want("deepest first", p.erase(systems.Change{Rows: byKeys(tree, []string{"owner"}, []string{"7"}), Action: systems.Delete}, 1), systems.Applied{Deleted: 4})
	p.want("the tree of another", p.ids(byKeys(tree, []string{"id"}, []string{"1"}, []string{"9"})), []string{"9"})
}

func (e Engine) unlinks(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE cards (id integer PRIMARY KEY, one integer, two integer, v varchar(9));
		INSERT INTO cards VALUES (1, 7, 8, 'a'), (2, 7, NULL, 'b'), (3, 8, 7, 'c'), (4, 7, 7, 'd');`)
	c := p.collection("cards", "id", "one", "two", "v")
	cut := systems.Change{Rows: byKeys(c, []string{"one"}, []string{"7"}), Action: systems.Refcount, Cut: systems.Reference{Columns: []string{"one"}},
		Owners: []systems.Owner{{Reference: systems.Reference{Columns: []string{"one"}}}, {Reference: systems.Reference{Columns: []string{"two"}}}}}
	p.want("the last goes", p.erase(cut, 2), systems.Applied{Deleted: 1, Changed: 2})
	cut.Rows, cut.Cut = byKeys(c, []string{"two"}, []string{"7"}), systems.Reference{Columns: []string{"two"}}
	p.want("the other side", p.erase(cut, 10), systems.Applied{Deleted: 1, Changed: 1})
	p.want("what others have", p.ids(byKeys(c, []string{"id"}, []string{"1"}, []string{"2"}, []string{"3"}, []string{"4"})), []string{"1", "3"})
	only := systems.Change{Rows: byKeys(c, []string{"two"}, []string{"8"}), Action: systems.Unlink, Cut: systems.Reference{Columns: []string{"two"}}}
	p.want("the reference alone", p.erase(only, 10), systems.Applied{Changed: 1})
	p.want("the row stays", p.ids(byKeys(c, []string{"id"}, []string{"1"})), []string{"1"})
}

// anonymises goes over the strategies; the answers that the key decides are known by their form.
func (e Engine) anonymises(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE people (id integer PRIMARY KEY, name varchar(99), email varchar(99), login varchar(30) NOT NULL UNIQUE, ip varchar(45),
		born date, note varchar(99), code varchar(12), amount numeric(9,2));
		INSERT INTO people VALUES (1, '张伟', 'zhang@x.example', 'zhangwei', '192.0.2.77', '1990-07-08', 'call 138-0013-8000, 张伟 or Zhang', '510000', 12.50),
		(2, NULL, NULL, 'li', NULL, NULL, NULL, NULL, NULL), (3, '李', 'li@x.example', 'other', '2001:db8:1:2::3', '2000-01-01', 'x', '100', 1);`)
	c := p.collection("people", "id", "name", "email", "login", "ip", "born", "note", "code", "amount")
	set := func(column, with string, more ...func(*datamap.Strategy)) systems.Assignment {
		s := datamap.Strategy{With: with}
		for _, f := range more {
			f(&s)
		}
		return systems.Assignment{Column: column, Strategy: s}
	}
	change := systems.Change{Rows: byKeys(c, []string{"id"}, []string{"1"}, []string{"2"}), Action: systems.Anonymise, Secret: secret, Known: []string{"张伟", "+8613800138000", "zhang"},
		Set: []systems.Assignment{
			set("name", datamap.StrategyConstant, func(s *datamap.Strategy) { s.Value = "-" }), set("email", datamap.StrategyNull), set("login", datamap.StrategyPlaceholder),
			set("ip", datamap.StrategyTruncate, func(s *datamap.Strategy) { s.To = datamap.TruncateNetwork }),
			set("born", datamap.StrategyTruncate, func(s *datamap.Strategy) { s.To = datamap.TruncateYear }), set("note", datamap.StrategyScrub),
			set("code", datamap.StrategyTruncate, func(s *datamap.Strategy) { s.To, s.Keep = datamap.TruncatePrefix, 2 }), set("amount", datamap.StrategyRandom),
		}}
	if pre, err := p.eraser().Preflight(p.ctx, []systems.Change{change}, 10); err != nil || systems.Mismatch(pre.Findings) != nil {
		t.Fatalf("preflight: %v %+v", err, pre.Findings)
	}
	p.want("the trial stays in the trial", p.ids(systems.Selection{Collection: c, Any: []systems.Clause{keyClause([]string{"login"}, []string{"zhangwei"})}}), []string{"1"})
	p.want("rows", p.erase(change, 10), systems.Applied{Changed: 2})
	for column, value := range map[string]string{"name": "-", "ip": "192.0.2.0", "note": "call [removed], [removed] or [removed]", "code": "51"} {
		p.want(column, p.ids(byKeys(c, []string{column, "id"}, []string{value, "1"})), []string{"1"})
	}
	p.want("the first of January", p.ids(byKeys(c, []string{"id", "born"}, []string{"1", "1990-01-01"})), []string{"1"})
	p.want("again", p.erase(change, 10), systems.Applied{})
	p.want("another's", p.ids(byKeys(c, []string{"name", "email", "login", "note"}, []string{"李", "li@x.example", "other", "x"})), []string{"3"})
}

// preflights: what speaks against a change is found before anything is done.
func (e Engine) preflights(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE users (id integer PRIMARY KEY, login varchar(30) NOT NULL UNIQUE, lang varchar(9), CONSTRAINT lang_known CHECK (lang IN ('zh', 'en')));
		CREATE TABLE carts (id integer PRIMARY KEY, owner integer NOT NULL, FOREIGN KEY (owner) REFERENCES users (id) ON DELETE CASCADE);
		CREATE TABLE votes (id integer PRIMARY KEY, cart integer, FOREIGN KEY (cart) REFERENCES carts (id));
		INSERT INTO users VALUES (7, 'li', 'zh'), (8, 'wu', 'en'); INSERT INTO carts VALUES (1, 7), (2, 8); INSERT INTO votes VALUES (5, 1), (6, 2);`)
	users, carts, votes := p.collection("users", "id", "login", "lang"), p.collection("carts", "id", "owner"), p.collection("votes", "id", "cart")
	carts.Name, votes.Name = "carts", "votes"
	gone := func(c *datamap.Collection, column, key string) systems.Change {
		return systems.Change{Rows: byKeys(c, []string{column}, []string{key}), Action: systems.Delete}
	}
	all := []systems.Change{gone(users, "id", "7"), gone(carts, "owner", "7"), gone(votes, "cart", "1")}
	pre := p.preflight(all...)
	p.want("nothing against it", kindsOf(pre), []string(nil))
	p.want("what refers first", pre.Order, []int{2, 1, 0})
	p.want("a cascade into rows outside the plan", kindsOf(p.preflight(all[0], all[2])), []string{"other-rows"})
	p.want("a reference from outside the plan", kindsOf(p.preflight(all[0], all[1])), []string{"other-rows"})
	anon := func(column string, s datamap.Strategy) systems.Change {
		return systems.Change{Rows: byKeys(users, []string{"id"}, []string{"7"}), Action: systems.Anonymise, Secret: secret, Set: []systems.Assignment{{Column: column, Strategy: s}}}
	}
	p.want("NOT NULL", kindsOf(p.preflight(anon("login", datamap.Strategy{With: "null"}))), []string{"not-null"})
	p.want("UNIQUE", kindsOf(p.preflight(anon("login", datamap.Strategy{With: "constant", Value: "x"}))), []string{"not-unique"})
	p.want("UNIQUE, found by trying", kindsOf(p.preflight(anon("login", datamap.Strategy{With: "truncate", To: "prefix", Keep: 1}))), []string(nil))
	p.want("CHECK", kindsOf(p.preflight(anon("lang", datamap.Strategy{With: "constant", Value: "fr"}))), []string{"not-allowed"})
	p.want("too narrow", kindsOf(p.preflight(anon("lang", datamap.Strategy{With: "hash"}))), []string{"no-strategy"})
	p.want("all rows are there", len(p.ids(byKeys(users, []string{"id"}, []string{"7"}, []string{"8"})))+len(p.ids(byKeys(votes, []string{"id"}, []string{"5"}, []string{"6"}))), 4)
	for _, i := range pre.Order {
		p.erase(all[i], 1)
	}
	p.want("what is left", fmt.Sprint(p.ids(byKeys(users, []string{"id"}, []string{"7"}, []string{"8"})), p.ids(byKeys(carts, []string{"id"}, []string{"1"}, []string{"2"}))), "[8] [2]")
}

func (p *place) preflight(changes ...systems.Change) systems.Preflight {
	p.Helper()
	pre, err := p.eraser().Preflight(p.ctx, changes, 10)
	if err != nil {
		p.Fatalf("preflight: %v (%v)", err, unwrapped(err))
	}
	return pre
}

func kindsOf(pre systems.Preflight) []string {
	var kinds []string
	for _, f := range pre.Findings {
		if f.Stops() {
			kinds = append(kinds, f.Kind)
		}
	}
	return kinds
}
