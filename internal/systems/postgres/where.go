package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// query is a selection on its way to SQL.
//
// Each clause becomes a branch of a UNION ALL that leaves out what the branches before it gave:
// so no row comes twice, and each branch can use its own index, which an OR of them could not.
// Few keys of one column are compared with an array. Others stand in a common table expression
// each, as arrays: up to one page as a parameter, more
// as pages in settings of the transaction, uploaded one at a time. Settings are server memory
// that a read-only account on a standby may use, where a temporary table is refused.
type query struct {
	*session
	shape *shape
	with  []string
	args  []any
	when  []condition
	only  []condition // nil: no such bound
	bound bool        // only counts, even when it is empty
	not   []condition
	used  int // key clauses so far
	// alone are the conditions over t that nobody refers to the row.
	alone []string
}

// condition is one clause over the table as t, and its opposite (true where the clause is false
// or unknown) in the form that the planner can turn into a join.
type condition struct{ holds, fails string }

func (s *session) query(ctx context.Context, sel systems.Selection) (*query, error) {
	return s.queryAfter(ctx, &query{}, sel)
}

// queryAfter makes a query whose parts may stand in one statement with those of the one before: its
// parameters and sets of keys go on where that one ends.
func (s *session) queryAfter(ctx context.Context, before *query, sel systems.Selection) (*query, error) {
	sh, err := s.usable(ctx, sel.Collection)
	if err != nil {
		return nil, err
	}
	q := &query{session: s, shape: sh, args: before.args, with: before.with, used: before.used}
	q.bound = len(sel.Only) > 0
	for _, list := range []struct {
		clauses []systems.Clause
		into    *[]condition
	}{{sel.Any, &q.when}, {sel.Only, &q.only}, {sel.Except, &q.not}} {
		for _, clause := range list.clauses {
			made, err := q.clause(ctx, clause)
			if err != nil {
				return nil, err
			}
			if made != nil {
				*list.into = append(*list.into, *made)
			}
		}
	}
	return q, nil
}

// empty reports that no row can be selected: there is not a single key or identity.
func (q *query) empty() bool { return len(q.when) == 0 || (q.bound && len(q.only) == 0) }

// arg adds a parameter and gives its name.
func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

// prefix is the WITH part of a statement with the rows of the selection.
func (q *query) prefix() string {
	if len(q.with) == 0 {
		return ""
	}
	return "WITH " + strings.Join(q.with, ",\n") + "\n"
}

// rows selects the expressions over t from every row of the selection, each row once.
func (q *query) rows(expressions string) string {
	branches := make([]string, len(q.when))
	for i := range q.when {
		branches[i] = "SELECT " + expressions + " FROM " + quoted(q.shape.c) + " AS t WHERE " + q.where(i)
	}
	return strings.Join(branches, "\nUNION ALL\n")
}

// where is the condition over t of one clause of the selection, without the rows of the clauses before it.
func (q *query) where(n int) string {
	var b strings.Builder
	b.WriteString(q.when[n].holds)
	for _, earlier := range q.when[:n] {
		b.WriteString(" AND " + earlier.fails)
	}
	if len(q.only) > 0 {
		some := make([]string, len(q.only))
		for n, only := range q.only {
			some[n] = only.holds
		}
		b.WriteString(" AND (" + strings.Join(some, " OR ") + ")")
	}
	for _, not := range q.not {
		b.WriteString(" AND " + not.fails)
	}
	return b.String()
}

// columns finds the live columns of a clause. n is how many there must be; 0 means any number.
func (q *query) columns(names []string, n int) ([]column, error) {
	if len(names) == 0 || (n > 0 && len(names) != n) {
		return nil, fault.Newf(contract.ErrInternal, "%s: a clause over %d columns", q.shape.c.ID(), len(names))
	}
	var live []column
	for _, name := range names {
		col, exists := q.shape.columns[name]
		if !exists {
			return nil, fault.Newf(contract.ErrMapMismatch, "%s: %s.%s has no column %s",
				q.shape.c.ID(), q.shape.c.Schema, q.shape.c.Table, name)
		}
		live = append(live, col)
	}
	return live, nil
}

// fewKeys are so few that each may be looked at while planning.
const fewKeys = 100

// upload gathers a key set into pages and sends all but a lone one ahead as settings.
type upload struct {
	q     *query
	ctx   context.Context
	width int
	name  string
	page  [][]string // by column
	sent  int
}

func (u *upload) add(keys [][]string) error {
	for _, tuple := range keys {
		if len(tuple) != u.width {
			return fault.Newf(contract.ErrMapMismatch, "%s: a key of %d columns where the link has %d",
				u.q.shape.c.ID(), len(tuple), u.width)
		}
		if u.page == nil {
			u.page = make([][]string, u.width)
		}
		if len(u.page[0]) == systems.PageSize {
			if err := u.send(); err != nil {
				return err
			}
		}
		for i, v := range tuple {
			u.page[i] = append(u.page[i], v)
		}
	}
	return nil
}

// send puts the page into settings named habeas.<clause>_<column>_<page>.
func (u *upload) send() error {
	u.sent++
	for i := range u.page {
		setting := fmt.Sprintf("habeas.%s_%d_%d", u.name, i, u.sent)
		_, err := u.q.tx.ExecContext(u.ctx, "SELECT set_config($1, $2::text, true)", setting, pq.Array(u.page[i]))
		if err != nil {
			return u.q.classify(u.ctx, u.q.shape.c, err)
		}
		u.page[i] = u.page[i][:0]
	}
	return nil
}

// finish is the SQL that gives the keys, or "" when there are none.
func (u *upload) finish(types []string) (string, error) {
	if u.page == nil {
		return "", nil
	}
	arrays := make([]string, u.width)
	if u.sent == 0 {
		for i, kind := range types {
			arrays[i] = u.q.arg(pq.Array(u.page[i])) + "::" + kind + "[]"
		}
		return "SELECT * FROM unnest(" + strings.Join(arrays, ", ") + ")", nil
	}
	if err := u.send(); err != nil {
		return "", err
	}
	for i, kind := range types {
		arrays[i] = fmt.Sprintf("current_setting('habeas.%s_%d_' || g.n)::%s[]", u.name, i, kind)
	}
	return "SELECT u.* FROM generate_series(1, " + u.q.arg(u.sent) + "::int) AS g(n), unnest(" +
		strings.Join(arrays, ", ") + ") AS u", nil
}
