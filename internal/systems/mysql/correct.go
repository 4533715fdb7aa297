package mysql

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Values yields the distinct texts of a place, compared byte for byte whatever the column's collation.
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
		x := strategyText(live[0])
		if len(place.Path) > 0 {
			if live[0].class() != jsonClass {
				return fault.Newf(contract.ErrMapMismatch, "%s: column %s is %s, which has no paths inside", sel.Collection.ID(), live[0].Name, live[0].Type)
			}
			x = scalarAt(live[0].text(), place.Path)
		}
		rows, err := q.run(ctx, "SELECT x, COUNT(*) FROM ("+q.rows(q.bytes(x)+" AS x")+") AS r GROUP BY x ORDER BY x")
		if err != nil {
			return err
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
	at := "$"
	for _, key := range path {
		at += `."` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key) + `"`
	}
	found := "JSON_EXTRACT(" + x + ", " + literal(at) + ")"
	return "CASE WHEN JSON_TYPE(" + found + ") NOT IN ('NULL', 'ARRAY', 'OBJECT') THEN JSON_UNQUOTE(" + found + ") END"
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
	if !q.shape.takesBack() {
		return systems.Fixed{}, fault.Newf(contract.ErrRefused, "%s: the table is of the engine %s, which does not take back what was tried", q.shape.c.ID(), q.shape.engine)
	}
	e := &eraser{query: q, ctx: ctx, batch: len(f.Keys)}
	if _, err := e.columns(names, 0); err != nil {
		return systems.Fixed{}, err
	}
	rows, err := e.rowsOf(e.batch, names)
	if err != nil {
		return systems.Fixed{}, err
	}
	changed, done, err := f.Apply(rows, func(column string, has *string, value string) bool {
		return systems.SameText(e.shape.columns[column].live(), has, e.flagText(column, value))
	})
	if err != nil || len(changed) == 0 {
		return done, err
	}
	if f.Flag == nil {
		_, err = e.assign(changed, names)
		return done, err
	}
	// The value itself stays.
	value, width, at := e.flagText(f.Flag.Column, f.Flag.Value), len(f.Collection.Key), slices.Index(names, f.Flag.Column)
	for i, row := range changed {
		changed[i] = append(slices.Clone(row[:width]), row[width+at])
		changed[i][width] = &value
	}
	_, err = e.assign(changed, []string{f.Flag.Column})
	return done, err
}

// flagText writes a truth as this engine keeps it.
func (e *eraser) flagText(column, value string) string {
	if e.shape.columns[column].class() == textClass {
		return value
	}
	if number, ok := map[string]string{"true": "1", "false": "0"}[value]; ok {
		return number
	}
	return value
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
	case sh.view:
		r.add(systems.NotChangeable, f.Place.Column, r.table()+" is no plain table, so that nothing in it can be corrected", "name the table behind it in the map")
		return nil
	case !sh.takesBack():
		r.add(systems.NoRollback, "", r.table()+" is of the engine "+sh.engine+", which does not take back what was tried or half done", "ALTER TABLE "+quoted(f.Collection)+" ENGINE=InnoDB")
		return nil
	}
	barred := false
	for _, name := range f.Columns() {
		if f.Flag != nil && name == f.Place.Column {
			continue // it stays
		}
		col := sh.columns[name]
		switch {
		case strings.Contains(strings.ToUpper(col.Extra), "GENERATED"):
			r.add(systems.Computed, name, "column "+name+" of "+r.table()+" is generated and cannot be set", "correct what it is made of; give it correct: {never: …}")
		case !strings.Contains(","+col.Rights+",", ",update,"):
			r.add(systems.NoPrivilege, name, "the account may not change column "+name+" of "+r.table(), "GRANT UPDATE ("+quote(name)+") ON "+quoted(f.Collection)+" TO …")
		default:
			continue
		}
		barred = true
	}
	p := &preflight{session: s, changes: []systems.Change{{Rows: f.Rows()}}, barred: map[int]bool{}}
	if err := p.triggers(ctx, r, 0); err != nil {
		return err
	}
	if barred || p.barred[0] {
		return nil
	}
	return s.tryOut(ctx, f, r)
}

func (s *session) tryOut(ctx context.Context, f systems.Fix, r *reporter) error {
	if _, err := s.conn.ExecContext(ctx, "SAVEPOINT habeas"); err != nil {
		return s.classify(ctx, f.Collection, err)
	}
	_, err := s.fix(ctx, f)
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
	_, err = s.conn.ExecContext(ctx, "ROLLBACK TO SAVEPOINT habeas")
	return s.classify(ctx, f.Collection, err)
}

var _ systems.Corrector = (*driver)(nil)
