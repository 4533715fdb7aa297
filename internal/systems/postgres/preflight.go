package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lib/pq"

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
	facts   []*facts
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
		edges, err := p.foreign(ctx)
		if err == nil {
			p.order(edges)
		}
		return err
	})
	if err != nil {
		return systems.Preflight{}, err
	}
	if p.mismatched() {
		return p.out, nil
	}
	if err := p.try(ctx, d, batch); err != nil {
		return systems.Preflight{}, err
	}
	return p.out, nil
}

// mismatched reports whether a finding says that the map does not fit, so that nothing is tried.
func (p *preflight) mismatched() bool { return systems.Mismatch(p.out.Findings) != nil }

func (p *preflight) reporter(i int) *reporter { return &reporter{c: p.changes[i].Rows.Collection} }

func (p *preflight) note(r *reporter) {
	for _, f := range r.found {
		if !slices.Contains(p.out.Findings, f) {
			p.out.Findings = append(p.out.Findings, f)
		}
	}
}

// look holds one change against its table.
func (p *preflight) look(ctx context.Context, i int) error {
	change := p.changes[i]
	sh, found, err := p.describe(ctx, change.Rows.Collection)
	if err != nil {
		return err
	}
	r := p.reporter(i)
	r.found = found
	defer func() { p.note(r) }()
	p.shapes, p.facts, p.out.Sizes = append(p.shapes, sh), append(p.facts, nil), append(p.out.Sizes, -1)
	if sh == nil || systems.Mismatch(found) != nil {
		return nil
	}
	if sh.kind != "r" && sh.kind != "p" {
		r.add(systems.NotChangeable, "", r.table()+" is no plain table, so that a change of it cannot be judged", "name the table behind it in the map, or keep its rows")
		return nil
	}
	f, err := p.session.facts(ctx, sh)
	if err != nil {
		return err
	}
	p.facts[i], p.out.Sizes[i] = f, f.estimate
	p.rights(r, change, f)
	p.columnsOf(r, change, sh, f)
	for _, t := range f.triggers {
		if t.Beyond {
			p.barred[i] = true
			r.add(systems.TriggerBeyond, "", "the trigger "+t.Name+" of "+r.table()+" may have effects outside the database: it was not tried", "read it before you approve")
			continue
		}
		r.add(systems.TriggerInside, "", "the trigger "+t.Name+" of "+r.table()+" will run for every row", "")
	}
	return nil
}

func (p *preflight) rights(r *reporter, change systems.Change, f *facts) {
	if (change.Action == systems.Delete || change.Action == systems.Refcount) && !f.deletes {
		r.add(systems.NoPrivilege, "", "the account may not delete from "+r.table(), "GRANT DELETE ON "+quoted(r.c)+" TO …")
	}
	may := func(name string) {
		if col, known := f.columns[name]; known && !col.Update {
			r.add(systems.NoPrivilege, name, "the account may not change column "+name+" of "+r.table(),
				"GRANT UPDATE ("+pq.QuoteIdentifier(name)+") ON "+quoted(r.c)+" TO …")
		}
	}
	for _, set := range change.Set {
		may(set.Column)
	}
	if change.Action == systems.Unlink { // refcount cuts what it can: the trial tells what it may
		for _, name := range change.Cut.Columns {
			may(name)
		}
	}
}

// columnsOf holds the new values against the columns.
func (p *preflight) columnsOf(r *reporter, change systems.Change, sh *shape, f *facts) {
	for _, set := range change.Set {
		col, fact := sh.columns[set.Column], f.columns[set.Column]
		live := systems.Live{Class: col.class(), Type: col.Type, Length: fact.Length, Filled: fact.Filled}
		switch {
		case fact.Name == "":
			r.add(systems.MissingColumn, set.Column, r.table()+" has no column "+set.Column, "")
			continue
		case fact.Computed:
			r.add(systems.Computed, set.Column, "column "+set.Column+" of "+r.table()+" is generated and cannot be set", "anonymise what it is made of, and leave this one out")
			continue
		case fact.Unique && (set.Strategy.With == datamap.StrategyConstant || set.Strategy.With == datamap.StrategyEmpty) && change.Action == systems.Anonymise:
			r.add(systems.NotUnique, set.Column, "column "+set.Column+" of "+r.table()+" is unique and cannot be the same in every row", "use placeholder")
		}
		if why := systems.Fits(set.Strategy, live); why != "" {
			kind := systems.NoStrategy
			if set.Strategy.With == datamap.StrategyNull {
				kind = systems.NotNull
			}
			r.add(kind, set.Column, "column "+set.Column+" of "+r.table()+" cannot be anonymised by "+set.Strategy.With+": "+why, "choose another strategy")
		}
	}
	if change.Action != systems.Unlink || (change.Cut.Expr != nil && change.Cut.Expr.Prefix == 0) {
		return
	}
	if !slices.ContainsFunc(change.Cut.Columns, func(name string) bool { return !f.columns[name].Filled && !slices.Contains(r.c.Key, name) }) {
		r.add(systems.NotNull, change.Cut.Columns[0], "none of the columns "+strings.Join(change.Cut.Columns, ", ")+" of "+r.table()+
			" may be NULL, so that the reference cannot be cut", "let one be NULL, or give the link another deletion")
	}
}

// foreign counts the rows outside the plan that refer to rows that go: by foreign keys from any
// table, whether or not the map knows it.
func (p *preflight) foreign(ctx context.Context) ([]systems.Edge, error) {
	var edges []systems.Edge
	for i, change := range p.changes {
		if p.facts[i] == nil || (change.Action != systems.Delete && change.Action != systems.Refcount) {
			continue
		}
		for _, key := range p.facts[i].foreign {
			var planned []int
			for n, other := range p.changes {
				if p.shapes[n] == nil || p.shapes[n].oid != key.Child {
					continue
				}
				if p.shapes[n].oid != p.shapes[i].oid {
					edges = append(edges, p.edge(n, i, key))
				}
				goes := other.Action == systems.Delete || other.Action == systems.Refcount
				cuts := other.Action == systems.Unlink && slices.ContainsFunc(other.Cut.Columns, func(name string) bool { return slices.Contains(key.Columns, name) })
				if goes || cuts {
					planned = append(planned, n)
				}
			}
			if change.Action == systems.Refcount && (key.Delete == "a" || key.Delete == "r" || change.OwnedBy(key.Schema, key.Table, key.Columns)) {
				continue // whether the row goes is decided later, and then the foreign key is asked
			}
			if key.Hidden {
				p.tellHidden(i, key)
				continue
			}
			n, err := p.outside(ctx, i, key, planned)
			if err != nil {
				return nil, err
			}
			if n > 0 {
				p.tellOutside(i, key, n)
			}
		}
	}
	return edges, nil
}

func (p *preflight) tellOutside(i int, key foreign, n int64) {
	what := map[string]string{"c": "would be deleted along", "n": "would lose their reference", "d": "would get another reference"}[key.Delete]
	if what == "" {
		what = "refer to them, which forbids it"
	}
	r := p.reporter(i)
	r.add(systems.OtherRows, "", fmt.Sprintf("%d rows of %s.%s outside the plan %s when rows of %s go (foreign key %s)", n, key.Schema, key.Table, what, r.table(), key.Name),
		"add the table to the map with a link, or anonymise in place of deleting")
	p.note(r)
}

func (p *preflight) tellHidden(i int, key foreign) {
	r, table := p.reporter(i), key.Schema+"."+key.Table
	r.add(systems.NoPrivilege, "", "the account may not read all of "+table+", which refers to "+r.table()+" (foreign key "+key.Name+"), so that nobody can tell whose rows would go along",
		"GRANT SELECT ON "+tableName(systems.Table{Schema: key.Schema, Name: key.Table})+" TO …, and let no policy hide its rows")
	p.note(r)
}

// outside counts rows of the foreign key's table that refer to rows of the change and belong to
// none of the planned ones.
func (p *preflight) outside(ctx context.Context, i int, key foreign, planned []int) (int64, error) {
	parent, err := p.query(ctx, p.changes[i].Rows)
	if err != nil || parent.empty() {
		return 0, err
	}
	list, child := make([]string, len(key.Keys)), make([]string, len(key.Keys))
	for n := range key.Keys {
		list[n], child[n] = "t."+pq.QuoteIdentifier(key.Keys[n]), "x."+pq.QuoteIdentifier(key.Columns[n])
	}
	condition := "(" + strings.Join(child, ", ") + ") IN (" + parent.rows(strings.Join(list, ", ")) + ")"
	for _, n := range planned {
		q, err := p.queryAfter(ctx, parent, p.changes[n].Rows)
		if err != nil {
			return 0, err
		}
		if !q.empty() {
			condition += " AND (x.tableoid, x.ctid) NOT IN (" + q.rows("t.tableoid, t.ctid") + ")"
		}
		parent.args, parent.with, parent.used = q.args, q.with, q.used
	}
	var rows int64
	statement := parent.prefix() + "SELECT count(*) FROM " + tableName(systems.Table{Schema: key.Schema, Name: key.Table}) + " AS x WHERE " + condition
	err = p.tx.GetContext(ctx, &rows, statement, parent.args...)
	return rows, p.classify(ctx, p.changes[i].Rows.Collection, err)
}

// order takes the order of the foreign keys.
func (p *preflight) order(edges []systems.Edge) {
	var stuck []systems.Edge
	p.out.Order, p.out.First, p.out.Together, stuck = systems.SortTogether(len(p.changes), edges)
	for _, i := range p.out.Together {
		if p.changes[i].Action != systems.Delete {
			r := p.reporter(i)
			r.add(systems.ForeignCircle, "", r.table()+" is in a circle of foreign keys that cannot be cut, which only rows that are deleted can leave", "let a column of one of them be NULL")
			p.note(r)
		}
	}
	for _, first := range p.out.First {
		p.out.Keyed = append(p.out.Keyed, first.At)
	}
	for _, e := range stuck {
		r := p.reporter(e.To)
		r.add(systems.ForeignCircle, "", "foreign keys run in a circle through "+r.table()+", and none of them can be cut first (foreign key "+e.Name+")", "let a column of one of them be NULL, or make one DEFERRABLE")
		p.note(r)
	}
}

func (p *preflight) edge(from, to int, key foreign) systems.Edge {
	return systems.Edge{From: from, To: to, Columns: key.Columns, Name: key.Name, Deferred: key.Deferrable && key.Delete != "r", Cuttable: slices.ContainsFunc(key.Columns, func(name string) bool {
		return !p.facts[from].columns[name].Filled && !slices.Contains(p.changes[from].Rows.Collection.Key, name)
	})}
}

// errTried ends a trial: nothing of it stays.
var errTried = fault.New(contract.ErrInternal, "tried", nil)

// try makes one batch of every change for good, and takes it back.
func (p *preflight) try(ctx context.Context, d *driver, batch int) error {
	err := d.changing(ctx, func(s *session) error {
		p.session = s
		if len(p.out.Together) > 0 {
			if err := s.waitWithChecks(ctx, nil); err != nil {
				return err
			}
		}
		partly := false // more than one batch: rows that stay may refer to rows that went
		for _, i := range p.out.Order {
			if p.barred[i] || p.facts[i] == nil {
				continue
			}
			full, err := p.tryOne(ctx, i, batch, partly)
			if err != nil {
				return err
			}
			partly = partly || full
		}
		if _, err := s.tx.ExecContext(ctx, "SAVEPOINT habeas"); err != nil {
			return s.classify(ctx, nil, err)
		}
		if _, err := s.tx.ExecContext(ctx, "SET CONSTRAINTS ALL IMMEDIATE"); err != nil {
			if kind, text := objection(err); kind != "" && (!partly || kind != systems.OtherRows) {
				p.out.Findings = append(p.out.Findings, systems.Finding{Kind: kind, System: p.system.Name, Text: "system " + p.system.Name + ": " + text})
				return errTried
			}
			if kind, _ := objection(err); kind == "" {
				return s.classify(ctx, nil, err)
			}
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
	if _, err := p.tx.ExecContext(ctx, "SAVEPOINT habeas"); err != nil {
		return false, p.classify(ctx, c, err)
	}
	done, err := p.apply(ctx, p.changes[i], batch)
	if err == nil {
		_, err = p.tx.ExecContext(ctx, "RELEASE SAVEPOINT habeas")
		return done.Rows >= int64(batch), p.classify(ctx, c, err)
	}
	r := p.reporter(i)
	var against objected
	errors.As(err, &against)
	kind, text := against.kind, against.text
	switch {
	case kind == systems.OtherRows && (partly || len(p.out.First) > 0):
		r.add(systems.Untried, "", r.table()+" was not tried to the end, as there is more than one batch of what refers to it", "")
	case kind != "":
		r.add(kind, "", r.table()+": "+text, "")
	case fault.Is(err, contract.ErrBusy):
		r.add(systems.Untried, "", r.table()+" was not tried, as its rows are locked", "")
	case fault.Is(err, contract.ErrRefused):
		r.add(systems.NotAllowed, "", err.Error(), "")
	default:
		return false, err
	}
	p.note(r)
	if _, err := p.tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT habeas"); err != nil {
		return false, p.classify(ctx, c, err)
	}
	return true, nil
}
