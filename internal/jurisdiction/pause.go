package jurisdiction

import (
	"slices"
	"time"
)

// start is when the clock begins: with the receipt, or with the information on identity where the
// law restarts it. While that information is missing it has not begun before now.
func (l Law) start(received time.Time, stops []Pause, now time.Time) time.Time {
	if l.Profile.Pause.Identity != PauseRestart {
		return received
	}
	start := received
	for _, s := range stops {
		if s.Kind != AskedIdentity {
			continue
		}
		if end := until(s, now); end.After(start) {
			start = end
		}
	}
	return start
}

func until(s Pause, now time.Time) time.Time {
	if s.Until.IsZero() {
		return now
	}
	return s.Until
}

// excluded are the civil days from each question to its answer, both included, once each and in
// order, where the law leaves them out for such a request.
func (l Law) excluded(codes []string, zone *time.Location, stops []Pause, now time.Time) []time.Time {
	if l.Profile.Pause.Clarify != PauseExclude || !meant(l.Profile.Pause.ClarifyFor, codes) {
		return nil
	}
	var days []time.Time
	for _, s := range stops {
		if s.Kind != AskedClarification {
			continue
		}
		last := civil(until(s, now), zone)
		for day := civil(s.From, zone); !day.After(last); day = day.AddDate(0, 0, 1) {
			days = append(days, day)
		}
	}
	slices.SortFunc(days, time.Time.Compare)
	return slices.Compact(days)
}

// shift moves a last day by the days left out, as far as each lies before the clock has run out: a
// question asked after that gives no time.
func shift(last time.Time, out []time.Time) (time.Time, int) {
	n := 0
	for _, day := range out {
		if !day.After(last) {
			last = last.AddDate(0, 0, 1)
			n++
		}
	}
	return last, n
}

// MayPause says whether the law has anything to do with a pause of that kind for such a request:
// it is written down at least, and Moves says whether it gives more time.
func (p Profile) MayPause(kind, asked string) (may, moves bool) {
	switch asked {
	case AskedIdentity:
		return p.Pause.Identity != PauseNone, p.Pause.Identity == PauseRestart
	case AskedClarification:
		if !meant(p.Pause.ClarifyFor, p.codes(kind)) {
			return false, false
		}
		return p.Pause.Clarify != PauseNone, p.Pause.Clarify == PauseExclude
	}
	return false, false
}
