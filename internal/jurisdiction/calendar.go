package jurisdiction

import (
	"slices"
	"time"
)

// Calendar is the days off of one country. A year that is not in it is Monday to Friday, and every
// clock that needed it says so.
type Calendar struct {
	Country string       `json:"country"`
	Years   map[int]Days `json:"years"`
}

// Days are what makes a year differ from Monday to Friday. Dates are written 2006-01-02.
type Days struct {
	Holidays []string `json:"holidays"`
	Workdays []string `json:"workdays,omitempty"` // weekends on which people work (调休)
	Source   string   `json:"source"`
}

// Workday says whether people work on a civil day, and whether the calendar knows its year.
func (c Calendar) Workday(day time.Time) (works, known bool) {
	date := day.Format(time.DateOnly)
	y, known := c.Years[day.Year()]
	switch {
	case slices.Contains(y.Workdays, date):
		return true, known
	case slices.Contains(y.Holidays, date):
		return false, known
	}
	return day.Weekday() != time.Saturday && day.Weekday() != time.Sunday, known
}

// civil is the date of a moment in a zone, as midnight UTC, so that days add without zones.
func civil(at time.Time, zone *time.Location) time.Time {
	y, m, d := at.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// endOf is the midnight after a civil day in a zone: the moment at which the day is over.
func endOf(day time.Time, zone *time.Location) time.Time {
	y, m, d := day.Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, zone)
}

// addMonths is the same date n months later, or the month's last day where that date is missing
// (Reg. 1182/71 Art. 3(2)(c); 民法典 202). Add from the first date always: adding to a date that
// was cut short loses days.
func addMonths(day time.Time, n int) time.Time {
	y, m, d := day.Date()
	last := time.Date(y, m+time.Month(n)+1, 0, 0, 0, 0, 0, time.UTC)
	return time.Date(last.Year(), last.Month(), min(d, last.Day()), 0, 0, 0, 0, time.UTC)
}

// counter walks a calendar and remembers the years that it did not know.
type counter struct {
	calendar Calendar
	missing  []int
}

func (c *counter) works(day time.Time) bool {
	works, known := c.calendar.Workday(day)
	if !known && !slices.Contains(c.missing, day.Year()) {
		c.missing = append(c.missing, day.Year())
		slices.Sort(c.missing)
	}
	return works
}

// business is the n-th working day after day; the day itself counts where first says so.
func (c *counter) business(day time.Time, n int, first bool) time.Time {
	if first && c.works(day) {
		n--
	}
	for n > 0 {
		day = day.AddDate(0, 0, 1)
		if c.works(day) {
			n--
		}
	}
	return day
}

// roll is day, or the first working day after it.
func (c *counter) roll(day time.Time) time.Time {
	for !c.works(day) {
		day = day.AddDate(0, 0, 1)
	}
	return day
}
