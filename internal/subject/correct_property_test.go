package subject

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// TestCorrectsLikeTheReference corrects an e-mail, and often a badge, of a person from random schemas over
// random data, and holds every column of every row against a reference that follows the map in memory:
// only the named fields change, only where the old value stood, only in rows that nobody else may claim;
// a second run changes nothing.
//
//	go test ./internal/subject -run TestCorrectsLikeTheReference -seed 7    repeats one seed
//	HABEAS_SOAK=1 go test ./internal/subject -run …                         runs 300 in place of 100
func TestCorrectsLikeTheReference(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			first, last := int64(0), int64(100/len(engines))
			if os.Getenv("HABEAS_SOAK") != "" {
				last = int64(300 / len(engines))
			}
			if *onlySeed >= 0 {
				first, last = *onlySeed, *onlySeed+1
			}
			var next atomic.Int64
			next.Store(first)
			var tally tally
			var workers sync.WaitGroup
			for range min(3, last-first) {
				at := e.arena(t)
				workers.Go(func() {
					for seed := next.Add(1) - 1; seed < last && !t.Failed(); seed = next.Add(1) - 1 {
						if err := at.correctSeed(seed, &tally); err != nil {
							t.Errorf("seed %d: %v\nrepeat it with: go test ./internal/subject -run TestCorrectsLikeTheReference/%s -seed %d", seed, err, e.name, seed)
						}
					}
				})
			}
			workers.Wait()
			t.Log(tally.String())
			if last-first < 30 || t.Failed() {
				return
			}
			for _, word := range []string{"values corrected", "values of others", "rows shared", "rows changed meanwhile", "values completed"} {
				if tally.count[word] < int(last-first)/20 {
					t.Errorf("only %d %s in %d seeds", tally.count[word], word, last-first)
				}
			}
		})
	}
}

const newMail, newBadge = "new.address@x.example", "4711"

// correctSeed tries one seed; the error says where reference and database differ.
func (a *arena) correctSeed(seed int64, tally *tally) error {
	w := newRandom(seed, a.made)
	w.without = nil
	for _, c := range w.all {
		c.Schema = a.at[c.System.Name].schema
		c.Column("mail").Category, c.Column("badge").Category = "user.contact.email", "user.contact"
	}
	if err := a.load(w); err != nil {
		return fmt.Errorf("making the tables: %w", err)
	}
	found, err := FindAccount(a.ctx, w.m, a.opener, []dsr.Identity{{Kind: datamap.IdentityAccount, Value: *w.who.login}})
	if err != nil || len(found) != 1 {
		return fmt.Errorf("%d accounts: %w", len(found), err)
	}
	fields := []FieldChange{{Name: "contact.email", Category: "user.contact.email", Shape: datamap.IdentityEmail, New: newMail, Verdict: FieldCorrect}}
	if seed%2 == 0 {
		fields = append(fields, FieldChange{Name: "contact", Category: "user.contact", New: newBadge, Verdict: FieldCorrect})
	}
	e := Correction{Search: Search{Map: w.m, Account: found[0], Keys: newMemory(), Open: a.opener}, Frozen: newMemory(), Now: eraseNow}
	plan, err := e.plan(a.ctx, fields)
	if tooManyRounds(err) {
		e.Keys, e.Frozen, e.Rounds = newMemory(), newMemory(), 60
		plan, err = e.plan(a.ctx, fields)
	}
	if err != nil {
		return fmt.Errorf("%w (%v)\n%s", err, cause(err), w)
	}
	e.Fields = plan.Fields
	if stops := plan.Stops(); len(stops) > 0 {
		return fmt.Errorf("the plan stops: %v\n%s", stops, w)
	}
	touched, err := a.meddle(w, plan, e)
	if err != nil {
		return err
	}
	before, err := a.dump(w)
	if err != nil {
		return err
	}
	for _, system := range plan.Order {
		if _, err := e.Execute(a.ctx, plan, system, Run{Batch: 3}); err != nil {
			return fmt.Errorf("executing %s: %w (%v)\n%s", system, err, cause(err), w)
		}
	}
	after, err := a.dump(w)
	if err != nil {
		return err
	}
	if err := w.judgeCorrection(plan, before, after, touched, tally); err != nil {
		return fmt.Errorf("%w\n%s", err, w)
	}
	if err := a.correctionReadBack(e, plan, touched); err != nil {
		return fmt.Errorf("%w\n%s", err, w)
	}
	for _, system := range plan.Order {
		if _, err := e.Execute(a.ctx, plan, system, Run{}); err != nil {
			return fmt.Errorf("executing %s again: %w (%v)", system, err, cause(err))
		}
	}
	again, err := a.dump(w)
	if err == nil && !reflect.DeepEqual(after, again) {
		err = fmt.Errorf("a second run changed something\n%s", w)
	}
	return err
}

// plan goes the whole way to a plan.
func (e *Correction) plan(ctx context.Context, fields []FieldChange) (CorrectionPlan, error) {
	for _, step := range e.Steps() {
		if _, err := e.Discover(ctx, step); err != nil {
			return CorrectionPlan{}, fmt.Errorf("discovering %v: %w", step, err)
		}
	}
	var err error
	if e.Fields, err = e.Originals(ctx, fields); err != nil {
		return CorrectionPlan{}, err
	}
	names, err := e.Systems()
	if err != nil {
		return CorrectionPlan{}, err
	}
	var parts []CorrectionPart
	for _, name := range names {
		part, err := e.Draft(ctx, name)
		if err != nil {
			return CorrectionPlan{}, fmt.Errorf("drafting %s: %w", name, err)
		}
		parts = append(parts, part)
	}
	return e.Assemble(ctx, parts)
}

const meddled = "somebody.else@x.example"

// meddle changes one planned row between plan and execution, as the company's own programs may.
func (a *arena) meddle(w *random, plan CorrectionPlan, e Correction) (map[string]bool, error) {
	touched := map[string]bool{}
	for _, entry := range plan.Entries {
		if !entry.fixes() || entry.Place.Column != "mail" || len(touched) > 0 || !w.chance(0.4) {
			continue
		}
		c := w.m.System(entry.System).Collection(entry.Collection)
		err := e.Frozen.Keys(a.ctx, c.ID(), fixName(entry.Set), func(keys [][]string) error {
			if len(keys) == 0 || len(touched) > 0 {
				return nil
			}
			var where []string
			for i, column := range c.Key {
				where = append(where, column+" = "+keys[0][i])
			}
			if _, err := a.db.ExecContext(a.ctx, "UPDATE "+c.Schema+"."+c.Table+" SET mail = '"+meddled+"' WHERE "+strings.Join(where, " AND ")); err != nil {
				return err
			}
			touched[c.ID()] = true
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return touched, nil
}

// judgeCorrection holds every column of every row against what it should be.
func (w *random) judgeCorrection(plan CorrectionPlan, before, after dump, touched map[string]bool, tally *tally) error {
	f := w.follow(nil)
	news := map[string]string{"mail": newMail, "badge": newBadge}
	for _, c := range w.all {
		if len(before[c.ID()]) != len(after[c.ID()]) {
			return fmt.Errorf("%s: rows came or went", c.ID())
		}
		for _, r := range w.data[c] {
			key := fmt.Sprintf("%d/%d", r.id, r.k)
			old, now := before[c.ID()][key], after[c.ID()][key]
			want := map[string]*string{}
			for column, value := range old {
				want[column] = value
			}
			mine := f.mine[c][r] && (c == f.home || !f.shared(c, r))
			if f.mine[c][r] && !mine {
				tally.add("rows shared", 1)
			}
			if mine {
				for _, field := range plan.Fields {
					column := map[string]string{"contact.email": "mail", "contact": "badge"}[field.Name]
					if value := w.corrected(c == f.home, field, column, old[column], news[column], tally); value != nil {
						want[column] = value
					}
				}
			}
			for column, value := range want {
				if !samePointer(value, now[column]) {
					return fmt.Errorf("%s: the row %s: column %s is not as it should be (mine %v)", c.ID(), key, column, mine)
				}
			}
			if !mine {
				tally.add("values of others", 1)
			}
		}
	}
	tally.add("rows changed meanwhile", len(touched))
	return nil
}

// corrected is the new value of a place of the person's own row; nil where it stays.
func (w *random) corrected(home bool, f FieldChange, column string, old *string, value string, tally *tally) *string {
	mine := w.who.word(column)
	plain := func(s string) string {
		if column == "mail" && plainly(datamap.IdentityEmail, s) != "" {
			return plainly(datamap.IdentityEmail, s)
		}
		return strings.TrimSpace(s)
	}
	switch {
	case home && strings.TrimSpace(mine) == "" && old == nil:
		tally.add("values completed", 1)
		return &value
	case strings.TrimSpace(mine) == "" || old == nil || plain(*old) != plain(mine):
		return nil
	}
	tally.add("values corrected", 1)
	return &value
}

// correctionReadBack wants the read-back to find what was changed meanwhile, and nothing else.
func (a *arena) correctionReadBack(e Correction, plan CorrectionPlan, touched map[string]bool) error {
	e.Keys = newMemory()
	for _, step := range e.Steps() {
		if _, err := e.Discover(a.ctx, step); err != nil {
			return fmt.Errorf("discovering again: %w (%v)", err, cause(err))
		}
	}
	for _, system := range plan.Order {
		left, err := e.ReadBack(a.ctx, plan, system)
		if err != nil {
			return fmt.Errorf("reading back: %w (%v)", err, cause(err))
		}
		for _, l := range left {
			if l.Reason != "changed" || !touched[l.System+"."+l.Collection] || l.Rows != 1 {
				return fmt.Errorf("left: %+v", l)
			}
			delete(touched, l.System+"."+l.Collection)
		}
	}
	if len(touched) > 0 {
		return fmt.Errorf("the read-back does not find what was changed meanwhile: %v", touched)
	}
	return nil
}
