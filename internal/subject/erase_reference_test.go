package subject

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// drawDeletion says what deletion means in a random map. It has dice of its own, so that the
// schemas stay those of the discovery's test.
func (w *random) drawDeletion(seed int64) {
	dice := rand.New(rand.NewPCG(uint64(seed), 11))
	for _, c := range w.all {
		switch n := dice.IntN(10); {
		case n < 6:
			c.Deletion = &datamap.Deletion{Action: datamap.DeletionDelete}
		case n < 8:
			c.Deletion = &datamap.Deletion{Action: datamap.DeletionAnonymise}
		default:
			k := &datamap.Keep{Basis: "legal-obligation", Law: datamap.Text{EN: "Art. 1"}, Then: datamap.DeletionDelete, Since: "at", Days: 10}
			if dice.IntN(3) == 0 {
				k.Since, k.Days, k.Until = "", 0, "2031-01-01"
			}
			if dice.IntN(2) == 0 {
				k.Blocked, k.BlockedValue = "p", "blocked"
			}
			c.Deletion = &datamap.Deletion{Action: datamap.DeletionKeep, Keep: k}
		}
		if c.Anonymises() {
			for column, of := range map[string][]datamap.Strategy{
				"mail":  {{With: datamap.StrategyNull}, {With: datamap.StrategyHash}, {With: datamap.StrategyConstant, Value: "gone"}},
				"badge": {{With: datamap.StrategyPseudonym}, {With: datamap.StrategyPlaceholder}, {With: datamap.StrategyRandom}},
				"login": {{With: datamap.StrategyPlaceholder}, {With: datamap.StrategyScrub}},
			} {
				s := of[dice.IntN(len(of))]
				c.Column(column).Erase = &s
			}
		}
		for _, l := range c.Links {
			w.drawLinkDeletion(dice, c, l)
		}
	}
}

// drawLinkDeletion draws within what Load lets through, and what can be carried out: a reference
// by columns that cannot be NULL is not cut.
func (w *random) drawLinkDeletion(dice *rand.Rand, c *datamap.Collection, l *datamap.Link) {
	fixed := !slices.ContainsFunc(l.Columns, func(name string) bool { return name != "id" && name != "k" })
	switch {
	case fixed && l.To.System != c.System:
		l.Relation, l.Deletion, l.Shared = datamap.Belongs, datamap.Deep, ""
		l.Follow = datamap.FollowDown
	case fixed:
		l.Deletion = datamap.Refcount
		l.Relation, l.Follow = datamap.Refers, datamap.FollowDown
	case l.Relation == datamap.Belongs:
		l.Deletion = datamap.Deep
		if dice.IntN(10) < 3 {
			l.Deletion = datamap.Shallow
		}
	default:
		l.Deletion = datamap.Shallow
		if dice.IntN(2) == 0 {
			l.Deletion = datamap.Refcount
		}
	}
	// A condition on a column that another link cuts would change who a row belongs to.
	if l.Valid != nil && l.Valid.When != nil {
		l.Valid.When = nil
		if l.Valid.At == "" {
			l.Valid = nil
		}
	}
}

// eraser is the reference of a deletion: it follows the map in memory, row by row, and shares
// nothing with what it is held against but the map's types.
type eraser struct {
	*follower           // of the discovery
	own       *follower // of the deletion: along deep links, past claimed rows
	now       time.Time
	frozen    map[*datamap.Collection][]row // own rows as they were
}

var eraseNow = time.Date(2026, 1, 25, 0, 0, 0, 0, time.UTC)

func (w *random) eraseReference() *eraser {
	all := w.follow(nil)
	own := w.follow(func(f *follower) {
		f.only = func(l *datamap.Link) bool { return l.Deletion == datamap.Deep && l.Follow == datamap.FollowDown }
		f.past = func(c *datamap.Collection, r *row) bool { return all.claimed(c, r) }
	})
	e := &eraser{follower: all, own: own, now: eraseNow, frozen: map[*datamap.Collection][]row{}}
	for _, c := range w.all {
		for r := range own.mine[c] {
			e.frozen[c] = append(e.frozen[c], *r)
		}
	}
	return e
}

// claimed reports whether somebody else owns the row too.
func (f *follower) claimed(c *datamap.Collection, r *row) bool {
	if c == f.home {
		return false
	}
	for _, l := range f.followed(c) {
		if l.Deletion != datamap.Shallow && f.claimedBy(l, r) {
			return true
		}
	}
	return false
}

// state is what should become of a row.
type state struct {
	now        row
	gone       bool
	anonymised bool
}

// run gives what should become of every row, in the order in which a plan is carried out.
func (e *eraser) run(order []string) map[*datamap.Collection]map[*row]*state {
	out := map[*datamap.Collection]map[*row]*state{}
	for _, c := range e.all {
		out[c] = map[*row]*state{}
		for _, r := range e.data[c] {
			copied := *r
			copied.r = slices.Clone(r.r)
			out[c][r] = &state{now: copied}
		}
	}
	for _, system := range order {
		for _, c := range e.m.System(system).Collections {
			e.ownRows(c, out[c])
		}
		for _, last := range []bool{false, true} { // what counts those who refer comes last
			for _, c := range e.m.System(system).Collections {
				for _, l := range c.Links {
					counted := l.Deletion == datamap.Refcount && l.Follow == datamap.FollowDown
					deep := l.Deletion == datamap.Deep && l.Follow == datamap.FollowDown && l.Shared != datamap.SharedHide
					if c != e.home && counted == last && e.own.reached[l.To] && !deep {
						e.refer(c, l, out)
					}
				}
			}
		}
	}
	return out
}

func (e *eraser) ownRows(c *datamap.Collection, rows map[*row]*state) {
	for r := range e.own.mine[c] {
		s := rows[r]
		action := c.Deletion.Action
		if k := c.Deletion.Keep; k != nil {
			over := k.Since != "" && r.at != nil && time.Date(2026, 1, *r.at+k.Days, 0, 0, 0, 0, time.UTC).Before(e.now)
			action = datamap.DeletionKeep
			if over {
				action = k.Then
			} else if k.Blocked != "" {
				value := k.BlockedValue
				s.now.p = &value
			}
		}
		s.gone = action == datamap.DeletionDelete
		s.anonymised = action == datamap.DeletionAnonymise
	}
}

// refer cuts the references of one link to own rows, and counts.
func (e *eraser) refer(c *datamap.Collection, l *datamap.Link, out map[*datamap.Collection]map[*row]*state) {
	for _, r := range e.data[c] {
		s := out[c][r]
		if s.gone || e.own.belongs(c, r) || !e.refersToOwn(l, &s.now) {
			continue
		}
		cut := e.cut(c, l, &s.now)
		if l.Deletion == datamap.Refcount && l.Follow == datamap.FollowDown && !e.alive(c, &s.now, out) {
			s.gone = true
		} else if !cut && l.Deletion != datamap.Refcount {
			panic("a reference that cannot be cut")
		}
	}
}

func (e *eraser) refersToOwn(l *datamap.Link, r *row) bool {
	down := *l
	down.Follow = datamap.FollowDown
	for i := range e.frozen[l.To] {
		if e.leads(&down, r, &e.frozen[l.To][i]) {
			return true
		}
	}
	return false
}

// cut takes the reference out of the row; false where its columns are of the key.
func (e *eraser) cut(c *datamap.Collection, l *datamap.Link, r *row) bool {
	mine := map[string]bool{}
	for i := range e.frozen[l.To] {
		mine[parentKey(l, &e.frozen[l.To][i])] = true
	}
	switch x := l.Expr; {
	case x == nil:
		for _, name := range slices.Backward(l.Columns) {
			switch name {
			case "a":
				r.a = nil
				return true
			case "b":
				r.b = nil
				return true
			}
		}
		return false
	case x.Prefix > 0:
		r.p = nil
	case len(x.JSONPath) > 0:
		if x.ArrayElement {
			was := r.left
			if !r.cutJSON {
				was = []int{*r.j, *r.j + 1}
			}
			r.left = slices.DeleteFunc(was, func(n int) bool { return mine["/"+strconv.Itoa(n)] })
		} else {
			r.left = nil
		}
		r.cutJSON, r.list = true, x.ArrayElement
	default:
		r.r = slices.DeleteFunc(r.r, func(n int) bool { return mine["/"+strconv.Itoa(n)] })
	}
	return true
}

// alive reports whether somebody else keeps the row.
func (e *eraser) alive(c *datamap.Collection, r *row, out map[*datamap.Collection]map[*row]*state) bool {
	for _, l := range c.Links {
		if l.Deletion == datamap.Shallow || l.Follow != datamap.FollowDown {
			continue
		}
		fixed := l.Expr == nil && !slices.ContainsFunc(l.Columns, func(name string) bool { return !slices.Contains(c.Key, name) })
		if !fixed {
			if len(childKeys(l, r)) > 0 {
				return true
			}
			continue
		}
		if l.To.System != c.System {
			continue
		}
		for _, other := range out[l.To] {
			if !other.gone && r.tuple(l.Columns) == other.now.tuple(l.ToColumns) {
				return true
			}
		}
	}
	return false
}

var hex64, hex24 = regexp.MustCompile(`^[0-9a-f]{64}$`), regexp.MustCompile(`^[0-9a-f]{24}$`)

// became says what is wrong with a row that should have been anonymised.
func became(c *datamap.Collection, old, now map[string]*string) string {
	for _, col := range c.Columns {
		before, after := old[col.Name], now[col.Name]
		if col.Erase == nil {
			if !samePointer(before, after) {
				return "column " + col.Name + " changed"
			}
			continue
		}
		ok := before == nil && after == nil
		switch col.Erase.With {
		case datamap.StrategyNull:
			ok = after == nil
		case datamap.StrategyConstant:
			ok = after != nil && *after == "gone"
		case datamap.StrategyHash:
			ok = ok || (after != nil && hex64.MatchString(*after))
		case datamap.StrategyPseudonym, datamap.StrategyPlaceholder:
			ok = ok || (after != nil && hex24.MatchString(*after))
		case datamap.StrategyRandom:
			ok = ok || (after != nil && before != nil && len(*after) == len(*before))
		case datamap.StrategyScrub:
			ok = ok || (after != nil && (*after == *before || *after == "[removed]"))
		}
		if !ok {
			return fmt.Sprintf("column %s by %s", col.Name, col.Erase.With)
		}
	}
	return ""
}

func samePointer(a, b *string) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }
