package jurisdiction

import (
	"fmt"
	"time"
)

// KeptAtLeast is a floor that a law sets for a kind of record, known by the categories of its columns.
type KeptAtLeast struct {
	What        string   `json:"what"`       // "network_log"
	Categories  []string `json:"categories"` // of the data map; a collection with one of them is such a record
	For         Period   `json:"for"`
	Source      string   `json:"source"`
	Unconfirmed bool     `json:"unconfirmed,omitempty"`
}

// Months and Days are the floor as a rule of the data map writes it; one of them is 0.
func (k KeptAtLeast) Months() int {
	switch k.For.Unit {
	case Year:
		return 12 * k.For.N
	case Month:
		return k.For.N
	}
	return 0
}

// Days is the floor in days, where it is counted in them.
func (k KeptAtLeast) Days() int {
	if k.For.Unit == CalendarDay {
		return k.For.N
	}
	return 0
}

func (p Profile) checkKept() error {
	for _, k := range p.KeptAtLeast {
		switch {
		case !codeForm.MatchString(k.What):
			return fmt.Errorf("keep_at_least: %q is no code", k.What)
		case len(k.Categories) == 0 || k.Source == "":
			return fmt.Errorf("keep_at_least: %s needs categories and a source", k.What)
		case k.For.N < 1 || (k.Months() == 0 && k.Days() == 0):
			return fmt.Errorf("keep_at_least: %s needs days, months or years", k.What)
		}
	}
	return nil
}

// OverBefore is the first civil day, as midnight UTC, on which a time may lie whose span after it is
// not over yet: that of months, with the month's last day where a date is missing, or that of days.
// The last day counts whole. It is the same all day long, whatever the clock does at night.
func OverBefore(months, days int, now time.Time, zone *time.Location) time.Time {
	today := civil(now, zone)
	end := func(day time.Time) time.Time { return addMonths(day, months).AddDate(0, 0, days) }
	first := addMonths(today.AddDate(0, 0, -days), -months)
	for !end(first.AddDate(0, 0, -1)).Before(today) {
		first = first.AddDate(0, 0, -1)
	}
	for end(first).Before(today) {
		first = first.AddDate(0, 0, 1)
	}
	return first
}

// Begins is the moment at which a civil day begins in a zone: not always at midnight, which some
// zones put their clocks over.
func Begins(day time.Time, zone *time.Location) time.Time {
	y, m, d := day.Date()
	at := time.Date(y, m, d, 0, 0, 0, 0, zone)
	for civil(at, zone).Before(day) {
		at = at.Add(15 * time.Minute)
	}
	return at
}
