package jurisdiction

import (
	"slices"
	"time"

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/at"
	"github.com/rickar/cal/v2/be"
	"github.com/rickar/cal/v2/bg"
	"github.com/rickar/cal/v2/br"
	"github.com/rickar/cal/v2/cz"
	"github.com/rickar/cal/v2/de"
	"github.com/rickar/cal/v2/dk"
	"github.com/rickar/cal/v2/es"
	"github.com/rickar/cal/v2/fr"
	"github.com/rickar/cal/v2/gb"
	"github.com/rickar/cal/v2/gr"
	"github.com/rickar/cal/v2/hr"
	"github.com/rickar/cal/v2/ie"
	"github.com/rickar/cal/v2/it"
	"github.com/rickar/cal/v2/lt"
	"github.com/rickar/cal/v2/lv"
	"github.com/rickar/cal/v2/nl"
	"github.com/rickar/cal/v2/pl"
	"github.com/rickar/cal/v2/ro"
	"github.com/rickar/cal/v2/se"
	"github.com/rickar/cal/v2/si"
	"github.com/rickar/cal/v2/sk"
	"github.com/rickar/cal/v2/us"
)

// The years for which the library's rules are taken: before and after, a government may have moved
// a day that the version in use does not know of.
const (
	libraryFrom  = 2025
	libraryUntil = 2028
)

// library are the countries whose national days follow rules. China's do not: the State Council
// names each year's, which is why they lie in calendars/. Carnival and Corpus Christi are no
// holidays by Brazilian federal law and are left out: a day too few makes a clock stricter.
var library = map[string][]*cal.Holiday{
	"AT": at.Holidays, "BE": be.Holidays, "BG": bg.Holidays, "CZ": cz.Holidays, "DE": de.Holidays,
	"DK": dk.Holidays, "ES": es.Holidays, "FR": fr.Holidays, "GB": gb.Holidays, "GR": gr.Holidays,
	"HR": hr.Holidays, "IE": ie.Holidays, "IT": it.Holidays, "LT": lt.Holidays, "LV": lv.Holidays,
	"NL": nl.Holidays, "PL": pl.Holidays, "RO": ro.Holidays, "SE": se.Holidays, "SI": si.Holidays,
	"SK": sk.Holidays, "US": us.Holidays,
	"BR": slices.DeleteFunc(slices.Clone(br.Holidays), func(h *cal.Holiday) bool {
		return h == br.Carnaval || h == br.CorpusChristi
	}),
}

// libraryDays are the days off of a country in a year, if the library is sure of them.
func libraryDays(country string, year int) (Days, bool) {
	holidays, ok := library[country]
	if !ok || year < libraryFrom || year > libraryUntil {
		return Days{}, false
	}
	var dates []string
	add := func(day time.Time) {
		if date := day.Format(time.DateOnly); !day.IsZero() && day.Year() == year && !slices.Contains(dates, date) {
			dates = append(dates, date)
		}
	}
	for _, h := range holidays {
		// The neighbours' too: a New Year's Day on a Saturday is kept on 31 December.
		for _, y := range []int{year - 1, year, year + 1} {
			actual, observed := h.Calc(y)
			add(actual)
			add(observed)
		}
	}
	slices.Sort(dates)
	return Days{Holidays: dates, Source: "github.com/rickar/cal v2.1.13"}, true
}
