package datamap

import (
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// The drivers of systems that are asked and not queried.
const (
	DriverManual = "manual" // people do it by hand
)

// What a case may ask of such a system.
const (
	RightAccess   = "access"
	RightDeletion = "deletion"
)

// DefaultDue is how long whoever is asked has, where the map does not say.
const DefaultDue = 10 * 24 * time.Hour

// Outside is a system that no query reaches: somebody is asked to act there, and answers with a proof.
type Outside struct {
	Rights       []string      // what is asked there: RightAccess, RightDeletion
	Tells        []string      // the kinds of identity by which the person is named there
	Due          time.Duration // how long whoever is asked has
	Instructions Text          // what is to be done, for the people who do it
	Evidence     Text          // the proof that must come with the answer; empty: none
}

// Asked lists the systems that are asked in a case of that right, in map order.
func (m *Map) Asked(right string) []*System {
	var found []*System
	for _, s := range m.Systems {
		if s.Outside != nil && slices.Contains(s.Outside.Rights, right) {
			found = append(found, s)
		}
	}
	return found
}

// outside reads what a system says that no query reaches, and refuses the keys of the other sort.
func (f *file) outside(r *record, s *System) {
	if s.Driver == "" {
		return // what belongs to which sort is not known
	}
	asked := known(s.Driver, askedDrivers)
	for _, key := range outsideKeys {
		if n, ok := r.get(key); ok && !asked {
			f.node(n, "%s is for a system that is asked (driver %s), not for a database", key, DriverManual)
		}
	}
	if !asked {
		return
	}
	for _, key := range databaseKeys {
		if n, ok := r.get(key); ok {
			f.node(n, "%s is for a database, not for a system that is asked (driver %s)", key, s.Driver)
		}
	}
	o := &Outside{Rights: rights, Due: DefaultDue}
	s.Outside = o
	if n, ok := r.get("rights"); ok {
		o.Rights = f.words(n, "rights", rights)
	}
	o.tells(f, r)
	if n, ok := r.get("due"); ok {
		o.Due = f.due(n)
	}
	o.Instructions = f.title(r, "instructions", true)
	o.Evidence = f.title(r, "evidence", false)
}

func (o *Outside) tells(f *file, r *record) {
	n, ok := r.need("tells")
	if !ok {
		return
	}
	list := f.names(n, "tells")
	o.Tells = plainNames(list)
	f.later = append(f.later, func(l *loading) {
		kinds := slices.Clone(identities)
		for _, own := range l.Company.Identities {
			kinds = append(kinds, own.Name)
		}
		for _, one := range list {
			if !known(one.name, kinds) {
				f.choice(one.node, "kind of identity", one.name, kinds)
			}
		}
	})
}

func (f *file) words(n ast.Node, what string, allowed []string) []string {
	list := f.names(n, what)
	for _, one := range list {
		if !known(one.name, allowed) {
			f.choice(one.node, "entry of "+what, one.name, allowed)
		}
	}
	return plainNames(list)
}

func (f *file) due(n ast.Node) time.Duration {
	text, ok := f.str(n, "due")
	if !ok {
		return DefaultDue
	}
	d, good := parsePatience(text)
	if !good {
		f.node(n, `due must be a time such as "10d" or "48h", from one minute to a year`)
		return DefaultDue
	}
	return d
}
