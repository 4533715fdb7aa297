package datamap

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Stopping is the map as the end of purposes sees it, so that what stops is planned, carried out and
// read back as a deletion is: a collection with a Stop for one of them is anonymised in the columns of
// its Set, or deleted; one that is only on the way to such a collection, or a directory, is left as it
// is (DeletionLeave); what leads nowhere is not there. Its Hash covers the purposes.
func (m *Map) Stopping(purposes []string) *Map {
	return m.derived("stopping", purposes, func(s Stop) []NewValue { return s.Set })
}

// Lifting is Stopping for the end of a restriction: the columns get the values of Lift, and nothing is
// deleted.
func (m *Map) Lifting(purposes []string) *Map {
	return m.derived("lifting", purposes, func(s Stop) []NewValue { return s.Lift })
}

// Stopped lists the webhooks that are told of the end of one of the purposes, in map order.
func (m *Map) Stopped(purposes []string) []*System {
	var found []*System
	for _, s := range m.Systems {
		if s.Outside != nil && slices.ContainsFunc(s.Outside.Stops, func(p string) bool { return slices.Contains(purposes, p) }) {
			found = append(found, s)
		}
	}
	return found
}

func (m *Map) derived(how string, purposes []string, values func(Stop) []NewValue) *Map {
	purposes = slices.Sorted(slices.Values(purposes))
	touched := map[*Collection]Collection{}
	for _, s := range m.Systems {
		for _, c := range s.Collections {
			if changed, ok := c.stopped(how, purposes, values); ok {
				touched[c] = changed
			}
		}
	}
	kept := m.onTheWay(touched)
	sum := sha256.Sum256([]byte(how + "\x00" + m.Hash + "\x00" + strings.Join(purposes, "\x00")))
	out := &Map{Company: m.Company, Hash: hex.EncodeToString(sum[:])}
	copies := map[*Collection]*Collection{}
	for _, s := range m.Systems {
		sys := *s
		sys.Collections = nil
		for _, c := range s.Collections {
			if !kept[c] {
				continue
			}
			changed, ok := touched[c]
			if !ok {
				changed = c.left()
			}
			changed.System = &sys
			copies[c] = &changed
			sys.Collections = append(sys.Collections, &changed)
		}
		if len(sys.Collections) > 0 {
			out.Systems = append(out.Systems, &sys)
		}
	}
	for c, changed := range copies {
		changed.Links = nil
		for _, l := range c.Links {
			if deep(l) && copies[l.To] != nil {
				link := *l
				link.From, link.To = changed, copies[l.To]
				changed.Links = append(changed.Links, &link)
			}
		}
	}
	return out
}

// stopped is the collection as the end of the purposes changes it; false: it does not.
func (c *Collection) stopped(how string, purposes []string, values func(Stop) []NewValue) (Collection, bool) {
	out, touched, gone := c.left(), false, false
	for _, s := range c.Stops {
		if !slices.Contains(purposes, s.Purpose) {
			continue
		}
		if s.Delete && how == "stopping" {
			touched, gone = true, true
		}
		for _, v := range values(s) {
			strategy := v.Value
			out.Column(v.Column).Erase = &strategy
			touched = true
		}
	}
	out.Deletion = &Deletion{Action: DeletionAnonymise, Line: c.Line}
	if gone {
		out.Deletion.Action = DeletionDelete
	}
	return out, touched
}

// left is a copy of the collection that nothing happens to.
func (c *Collection) left() Collection {
	out := *c
	out.Expiry, out.Deletion = nil, &Deletion{Action: DeletionLeave, Line: c.Line}
	out.Columns = nil
	for _, col := range c.Columns {
		one := *col
		one.Erase, one.FreeText = nil, false
		out.Columns = append(out.Columns, &one)
	}
	return out
}

// onTheWay are the collections needed to find the rows of those touched: directories, what widens the
// search, and what links lead through.
func (m *Map) onTheWay(touched map[*Collection]Collection) map[*Collection]bool {
	kept := map[*Collection]bool{}
	for _, s := range m.Systems {
		for _, c := range s.Collections {
			_, is := touched[c]
			kept[c] = is || c.Directory != nil || slices.ContainsFunc(c.Match, func(match Match) bool { return match.Widens })
		}
	}
	for grown := true; grown; {
		grown = false
		for c, is := range kept {
			if !is {
				continue
			}
			for _, l := range c.Links {
				if deep(l) && !kept[l.To] {
					kept[l.To], grown = true, true
				}
			}
		}
	}
	return kept
}
