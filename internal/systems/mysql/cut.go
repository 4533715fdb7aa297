package mysql

import (
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// unlink cuts the reference in a batch of rows.
func (e *eraser) unlink() (systems.Applied, error) {
	if e.listed() {
		return e.unlist()
	}
	name := e.cuttable(e.change.Cut.Columns)
	if name == "" {
		return systems.Applied{}, fault.Newf(contract.ErrRefused, "%s: none of the columns %s may be NULL, so that the reference cannot be cut",
			e.shape.c.ID(), strings.Join(e.change.Cut.Columns, ", "))
	}
	rows, err := e.rowsOf(e.batch, nil, "t."+quote(name)+" IS NOT NULL")
	if err != nil {
		return systems.Applied{}, err
	}
	n, err := e.set(rows, "t."+quote(name)+" = NULL")
	return systems.Applied{Rows: int64(len(rows)), Changed: n}, err
}

// listed reports whether the reference is a part of a document.
func (e *eraser) listed() bool { return e.change.Cut.Expr != nil && e.change.Cut.Expr.Prefix == 0 }

// unlist takes the references out of documents.
func (e *eraser) unlist() (systems.Applied, error) {
	name := e.change.Cut.Columns[0]
	rows, err := e.rowsOf(e.batch, []string{name})
	if err != nil || len(rows) == 0 {
		return systems.Applied{}, err
	}
	n, err := e.withoutKeys(rows, name)
	return systems.Applied{Rows: int64(len(rows)), Changed: n}, err
}

// withoutKeys writes the documents of rows anew, without what refers to a key of the selection.
func (e *eraser) withoutKeys(rows [][]*string, name string) (int64, error) {
	keys := map[string]bool{}
	err := e.change.Rows.Any[0].Keys(e.ctx, func(page [][]string) error {
		for _, tuple := range page {
			keys[tuple[0]] = true
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	last := len(e.shape.c.Key)
	var changed [][]*string
	for _, row := range rows {
		if row[last] == nil {
			continue
		}
		text, err := systems.Without(*row[last], e.change.Cut.Expr, keys)
		if err != nil {
			return 0, fault.New(contract.ErrRefused, e.shape.c.ID()+": a document of column "+name+" cannot be read", err)
		}
		next := slices.Clone(row)
		next[last] = &text
		changed = append(changed, next)
	}
	return e.assign(changed, []string{name})
}

// cuttable is the last of the columns that may be NULL and is not of the key; "" when there is none.
func (e *eraser) cuttable(columns []string) string {
	return e.shape.cuttable(columns)
}

func (sh *shape) cuttable(columns []string) string {
	for _, name := range slices.Backward(columns) {
		if sh.columns[name].Nullable == "YES" && !slices.Contains(sh.c.Key, name) {
			return name
		}
	}
	return ""
}

// refcount cuts the reference and deletes the rows that nobody else keeps alive. The rows are
// locked first, so that whoever takes the last reference away sees that it is the last.
func (e *eraser) refcount() (systems.Applied, error) {
	var columns []string
	if e.listed() {
		columns = e.change.Cut.Columns
	}
	rows, err := e.rowsOf(e.batch, columns)
	if err != nil || len(rows) == 0 {
		return systems.Applied{}, err
	}
	var done systems.Applied
	if e.listed() {
		_, err = e.withoutKeys(rows, columns[0])
		done.Rows = int64(len(rows))
	} else if name := e.cuttable(e.change.Cut.Columns); name != "" {
		_, err = e.set(rows, "t."+quote(name)+" = NULL")
		done.Rows = int64(len(rows))
	}
	if err != nil {
		return systems.Applied{}, err
	}
	alive, err := e.alive()
	if err != nil {
		return systems.Applied{}, err
	}
	gone, more := rows, "NOT ("+alive+")"
	if e.ownsItself() { // the engine deletes from no table that the condition reads too (error 1093)
		if gone, err = e.among(rows, more); err != nil {
			return systems.Applied{}, err
		}
		more = ""
	}
	n, err := e.deleteThese(gone, more)
	done.Deleted, done.Changed = n, max(done.Rows-n, 0)
	done.Rows = max(done.Rows, n)
	return done, err
}

// ownsItself reports whether rows of the table may be kept alive by other rows of it.
func (e *eraser) ownsItself() bool {
	return slices.ContainsFunc(e.change.Owners, func(o systems.Owner) bool {
		return o.Table != nil && o.Table.Schema == e.shape.c.Schema && o.Table.Name == e.shape.c.Table
	})
}

// alive is the condition that the row t has an owner.
func (e *eraser) alive() (string, error) {
	parts := []string{"FALSE"}
	for _, owner := range e.change.Owners {
		live, err := e.columns(owner.Columns, 0)
		if err != nil {
			return "", err
		}
		var tests []string
		switch x := owner.Expr; {
		case owner.Table != nil:
			for i, col := range live {
				tests = append(tests, "o."+quote(owner.From[i])+" = "+col.of())
			}
			parts = append(parts, "EXISTS (SELECT 1 FROM "+quote(owner.Table.Schema)+"."+quote(owner.Table.Name)+" AS o WHERE "+strings.Join(tests, " AND ")+")")
			continue
		case x == nil:
			for _, col := range live {
				tests = append(tests, col.of()+" IS NOT NULL")
			}
		case x.ArrayElement:
			// Any element that is not null: as a text, the list holds something else.
			tests = append(tests, "REPLACE(REPLACE(REPLACE("+list(x, live[0])+", 'null', ''), ',', ''), ' ', '') <> '[]'")
		default:
			tests = append(tests, part(x, live[0])+" IS NOT NULL")
		}
		parts = append(parts, "COALESCE("+strings.Join(tests, " AND ")+", FALSE)")
	}
	return strings.Join(parts, " OR "), nil
}
