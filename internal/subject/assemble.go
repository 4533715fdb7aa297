package subject

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// PlanVersion is the version of the plan's form.
const PlanVersion = 1

// Assemble puts the parts together. Error: contract.ErrNotFound when a system of Systems has no
// part.
func (e Erasure) Assemble(ctx context.Context, parts []Part) (Plan, error) {
	p := Plan{Version: PlanVersion, MapHash: e.Map.Hash, Made: e.Now.UTC(), Account: e.Account.System + "." + e.Account.Collection}
	names, err := e.order()
	if err != nil {
		return Plan{}, err
	}
	p.Order = names
	for _, name := range names {
		at := slices.IndexFunc(parts, func(part Part) bool { return part.System == name })
		if at < 0 {
			return Plan{}, fault.Newf(contract.ErrNotFound, "the plan has no part of system %s", name)
		}
		p.Entries = append(p.Entries, parts[at].Entries...)
		p.Findings = append(p.Findings, parts[at].Findings...)
		p.Circles = append(p.Circles, parts[at].Circles...)
	}
	for _, s := range e.Map.Systems {
		for _, c := range s.Collections {
			if e.Choices[c.ID()] != "" {
				p.Choices = append(p.Choices, Choice{Collection: c.ID(), Choice: e.Choices[c.ID()]})
			}
		}
	}
	for _, s := range e.Map.Asked(datamap.RightDeletion) {
		// Of somebody who is back in a restored system nobody else was restored.
		if !slices.Contains(e.Without, s.Name) && !e.Account.Restored {
			p.Asked = append(p.Asked, Asked{System: s.Name, Driver: s.Driver, Region: s.Region, Tells: s.Outside.Tells, URL: s.Outside.URL, Domain: s.Outside.Domain})
		}
	}
	if p.LeftOut, err = e.LeftOut(); err != nil {
		return Plan{}, err
	}
	p.Over = e.over3(p)
	p.Keys, err = e.keySets(ctx, p)
	return p, err
}

// order is that of execution: systems whose rows lie deepest first, that of the directory last.
func (e Erasure) order() ([]string, error) {
	names, err := e.Systems()
	if err != nil {
		return nil, err
	}
	w, err := e.marking().walk()
	if err != nil {
		return nil, err
	}
	depth := func(name string) int {
		if name == w.home.System.Name {
			return -1
		}
		deepest := 0
		for _, c := range w.order {
			if c.System.Name == name {
				deepest = max(deepest, w.of[c].last)
			}
		}
		return deepest
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(depth(b), depth(a)) })
	return names, nil
}

// After gives for each system of a plan's order those before it that it waits for: systems with rows that
// refer to rows of it. The directory's system waits for all. Systems that have nothing to do with each
// other wait for nobody, so that one which is down holds up no other.
func (e Erasure) After(order []string) [][]string {
	home := e.Account.System
	after := make([][]string, len(order))
	for i, name := range order {
		after[i] = []string{}
		for _, before := range order[:i] {
			s := e.Map.System(before)
			refers := s == nil || slices.ContainsFunc(s.Collections, func(c *datamap.Collection) bool {
				return slices.ContainsFunc(c.Links, func(l *datamap.Link) bool { return l.To.System.Name == name })
			})
			if name == home || refers {
				after[i] = append(after[i], before)
			}
		}
	}
	return after
}

// over3 says why the plan needs a third approval.
func (e Erasure) over3(p Plan) []string {
	limits := e.Map.Company.Limits
	limits.Rows = cmp.Or(limits.Rows, datamap.DefaultLimitRows)
	limits.Percent = cmp.Or(limits.Percent, datamap.DefaultLimitPercent)
	var why []string
	if p.Rows() > limits.Rows {
		why = append(why, "rows")
	}
	sums := map[string]int64{}
	for _, entry := range p.Entries {
		if !entry.changes() {
			continue
		}
		sums[entry.ID()] += entry.Rows
		// Of a small table every person is a large part.
		if entry.Table >= smallTable && sums[entry.ID()]*100 > entry.Table*int64(limits.Percent) && !slices.Contains(why, entry.ID()) {
			why = append(why, entry.ID())
		}
	}
	return why
}

// smallTable is below how many rows the percentage says nothing.
const smallTable = 1000

// changes reports whether the entry does anything to its rows.
func (e Entry) changes() bool { return e.Action != Keep && e.Action != Leave }

// Bytes are the canonical bytes of the plan: the same for the same plan, whatever made it.
func (p Plan) Bytes() []byte {
	raw, err := json.Marshal(p)
	if err != nil {
		panic("subject: a plan always marshals: " + err.Error())
	}
	return raw
}

// Stops lists what must be mended before the plan may be executed; empty: nothing.
func (p Plan) Stops() []string {
	var texts []string
	for _, f := range p.Findings {
		if f.Stops() {
			texts = append(texts, f.Text)
		}
	}
	return texts
}

// Rows counts the rows that the plan deletes or changes.
func (p Plan) Rows() int64 {
	var n int64
	for _, entry := range p.Entries {
		if entry.changes() {
			n += entry.Rows
		}
	}
	return n
}

// keySets digests what the locators of the plan hold.
func (e Erasure) keySets(ctx context.Context, p Plan) ([]KeySet, error) {
	w, err := e.marking().walk()
	if err != nil {
		return nil, err
	}
	var sets []KeySet
	add := func(coll string, name []string) error {
		if slices.ContainsFunc(sets, func(s KeySet) bool { return s.Collection == coll && slices.Equal(s.Name, name) }) {
			return nil
		}
		set, looked, err := e.keySet(ctx, coll, name)
		if looked {
			sets = append(sets, set)
		}
		return err
	}
	for _, s := range e.Map.Systems {
		for _, c := range s.Collections {
			var names [][]string
			if w.reached[c] {
				for _, set := range w.allSets(c) {
					names = append(names, set.name(), foundName(set.name()), foundName(contestedName(set.columns)))
				}
				for _, match := range w.widening(c) {
					names = append(names, widenedName(match))
				}
			}
			for _, entry := range p.Entries {
				if entry.ID() == c.ID() && entry.Keyed {
					names = append(names, rowsName(entry))
					if entry.Class == ClassCounted {
						for _, set := range w.allSets(c) {
							names = append(names, countedName(entry, set))
						}
					}
				}
			}
			for _, name := range names {
				if err := add(c.ID(), name); err != nil {
					return nil, err
				}
			}
		}
	}
	return sets, nil
}

func (e Erasure) keySet(ctx context.Context, coll string, name []string) (KeySet, bool, error) {
	set, looked, sum := KeySet{Collection: coll, Name: name}, false, sha256.New()
	err := e.Frozen.Keys(ctx, coll, name, func(keys [][]string) error {
		looked = true
		set.Tuples += int64(len(keys))
		return feed(sum, keys)
	})
	set.Digest = hex.EncodeToString(sum.Sum(nil))
	return set, looked, err
}

// Check holds a plan against the map and the frozen keys, as Execute does before its first batch.
// Error: contract.ErrTampered, contract.ErrMapMismatch.
func (e Erasure) Check(ctx context.Context, p Plan) error {
	if p.Version != PlanVersion {
		return fault.Newf(contract.ErrMapMismatch, "the plan has version %d, this program knows %d", p.Version, PlanVersion)
	}
	if p.MapHash != e.Map.Hash {
		return fault.New(contract.ErrMapMismatch, "the data map is not the one that the plan was made with", nil).
			WithHint("make the plan anew")
	}
	if !p.Made.Equal(e.Now) {
		return fault.New(contract.ErrTampered, "the plan was made at another time than the one given", nil)
	}
	for _, choice := range p.Choices {
		if e.Choices[choice.Collection] != choice.Choice {
			return fault.Newf(contract.ErrTampered, "%s: the choice is not that of the plan", choice.Collection)
		}
	}
	sets, err := e.keySets(ctx, p)
	if err != nil {
		return err
	}
	if !slices.EqualFunc(sets, p.Keys, func(a, b KeySet) bool {
		return a.Collection == b.Collection && slices.Equal(a.Name, b.Name) && a.Tuples == b.Tuples && a.Digest == b.Digest
	}) {
		return fault.New(contract.ErrTampered, "the frozen keys are not those of the plan", nil)
	}
	return nil
}

// doneName is where the progress of an entry stands.
func doneName(e Entry) []string { return []string{"", "done", e.Class, strconv.Itoa(e.Link)} }

// text of a list of findings for an error.
func stopText(p Plan) string { return strings.Join(p.Stops(), "; ") }
