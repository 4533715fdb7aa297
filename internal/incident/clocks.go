package incident

import (
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
)

// Clock is one authority that must hear of a breach, or the people themselves, and until when.
type Clock struct {
	Authority string       `json:"authority"` // a word, such as "cn-cac"
	Law       string       `json:"law"`
	Name      datamap.Text `json:"name"`
	From      time.Time    `json:"from"`
	Due       time.Time    `json:"due"`
	Source    string       `json:"source"`
	Phases    bool         `json:"phases"`            // what is not known yet may follow
	Persons   bool         `json:"persons,omitempty"` // it is the people who must hear: met when the last letter has gone
}

// house is how soon an authority hears that a law wants told "immediately" without a number.
const house = 4 * time.Hour

// housePeople is the same for the people themselves.
const housePeople = 72 * time.Hour

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

// orEmbedded is the book, or the one that the program carries.
func orEmbedded(book *jurisdiction.Book) *jurisdiction.Book {
	if book == nil {
		return jurisdiction.Embedded()
	}
	return book
}

// Clocks lists the clocks that run from when the company knew, the earliest first, by the laws' own
// data (nil: the embedded ones): who of the authorities must hear of the breach, with the house's time
// for a duty without a number; and until when the people must, where the law gives a number.
func Clocks(book *jurisdiction.Book, f File) ([]Clock, error) {
	list, err := f.clocks(book, f.AwareAt, jurisdiction.FromAware, jurisdiction.FromDiscovery)
	if f.Unneeded != nil {
		list = slices.DeleteFunc(list, func(c Clock) bool { return c.Persons })
	}
	return list, err
}

// AfterTelling are the clocks that run from the first letter to the people.
func AfterTelling(book *jurisdiction.Book, f File, told time.Time) ([]Clock, error) {
	return f.clocks(book, told, jurisdiction.FromPersonsTold)
}

// ClosingReports are due once handling has ended, where a law asks for one.
func ClosingReports(book *jurisdiction.Book, f File, ended time.Time) ([]Clock, error) {
	return f.clocks(book, ended, jurisdiction.FromHandlingEnds)
}

func (f File) clocks(book *jurisdiction.Book, from time.Time, kinds ...string) ([]Clock, error) {
	if f.Kind != Breach {
		return nil, nil
	}
	var list []Clock
	for _, name := range f.Laws {
		law, err := orEmbedded(book).Law(name, f.AwareAt)
		if err != nil {
			return nil, err
		}
		for _, leak := range law.Profile.LeaksFor(f.weight()) {
			persons := leak.To == "person"
			if !slices.Contains(kinds, leak.From) || leak.Threshold != "" && f.Severity.Risk == "none" ||
				leak.To != "authority" && !persons || persons && leak.Within.Unit == jurisdiction.Promptly {
				continue
			}
			c, err := law.Breach(leak.Code, from, f.weight())
			if err != nil {
				return nil, err
			}
			due := c.Strict
			if c.Promptly {
				due = from.Add(house)
			}
			list = append(list, Clock{Authority: authorityOf(name, leak.Code), Law: name, Name: datamap.Text{ZH: leak.Title.ZH, EN: leak.Title.EN},
				From: from, Due: due, Source: leak.Source, Phases: leak.Phases, Persons: persons})
		}
	}
	slices.SortStableFunc(list, func(a, b Clock) int { return a.Due.Compare(b.Due) })
	return list, nil
}

// Due is until when people must have been told: the earliest number of the laws, and of the house's
// three days where a law says "without undue delay" or "immediately".
func Due(book *jurisdiction.Book, f File, opened time.Time) (time.Time, error) {
	switch {
	case f.Policy != nil:
		return f.Policy.Effective, nil
	case f.To != nil && !f.To.On.IsZero():
		return f.To.On, nil
	case f.Kind != Breach:
		return opened.Add(7 * 24 * time.Hour), nil
	}
	due := time.Time{}
	for _, name := range f.Laws {
		law, err := orEmbedded(book).Law(name, f.AwareAt)
		if err != nil {
			return due, err
		}
		for _, leak := range law.Profile.LeaksFor(f.weight()) {
			if leak.To != "person" {
				continue
			}
			c, err := law.Breach(leak.Code, f.AwareAt, f.weight())
			if err != nil {
				return due, err
			}
			if c.Promptly {
				c.Strict = f.AwareAt.Add(housePeople)
			}
			if due.IsZero() || c.Strict.Before(due) {
				due = c.Strict
			}
		}
	}
	if due.IsZero() {
		due = f.AwareAt.Add(housePeople)
	}
	return due, nil
}
