package subject

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Correction is the correction of one account's values, from plan to proof. It is used in this order:
//
//  1. Search.Discover for every step of Search.Steps: whose rows there are.
//  2. Originals, once: what the directory row holds now.
//  3. Draft for every system of Systems: where the old value stands, where a third one does, and what
//     speaks against a new one. It freezes the keys of the rows.
//  4. Assemble: the plan, whose Bytes are what gets signed.
//  5. Execute for every system of the plan's order.
//  6. ReadBack for every system, over a fresh discovery.
//
// Rows that somebody else may claim too are left out of all of it.
type Correction struct {
	// Search found the person. Its Keys are those of the discovery.
	Search
	// Frozen keeps the keys of the plan. It must be another KeyStore than Keys, sealed alike.
	Frozen KeyStore
	// Fields are what is asked for, with the reviewer's word on each.
	Fields []FieldChange
	// Choices are the reviewer's words on places with a third value: PlaceID → CorrectOther.
	Choices map[string]string
	// Now is when the plan was made; the same in every call.
	Now time.Time
}

// What a reviewer may say of a field.
const (
	FieldCorrect = "correct"
	FieldRefuse  = "refuse"
	FieldDispute = "dispute" // refused; where the map has a place for it, the value is marked
)

// CorrectOther has a third value in a place corrected like the old one.
const CorrectOther = "correct"

// FieldChange is one field and its new value. It is personal data.
type FieldChange struct {
	Name     string  `json:"name"`
	Category string  `json:"category"`
	Shape    string  `json:"shape,omitempty"` // a kind of identity
	Old      *string `json:"old,omitempty"`   // as the directory row has it; nil: nothing
	Known    bool    `json:"known"`           // the directory row has a place for it
	New      string  `json:"new"`             // normalised
	Verdict  string  `json:"verdict"`         // one of Field…
	Reason   string  `json:"reason,omitempty"`
	Strict   bool    `json:"strict,omitempty"`
	Evidence bool    `json:"evidence,omitempty"` // a proof is asked for
}

// Actions of a FixEntry.
const (
	FixCorrect = "correct"
	FixDispute = "dispute"
	FixOther   = "other"  // a third value: listed, and left
	FixNever   = "never"  // the old value, where it may not be changed: by the map, of a key, a reference
	FixShared  = "shared" // the old value, in rows that somebody else may claim too
)

// FixEntry is what happens to one value in one place. It is personal data.
type FixEntry struct {
	System     string        `json:"system"`
	Collection string        `json:"collection"`
	Place      systems.Place `json:"place"`
	Field      string        `json:"field"`
	Action     string        `json:"action"` // one of Fix…
	Rows       int64         `json:"rows"`
	Old        *string       `json:"old,omitempty"` // to the letter; nil: nothing
	New        string        `json:"new,omitempty"` // as this place writes it
	// Reason is, of never, "map", "key" or "reference"; of a third value "changed" where an earlier plan
	// was to correct it, and "more" for those that are only counted.
	Reason string `json:"reason,omitempty"`
	// Set is the number of the frozen keys within the collection.
	Set int `json:"set,omitempty"`
}

// ID is "system.collection".
func (e FixEntry) ID() string { return e.System + "." + e.Collection }

// PlaceID names a place: "system.collection.column", with the path behind it.
func (e FixEntry) PlaceID() string {
	return strings.Join(append([]string{e.System, e.Collection, e.Place.Column}, e.Place.Path...), ".")
}

// fixes reports whether the entry changes rows.
func (e FixEntry) fixes() bool { return e.Action == FixCorrect || e.Action == FixDispute }

// FixFinding is what speaks against a field in one place.
type FixFinding struct {
	Field string `json:"field"`
	systems.Finding
}

// CorrectionPart is one system's part of a plan.
type CorrectionPart struct {
	System   string       `json:"system"`
	Entries  []FixEntry   `json:"entries"`
	Findings []FixFinding `json:"findings,omitempty"`
}

// CorrectionPlan is what will be corrected, frozen. It holds values of the person: it is kept sealed.
type CorrectionPlan struct {
	Version  int           `json:"version"`
	MapHash  string        `json:"map_hash"`
	Made     time.Time     `json:"made"`
	Account  string        `json:"account"`
	Fields   []FieldChange `json:"fields"`
	Order    []string      `json:"order"` // systems, in the order of execution
	Entries  []FixEntry    `json:"entries"`
	Findings []FixFinding  `json:"findings,omitempty"`
	LeftOut  []string      `json:"left_out,omitempty"`
	Keys     []KeySet      `json:"keys"`
	// RealName and IDNumber are those of the person as they are to be, for the fresh check.
	RealName string `json:"real_name,omitempty"`
	IDNumber string `json:"id_number,omitempty"`
	// Asked are the systems that are asked to correct, and NotAsked those that hold the person's data and
	// that the map does not have asked.
	Asked    []Asked  `json:"asked,omitempty"`
	NotAsked []string `json:"not_asked,omitempty"`
}

// place is where a field stands in a collection.
type place struct {
	systems.Place
	column *datamap.Column
	never  string // why it may not be changed; empty: it may
}

// places are where values of the category stand in c, where it is the company's own. A copy that is made
// from another column is not one.
func places(m *datamap.Map, c *datamap.Collection, category string) []place {
	var list []place
	if c.ProcessedFor != nil {
		return nil // a customer's, who decides about it
	}
	derived := func(at systems.Place) bool {
		return slices.ContainsFunc(c.Columns, func(col *datamap.Column) bool {
			return col.Correct != nil && col.Name != at.Column && slices.ContainsFunc(col.Correct.Copies, func(d datamap.Derived) bool {
				return d.Column == at.Column && (len(d.Keys) == 0 || slices.Equal(d.Keys, at.Path))
			})
		})
	}
	for _, col := range c.Columns {
		if col.Category == category && col.Export != datamap.ExportHeld {
			list = append(list, place{Place: systems.Place{Column: col.Name}, column: col, never: never(m, c, col)})
		}
		for _, path := range col.Paths {
			if path.Category == category {
				list = append(list, place{Place: systems.Place{Column: col.Name, Path: path.Keys}, column: col, never: never(m, c, col)})
			}
		}
	}
	return slices.DeleteFunc(list, func(p place) bool { return derived(p.Place) })
}

// never says why a column may not be changed: by it a row is known again, or others refer to it.
func never(m *datamap.Map, c *datamap.Collection, col *datamap.Column) string {
	switch {
	case slices.Contains(c.Key, col.Name):
		return "key"
	case col.Correct != nil && col.Correct.Never != (datamap.Text{}):
		return "map"
	}
	for _, s := range m.Systems {
		for _, other := range s.Collections {
			for _, l := range other.Links {
				if other == c && slices.Contains(l.Columns, col.Name) || l.To == c && slices.Contains(l.ToColumns, col.Name) {
					return "reference"
				}
			}
		}
	}
	return ""
}

// Same reports whether a text in a place is the value, however it is written there.
func (f FieldChange) Same(text, value string) bool {
	if f.Shape != "" {
		a, err := datamap.Normalise(f.Shape, text)
		if err != nil {
			return text == value
		}
		b, err := datamap.Normalise(f.Shape, value)
		return err == nil && a == b
	}
	return strings.TrimSpace(text) == strings.TrimSpace(value)
}

// Written is the new value in the style of the text that it replaces: a mobile number of the mainland has
// a country code only where the old one had.
func (f FieldChange) Written(old *string) string {
	if f.Shape == datamap.IdentityMobile && old != nil && strings.HasPrefix(f.New, "+86") && len(f.New) == len("+8613800000000") {
		if plain := strings.TrimSpace(*old); !strings.HasPrefix(plain, "+") && !strings.HasPrefix(plain, "00") && !strings.HasPrefix(plain, "86") {
			return strings.TrimPrefix(f.New, "+86")
		}
	}
	return f.New
}

// Originals gives the fields with what the directory row holds of them now.
func (e Correction) Originals(ctx context.Context, fields []FieldChange) ([]FieldChange, error) {
	w, err := e.walk()
	if err != nil {
		return nil, err
	}
	sys, err := e.Open(w.home.System.Name)
	if err != nil {
		return nil, err
	}
	c, err := systems.Correctable(w.home.System, sys)
	if err != nil {
		return nil, err
	}
	own := systems.Selection{Collection: w.home, Any: []systems.Clause{{Columns: w.home.Key, Keys: ownKey(e.Account)}}}
	out := slices.Clone(fields)
	for i := range out {
		list := places(e.Map, w.home, out[i].Category)
		if len(list) == 0 {
			continue
		}
		rows := int64(0)
		err := c.Values(ctx, own, list[0].Place, func(value *string, n int64) error {
			rows += n
			out[i].Known = true
			if out[i].Old = value; value != nil && strings.TrimSpace(*value) == "" {
				out[i].Old = nil
			}
			return nil
		})
		if err == nil && rows != 1 {
			err = fault.Newf(contract.ErrNotFound, "the directory row of the person is not there any more")
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Systems are the systems in which values of the fields may stand, in map order.
func (e Correction) Systems() ([]string, error) {
	w, err := e.walk()
	if err != nil {
		return nil, err
	}
	gone := w.hanging(e.Without)
	var names []string
	for _, s := range e.Map.Systems {
		for _, c := range s.Collections {
			if !w.reached[c] || gone[c] || slices.Contains(names, s.Name) {
				continue
			}
			if slices.ContainsFunc(e.Fields, func(f FieldChange) bool {
				return (f.Verdict != FieldRefuse || f.Reason == "record") && len(places(e.Map, c, f.Category)) > 0
			}) {
				names = append(names, s.Name)
			}
		}
	}
	return names, nil
}

// own is the person's rows of c that nobody else may claim, and those that somebody may.
func (e Correction) own(ctx context.Context, w *walk, c *datamap.Collection) (own, shared systems.Selection, err error) {
	own, err = e.selection(ctx, w, c, nil)
	if err != nil {
		return own, shared, err
	}
	if c == w.home {
		return own, shared, nil
	}
	claims := (&visit{Search: e.Search, w: w}).claims(c, own, nil)
	if len(claims) > 0 {
		shared = own
		shared.Only = claims
		own.Except = claims
	}
	return own, shared, nil
}
