package mysql

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
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
		if len(q.when) == 1 && change.Rows.Any[0].Stretch != nil {
			return e.deleteStretch()
		}
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
	// The rows are locked now: nobody can refer to them any more, and whoever did before is seen here.
	n, err := e.deleteThese(rows, strings.Join(e.alone, " AND "))
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
