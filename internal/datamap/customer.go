package datamap

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// Customer is whose data the company only processes: it decides about them, and requests go to it (PIPL
// Art. 21 and 59, GDPR Art. 28).
type Customer struct {
	Name    Text
	Contact string // mailbox to which requests are forwarded
}

// Customers are those of the map, each mailbox once, in map order.
func (m *Map) Customers() []*Customer {
	var list []*Customer
	for _, s := range m.Systems {
		for _, c := range s.Collections {
			if c.ProcessedFor != nil && !slices.ContainsFunc(list, func(k *Customer) bool { return k.Contact == c.ProcessedFor.Contact }) {
				list = append(list, c.ProcessedFor)
			}
		}
	}
	return list
}

// processedFor reads for whom a system's or a collection's rows are held.
func (f *file) processedFor(r *record) *Customer {
	n, ok := r.get("processed_for")
	if !ok {
		return nil
	}
	one := f.record(n, "a customer", customerKeys)
	if one == nil {
		return nil
	}
	return &Customer{Name: f.title(one, "name", true), Contact: f.mailbox(one, "contact", true)}
}

// held notes what cannot be said of rows that are a customer's: what becomes of them is its word.
func (f *file) held(r *record, c *Collection) {
	c.ProcessedFor = f.processedFor(r)
	if c.ProcessedFor == nil {
		c.ProcessedFor = c.System.ProcessedFor
	}
	if c.ProcessedFor == nil {
		f.later = append(f.later, func(*loading) { f.aloneFound(r.node, c) })
		return
	}
	for _, key := range []string{"deletion", "stops", "closure", "given", "directory"} {
		if e, stands := r.fields[key]; stands {
			f.node(e.key, "%s is held for a customer, who decides about it: %s cannot stand here", quoted(c.Name), key)
		}
	}
}

// aloneFound refuses a collection of the company's own that is only found through rows of a customer: whose
// it is would be the customer's word too.
func (f *file) aloneFound(at ast.Node, c *Collection) {
	own := func(l *Link) bool { return l.To != nil && l.To != c && l.To.ProcessedFor == nil }
	if len(c.Links) == 0 || len(c.Match) > 0 || c.Directory != nil || slices.ContainsFunc(c.Links, own) {
		return
	}
	f.node(at, "%s is only found through rows that are held for a customer: give it the same processed_for", quoted(c.Name))
}
