package jurisdiction

import (
	"fmt"
	"slices"
	"time"
)

// Repeated says whether a request of a kind, received then, is one too many beside the others of the same
// person and kind: how many there are within the law's time, this one counted, and the ground on which the
// law lets such a request be refused.
func (l Law) Repeated(kind string, received time.Time, others []time.Time) (count int, ground Ground, asked bool) {
	r := l.Profile.Repeats
	if r == nil || !meant(r.For, l.Profile.codes(kind)) {
		return 0, Ground{}, false
	}
	zone, err := l.zone()
	if err != nil {
		return 0, Ground{}, false // no clock of the case could be computed either
	}
	from := civil(received, zone)
	switch r.Within.Unit {
	case Month:
		from = addMonths(from, -r.Within.N)
	case Year:
		from = addMonths(from, -12*r.Within.N)
	default:
		from = from.AddDate(0, 0, -r.Within.N)
	}
	count = 1
	for _, at := range others {
		if civil(at, zone).After(from) {
			count++
		}
	}
	i := slices.IndexFunc(l.Profile.Refusals, func(g Ground) bool { return g.Code == r.Ground })
	return count, l.Profile.Refusals[i], count > r.MoreThan
}

func (p Profile) checkRepeats() error {
	r := p.Repeats
	if r == nil {
		return nil
	}
	if err := r.Within.check(); err != nil || !slices.Contains([]Unit{CalendarDay, Month, Year}, r.Within.Unit) {
		return fmt.Errorf("repeats: within needs days, months or years")
	}
	if r.MoreThan < 1 || len(r.For) == 0 || r.Source == "" {
		return fmt.Errorf("repeats: more_than from 1 on, for and source are needed")
	}
	if !slices.ContainsFunc(p.Refusals, func(g Ground) bool { return g.Code == r.Ground }) {
		return fmt.Errorf("repeats: %q is not one of the grounds to refuse", r.Ground)
	}
	return p.known("repeats", r.For)
}
