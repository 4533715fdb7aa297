package jurisdiction

import (
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Incident is what decides which clocks of a leak run. Zero values are the careful reading: a
// number of persons that is not known yet rules nothing out.
type Incident struct {
	Handler string // "cii", "central_organ" or "other" (also when empty)
	Persons int    // affected; 0: not known yet
	Level   string // one of the law's severity, when it was set by hand
	Small   bool   // a small handler, where a law gives those more time
}

// SeverityOf is the level that so many persons make, or "" below the lowest.
func (p Profile) SeverityOf(persons int) string {
	name := ""
	for _, l := range p.Severity {
		if persons >= l.Persons {
			name = l.Name
		}
	}
	return name
}

// LeaksFor are the clocks of the law that may run for an incident. Thresholds of risk are left to
// people: such a clock runs until somebody has decided that the risk is below it.
func (p Profile) LeaksFor(in Incident) []Leak {
	handler := in.Handler
	if handler == "" {
		handler = "other"
	}
	rank := func(level string) int {
		return slices.IndexFunc(p.Severity, func(l Level) bool { return l.Name == level })
	}
	level := max(rank(in.Level), rank(p.SeverityOf(in.Persons)))
	return slices.DeleteFunc(slices.Clone(p.Leaks), func(l Leak) bool {
		known := in.Persons > 0 || in.Level != ""
		return l.Handler != "" && l.Handler != handler ||
			l.LevelFrom != "" && known && level < rank(l.LevelFrom) ||
			l.Over > 0 && in.Persons > 0 && in.Persons <= l.Over
	})
}

// Asks is the union of what the laws of the book ask of a notice of a leak: each part with its
// sources, in the order of a letter. A law whose file is silent asks what the embedded one asks: a
// file of before this list existed must not make letters shorter.
func (b *Book) Asks() []Telltale {
	sources := map[string][]string{}
	for _, name := range names {
		list := b.profiles[name].Notify
		if len(list) == 0 {
			list = Embedded().profiles[name].Notify
		}
		for _, t := range list {
			sources[t.Part] = append(sources[t.Part], t.Source)
		}
	}
	var out []Telltale
	for _, part := range Parts {
		if len(sources[part]) > 0 {
			out = append(out, Telltale{part, strings.Join(sources[part], ", ")})
		}
	}
	return out
}

// Breach is by when a leak must be reported under the clock of that code, counted from the moment
// that its From names. Hours run through nights, weekends and holidays and never roll (R6); days
// are civil days in the law's zone. A duty without a number is due at once: Strict is the moment
// itself. An unknown code is a contract.ErrBadInput.
func (l Law) Breach(code string, from time.Time, in Incident) (Clock, error) {
	i := slices.IndexFunc(l.Profile.Leaks, func(k Leak) bool { return k.Code == code })
	if i < 0 {
		var known []string
		for _, k := range l.Profile.Leaks {
			known = append(known, k.Code)
		}
		return Clock{}, fault.Newf(contract.ErrBadInput, "%s knows no report %q", l.Profile.Name, code).
			WithHint("its reports are " + strings.Join(known, ", "))
	}
	zone, err := l.zone()
	if err != nil {
		return Clock{}, err
	}
	leak := l.Profile.Leaks[i]
	within := leak.Within
	if leak.SmallTwice && in.Small {
		within.N *= 2
	}
	clock := Clock{Law: l.Profile.Name, Version: l.Profile.Version, What: code, Source: leak.Source, Unconfirmed: leak.Unconfirmed}
	switch within.Unit {
	case Promptly:
		clock.Strict, clock.Legal, clock.Promptly = from, from, true
		return clock, nil
	case Hour:
		clock.Strict = from.Add(time.Duration(within.N) * time.Hour)
		clock.Legal = clock.Strict
		return clock, nil
	}
	first := leak.FirstDay
	if first == "" {
		first = DayNext
	}
	count := &counter{calendar: l.Calendar}
	strict, legal := count.last(civil(from, zone), within, first)
	if l.Profile.Roll {
		legal = count.roll(legal)
	}
	clock.Strict, clock.Legal, clock.Missing = endOf(strict, zone), endOf(legal, zone), count.missing
	return clock, nil
}
