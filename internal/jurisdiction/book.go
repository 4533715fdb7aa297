package jurisdiction

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

//go:embed laws calendars
var files embed.FS

//go:embed schema/law.v1.json
var lawSchema []byte

//go:embed schema/calendar.v1.json
var calendarSchema []byte

// Schema is the JSON Schema (draft 2020-12) of a law's file.
func Schema() []byte { return slices.Clone(lawSchema) }

// CalendarSchema is the JSON Schema (draft 2020-12) of a calendar's file.
func CalendarSchema() []byte { return slices.Clone(calendarSchema) }

// names are the laws that are known, the default first.
var names = []string{"cn-pipl", "eu-gdpr", "uk-gdpr", "us-ca", "br-lgpd"}

// Names lists the laws that are known.
func Names() []string { return slices.Clone(names) }

// Book is the laws and calendars in force.
type Book struct {
	profiles  map[string]Profile
	calendars map[string]map[int]Days
}

// Embedded is the book that the program carries.
var Embedded = sync.OnceValue(func() *Book {
	b := &Book{profiles: map[string]Profile{}, calendars: map[string]map[int]Days{}}
	for _, dir := range []string{"laws", "calendars"} {
		sub, err := fs.Sub(files, dir)
		if err == nil {
			err = b.read(sub)
		}
		if err != nil {
			panic("the embedded laws do not read: " + err.Error()) // a test reads them all
		}
	}
	return b
})

// Load is the embedded book with a company's own files over it: every .yaml in fsys, a law or a
// calendar by its `schema`, takes the place of the embedded one of that name, or country and year,
// as a whole. An error is a contract.ErrBadInput that names file and field.
func Load(fsys fs.FS) (*Book, error) {
	own := &Book{profiles: maps.Clone(Embedded().profiles), calendars: map[string]map[int]Days{}}
	for country, years := range Embedded().calendars {
		own.calendars[country] = maps.Clone(years)
	}
	if err := own.read(fsys); err != nil {
		return nil, err
	}
	return own, nil
}

// Find returns the profile of that name, or a contract.ErrBadInput that lists the known ones.
func (b *Book) Find(name string) (Profile, error) {
	p, ok := b.profiles[name]
	if !ok {
		return Profile{}, fault.Newf(contract.ErrBadInput, "unknown law %q", name).
			WithHint("the known ones are " + strings.Join(names, ", "))
	}
	return p, nil
}

// Calendar is a country's days off in the years from that of at to three years later, as far as
// they are known; the year before is there as well, because requests are typed in late.
func (b *Book) Calendar(country string, at time.Time) Calendar {
	c := Calendar{Country: country, Years: map[int]Days{}}
	for year := at.Year() - 1; year <= at.Year()+3; year++ {
		if days, ok := b.days(country, year); ok {
			c.Years[year] = days
		}
	}
	return c
}

func (b *Book) days(country string, year int) (Days, bool) {
	if days, ok := b.calendars[country][year]; ok {
		return days, true
	}
	return libraryDays(country, year)
}

// Missing names the calendars of this year and the next that the laws need and that are not there,
// as "CN 2027": an operator has to bring them.
func (b *Book) Missing(now time.Time) []string {
	var missing []string
	for _, name := range names {
		for year := now.Year(); year <= now.Year()+1; year++ {
			country := b.profiles[name].Country
			text := fmt.Sprintf("%s %d", country, year)
			if _, ok := b.days(country, year); !ok && !slices.Contains(missing, text) {
				missing = append(missing, text)
			}
		}
	}
	return missing
}

// Law is a profile with the calendar by which it counts: what is pinned to a case.
type Law struct {
	Profile  Profile  `json:"profile"`
	Calendar Calendar `json:"calendar"`
}

// Law is the law of that name for what was received then, or a contract.ErrBadInput.
func (b *Book) Law(name string, received time.Time) (Law, error) {
	p, err := b.Find(name)
	if err != nil {
		return Law{}, err
	}
	return Law{Profile: p, Calendar: b.Calendar(p.Country, received)}, nil
}

// Laws is Law for several names.
func (b *Book) Laws(list []string, received time.Time) ([]Law, error) {
	laws := make([]Law, len(list))
	for i, name := range list {
		law, err := b.Law(name, received)
		if err != nil {
			return nil, err
		}
		laws[i] = law
	}
	return laws, nil
}

// Pin is the law as bytes to keep with a case, and their SHA-256 in hex. The same law gives the
// same bytes.
func (l Law) Pin() (raw []byte, digest string, err error) {
	raw, err = json.Marshal(l)
	if err != nil {
		return nil, "", fmt.Errorf("writing the law %s: %w", l.Profile.Name, err)
	}
	sum := sha256.Sum256(raw)
	return raw, hex.EncodeToString(sum[:]), nil
}

// ReadPin reads what Pin wrote and holds it against its digest; bytes that differ are a
// contract.ErrTampered.
func ReadPin(raw []byte, digest string) (Law, error) {
	sum := sha256.Sum256(raw)
	if hex.EncodeToString(sum[:]) != digest {
		return Law{}, fault.New(contract.ErrTampered, "a pinned law does not match its digest", nil)
	}
	var law Law
	if err := json.Unmarshal(raw, &law); err != nil {
		return Law{}, fault.New(contract.ErrTampered, "a pinned law does not read", err)
	}
	return law, nil
}

// Find is Book.Find of the embedded book.
func Find(name string) (Profile, error) { return Embedded().Find(name) }

// Due is the strict end (exclusive: the next midnight in the profile's zone) of the last day on
// which an access request that was received then must be answered, by the embedded calendars.
func (p Profile) Due(received time.Time) (time.Time, error) {
	law := Law{Profile: p, Calendar: Embedded().Calendar(p.Country, received)}
	clock, err := law.Answer("access", received, nil, received)
	return clock.Strict, err
}

// Earliest is the earliest strict answer to an access request under several laws of the embedded
// book: the strictest clock wins.
func Earliest(laws []string, received time.Time) (time.Time, error) {
	list, err := Embedded().Laws(laws, received)
	if err != nil {
		return time.Time{}, err
	}
	clock, err := EarliestAnswer(list, "access", received, nil, received)
	return clock.Strict, err
}
