package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Values yields the distinct texts of a place.
func (d *driver) Values(ctx context.Context, sel systems.Selection, place systems.Place, yield func(*string, int64) error) error {
	return d.within(ctx, askTimeout, func(s *session) error {
		q, err := s.query(ctx, sel)
		if err != nil {
			return err
		}
		live, err := q.columns([]string{place.Column}, 1)
		if err != nil || q.empty() {
			return err
		}
		x := "t." + pq.QuoteIdentifier(live[0].Name) + "::text"
		if len(place.Path) > 0 {
			if !live[0].isJSON() {
				return fault.Newf(contract.ErrMapMismatch, "%s: column %s is %s, which has no paths inside", sel.Collection.ID(), live[0].Name, live[0].Type)
			}
			x = scalarAt("t."+pq.QuoteIdentifier(live[0].Name), place.Path)
		}
		rows, err := q.tx.QueryContext(ctx, q.prefix()+"SELECT x, count(*) FROM ("+q.rows("("+x+`) COLLATE "C" AS x`)+") AS r GROUP BY x ORDER BY x", q.args...)
		if err != nil {
			return q.classify(ctx, sel.Collection, err)
		}
		defer rows.Close()
		for rows.Next() {
			var value *string
			var n int64
			if err := rows.Scan(&value, &n); err != nil {
				return q.classify(ctx, sel.Collection, err)
			}
			if err := yield(value, n); err != nil {
				return err
			}
		}
		return q.classify(ctx, sel.Collection, rows.Err())
	})
}

// scalarAt is the text at a path of a document; NULL where there is none, or a list or an object.
func scalarAt(x string, path []string) string {
	keys := make([]string, len(path))
	for i, key := range path {
		keys[i] = literal(key)
	}
	at := x + "::jsonb #> ARRAY[" + strings.Join(keys, ", ") + "]::text[]"
	plain := "jsonb_typeof(" + at + ") IN ('string', 'number', 'boolean')"
	for n := range path { // a number among the keys would be an index into a list
		if n == 0 {
			plain += " AND jsonb_typeof(" + x + "::jsonb) = 'object'"
			continue
		}
		plain += " AND jsonb_typeof(" + x + "::jsonb #> ARRAY[" + strings.Join(keys[:n], ", ") + "]::text[]) = 'object'"
	}
	return "CASE WHEN " + plain + " THEN (" + at + ") #>> '{}' END"
}

// Correct makes the fixes in one transaction.
func (d *driver) Correct(ctx context.Context, fixes []systems.Fix) ([]systems.Fixed, error) {
	var out []systems.Fixed
	err := d.changing(ctx, func(s *session) error {
		out = nil
		for _, f := range fixes {
			done, err := s.fix(ctx, f)
			if err != nil {
				return err
			}
			out = append(out, done)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// fix makes one fix within the session's transaction.
func (s *session) fix(ctx context.Context, f systems.Fix) (systems.Fixed, error) {
	q, err := s.query(ctx, f.Rows())
	if err != nil || q.empty() {
		return systems.Fixed{}, err
	}
	names := f.Columns()
	if i := slices.IndexFunc(names, func(name string) bool { return slices.Contains(f.Collection.Key, name) }); i >= 0 {
		return systems.Fixed{}, fault.Newf(contract.ErrMapMismatch, "%s: column %s is of the key and cannot be corrected", f.Collection.ID(), names[i])
	}
	facts, err := s.facts(ctx, q.shape)
	if err != nil {
		return systems.Fixed{}, err
	}
	e := &eraser{query: q, facts: facts, batch: len(f.Keys)}
	if _, err := e.columns(names, 0); err != nil {
		return systems.Fixed{}, err
	}
	rows, err := e.rowKeys(ctx, names)
	if err != nil {
		return systems.Fixed{}, err
	}
	changed, done, err := f.Apply(rows, func(column string, has *string, value string) bool { return e.sameFlag(column, has, value) })
	if err != nil || len(changed) == 0 {
		return done, err
	}
	written := names
	if f.Flag != nil { // the value itself stays
		written = []string{f.Flag.Column}
		changed = only(changed, len(f.Collection.Key), slices.Index(names, f.Flag.Column))
	}
	_, err = e.assign(ctx, changed, written)
	return done, err
}

// only is rows with the key and one column behind it.
func only(rows [][]*string, width, at int) [][]*string {
	out := make([][]*string, len(rows))
	for i, row := range rows {
		out[i] = append(slices.Clone(row[:width]), row[width+at])
	}
	return out
}

func (e *eraser) sameFlag(column string, has *string, value string) bool {
	return systems.SameText(e.live(column), has, value)
}

// TryCorrect tries each fix behind a savepoint of its own and takes it back.
func (d *driver) TryCorrect(ctx context.Context, fixes []systems.Fix) ([][]systems.Finding, error) {
	found := make([][]systems.Finding, len(fixes))
	err := d.changing(ctx, func(s *session) error {
		for i, f := range fixes {
			r := &reporter{c: f.Collection}
			if err := s.tryFix(ctx, f, r); err != nil {
				return err
			}
			found[i] = r.found
		}
		return errTried
	})
	if !errors.Is(err, errTried) {
		return nil, err
	}
	return found, nil
}

func (s *session) tryFix(ctx context.Context, f systems.Fix, r *reporter) error {
	sh, findings, err := s.describe(ctx, f.Collection)
	if err != nil {
		return err
	}
	r.found = findings
	switch {
	case sh == nil || slices.ContainsFunc(findings, systems.Finding.Stops):
		return nil
	case sh.kind != "r" && sh.kind != "p":
		r.add(systems.NotChangeable, f.Place.Column, r.table()+" is no plain table, so that nothing in it can be corrected", "name the table behind it in the map")
		return nil
	}
	facts, err := s.facts(ctx, sh)
	if err != nil {
		return err
	}
	barred := false
	for _, name := range f.Columns() {
		stays := f.Flag != nil && name == f.Place.Column
		barred = !stays && s.unfixable(r, name, facts) || barred
	}
	for _, t := range facts.triggers {
		if t.Beyond {
			r.add(systems.TriggerBeyond, "", "the trigger "+t.Name+" of "+r.table()+" may have effects outside the database: it was not tried", "read it before you approve")
			barred = true
		}
	}
	if barred {
		return nil
	}
	if _, err := s.tx.ExecContext(ctx, "SAVEPOINT habeas"); err != nil {
		return s.classify(ctx, f.Collection, err)
	}
	_, err = s.fix(ctx, f)
	var against objected
	switch {
	case err == nil:
	case errors.As(err, &against):
		r.add(against.kind, f.Place.Column, r.table()+": "+against.text, "")
	case fault.Is(err, contract.ErrBusy):
		r.add(systems.Untried, "", r.table()+" was not tried, as its rows are locked", "")
	case fault.Is(err, contract.ErrRefused), fault.Is(err, contract.ErrMapMismatch):
		r.add(systems.NotAllowed, f.Place.Column, err.Error(), "")
	default:
		return err
	}
	_, err = s.tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT habeas")
	return s.classify(ctx, f.Collection, err)
}

// unfixable notes why a column cannot be corrected, and reports whether it cannot.
func (s *session) unfixable(r *reporter, name string, facts *facts) bool {
	fact := facts.columns[name]
	switch {
	case fact.Computed:
		r.add(systems.Computed, name, "column "+name+" of "+r.table()+" is generated and cannot be set", "correct what it is made of; give it correct: {never: …}")
	case !fact.Update:
		r.add(systems.NoPrivilege, name, "the account may not change column "+name+" of "+r.table(), "GRANT UPDATE ("+pq.QuoteIdentifier(name)+") ON "+quoted(r.c)+" TO …")
	default:
		return false
	}
	return true
}

var _ systems.Corrector = (*driver)(nil)
