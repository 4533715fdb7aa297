package jurisdiction

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Profile is one law.
type Profile struct {
	Name   string
	Zone   string // IANA name: deadlines are civil days there
	Months int    // to answer, added to the day of receipt …
	Days   int    // … or so many days
	// DayOne: the day of receipt is the first day, not the day before the first.
	DayOne bool
	Source string
	// Unconfirmed: the number is practice or an unread text, and a setting rather than a rule.
	Unconfirmed bool
}

// profiles hold the time for answering an access request. Roll-forward over holidays is left out
// on purpose: the strict date is never later than the legal one.
var profiles = []Profile{
	{Name: "cn-pipl", Zone: "Asia/Shanghai", Days: 30, Source: "PIPL Art. 45 (no number); GB/T 35273-2020 8.7 a)", Unconfirmed: true},
	{Name: "eu-gdpr", Zone: "Europe/Brussels", Months: 1, Source: "GDPR Art. 12(3)"},
	{Name: "uk-gdpr", Zone: "Europe/London", Months: 1, Source: "UK GDPR Art. 12A (DUAA 2025 s. 76)"},
	{Name: "us-ca", Zone: "America/Los_Angeles", Days: 45, DayOne: true, Source: "11 CCR 7021(b)"},
	{Name: "br-lgpd", Zone: "America/Sao_Paulo", Days: 15, Source: "LGPD Art. 19", Unconfirmed: true},
}

// Names lists the laws that are known.
func Names() []string {
	var names []string
	for _, p := range profiles {
		names = append(names, p.Name)
	}
	return names
}

// Find returns the profile of that name, or a contract.ErrBadInput that lists the known ones.
func Find(name string) (Profile, error) {
	i := slices.IndexFunc(profiles, func(p Profile) bool { return p.Name == name })
	if i < 0 {
		return Profile{}, fault.Newf(contract.ErrBadInput, "unknown law %q", name).
			WithHint("the known ones are " + strings.Join(Names(), ", "))
	}
	return profiles[i], nil
}

// Due is the end (exclusive: the next midnight in the profile's zone) of the last day on which an
// access request that was received then must be answered. Months end on the same date, or on the
// month's last day where that date is missing (Reg. 1182/71 Art. 3(2)(c); 民法典 202).
func (p Profile) Due(received time.Time) (time.Time, error) {
	zone, err := time.LoadLocation(p.Zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("loading the zone of %s: %w", p.Name, err)
	}
	y, m, d := received.In(zone).Date()
	last := time.Date(y, m, d+p.Days, 0, 0, 0, 0, zone)
	if p.Months > 0 {
		last = time.Date(y, m+time.Month(p.Months), d, 0, 0, 0, 0, zone)
		if last.Day() != d { // the month is shorter
			last = time.Date(y, m+time.Month(p.Months)+1, 0, 0, 0, 0, 0, zone)
		}
	}
	if p.DayOne {
		last = last.AddDate(0, 0, -1)
	}
	return last.AddDate(0, 0, 1), nil
}

// Earliest is the earliest due time of several laws: the strictest clock wins.
func Earliest(laws []string, received time.Time) (time.Time, error) {
	var due time.Time
	for _, name := range laws {
		p, err := Find(name)
		if err != nil {
			return due, err
		}
		at, err := p.Due(received)
		if err != nil {
			return due, err
		}
		if due.IsZero() || at.Before(due) {
			due = at
		}
	}
	return due, nil
}
