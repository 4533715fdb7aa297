package jurisdiction

import (
	"fmt"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// all stands for every right in a rule's For.
const all = "all"

// Clock is by when something must have happened under one law.
type Clock struct {
	Law     string `json:"law"`
	Version string `json:"version"`
	What    string `json:"what"` // "acknowledge", "answer", "extended", or the code of a leak's clock
	// Strict is what alarms follow, Legal what a court would take. Both are moments at which the
	// time is over: the midnight after the last day in the law's zone, or the hour. Strict is
	// never after Legal.
	Strict time.Time `json:"strict"`
	Legal  time.Time `json:"legal"`
	// Promptly: the law asks for haste as well, or (with Strict the moment it began) only that.
	Promptly bool `json:"promptly,omitempty"`
	// PausedDays are the days that were left out.
	PausedDays int `json:"paused_days,omitempty"`
	// Missing are years whose calendar was needed and is not known: they went as Monday to Friday.
	Missing     []int  `json:"calendar_missing,omitempty"`
	House       bool   `json:"house,omitempty"`
	Source      string `json:"source"`
	Unconfirmed bool   `json:"unconfirmed,omitempty"`
}

// Kinds of a pause.
const (
	AskedIdentity      = "identity"
	AskedClarification = "clarify"
)

// Pause is a time in which the company waited for the person. A zero Until is still open.
type Pause struct {
	Kind  string    `json:"kind"` // one of the Asked… above
	From  time.Time `json:"from"`
	Until time.Time `json:"until,omitzero"`
}

func (l Law) zone() (*time.Location, error) {
	zone, err := time.LoadLocation(l.Profile.Zone)
	if err != nil {
		return nil, fault.New(contract.ErrInternal, "the time zone of "+l.Profile.Name+" is not known on this machine", err)
	}
	return zone, nil
}

// codes are the rights of the law that a kind of case carries out, and the kind's own name.
func (p Profile) codes(kind string) []string {
	kind = ruledBy(kind)
	codes := []string{kind}
	for _, r := range p.Rights {
		if slices.Contains(r.Kinds, kind) {
			codes = append(codes, r.Code)
		}
	}
	return codes
}

// meant says whether a rule's For means one of the rights; no For means every right.
func meant(list, codes []string) bool {
	return len(list) == 0 || slices.Contains(list, all) ||
		slices.ContainsFunc(codes, func(c string) bool { return slices.Contains(list, c) })
}

// Allows says whether the law gives the right that a kind of case carries out.
func (p Profile) Allows(kind string) bool {
	if kind == eraseAfterAccess && !p.Allows("access") {
		return false
	}
	kind = ruledBy(kind)
	return slices.ContainsFunc(p.Rights, func(r Right) bool { return r.Code == kind || slices.Contains(r.Kinds, kind) })
}

// eraseAfterAccess is a copy and then a deletion in one case.
const eraseAfterAccess = "erase-after-access"

// ruledBy is the kind of case whose clocks and grounds hold for a kind: a copy that is followed by the
// deletion is answered in full when the data are deleted.
func ruledBy(kind string) string {
	if kind == eraseAfterAccess {
		return "deletion"
	}
	return kind
}

// Acknowledge is by when the receipt of a request must be confirmed.
func (l Law) Acknowledge(kind string, received time.Time) (Clock, error) {
	return l.earliest("acknowledge", l.Profile.Acknowledge, kind, received, nil, received)
}

// Answer is by when a request of a kind (a kind of case, or one of the law's rights) must be
// answered. Pauses count as far as the law lets them; one that is open counts until now.
func (l Law) Answer(kind string, received time.Time, stops []Pause, now time.Time) (Clock, error) {
	return l.earliest("answer", l.Profile.Answers, kind, received, stops, now)
}

// EarliestAnswer is the strictest Answer of several laws.
func EarliestAnswer(laws []Law, kind string, received time.Time, stops []Pause, now time.Time) (Clock, error) {
	var first Clock
	for _, law := range laws {
		clock, err := law.Answer(kind, received, stops, now)
		if err != nil {
			return first, err
		}
		if first.Strict.IsZero() || clock.Strict.Before(first.Strict) {
			first = clock
		}
	}
	return first, nil
}

// earliest is the strictest of the rules that mean the kind.
func (l Law) earliest(what string, rules []Rule, kind string, received time.Time, stops []Pause, now time.Time) (Clock, error) {
	zone, err := l.zone()
	if err != nil {
		return Clock{}, err
	}
	var first Clock
	promptly, codes := false, l.Profile.codes(kind)
	for _, rule := range rules {
		if !meant(rule.For, codes) || civil(received, zone).Format(time.DateOnly) < rule.Since {
			continue
		}
		if rule.Within.Unit == Promptly {
			promptly = true
			continue
		}
		clock := l.clock(what, rule, codes, zone, received, stops, now)
		if first.Strict.IsZero() || clock.Strict.Before(first.Strict) {
			if !first.Legal.IsZero() && first.Legal.Before(clock.Legal) {
				clock.Legal = first.Legal
			}
			first = clock
		} else if clock.Legal.Before(first.Legal) {
			first.Legal = clock.Legal
		}
	}
	if first.Strict.IsZero() {
		return first, fmt.Errorf("%s has no rule %s for %s", l.Profile.Name, what, kind)
	}
	first.Promptly = promptly
	return first, nil
}

// clock computes one rule.
func (l Law) clock(what string, rule Rule, codes []string, zone *time.Location, received time.Time, stops []Pause, now time.Time) Clock {
	count := &counter{calendar: l.Calendar}
	start := l.start(received, stops, now)
	first := rule.FirstDay
	if first == "" {
		first = l.Profile.FirstDay
	}
	strict, legal := count.last(civil(start, zone), rule.Within, first)
	strict, days := shift(strict, l.excluded(codes, zone, stops, now))
	legal, _ = shift(legal, l.excluded(codes, zone, stops, now))
	if l.Profile.Roll {
		legal = count.roll(legal)
	}
	return Clock{
		Law: l.Profile.Name, Version: l.Profile.Version, What: what, Strict: endOf(strict, zone), Legal: endOf(legal, zone),
		PausedDays: days, Missing: count.missing, House: rule.House, Source: rule.Source, Unconfirmed: rule.Unconfirmed,
	}
}

// last is the last day of a period, strictly and before it rolls.
func (c *counter) last(from time.Time, within Period, first string) (strict, legal time.Time) {
	switch within.Unit {
	case CalendarDay:
		strict = from.AddDate(0, 0, within.N)
	case Month:
		strict = addMonths(from, within.N)
	case Year:
		strict = addMonths(from, 12*within.N)
	case BusinessDay:
		strict = c.business(from, within.N, first == DayReceived)
		return strict, strict
	}
	switch first {
	case DayReceived:
		strict = strict.AddDate(0, 0, -1)
	case DayCorresponding:
		return strict.AddDate(0, 0, -1), strict
	}
	return strict, strict
}
