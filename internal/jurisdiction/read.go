package jurisdiction

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// What a file says it is.
const (
	schemaLaw      = "habeas.law/v1"
	schemaCalendar = "habeas.calendar/v1"
)

// read takes every .yaml file of a folder into the book.
func (b *Book) read(fsys fs.FS) error {
	list, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return fault.New(contract.ErrBadInput, "the folder of the laws cannot be read", err)
	}
	if _, err := fs.Stat(fsys, "."); err != nil {
		return fault.New(contract.ErrBadInput, "the folder of the laws cannot be read", err).
			WithHint("HABEAS_LAWS names a folder with laws and calendars of your own, or is left empty")
	}
	for _, name := range list {
		raw, err := fs.ReadFile(fsys, name)
		if err == nil {
			err = b.file(raw)
		}
		if err != nil {
			return fault.New(contract.ErrBadInput, fmt.Sprintf("%s: %v", path.Base(name), err), err).
				WithHint("docs/laws.md says what a law's file holds")
		}
	}
	return nil
}

func (b *Book) file(raw []byte) error {
	doc, err := yaml.YAMLToJSON(raw)
	if err != nil {
		return fmt.Errorf("is not YAML: %w", err)
	}
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(doc, &head); err != nil {
		return fmt.Errorf("is not a mapping: %w", err)
	}
	switch head.Schema {
	case schemaLaw:
		var p Profile
		if err := strict(doc, &p); err != nil {
			return err
		}
		if err := p.check(); err != nil {
			return err
		}
		b.profiles[p.Name] = p
	case schemaCalendar:
		country, year, days, err := readDays(doc)
		if err != nil {
			return err
		}
		if b.calendars[country] == nil {
			b.calendars[country] = map[int]Days{}
		}
		b.calendars[country][year] = days
	default:
		return fmt.Errorf("schema must be %s or %s", schemaLaw, schemaCalendar)
	}
	return nil
}

// strict decodes JSON and refuses fields that nobody knows: a typing error must not become a law.
func strict(doc []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// readDays reads a calendar's file. Dates come one by one or as FIRST/LAST.
func readDays(doc []byte) (string, int, Days, error) {
	var c struct {
		Schema   string   `json:"schema"`
		Country  string   `json:"country"`
		Year     int      `json:"year"`
		Source   string   `json:"source"`
		Holidays []string `json:"holidays"`
		Workdays []string `json:"workdays"`
	}
	if err := strict(doc, &c); err != nil {
		return "", 0, Days{}, err
	}
	switch {
	case len(c.Country) != 2 || c.Country != strings.ToUpper(c.Country):
		return "", 0, Days{}, fmt.Errorf("country must be two capital letters, such as CN")
	case c.Year < 2000 || c.Year > 2200:
		return "", 0, Days{}, fmt.Errorf("year %d is not a year of ours", c.Year)
	case c.Source == "":
		return "", 0, Days{}, fmt.Errorf("source is missing: who decreed these days?")
	}
	days := Days{Source: c.Source}
	for _, h := range c.Holidays {
		list, err := span(h, c.Year)
		if err != nil {
			return "", 0, Days{}, err
		}
		days.Holidays = append(days.Holidays, list...)
	}
	for _, w := range c.Workdays {
		list, err := span(w, c.Year)
		if err != nil {
			return "", 0, Days{}, err
		}
		for _, date := range list {
			day, _ := time.Parse(time.DateOnly, date)
			if slices.Contains(days.Holidays, date) {
				return "", 0, Days{}, fmt.Errorf("%s is a holiday and a workday", date)
			}
			if day.Weekday() != time.Saturday && day.Weekday() != time.Sunday {
				return "", 0, Days{}, fmt.Errorf("%s is no weekend: it is a workday already", date)
			}
		}
		days.Workdays = append(days.Workdays, list...)
	}
	return c.Country, c.Year, days, nil
}

// span expands "2026-10-01/2026-10-07", which must lie in the year.
func span(text string, year int) ([]string, error) {
	first, last, ranged := strings.Cut(text, "/")
	if !ranged {
		last = first
	}
	from, err := time.Parse(time.DateOnly, first)
	if err != nil {
		return nil, fmt.Errorf("%q is not a date such as 2026-10-01", first)
	}
	until, err := time.Parse(time.DateOnly, last)
	if err != nil {
		return nil, fmt.Errorf("%q is not a date such as 2026-10-01", last)
	}
	if from.Year() != year || until.Year() != year || until.Before(from) {
		return nil, fmt.Errorf("%s does not lie in %d", text, year)
	}
	var list []string
	for day := from; !day.After(until); day = day.AddDate(0, 0, 1) {
		list = append(list, day.Format(time.DateOnly))
	}
	return list, nil
}
