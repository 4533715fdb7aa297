package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// eraseTimeout bounds one statement of a batch.
const eraseTimeout = 5 * time.Minute

// changing runs f in one transaction that may write, and keeps what it did when it gives no
// error. Row locks are waited for a short while only: the company's own work comes first.
func (d *driver) changing(ctx context.Context, f func(*session) error) error {
	tx, err := d.db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return d.unreachable(ctx, err)
	}
	defer tx.Rollback() //nolint:errcheck // what was not committed is to be lost
	s := &session{driver: d, tx: tx}
	var encoding string
	if err := tx.QueryRowxContext(ctx, settings, systems.SessionName(ctx),
		millis(eraseTimeout), millis(systems.LockTimeout), millis(idleTimeout)).Scan(&encoding); err != nil {
		return d.classify(ctx, nil, err)
	}
	s.utf8 = encoding == "UTF8"
	if err := f(s); err != nil {
		return err
	}
	return d.classify(ctx, nil, tx.Commit())
}

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

// eraser is one change on its way to SQL.
type eraser struct {
	*query
	change systems.Change
	facts  *facts
	batch  int
}

// apply makes one batch within the session's transaction.
func (s *session) apply(ctx context.Context, change systems.Change, batch int) (systems.Applied, error) {
	if len(change.With) > 0 {
		return s.together(ctx, change, batch)
	}
	if change.Action == systems.Delete && len(change.Rows.Any) == 1 && change.Rows.Any[0].Stretch != nil {
		return s.deleteStretch(ctx, change)
	}
	q, err := s.query(ctx, change.Rows)
	if err != nil || q.empty() {
		return systems.Applied{}, err
	}
	facts, err := s.facts(ctx, q.shape)
	if err != nil {
		return systems.Applied{}, err
	}
	e := &eraser{query: q, change: change, facts: facts, batch: batch}
	switch change.Action {
	case systems.Delete:
		return e.delete(ctx)
	case systems.Anonymise:
		return e.anonymise(ctx)
	case systems.Unlink:
		return e.unlink(ctx)
	case systems.Refcount:
		return e.refcount(ctx)
	case systems.Block:
		return e.block(ctx)
	}
	return systems.Applied{}, fault.Newf(contract.ErrInternal, "%s: there is no action %q", q.shape.c.ID(), change.Action)
}

// exec runs a statement and gives the number of rows.
func (e *eraser) exec(ctx context.Context, statement string, args []any) (int64, error) {
	result, err := e.tx.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, e.refused(ctx, e.shape.c, err)
	}
	return result.RowsAffected()
}

// settled is exec for the rows of chosen, once more where it found none. A row that somebody else
// wrote to while we waited for it stands at a new place, where a statement that began before does
// not look: it passes the row over. The second one sees what they left behind. Where it passed over
// some rows of many, the next batch has them.
func (e *eraser) settled(ctx context.Context, statement string) (int64, error) {
	n, err := e.exec(ctx, statement, e.args)
	if err == nil && n == 0 {
		n, err = e.exec(ctx, statement, e.args)
	}
	return n, err
}

// refused is classify for statements that write.
func (d *driver) refused(ctx context.Context, c *datamap.Collection, err error) error {
	kind, text := objection(err)
	if kind == "" {
		return d.classify(ctx, c, err)
	}
	return fault.New(contract.ErrRefused, c.ID()+" ("+c.Schema+"."+c.Table+"): "+text, objected{kind: kind, text: text, cause: d.classify(ctx, c, err)}).
		WithHint("the preflight of a new plan says what stands in the way")
}

// objected is the cause of a refusal.
type objected struct {
	kind, text string // as of a finding
	cause      error
}

func (o objected) Error() string { return o.cause.Error() }
func (o objected) Unwrap() error { return o.cause }

// chosen is the condition that the table as d is one of up to a batch of selected rows, for which
// more, over the alias that it is given, holds too; nil is no more.
func (e *eraser) chosen(more func(alias string) string) string {
	one := func(list func(alias string) string) string {
		alias, rows := "t", e.rows(list("t"))
		if len(e.when) > 1 {
			alias = "x"
			rows = "SELECT " + list(alias) + " FROM " + quoted(e.shape.c) + " AS x WHERE (x.tableoid, x.ctid) IN (" + e.rows("t.tableoid, t.ctid") + ")"
		}
		if more != nil {
			rows += " AND " + more(alias)
		}
		return rows + " LIMIT " + strconv.Itoa(e.batch)
	}
	if e.shape.kind == "p" { // a place is one of a partition
		return "(d.tableoid, d.ctid) IN (" + one(func(alias string) string { return alias + ".tableoid, " + alias + ".ctid" }) + ")"
	}
	return "d.ctid = ANY(ARRAY(" + one(func(alias string) string { return alias + ".ctid" }) + "))"
}

// delete deletes a batch. Where rows of the table refer to each other, those go first to which no
// other refers: so that a batch never leaves a reference behind.
func (e *eraser) delete(ctx context.Context) (systems.Applied, error) {
	more := e.facts.leaf()
	if len(e.alone) > 0 {
		// Nobody can refer to a locked row; whoever did before is seen by the next statement.
		if _, err := e.exec(ctx, e.prefix()+"SELECT FROM "+quoted(e.shape.c)+" AS d WHERE "+e.chosen(more)+" FOR UPDATE OF d", e.args); err != nil {
			return systems.Applied{}, err
		}
	}
	n, err := e.settled(ctx, e.prefix()+"DELETE FROM "+quoted(e.shape.c)+" AS d WHERE "+e.chosen(more))
	done := systems.Applied{Rows: n, Deleted: n}
	if err != nil || n > 0 || more == nil {
		return done, err
	}
	// What is left refers to itself in a circle, or is referred to from elsewhere. One statement
	// for all of it: the foreign keys are checked at its end.
	n, err = e.exec(ctx, e.prefix()+"DELETE FROM "+quoted(e.shape.c)+" AS d WHERE "+e.all(), e.args)
	return systems.Applied{Rows: n, Deleted: n}, err
}

// all is the condition that the table as d has one of the selected rows.
func (e *eraser) all() string {
	return "(d.tableoid, d.ctid) IN (" + e.rows("t.tableoid, t.ctid") + ")"
}

// block sets the flag of rows that do not have it.
func (e *eraser) block(ctx context.Context) (systems.Applied, error) {
	if len(e.change.Set) != 1 {
		return systems.Applied{}, fault.Newf(contract.ErrInternal, "%s: blocked by %d columns", e.shape.c.ID(), len(e.change.Set))
	}
	live, err := e.columns([]string{e.change.Set[0].Column}, 1)
	if err != nil {
		return systems.Applied{}, err
	}
	name, value := pq.QuoteIdentifier(live[0].Name), e.arg(e.change.Set[0].Strategy.Value)+"::"+live[0].Type
	n, err := e.settled(ctx, e.prefix()+"UPDATE "+quoted(e.shape.c)+" AS d SET "+name+" = "+value+" WHERE "+
		e.chosen(func(alias string) string { return alias + "." + name + " IS DISTINCT FROM " + value }))
	return systems.Applied{Rows: n, Changed: n}, err
}

// unlink cuts the reference in a batch of rows.
func (e *eraser) unlink(ctx context.Context) (systems.Applied, error) {
	set, more, err := e.cut()
	if err != nil {
		return systems.Applied{}, err
	}
	if set == "" {
		return systems.Applied{}, fault.Newf(contract.ErrRefused, "%s: none of the columns %s may be NULL, so that the reference cannot be cut",
			e.shape.c.ID(), strings.Join(e.change.Cut.Columns, ", "))
	}
	n, err := e.settled(ctx, e.prefix()+"UPDATE "+quoted(e.shape.c)+" AS d SET "+set+" WHERE "+e.chosen(more))
	return systems.Applied{Rows: n, Changed: n}, err
}

// rowKeys are the keys of a batch of selected rows, which are locked, and the columns behind
// them, all as text. They are asked for twice: the first statement passes over rows for which it had
// to wait (see settled) and keeps their locks all the same, so that the second has nothing to wait for.
func (e *eraser) rowKeys(ctx context.Context, columns []string) ([][]*string, error) {
	var list []string
	for _, name := range slices.Concat(e.shape.c.Key, columns) {
		list = append(list, e.textOf(name, "d"))
	}
	from := " FROM " + quoted(e.shape.c) + " AS d WHERE " + e.chosen(nil) + " FOR UPDATE OF d"
	if _, err := e.exec(ctx, e.prefix()+"SELECT"+from, e.args); err != nil {
		return nil, err
	}
	statement := e.prefix() + "SELECT " + strings.Join(list, ", ") + from
	var rows [][]*string
	err := e.texts(ctx, e.shape.c, statement, e.args, len(list), func(row []*string) error {
		rows = append(rows, row)
		return nil
	})
	return rows, err
}

// keyed is a FROM of parameters: the keys of rows and the values behind them, as the columns of v.
func (e *eraser) keyed(rows [][]*string, columns []string) (from, match string, args []any) {
	names := slices.Concat(e.shape.c.Key, columns)
	parts, matches := make([]string, len(names)), []string{}
	for i, name := range names {
		column := make([]sql.NullString, len(rows))
		for n, row := range rows {
			if row[i] != nil {
				column[n] = sql.NullString{String: *row[i], Valid: true}
			}
		}
		args = append(args, pq.Array(column))
		parts[i] = fmt.Sprintf("$%d::text[]", i+1)
		if i < len(e.shape.c.Key) {
			matches = append(matches, fmt.Sprintf("d.%s = v.c%d::%s", pq.QuoteIdentifier(name), i, e.shape.columns[name].Type))
		}
	}
	outer := make([]string, len(names))
	for i := range outer {
		outer[i] = fmt.Sprintf("c%d", i)
	}
	return "unnest(" + strings.Join(parts, ", ") + ") AS v(" + strings.Join(outer, ", ") + ")", strings.Join(matches, " AND "), args
}
