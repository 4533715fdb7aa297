package mysql

import (
	"context"
	"database/sql"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// query is a selection on its way to SQL.
//
// Each clause becomes a branch of a UNION ALL that leaves out what the branches before it gave:
// so no row comes twice, and each branch can use its own index, which an OR of them could not.
// Keys go up in pages, each a JSON list in a variable of the session, and come back as a derived
// table by JSON_TABLE. Variables are what a read-only account on a replica may use, where a
// temporary table is refused.
//
// A set of keys is used in two ways. Where the column has an index, the branch begins with the
// keys and looks each up in the table (drive). Otherwise, and in every negation, the table is
// read and each row looked up among the keys, for which the server makes an index of its own.
type query struct {
	*session
	shape *shape
	when  []condition
	only  []condition
	bound bool // only counts, even when it is empty
	not   []condition
	late  []held // values that have yet to go into their variables
	// alone are the conditions over t that no row of another table refers to the row.
	alone []string
}

// condition is one clause over the table as t, and its opposite (true where the clause is false
// or unknown).
type condition struct {
	holds, fails string
	// drive is a FROM that gives the rows of the clause, each once, beginning with the keys; empty
	// where that would not help. With also, holds must be tested besides.
	drive string
	also  bool
}

func (s *session) query(ctx context.Context, sel systems.Selection) (*query, error) {
	sh, err := s.usable(ctx, sel.Collection)
	if err != nil {
		return nil, err
	}
	q := &query{session: s, shape: sh, bound: len(sel.Only) > 0}
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

// arg gives the name of a variable that will hold the value when the statement runs.
func (q *query) arg(value string) string {
	h := q.reserve(value)
	q.late = append(q.late, h)
	return h.name
}

// run sends the values ahead and then the statement, which has no parameters of its own: so the
// server answers in text, and a number or a time arrives as it writes it.
func (q *query) run(ctx context.Context, statement string) (*sql.Rows, error) {
	err := q.keep(ctx, q.late...)
	q.late = nil
	if err != nil {
		return nil, q.classify(ctx, q.shape.c, err)
	}
	rows, err := q.conn.QueryContext(ctx, q.note+statement)
	if err != nil {
		return nil, q.classify(ctx, q.shape.c, err)
	}
	return rows, nil
}

// rows selects the expressions over t from every row of the selection, each row once, for which
// more holds too.
func (q *query) rows(expressions string, more ...string) string {
	branches := make([]string, len(q.when))
	for i := range q.when {
		branches[i] = "SELECT " + expressions + " FROM " + q.branch(i, more)
	}
	return strings.Join(branches, "\nUNION ALL\n")
}

// branch is FROM what the rows of one clause come, and WHERE: without the rows of the clauses before it.
func (q *query) branch(i int, more []string) string {
	clause := q.when[i]
	from, tests := quoted(q.shape.c)+" AS t", []string{clause.holds}
	if clause.drive != "" {
		from = clause.drive
		if !clause.also {
			tests = nil
		}
	}
	for _, earlier := range q.when[:i] {
		tests = append(tests, earlier.fails)
	}
	if len(q.only) > 0 {
		some := make([]string, len(q.only))
		for n, only := range q.only {
			some[n] = only.holds
		}
		tests = append(tests, "("+strings.Join(some, " OR ")+")")
	}
	for _, not := range q.not {
		tests = append(tests, not.fails)
	}
	if tests = append(tests, more...); len(tests) > 0 {
		from += " WHERE " + strings.Join(tests, " AND ")
	}
	return from
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
