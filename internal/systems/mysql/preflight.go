package mysql

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// preflight is a look at all changes of one plan.
type preflight struct {
	*session
	changes []systems.Change
	shapes  []*shape // by change; nil where the map does not fit
	out     systems.Preflight
	barred  map[int]bool // changes that are not tried
}

// Preflight looks at the catalog first, and tries what it has nothing against.
func (d *driver) Preflight(ctx context.Context, changes []systems.Change, batch int) (systems.Preflight, error) {
	p := &preflight{changes: changes, barred: map[int]bool{}}
	err := d.within(ctx, askTimeout, func(s *session) error {
		p.session = s
		for i := range changes {
			if err := p.look(ctx, i); err != nil {
				return err
			}
		}
		if p.mismatched() {
			return nil // what is looked at next would fail on it
		}
		return p.foreign(ctx)
	})
	if err != nil {
		return systems.Preflight{}, err
	}
	if p.mismatched() {
		return p.out, nil
	}
	return p.out, p.try(ctx, d, batch)
}

// mismatched reports whether a finding says that the map does not fit, so that nothing is tried.
func (p *preflight) mismatched() bool { return systems.Mismatch(p.out.Findings) != nil }

func (p *preflight) reporter(i int) *reporter { return &reporter{c: p.changes[i].Rows.Collection} }

func (p *preflight) keepFound(r *reporter) {
	for _, f := range r.found {
		if !slices.Contains(p.out.Findings, f) {
			p.out.Findings = append(p.out.Findings, f)
		}
	}
}

// look holds one change against its table.
func (p *preflight) look(ctx context.Context, i int) error {
	c := p.changes[i].Rows.Collection
	sh, found, err := p.describe(ctx, c)
	if err != nil {
		return err
	}
	r := p.reporter(i)
	r.found = found
	defer func() { p.keepFound(r) }()
	p.shapes, p.out.Sizes = append(p.shapes, sh), append(p.out.Sizes, -1)
	switch {
	case sh == nil || systems.Mismatch(found) != nil:
		return nil
	case sh.view:
		r.add(systems.NotChangeable, "", r.table()+" is no plain table, so that a change of it cannot be judged", "name the table behind it in the map, or keep its rows")
		return nil
	case !sh.takesBack():
		r.add(systems.NoRollback, "", r.table()+" is of the engine "+sh.engine+", which does not take back what was tried or half done",
			"ALTER TABLE "+quoted(c)+" ENGINE=InnoDB")
		return nil
	}
	if err := p.conn.GetContext(ctx, &p.out.Sizes[i], p.note+"SELECT COALESCE(TABLE_ROWS, -1) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?", c.Schema, c.Table); err != nil {
		return p.classify(ctx, c, err)
	}
	if err := p.columnsOf(ctx, r, p.changes[i], sh); err != nil {
		return err
	}
	return p.triggers(ctx, r, i)
}

// leavesTheDatabase are the usual ways out of a trigger.
var leavesTheDatabase = regexp.MustCompile(`(?i)sys_exec|sys_eval|http_|mysqludf|outfile|dumpfile`)

func (p *preflight) triggers(ctx context.Context, r *reporter, i int) error {
	var all []struct {
		Name string `db:"name"`
		Body string `db:"body"`
	}
	err := p.conn.SelectContext(ctx, &all, p.note+`SELECT TRIGGER_NAME AS name, ACTION_STATEMENT AS body FROM information_schema.TRIGGERS
		WHERE EVENT_OBJECT_SCHEMA = ? AND EVENT_OBJECT_TABLE = ? AND EVENT_MANIPULATION IN ('UPDATE', 'DELETE') ORDER BY 1`, r.c.Schema, r.c.Table)
	if err != nil {
		return p.classify(ctx, r.c, err)
	}
	for _, t := range all {
		if leavesTheDatabase.MatchString(t.Body) {
			p.barred[i] = true
			r.add(systems.TriggerBeyond, "", "the trigger "+t.Name+" of "+r.table()+" may have effects outside the database: it was not tried", "read it before you approve")
			continue
		}
		r.add(systems.TriggerInside, "", "the trigger "+t.Name+" of "+r.table()+" will run for every row", "")
	}
	return nil
}

// columnsOf holds the new values against the columns.
func (p *preflight) columnsOf(ctx context.Context, r *reporter, change systems.Change, sh *shape) error {
	var unique []string
	err := p.conn.SelectContext(ctx, &unique, p.note+`SELECT MAX(COLUMN_NAME) FROM information_schema.STATISTICS
		WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND NON_UNIQUE = 0 GROUP BY INDEX_NAME HAVING COUNT(*) = 1`, r.c.Schema, r.c.Table)
	if err != nil {
		return p.classify(ctx, r.c, err)
	}
	for _, set := range change.Set {
		col := sh.columns[set.Column]
		same := set.Strategy.With == datamap.StrategyConstant || set.Strategy.With == datamap.StrategyEmpty
		switch {
		case strings.Contains(strings.ToUpper(col.Extra), "GENERATED"):
			r.add(systems.Computed, set.Column, "column "+set.Column+" of "+r.table()+" is generated and cannot be set", "anonymise what it is made of, and leave this one out")
			continue
		case !strings.Contains(","+col.Rights+",", ",update,"):
			r.add(systems.NoPrivilege, set.Column, "the account may not change column "+set.Column+" of "+r.table(), "GRANT UPDATE ("+quote(set.Column)+") ON "+quoted(r.c)+" TO …")
		case same && change.Action == systems.Anonymise && slices.Contains(unique, set.Column):
			r.add(systems.NotUnique, set.Column, "column "+set.Column+" of "+r.table()+" is unique and cannot be the same in every row", "use placeholder")
		}
		if why := systems.Fits(set.Strategy, col.live()); why != "" {
			kind := systems.NoStrategy
			if set.Strategy.With == datamap.StrategyNull {
				kind = systems.NotNull
			}
			r.add(kind, set.Column, "column "+set.Column+" of "+r.table()+" cannot be anonymised by "+set.Strategy.With+": "+why, "choose another strategy")
		}
	}
	part := change.Cut.Expr != nil && change.Cut.Expr.Prefix == 0
	if change.Action == systems.Unlink && !part && sh.cuttable(change.Cut.Columns) == "" {
		r.add(systems.NotNull, change.Cut.Columns[0], "none of the columns "+strings.Join(change.Cut.Columns, ", ")+" of "+r.table()+
			" may be NULL, so that the reference cannot be cut", "let one be NULL, or give the link another deletion")
	}
	return nil
}

// foreign counts the rows outside the plan that refer to rows that go, and takes the order.
func (p *preflight) foreign(ctx context.Context) error {
	var edges []systems.Edge
	for i, change := range p.changes {
		if change.Action != systems.Delete && change.Action != systems.Refcount {
			continue
		}
		keys, err := p.foreignKeys(ctx, change.Rows.Collection)
		if err != nil {
			return err
		}
		for _, key := range keys {
			planned := p.planned(i, key, &edges)
			forbids := key.Rule == "RESTRICT" || key.Rule == "NO ACTION"
			if change.Action == systems.Refcount && (forbids || change.OwnedBy(key.Schema, key.Table, key.Columns)) {
				continue // whether the row goes is decided later, and then the foreign key is asked
			}
			n, err := p.outside(ctx, i, key, planned)
			if err != nil {
				return err
			}
			if n > 0 {
				p.tellOutside(i, key, n)
			}
		}
	}
	var stuck []systems.Edge
	p.out.Order, p.out.First, stuck = systems.Sort(len(p.changes), edges)
	for _, first := range p.out.First {
		p.out.Keyed = append(p.out.Keyed, first.At)
	}
	for _, e := range stuck {
		r := p.reporter(e.To)
		r.add(systems.ForeignCircle, "", "foreign keys run in a circle through "+r.table()+", and none of them can be cut first (foreign key "+e.Name+")", "let a column of one of them be NULL")
		p.keepFound(r)
	}
	return nil
}

// planned are the changes that take the rows of the foreign key's table, or their reference, away.
func (p *preflight) planned(i int, key foreign, edges *[]systems.Edge) []int {
	var planned []int
	for n, other := range p.changes {
		c := other.Rows.Collection
		if !key.of(c) {
			continue
		}
		if c != p.changes[i].Rows.Collection {
			*edges = append(*edges, systems.Edge{From: n, To: i, Columns: key.Columns, Name: key.Name, Cuttable: p.shapes[n].cuttable(key.Columns) != ""})
		}
		goes := other.Action == systems.Delete || other.Action == systems.Refcount
		cuts := other.Action == systems.Unlink && slices.ContainsFunc(other.Cut.Columns, func(name string) bool { return slices.Contains(key.Columns, name) })
		if goes || cuts {
			planned = append(planned, n)
		}
	}
	return planned
}

func (p *preflight) tellOutside(i int, key foreign, n int64) {
	what := map[string]string{"CASCADE": "would be deleted along", "SET NULL": "would lose their reference", "SET DEFAULT": "would get another reference"}[key.Rule]
	if what == "" {
		what = "refer to them, which forbids it"
	}
	r := p.reporter(i)
	r.add(systems.OtherRows, "", fmt.Sprintf("%d rows of %s.%s outside the plan %s when rows of %s go (foreign key %s)", n, key.Schema, key.Table, what, r.table(), key.Name),
		"add the table to the map with a link, or anonymise in place of deleting")
	p.keepFound(r)
}

// outside counts rows of the foreign key's table that refer to rows of the change and belong to
// none of the planned ones.
func (p *preflight) outside(ctx context.Context, i int, key foreign, planned []int) (int64, error) {
	q, err := p.query(ctx, p.changes[i].Rows)
	if err != nil || q.empty() {
		return 0, err
	}
	var list, same []string
	for n := range key.Keys {
		list = append(list, fmt.Sprintf("t.%s AS p%d", quote(key.Keys[n]), n))
		same = append(same, fmt.Sprintf("p.p%d = x.%s", n, quote(key.Columns[n])))
	}
	condition := "EXISTS (SELECT 1 FROM (" + q.rows(strings.Join(list, ", ")) + ") AS p WHERE " + strings.Join(same, " AND ") + ")"
	for _, n := range planned {
		other, err := p.query(ctx, p.changes[n].Rows)
		if err != nil {
			return 0, err
		}
		if other.empty() {
			continue
		}
		var own, match []string
		for at, name := range other.shape.c.Key {
			own = append(own, fmt.Sprintf("t.%s AS o%d", quote(name), at))
			match = append(match, fmt.Sprintf("o.o%d <=> x.%s", at, quote(name)))
		}
		condition += " AND NOT EXISTS (SELECT 1 FROM (" + other.rows(strings.Join(own, ", ")) + ") AS o WHERE " + strings.Join(match, " AND ") + ")"
		q.late = append(q.late, other.late...)
	}
	rows, err := q.run(ctx, "SELECT COUNT(*) FROM "+quote(key.Schema)+"."+quote(key.Table)+" AS x WHERE "+condition)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var n int64
	if rows.Next() {
		err = rows.Scan(&n)
	}
	return n, p.classify(ctx, p.changes[i].Rows.Collection, errors.Join(err, rows.Err()))
}

// try makes one batch of every change for good, and takes it back.
func (p *preflight) try(ctx context.Context, d *driver, batch int) error {
	err := d.changing(ctx, func(s *session) error {
		p.session = s
		partly := false // more than one batch: rows that stay may refer to rows that went
		for _, i := range p.out.Order {
			if p.barred[i] {
				continue
			}
			full, err := p.tryOne(ctx, i, batch, partly)
			if err != nil {
				return err
			}
			partly = partly || full
		}
		return errTried
	})
	if errors.Is(err, errTried) {
		return nil
	}
	return err
}

// tryOne tries one batch behind a savepoint, and reports whether there is more than one.
func (p *preflight) tryOne(ctx context.Context, i, batch int, partly bool) (bool, error) {
	c := p.changes[i].Rows.Collection
	if _, err := p.conn.ExecContext(ctx, "SAVEPOINT habeas"); err != nil {
		return false, p.classify(ctx, c, err)
	}
	done, err := p.apply(ctx, p.changes[i], batch)
	if err == nil {
		return done.Rows >= int64(batch), nil
	}
	r := p.reporter(i)
	var against objected
	errors.As(err, &against)
	switch {
	case against.kind == systems.OtherRows && (partly || len(p.out.First) > 0):
		r.add(systems.Untried, "", r.table()+" was not tried to the end, as there is more than one batch of what refers to it", "")
	case against.kind != "":
		r.add(against.kind, "", r.table()+": "+against.text, "")
	case fault.Is(err, contract.ErrBusy):
		r.add(systems.Untried, "", r.table()+" was not tried, as its rows are locked", "")
	case fault.Is(err, contract.ErrRefused):
		r.add(systems.NotAllowed, "", err.Error(), "")
	default:
		return false, err
	}
	p.keepFound(r)
	if _, err := p.conn.ExecContext(ctx, "ROLLBACK TO SAVEPOINT habeas"); err != nil {
		return false, p.classify(ctx, c, err)
	}
	return true, nil
}
