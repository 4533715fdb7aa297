package incident

import (
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
)

// Clock is one authority that must hear of a breach, and until when.
type Clock struct {
	Authority string       `json:"authority"` // a word, such as "cn-cac"
	Law       string       `json:"law"`
	Name      datamap.Text `json:"name"`
	From      time.Time    `json:"from"`
	Due       time.Time    `json:"due"`
	Source    string       `json:"source"`
	Phases    bool         `json:"phases"` // what is not known yet may follow
}

// house is how soon an authority hears that a law wants told "immediately" without a number.
const house = 4 * time.Hour

// handlers and levels are the law's own words for those of the file.
var (
	handlers = map[string]string{"other": "other", "critical": "cii", "central": "central_organ"}
	levels   = map[string]string{"larger": "较大", "major": "重大", "extreme": "特别重大"}
)

// weight is what decides which clocks run. A number of people that the file does not give rules
// nothing out.
func (f File) weight() jurisdiction.Incident {
	return jurisdiction.Incident{Handler: handlers[f.Severity.Operator], Persons: int(f.Severity.Persons), Level: levels[f.Severity.Level]}
}

// authorityOf names an authority's clock: the law's country and its code, such as "cn-cac-other".
func authorityOf(law, code string) string {
	country, _, _ := strings.Cut(law, "-")
	return country + "-" + code
}

// Clocks lists the authorities that must hear of the breach, the earliest first, by the laws' own
// data. A duty without a number gets the house's.
func Clocks(f File) ([]Clock, error) {
	if f.Kind != Breach {
		return nil, nil
	}
	var list []Clock
	for _, name := range f.Laws {
		law, err := jurisdiction.Embedded().Law(name, f.AwareAt)
		if err != nil {
			return nil, err
		}
		for _, leak := range law.Profile.LeaksFor(f.weight()) {
			if leak.To != "authority" || leak.From != "aware" || (leak.Threshold != "" && f.Severity.Risk == "none") {
				continue
			}
			c, err := law.Breach(leak.Code, f.AwareAt, f.weight())
			if err != nil {
				return nil, err
			}
			due := c.Strict
			if c.Promptly {
				due = f.AwareAt.Add(house)
			}
			list = append(list, Clock{authorityOf(name, leak.Code), name, datamap.Text{ZH: leak.Title.ZH, EN: leak.Title.EN}, f.AwareAt, due, leak.Source, leak.Phases})
		}
	}
	slices.SortStableFunc(list, func(a, b Clock) int { return a.Due.Compare(b.Due) })
	return list, nil
}

// ClosingReports are due once handling has ended, where a law asks for one.
func ClosingReports(f File, ended time.Time) ([]Clock, error) {
	if f.Kind != Breach {
		return nil, nil
	}
	var list []Clock
	for _, name := range f.Laws {
		law, err := jurisdiction.Embedded().Law(name, f.AwareAt)
		if err != nil {
			return nil, err
		}
		for _, leak := range law.Profile.LeaksFor(f.weight()) {
			if leak.To != "authority" || leak.From != "handling_ended" {
				continue
			}
			c, err := law.Breach(leak.Code, ended, f.weight())
			if err != nil {
				return nil, err
			}
			list = append(list, Clock{authorityOf(name, leak.Code), name, datamap.Text{ZH: leak.Title.ZH, EN: leak.Title.EN}, ended, c.Strict, leak.Source, leak.Phases})
		}
	}
	return list, nil
}

// Due is until when people must have been told: California's 30 days from discovery and Brazil's
// three business days are the laws' numbers; three days are the house's own elsewhere ("without
// undue delay").
func (f File) Due(opened time.Time) time.Time {
	switch {
	case f.Policy != nil:
		return f.Policy.Effective
	case f.To != nil && !f.To.On.IsZero():
		return f.To.On
	case f.Kind != Breach:
		return opened.Add(7 * 24 * time.Hour)
	}
	return f.AwareAt.Add(72 * time.Hour)
}
