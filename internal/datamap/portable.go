package datamap

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// notPortable is why a column is left out of what somebody takes along.
const notPortable = "not given by the person on consent or contract"

// Portable is the map as somebody sees it who takes their data along (PIPL 45(3), GDPR 20(1)): people are
// found as ever, and of each collection there are only the columns that the person gave and that are
// held on consent or contract. Nothing is asked of anybody.
func (m *Map) Portable() *Map {
	sum := sha256.Sum256([]byte("portable\x00" + m.Hash))
	out := &Map{Company: m.Company, Hash: hex.EncodeToString(sum[:])}
	copies := map[*Collection]*Collection{}
	for _, s := range m.Systems {
		if s.Outside != nil {
			continue
		}
		sys := *s
		sys.Collections = nil
		for _, c := range s.Collections {
			one := *c
			one.System, one.Columns = &sys, nil
			for _, col := range c.Columns {
				column := *col
				if !portable(c, col) {
					column = Column{Name: col.Name, Title: col.Title, Ignore: notPortable, Line: col.Line}
				}
				one.Columns = append(one.Columns, &column)
			}
			copies[c] = &one
			sys.Collections = append(sys.Collections, &one)
		}
		out.Systems = append(out.Systems, &sys)
	}
	for _, c := range copies {
		links := c.Links
		c.Links = nil
		for _, l := range links {
			link := *l
			link.From, link.To = c, copies[l.To]
			c.Links = append(c.Links, &link)
		}
	}
	return out
}

func portable(c *Collection, col *Column) bool {
	basis := c.LegalBasis
	if col.LegalBasis != "" {
		basis = col.LegalBasis
	}
	return col.Given && col.Ignore == "" && col.Export != ExportHeld && (basis == "consent" || basis == "contract")
}

// Shows reports whether the collection is the company's own and has a column that is not ignored: whether
// there is anything to hand over.
func (c *Collection) Shows() bool {
	return c.ProcessedFor == nil && slices.ContainsFunc(c.Columns, func(col *Column) bool { return col.Ignore == "" })
}
