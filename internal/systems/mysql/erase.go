package mysql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// eraseTimeout bounds one statement of a batch.
const eraseTimeout = 5 * time.Minute

// circleRows is how many rows that refer to each other in a circle go in one transaction.
const circleRows = 100_000

// changing runs f in one transaction that may write, and keeps what it did when it gives no
// error. Locks are waited for a short while only: the company's own work comes first.
func (d *driver) changing(ctx context.Context, f func(*session) error) error {
	return d.session(ctx, func(s *session) []string {
		return []string{
			s.settings(eraseTimeout),
			"SET innodb_lock_wait_timeout=" + seconds(systems.LockTimeout) + ", lock_wait_timeout=" + seconds(systems.LockTimeout),
			"SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
			"START TRANSACTION READ WRITE",
		}
	}, func(s *session) error {
		if err := f(s); err != nil {
			return err
		}
		_, err := s.conn.ExecContext(ctx, s.note+"COMMIT")
		return s.classify(ctx, nil, err)
	})
}

// errTried ends a trial: nothing of it stays.
var errTried = fault.New(contract.ErrInternal, "tried", nil)

// Erase makes one batch of a change.
func (d *driver) Erase(ctx context.Context, change systems.Change, batch int) (systems.Applied, error) {
	var done systems.Applied
	err := d.changing(ctx, func(s *session) error {
		var err error
		done, err = s.apply(ctx, change, batch)
		return err
	})
	if err != nil {
		return systems.Applied{}, err
	}
	return done, nil
}

// Pending makes a batch and takes it back.
func (d *driver) Pending(ctx context.Context, change systems.Change, batch int) (systems.Applied, error) {
	var done systems.Applied
	err := d.changing(ctx, func(s *session) error {
		var err error
		if done, err = s.apply(ctx, change, batch); err == nil {
			err = errTried
		}
		return err
	})
	if !errors.Is(err, errTried) {
		return systems.Applied{}, err
	}
	return done, nil
}

// eraser is one change on its way to SQL. The rows of a batch are chosen and locked first, and
// everything after that names them by their keys.
type eraser struct {
	*query
	ctx    context.Context
	change systems.Change
	batch  int
}

// apply makes one batch within the session's transaction.
func (s *session) apply(ctx context.Context, change systems.Change, batch int) (systems.Applied, error) {
	q, err := s.query(ctx, change.Rows)
	if err != nil || q.empty() {
		return systems.Applied{}, err
	}
	if len(change.With) > 0 {
		return systems.Applied{}, fault.Newf(contract.ErrInternal, "%s: this engine cannot wait with the check of foreign keys", q.shape.c.ID())
	}
	if !q.shape.takesBack() {
		return systems.Applied{}, fault.Newf(contract.ErrRefused, "%s: the table is of the engine %s, which does not take back what was tried", q.shape.c.ID(), q.shape.engine)
	}
	e := &eraser{query: q, ctx: ctx, change: change, batch: batch}
	switch change.Action {
	case systems.Delete:
		return e.delete()
	case systems.Anonymise:
		return e.anonymise()
	case systems.Unlink:
		return e.unlink()
	case systems.Refcount:
		return e.refcount()
	case systems.Block:
		return e.block()
	}
	return systems.Applied{}, fault.Newf(contract.ErrInternal, "%s: there is no action %q", q.shape.c.ID(), change.Action)
}

func (sh *shape) takesBack() bool { return !sh.view && strings.EqualFold(sh.engine, "innodb") }

// rowsOf chooses and locks a batch of rows: their keys, and the columns behind them, as text.
func (e *eraser) rowsOf(limit int, columns []string, more ...string) ([][]*string, error) {
	var list []string
	for i, name := range slices.Concat(e.shape.c.Key, columns) {
		list = append(list, strategyText(e.shape.columns[name])+" AS x"+strconv.Itoa(i))
	}
	statement := e.rows(strings.Join(list, ", "), more...)
	if len(e.when) == 1 {
		statement += " LIMIT " + strconv.Itoa(limit) + " FOR UPDATE"
	} else {
		statement = "SELECT * FROM (" + statement + ") AS r LIMIT " + strconv.Itoa(limit)
	}
	rows, err := e.run(e.ctx, statement)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out [][]*string
	for rows.Next() {
		row, into := make([]*string, len(list)), make([]any, len(list))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, e.classify(e.ctx, e.shape.c, err)
		}
		out = append(out, row)
	}
	return out, e.classify(e.ctx, e.shape.c, rows.Err())
}

// strategyText is a column as the text that strategies see: binary is hex digits.
func strategyText(c column) string {
	if c.class() == binaryClass {
		return "LOWER(HEX(" + c.of() + "))"
	}
	return c.text()
}

// keyed is a FROM of chosen rows: k has their keys and the values behind them, t the table.
func (e *eraser) keyed(rows [][]*string, columns []string) (string, error) {
	names := slices.Concat(e.shape.c.Key, columns)
	page := make([][]*string, len(rows))
	longest := make([]int, len(names))
	for n, row := range rows {
		page[n] = make([]*string, len(names))
		for i := range names {
			value := row[i]
			if i < len(e.shape.c.Key) && value != nil {
				key := *value
				if e.shape.columns[names[i]].class() == binaryClass {
					key = `\x` + key
				}
				text, ok, _ := e.codec(e.shape.columns[names[i]]).value(key)
				if !ok {
					return "", fault.Newf(contract.ErrInternal, "%s: a key that was read is none", e.shape.c.ID())
				}
				value = &text
			}
			page[n][i] = value
			if value != nil {
				longest[i] = max(longest[i], len([]rune(*value)))
			}
		}
	}
	text, err := json.Marshal(page)
	if err != nil {
		return "", err
	}
	h := e.reserve(string(text))
	if err := e.keep(e.ctx, h); err != nil {
		return "", e.classify(e.ctx, e.shape.c, err)
	}
	var defs, on []string
	for i, name := range names {
		kind := "LONGTEXT CHARACTER SET utf8mb4"
		if i < len(e.shape.c.Key) {
			x := e.codec(e.shape.columns[name])
			if kind = x.table; strings.Contains(kind, "%d") {
				kind = fmt.Sprintf(kind, max(longest[i], 1))
			}
			column := "k.c" + strconv.Itoa(i)
			on = append(on, x.seek(column))
			if exact := x.exact(column); exact != x.seek(column) {
				on = append(on, exact)
			}
		}
		defs = append(defs, fmt.Sprintf("c%d %s PATH '$[%d]'", i, kind, i))
	}
	return "JSON_TABLE(" + h.name + ", '$[*]' COLUMNS (" + strings.Join(defs, ", ") + ")) AS k STRAIGHT_JOIN " + quoted(e.shape.c) + " AS t ON " + strings.Join(on, " AND "), nil
}

// exec runs a statement that writes and gives the number of rows.
func (e *eraser) exec(statement string) (int64, error) {
	if err := e.keep(e.ctx, e.late...); err != nil {
		return 0, e.classify(e.ctx, e.shape.c, err)
	}
	e.late = nil
	result, err := e.conn.ExecContext(e.ctx, e.note+statement)
	if err != nil {
		return 0, e.refused(e.ctx, e.shape.c, err)
	}
	return result.RowsAffected()
}

func (e *eraser) deleteThese(rows [][]*string, more string) (int64, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	from, err := e.keyed(rows, nil)
	if err != nil {
		return 0, err
	}
	if more != "" {
		more = " WHERE " + more
	}
	return e.exec("DELETE t FROM " + from + more)
}

func (e *eraser) set(rows [][]*string, assignment string) (int64, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	from, err := e.keyed(rows, nil)
	if err != nil {
		return 0, err
	}
	return e.exec("UPDATE " + from + " SET " + assignment)
}

// delete deletes a batch. Where rows of the table refer to each other, those go first to which no
// other refers. What runs in a circle is cut and goes in one transaction.
func (e *eraser) delete() (systems.Applied, error) {
	self, err := e.selfKeys()
	if err != nil {
		return systems.Applied{}, err
	}
	var more []string
	if leaf := e.leaf(self); leaf != "" {
		more = append(more, leaf)
	}
	rows, err := e.rowsOf(e.batch, nil, more...)
	if err == nil && len(rows) == 0 && len(self) > 0 {
		rows, err = e.rowsOf(circleRows, nil)
	}
	if err == nil {
		err = e.cutSelf(rows, self) // InnoDB does not let a row go that refers to itself
	}
	if err != nil {
		return systems.Applied{}, err
	}
	n, err := e.deleteThese(rows, "")
	return systems.Applied{Rows: n, Deleted: n}, err
}

func (e *eraser) cutSelf(rows [][]*string, self []foreign) error {
	for _, key := range self {
		if name := e.cuttable(key.Columns); name != "" {
			if _, err := e.set(rows, "t."+quote(name)+" = NULL"); err != nil {
				return err
			}
		}
	}
	return nil
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

// leaf is the condition that no other row of the table refers to the row t.
func (e *eraser) leaf(self []foreign) string {
	var parts []string
	for _, key := range self {
		var same, other []string
		for i := range key.Columns {
			same = append(same, "l."+quote(key.Columns[i])+" = t."+quote(key.Keys[i]))
		}
		for _, name := range e.shape.c.Key {
			other = append(other, "l."+quote(name)+" <=> t."+quote(name))
		}
		parts = append(parts, "NOT EXISTS (SELECT 1 FROM "+quoted(e.shape.c)+" AS l WHERE "+strings.Join(same, " AND ")+" AND NOT ("+strings.Join(other, " AND ")+"))")
	}
	return strings.Join(parts, " AND ")
}

// block sets the flag of rows that do not have it.
func (e *eraser) block() (systems.Applied, error) {
	if len(e.change.Set) != 1 {
		return systems.Applied{}, fault.Newf(contract.ErrInternal, "%s: blocked by %d columns", e.shape.c.ID(), len(e.change.Set))
	}
	live, err := e.columns([]string{e.change.Set[0].Column}, 1)
	if err != nil {
		return systems.Applied{}, err
	}
	value := map[string]string{"true": "1", "false": "0"}[e.change.Set[0].Strategy.Value]
	if value == "" || live[0].class() == textClass {
		value = e.change.Set[0].Strategy.Value
	}
	h := e.reserve(value)
	if err := e.keep(e.ctx, h); err != nil {
		return systems.Applied{}, e.classify(e.ctx, e.shape.c, err)
	}
	rows, err := e.rowsOf(e.batch, nil, "NOT ("+live[0].of()+" <=> "+h.name+")")
	if err != nil {
		return systems.Applied{}, err
	}
	n, err := e.set(rows, live[0].of()+" = "+h.name)
	return systems.Applied{Rows: int64(len(rows)), Changed: n}, err
}

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

// assign writes values into columns of rows.
func (e *eraser) assign(rows [][]*string, columns []string) (int64, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	from, err := e.keyed(rows, columns)
	if err != nil {
		return 0, err
	}
	sets := make([]string, len(columns))
	for i, name := range columns {
		col, value := e.shape.columns[name], "k.c"+strconv.Itoa(len(e.shape.c.Key)+i)
		switch col.class() {
		case binaryClass:
			value = "UNHEX(" + value + ")"
		case bitClass:
			value = "CAST(" + value + " AS UNSIGNED)"
		}
		sets[i] = col.of() + " = " + value
	}
	return e.exec("UPDATE " + from + " SET " + strings.Join(sets, ", "))
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
	n, err := e.deleteThese(rows, "NOT ("+alive+")")
	done.Deleted, done.Changed = n, max(done.Rows-n, 0)
	done.Rows = max(done.Rows, n)
	return done, err
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

// anonymise gives the columns of a page of rows their new values, which are made here.
func (e *eraser) anonymise() (systems.Applied, error) {
	var names []string
	for _, set := range e.change.Set {
		if slices.Contains(e.shape.c.Key, set.Column) {
			return systems.Applied{}, fault.Newf(contract.ErrMapMismatch, "%s: column %s is of the key and cannot be anonymised", e.shape.c.ID(), set.Column)
		}
		names = append(names, set.Column)
	}
	if _, err := e.columns(names, 0); err != nil {
		return systems.Applied{}, err
	}
	rows, err := e.rowsOf(e.batch, names)
	if err != nil || len(rows) == 0 {
		return systems.Applied{}, err
	}
	changed, err := systems.NewAnonymiser(e.change.Secret, e.change.Known).
		Rows(e.shape.c, e.change.Set, func(name string) systems.Live { return e.shape.columns[name].live() }, rows)
	if err != nil {
		return systems.Applied{}, err
	}
	done := systems.Applied{Rows: int64(len(rows))}
	done.Changed, err = e.assign(changed, names)
	return done, err
}

var liveClasses = map[class]string{
	numberClass: datamap.ClassNumber, floatClass: datamap.ClassNumber, bitClass: datamap.ClassNumber, dateClass: datamap.ClassTime,
	momentClass: datamap.ClassTime, stampClass: datamap.ClassTime, timeClass: datamap.ClassTime, textClass: datamap.ClassText,
	binaryClass: datamap.ClassBinary, jsonClass: datamap.ClassJSON, otherClass: datamap.ClassOther, wordClass: datamap.ClassOther,
}

// live is what strategies must know of the column.
func (c column) live() systems.Live {
	out := systems.Live{Class: liveClasses[c.class()], Type: c.Type, Filled: c.Nullable != "YES"}
	switch c.Type {
	case "uuid":
		out.Class = datamap.ClassUUID
	case "decimal":
		out.Type = "numeric"
	}
	if c.Length != nil && *c.Length < 1<<20 {
		out.Length = int(*c.Length)
	}
	return out
}
