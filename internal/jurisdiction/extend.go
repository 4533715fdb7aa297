package jurisdiction

import (
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Extended is by when a request must be answered once its time was extended. It is counted from
// the receipt again, never from a date that a short month has cut (31 January and three months is
// 30 April). A law without extension is a contract.ErrBadInput.
func (l Law) Extended(kind string, received time.Time, stops []Pause, now time.Time) (Clock, error) {
	e, codes := l.Profile.Extension, l.Profile.codes(kind)
	if e == nil || kind == complaint || !meant(e.For, codes) {
		return Clock{}, l.noExtension(kind)
	}
	var rules []Rule
	for _, r := range l.Profile.Answers {
		if r.Within.Unit != e.By.Unit || !meant(r.For, codes) {
			continue
		}
		r.Within.N += e.By.N
		if e.MaxTotal != nil {
			r.Within.N = min(r.Within.N, e.MaxTotal.N)
		}
		r.Source = e.Source
		rules = append(rules, r)
	}
	return l.earliest("extended", rules, kind, received, stops, now)
}

func (l Law) noExtension(kind string) error {
	return fault.Newf(contract.ErrBadInput, "%s knows no extension for a case of kind %s", l.Profile.Name, kind).
		WithHint("answer in time, and tell the person how far it is")
}

// MayExtend refuses an extension that the law does not give: an unknown ground, or one that would
// come when the strict date is over. That it happens once is for the caller to hold.
func (l Law) MayExtend(kind, ground string, strict, now time.Time) error {
	e := l.Profile.Extension
	switch {
	case e == nil || kind == complaint || !meant(e.For, l.Profile.codes(kind)):
		return l.noExtension(kind)
	case !slices.ContainsFunc(e.Grounds, func(g Ground) bool { return g.Code == ground }):
		return fault.Newf(contract.ErrBadInput, "%s knows no ground %q for an extension", l.Profile.Name, ground).
			WithHint("the grounds are " + strings.Join(codesOf(e.Grounds), ", "))
	case !now.Before(strict):
		return fault.Newf(contract.ErrNotOpen, "the time is over: %s lets it be extended only before it ends", l.Profile.Name)
	}
	return nil
}

// complaint is a case about how another case was dealt with. It is answered, upheld or not: no law takes
// more time for it, and none refuses it.
const complaint = "complaint"

// RefusalsFor are the grounds on which a case of that kind may be refused.
func (p Profile) RefusalsFor(kind string) []Ground {
	if kind == complaint {
		return nil
	}
	codes := p.codes(kind)
	return slices.DeleteFunc(slices.Clone(p.Refusals), func(g Ground) bool { return !meant(g.For, codes) })
}

// Refusal is the ground of that code, or a contract.ErrBadInput that lists those of the law.
func (p Profile) Refusal(kind, code string) (Ground, error) {
	grounds := p.RefusalsFor(kind)
	i := slices.IndexFunc(grounds, func(g Ground) bool { return g.Code == code })
	if i < 0 {
		return Ground{}, fault.Newf(contract.ErrBadInput, "%s knows no ground %q for refusing a case of kind %s", p.Name, code, kind).
			WithHint("the grounds are " + strings.Join(codesOf(grounds), ", "))
	}
	return grounds[i], nil
}

func codesOf(grounds []Ground) []string {
	codes := make([]string, len(grounds))
	for i, g := range grounds {
		codes[i] = g.Code
	}
	return codes
}

// Floor is the least rung of the ladder of identity for a request of that kind: the highest that
// names one of its rights, or that of all.
func (p Profile) Floor(kind string) Floor {
	codes := p.codes(kind)
	var named, general Floor
	found := false
	for _, f := range p.Verify.Floors {
		switch {
		case slices.Contains(f.For, all):
			general = f
		case meant(f.For, codes) && (!found || f.Level > named.Level || f.Points > named.Points):
			named, found = f, true
		}
	}
	if found {
		return named
	}
	return general
}

// Warnings are the moments, in order, at which staff are warned of a strict date: the midnights so
// many civil days before it.
func (l Law) Warnings(strict time.Time) ([]time.Time, error) {
	zone, err := l.zone()
	if err != nil {
		return nil, err
	}
	y, m, d := strict.In(zone).Date()
	var list []time.Time
	for _, days := range l.Profile.WarnDays {
		list = append(list, time.Date(y, m, d-days, 0, 0, 0, 0, zone))
	}
	return list, nil
}

// KeepUntil is when the record of a case that closed then is over and is forgotten.
func (l Law) KeepUntil(closed time.Time) (time.Time, error) {
	return l.keep(l.Profile.Records.Case, closed)
}

// KeepLeakUntil is the same for the log of a leak.
func (l Law) KeepLeakUntil(closed time.Time) (time.Time, error) {
	return l.keep(l.Profile.Records.Leak, closed)
}

func (l Law) keep(k Keeping, closed time.Time) (time.Time, error) {
	zone, err := l.zone()
	if err != nil {
		return time.Time{}, err
	}
	last, _ := (&counter{}).last(civil(closed, zone), k.For, DayNext)
	return endOf(last, zone), nil
}

// LatestKeep is the latest KeepUntil of several laws: the longest duty holds.
func LatestKeep(laws []Law, closed time.Time) (time.Time, error) {
	var until time.Time
	for _, law := range laws {
		at, err := law.KeepUntil(closed)
		if err != nil {
			return until, err
		}
		if at.After(until) {
			until = at
		}
	}
	return until, nil
}
