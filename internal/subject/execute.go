package subject

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// How often a batch is tried again when the system was busy, and after which pause.
const (
	busyTries = 6
	busyPause = 200 * time.Millisecond
)

// Execute carries out the part of one system, batch by batch. It may be run again after whatever
// stopped it, and then does what is left. Errors: contract.ErrConflict when more rows arrived
// under frozen keys than the plan allows; contract.ErrRefused when the plan's findings stop it;
// what the guard says.
func (e Erasure) Execute(ctx context.Context, p Plan, system string, run Run) ([]Done, error) {
	if text := stopText(p); text != "" {
		return nil, fault.New(contract.ErrRefused, "the plan's findings stop it: "+text, nil)
	}
	if err := e.Check(ctx, p); err != nil {
		return nil, err
	}
	opened, err := e.Open(system)
	if err != nil {
		return nil, err
	}
	s := e.Map.System(system)
	if s == nil {
		return nil, fault.Newf(contract.ErrMapMismatch, "the data map has no system %q", system)
	}
	x := &execution{Erasure: e, plan: p, run: run, sys: opened}
	x.run.Batch = cmp.Or(run.Batch, DefaultBatch)
	var out []Done
	for _, first := range p.Circles {
		if first.System == system {
			if err := x.circle(ctx, s, p, first); err != nil {
				return out, err
			}
		}
	}
	for i, entry := range p.Entries {
		if entry.System != system || !entry.changes() {
			continue
		}
		if entry.Together > 0 {
			if earlier := slices.ContainsFunc(p.Entries[:i], func(e Entry) bool { return e.System == system && e.Together == entry.Together }); earlier {
				continue // went with the first of them
			}
			done, err := x.together(ctx, s, entry.Together)
			out = append(out, done...)
			if err != nil {
				return out, err
			}
			continue
		}
		if x.eraser, err = systems.Changeable(s, opened); err != nil {
			return out, err
		}
		done, err := x.entry(ctx, entry)
		out = append(out, done)
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

type execution struct {
	Erasure
	plan   Plan
	run    Run
	sys    systems.System
	eraser systems.Eraser
	done   Done
	now    Entry
}

// allowed is how many rows may arrive under frozen keys before a new plan is asked for.
func allowed(planned int64) int64 { return max(100, planned/100) }

// entry carries out one entry.
func (x *execution) entry(ctx context.Context, entry Entry) (Done, error) {
	change, err := x.begin(ctx, entry)
	if err != nil {
		return x.done, err
	}
	if entry.Keyed {
		err = x.keyed(ctx, change)
	} else {
		err = x.predicate(ctx, change)
	}
	return x.done, err
}

// begin looks how far an entry is, and whether too much has arrived.
func (x *execution) begin(ctx context.Context, entry Entry) (systems.Change, error) {
	x.now = entry
	x.done = Done{System: entry.System, Collection: entry.Collection, Class: entry.Class, Action: entry.Action, Planned: entry.Rows}
	if err := x.recall(ctx); err != nil {
		return systems.Change{}, err
	}
	change, err := x.change(ctx, entry)
	if err != nil {
		return change, err
	}
	arrived, err := x.arrived(ctx, change.Rows)
	if err != nil {
		return change, err
	}
	x.done.Arrived = max(x.done.Arrived, arrived)
	if x.done.Arrived > allowed(entry.Rows) {
		return change, x.tooMany()
	}
	return change, nil
}

func (x *execution) tooMany() error {
	return fault.Newf(contract.ErrConflict, "%s: %d rows arrived under keys of the plan since it was made, which is more than the %d allowed",
		x.now.ID(), x.done.Arrived, allowed(x.now.Rows)).WithHint("make a new plan and have it approved")
}

// arrived counts the rows of a locator that the plan did not count, net of those that went.
func (x *execution) arrived(ctx context.Context, sel systems.Selection) (int64, error) {
	if x.now.Keyed {
		n, err := x.sys.Count(ctx, x.beyond(sel))
		return n, err
	}
	n, err := x.sys.Count(ctx, sel)
	return max(0, n+x.done.Deleted-x.now.Rows), err
}

// beyond are the rows of the selection whose keys the plan does not have: neither among those of
// the entry, nor among others of the collection that stay, as what was done to those may have
// changed how they are found.
func (x *execution) beyond(sel systems.Selection) systems.Selection {
	return x.except(x.plan, sel)
}

// except leaves out the rows of the collection whose keys the plan has.
func (e Erasure) except(p Plan, sel systems.Selection) systems.Selection {
	sel.Except = slices.Clone(sel.Except)
	for _, entry := range p.Entries {
		if entry.ID() == sel.Collection.ID() && entry.Keyed {
			sel.Except = append(sel.Except, e.frozenRows(entry, sel.Collection))
		}
	}
	return sel
}

// frozenRows finds the rows of an entry by their own keys.
func (e Erasure) frozenRows(entry Entry, c *datamap.Collection) systems.Clause {
	return systems.Clause{Columns: c.Key, Keys: discovered(e.Frozen, entry.ID(), rowsName(entry))}
}

// keyed goes over the frozen keys of the rows, and then over those that arrived.
func (x *execution) keyed(ctx context.Context, change systems.Change) error {
	c, within := change.Rows.Collection, change.Rows
	step := func(keys [][]string) error {
		page := systems.Clause{Columns: c.Key, Keys: pageOf(keys)}
		part := change
		part.Rows = systems.Selection{Collection: c, Any: []systems.Clause{page}}
		if change.Action == systems.Refcount || change.Action == systems.Unlink { // the reference is what is cut
			part.Rows.Any, part.Rows.Only = within.Any, []systems.Clause{page}
		}
		return x.batches(ctx, part)
	}
	err := x.Frozen.Keys(ctx, c.ID(), rowsName(x.now), func(keys [][]string) error { return inPages(keys, x.run.Batch, step) })
	if err != nil || x.done.Arrived == 0 {
		return err
	}
	var late [][]string
	err = x.sys.Keys(ctx, x.beyond(within), c.Key, systems.PageSize, func(keys [][]string) error {
		late = append(late, keys...)
		return nil
	})
	if err != nil {
		return err
	}
	return inPages(late, x.run.Batch, step)
}

func pageOf(keys [][]string) systems.KeySource {
	return func(_ context.Context, yield func([][]string) error) error { return yield(keys) }
}

func inPages(keys [][]string, size int, step func([][]string) error) error {
	for page := range slices.Chunk(keys, size) {
		if err := step(page); err != nil {
			return err
		}
	}
	return nil
}

// predicate goes over the ways in which rows are found, and over the keys of each in pages: so
// that a batch costs the database what it deletes, and not what there was. Where rows wait for
// others of the table, it goes over them again.
func (x *execution) predicate(ctx context.Context, change systems.Change) error {
	for again := true; again; {
		before := x.done.Deleted + x.done.Changed
		for _, clause := range change.Rows.Any {
			part := change
			part.Rows.Any = []systems.Clause{clause}
			if clause.Keys == nil {
				if err := x.batches(ctx, part); err != nil {
					return err
				}
				continue
			}
			err := clause.Keys(ctx, func(keys [][]string) error {
				part.Rows.Any = []systems.Clause{clause}
				part.Rows.Any[0].Keys = pageOf(keys)
				return x.batches(ctx, part)
			})
			if err != nil {
				return err
			}
		}
		again = x.selfish(change.Rows.Collection) && x.done.Deleted+x.done.Changed > before
	}
	return nil
}

// selfish reports whether rows of the collection may refer to each other.
func (x *execution) selfish(c *datamap.Collection) bool {
	return slices.ContainsFunc(c.Links, func(l *datamap.Link) bool { return l.Self() })
}

// batches makes batches of a change until nothing is left of it.
func (x *execution) batches(ctx context.Context, change systems.Change) error {
	for {
		applied, err := x.batch(ctx, change)
		if err != nil {
			return err
		}
		x.done.Deleted += applied.Deleted
		x.done.Changed += applied.Changed
		if applied.Rows > 0 {
			if err := x.note(ctx); err != nil {
				return err
			}
		}
		if change.Action == systems.Delete {
			x.done.Arrived = max(x.done.Arrived, x.done.Deleted-x.now.Rows)
		}
		if x.done.Arrived > allowed(x.now.Rows) {
			return x.tooMany()
		}
		if applied.Rows == 0 || change.Action == systems.Anonymise {
			return nil
		}
	}
}

// batch makes one batch under the guard, and again while the system is busy.
func (x *execution) batch(ctx context.Context, change systems.Change) (systems.Applied, error) {
	var applied systems.Applied
	make1 := func(ctx context.Context) error {
		var err error
		applied, err = x.eraser.Erase(ctx, change, x.run.Batch)
		return err
	}
	for try := 1; ; try++ {
		var err error
		if x.run.Guard != nil {
			err = x.run.Guard(ctx, make1)
		} else {
			err = make1(ctx)
		}
		if !fault.Is(err, contract.ErrBusy) || try == busyTries {
			return applied, err
		}
		select {
		case <-ctx.Done():
			return applied, ctx.Err()
		case <-time.After(time.Duration(try) * busyPause):
		}
	}
}

// note keeps the progress, for the counts of a run that goes on from here, and tells it.
func (x *execution) note(ctx context.Context) error {
	if x.run.Progress != nil {
		x.run.Progress(x.done)
	}
	tuple := []string{strconv.FormatInt(x.done.Deleted, 10), strconv.FormatInt(x.done.Changed, 10), strconv.FormatInt(x.done.Arrived, 10)}
	return x.Frozen.PutKeys(ctx, x.now.ID(), doneName(x.now), 0, [][]string{tuple})
}

func (x *execution) recall(ctx context.Context) error {
	return x.Frozen.Keys(ctx, x.now.ID(), doneName(x.now), func(keys [][]string) error {
		for _, tuple := range keys {
			for i, into := range []*int64{&x.done.Deleted, &x.done.Changed, &x.done.Arrived} {
				n, err := strconv.ParseInt(tuple[i], 10, 64)
				if err != nil {
					return fault.Newf(contract.ErrTampered, "%s: its progress cannot be read", x.now.ID())
				}
				*into = n
			}
		}
		return nil
	})
}

// circle cuts a foreign key of planned rows before any of them goes.
func (x *execution) circle(ctx context.Context, s *datamap.System, p Plan, first Circle) error {
	at := slices.IndexFunc(p.Entries, func(entry Entry) bool {
		return entry.System == first.System && entry.Collection == first.Collection && entry.Class == first.Class && entry.Link == first.Link
	})
	if at < 0 {
		return fault.Newf(contract.ErrTampered, "the plan cuts rows of %s.%s that it does not have", first.System, first.Collection)
	}
	c, err := find(x.Map, first.System, first.Collection)
	if err != nil {
		return err
	}
	if x.eraser, err = systems.Changeable(s, x.sys); err != nil {
		return err
	}
	x.now, x.done = p.Entries[at], Done{}
	return x.Frozen.Keys(ctx, c.ID(), rowsName(x.now), func(keys [][]string) error {
		return inPages(keys, x.run.Batch, func(page [][]string) error {
			change := systems.Change{Action: systems.Unlink, Cut: systems.Reference{Columns: first.Columns},
				Rows: systems.Selection{Collection: c, Any: []systems.Clause{{Columns: c.Key, Keys: pageOf(page)}}}}
			for {
				applied, err := x.batch(ctx, change)
				if err != nil || applied.Rows == 0 {
					return err
				}
			}
		})
	})
}
