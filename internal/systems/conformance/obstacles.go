package conformance

import (
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// unknown: a table that the map does not know hangs on the rows, by a cascade or otherwise. The
// finding names it.
func (e Engine) unknown(t *testing.T) {
	for rule, words := range map[string]string{"ON DELETE CASCADE": "deleted along", "ON DELETE SET NULL": "lose their reference", "": "forbids"} {
		t.Run(strings.ToLower(rule), func(t *testing.T) {
			p := e.place(t)
			p.exec(`CREATE TABLE users (id integer PRIMARY KEY);
				CREATE TABLE whispers (id integer PRIMARY KEY, of_user integer, FOREIGN KEY (of_user) REFERENCES users (id) ` + rule + `);
				INSERT INTO users VALUES (7), (8); INSERT INTO whispers VALUES (1, 7), (2, 8), (3, 7);`)
			gone := systems.Change{Rows: byKeys(p.collection("users", "id"), []string{"id"}, []string{"7"}), Action: systems.Delete}
			pre := p.preflight(gone)
			p.want("kinds", kindsOf(pre), []string{systems.OtherRows})
			if text := pre.Findings[0].Text; !strings.Contains(text, p.schema+".whispers") || !strings.Contains(text, words) || !strings.Contains(text, "2 rows") {
				t.Errorf("the finding does not say it: %s", text)
			}
		})
	}
}

// triggers are named, whether or not they are tried.
func (e Engine) triggers(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE users (id integer PRIMARY KEY, n integer); INSERT INTO users VALUES (7, 0);`)
	if e.Driver == "postgres" {
		p.exec(`CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; RETURN OLD; END $$;
			CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('x', ''); RETURN OLD; END $$;
			CREATE TRIGGER inside BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION note();
			CREATE TRIGGER beyond BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION tell();`)
	} else {
		p.exec(`CREATE TRIGGER inside BEFORE DELETE ON users FOR EACH ROW SET @habeas_seen = 1;
			CREATE TRIGGER beyond AFTER DELETE ON users FOR EACH ROW SET @habeas_said = 'sys_exec';`)
	}
	pre := p.preflight(systems.Change{Rows: byKeys(p.collection("users", "id", "n"), []string{"id"}, []string{"7"}), Action: systems.Delete})
	found := map[string]string{}
	for _, f := range pre.Findings {
		found[f.Kind] = f.Text
	}
	if len(pre.Findings) != 2 || !strings.Contains(found[systems.TriggerInside], "inside") || !strings.Contains(found[systems.TriggerBeyond], "beyond") || kindsOf(pre) != nil {
		t.Errorf("findings: %+v", pre.Findings)
	}
}

// placeholder: a NOT NULL UNIQUE column gets a value of its own in each row, the same each time.
func (e Engine) placeholder(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE people (id integer PRIMARY KEY, owner integer, login varchar(40) NOT NULL UNIQUE, n bigint NOT NULL UNIQUE);
		INSERT INTO people VALUES (1, 7, 'zhang', 1001), (2, 7, 'li', 1002), (3, 8, 'wu', 1003);`)
	c := p.collection("people", "id", "owner", "login", "n")
	change := systems.Change{Rows: byKeys(c, []string{"owner"}, []string{"7"}), Action: systems.Anonymise, Secret: secret, Set: []systems.Assignment{
		{Column: "login", Strategy: datamap.Strategy{With: datamap.StrategyPlaceholder}}, {Column: "n", Strategy: datamap.Strategy{With: datamap.StrategyPlaceholder}}}}
	p.want("nothing against it", kindsOf(p.preflight(change)), []string(nil))
	p.want("both", p.erase(change, 10), systems.Applied{Changed: 2})
	first, _ := p.stream(byKeys(c, []string{"owner"}, []string{"7"}))
	for _, old := range []string{"zhang", "li", "1001", "1002"} {
		if strings.Contains(first, `"`+old+`"`) || strings.Contains(first, ":"+old+",") {
			t.Errorf("%s is still there: %s", old, first)
		}
	}
	p.want("again", p.erase(change, 10), systems.Applied{})
	second, _ := p.stream(byKeys(c, []string{"owner"}, []string{"7"}))
	p.want("the same twice", second, first)
	p.want("another's", p.ids(byKeys(c, []string{"login", "n"}, []string{"wu", "1003"})), []string{"3"})
}

// circles of foreign keys between tables: one that may be NULL is cut first; where none may, the
// engine must be able to wait with the check, or the plan stops.
func (e Engine) circles(t *testing.T) {
	for name, column := range map[string]string{"nullable": "integer", "filled": "integer NOT NULL"} {
		t.Run(name, func(t *testing.T) {
			p := e.place(t)
			p.exec(`CREATE TABLE teams (id integer PRIMARY KEY, head ` + column + `, owner integer);
				CREATE TABLE heads (id integer PRIMARY KEY, team integer NOT NULL, owner integer, FOREIGN KEY (team) REFERENCES teams (id));
				INSERT INTO teams VALUES (1, 11, 7), (2, 12, 8), (3, 11, 7); INSERT INTO heads VALUES (11, 1, 7), (12, 2, 8), (13, 3, 7);
				ALTER TABLE teams ADD FOREIGN KEY (head) REFERENCES heads (id);`)
			teams, heads := p.collection("teams", "id", "head", "owner"), p.collection("heads", "id", "team", "owner")
			teams.Name, heads.Name = "teams", "heads"
			all := []systems.Change{
				{Rows: byKeys(teams, []string{"owner"}, []string{"7"}), Action: systems.Delete},
				{Rows: byKeys(heads, []string{"owner"}, []string{"7"}), Action: systems.Delete}}
			pre := p.preflight(all...)
			if name == "filled" {
				p.want("it stops", kindsOf(pre), []string{systems.ForeignCircle, systems.ForeignCircle}) // one for each foreign key of it
				return
			}
			p.want("nothing against it", kindsOf(pre), []string(nil))
			p.want("cut first", pre.First, []systems.Circle{{At: 0, Columns: []string{"head"}}})
			p.want("known by their keys", pre.Keyed, []int{0})
			cut := all[0]
			cut.Action, cut.Cut = systems.Unlink, systems.Reference{Columns: []string{"head"}}
			p.want("cut", p.erase(cut, 1), systems.Applied{Changed: 2})
			for _, i := range pre.Order {
				p.want("gone", p.erase(all[i], 1), systems.Applied{Deleted: 2})
			}
			p.want("another's", append(p.ids(byKeys(teams, []string{"id"}, []string{"1"}, []string{"2"}, []string{"3"})),
				p.ids(byKeys(heads, []string{"id"}, []string{"11"}, []string{"12"}, []string{"13"}))...), []string{"2", "12"})
		})
	}
}

// countedCascade: what would go along with a counted row stops the plan, unless it keeps it alive.
func (e Engine) countedCascade(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE teams (id integer PRIMARY KEY, v integer);
		CREATE TABLE members (id integer PRIMARY KEY, team integer, FOREIGN KEY (team) REFERENCES teams (id) ON DELETE CASCADE);
		INSERT INTO teams VALUES (1, 0), (2, 0); INSERT INTO members VALUES (8, 1);`)
	teams := p.collection("teams", "id", "v")
	counted := systems.Change{Rows: byKeys(teams, []string{"id"}, []string{"1"}, []string{"2"}), Action: systems.Refcount,
		Cut: systems.Reference{Columns: []string{"id"}}, Owners: []systems.Owner{
			{Reference: systems.Reference{Columns: []string{"id"}}, Table: &systems.Table{Schema: p.schema, Name: "members"}, From: []string{"team"}}}}
	p.want("members keep it alive", kindsOf(p.preflight(counted)), []string(nil))
	p.exec(`CREATE TABLE badges (id integer PRIMARY KEY, team integer, FOREIGN KEY (team) REFERENCES teams (id) ON DELETE CASCADE); INSERT INTO badges VALUES (5, 2);`)
	p.want("badges would go along", kindsOf(p.preflight(counted)), []string{systems.OtherRows})
	p.exec(`DROP TABLE badges`)
	p.want("the last goes", p.erase(counted, 10), systems.Applied{Deleted: 1})
	p.want("the other stays", p.ids(byKeys(teams, []string{"id"}, []string{"1"}, []string{"2"})), []string{"1"})
}
