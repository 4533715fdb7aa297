package main

import (
	"fmt"
	"slices"
	"strings"
)

// Goal is what a ratio should be: at least, at most, or between; 0 means no bound.
type Goal struct {
	Least float64 `json:"least,omitempty"`
	Most  float64 `json:"most,omitempty"`
}

// String writes the goal as the table has it.
func (g Goal) String() string {
	switch {
	case g.Least > 0 && g.Most > 0:
		return fmt.Sprintf("%.2f to %.2f", g.Least, g.Most)
	case g.Least > 0:
		return fmt.Sprintf(">= %.2f", g.Least)
	case g.Most > 0:
		return fmt.Sprintf("<= %.2f", g.Most)
	}
	return ""
}

// Met says whether a ratio is as it should be.
func (g Goal) Met(ratio float64) bool {
	return (g.Least == 0 || ratio >= g.Least) && (g.Most == 0 || ratio <= g.Most)
}

// Pair is one measurement of ours and one of the floor, in the unit of the row.
type Pair struct {
	Ours  float64 `json:"ours"`
	Floor float64 `json:"floor"`
}

// Ratio is ours divided by the floor.
func (p Pair) Ratio() float64 { return p.Ours / p.Floor }

// Spread is a median and what lies around it.
type Spread struct {
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

func spreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return Spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Least: sorted[0], Most: sorted[n-1]}
}

// Row is one line of the table. A row without pairs is a plain figure.
type Row struct {
	Name  string   `json:"name"`
	What  string   `json:"what"`       // what is timed or weighed, precisely
	Floor string   `json:"floor_what"` // what it is held against
	Unit  string   `json:"unit"`
	Pairs []Pair   `json:"pairs,omitempty"`
	Ours  Spread   `json:"ours"`
	Base  Spread   `json:"floor"`
	Ratio Spread   `json:"ratio"`
	Goal  Goal     `json:"goal"`
	Met   bool     `json:"met"`
	Notes []string `json:"notes,omitempty"`
}

// finish works out the spreads from the pairs.
func (r Row) finish() Row {
	var ours, base, ratio []float64
	for _, p := range r.Pairs {
		ours, base, ratio = append(ours, p.Ours), append(base, p.Floor), append(ratio, p.Ratio())
	}
	if len(r.Pairs) > 0 {
		r.Ours, r.Base, r.Ratio = spreadOf(ours), spreadOf(base), spreadOf(ratio)
	}
	r.Met = r.Goal.Met(r.Ratio.Median)
	return r
}

// figure is a row that holds one plain number.
func figure(name, what, unit string, value float64) Row {
	return Row{Name: name, What: what, Unit: unit, Ours: Spread{value, value, value}, Met: true}
}

func (r Row) cells() []string {
	cells := []string{r.Name, r.Unit, number(r.Ours.Median), "", "", r.Goal.String(), ""}
	if len(r.Pairs) == 0 {
		return cells
	}
	cells[3] = number(r.Base.Median)
	cells[4] = ratio(r)
	switch {
	case !r.Met:
		cells[6] = "MISSED"
	case cells[5] != "":
		cells[6] = "met"
	}
	return cells
}

// number writes a figure with as many digits as it deserves, thousands parted by commas.
func number(v float64) string {
	if v < 100 {
		return strings.TrimSuffix(fmt.Sprintf("%.2f", v), ".00")
	}
	digits := fmt.Sprintf("%.0f", v)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
