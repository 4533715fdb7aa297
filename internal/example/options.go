package example

import (
	"fmt"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// The bounds of Options.
const (
	DefaultPeople        = 2_000
	DefaultLogsPerPerson = 20
	// MinPeople leaves room for the cast and for some people around them.
	MinPeople = 100
	// MaxPeople is where the block of mobile numbers ends.
	MaxPeople = 3_000_000
	// MaxLogsPerPerson keeps one person's work small; Heavy is for more.
	MaxLogsPerPerson = 10_000
)

// Options say what to make.
type Options struct {
	People int   // account holders, the cast included; DefaultPeople when 0
	Seed   int64 // the same seed, the same people
	// Since is when the first account was opened; three years before Now when zero.
	Since time.Time
	// Now is the moment at which the company is seen: nothing is younger. It must be given.
	Now time.Time
	// LogsPerPerson is the mean number of request log rows; DefaultLogsPerPerson when 0. Sign-in
	// logs are a quarter of that.
	LogsPerPerson int
	// Heavy is how many more request log rows the cast's Heavy person gets. Only Load makes them,
	// inside the database.
	Heavy int
}

// complete fills in defaults and refuses what cannot be made.
func (o Options) complete() (Options, error) {
	if o.People == 0 {
		o.People = DefaultPeople
	}
	if o.LogsPerPerson == 0 {
		o.LogsPerPerson = DefaultLogsPerPerson
	}
	if o.Now.IsZero() {
		return o, fmt.Errorf("example: Options.Now is missing")
	}
	o.Now = o.Now.UTC().Truncate(time.Second)
	if o.Since.IsZero() {
		o.Since = o.Now.AddDate(-3, 0, 0)
	}
	o.Since = o.Since.UTC().Truncate(time.Second)
	switch {
	case o.People < MinPeople || o.People > MaxPeople:
		return o, fault.Newf(contract.ErrBadInput, "the example company cannot have %d people; between %d and %d can be made", o.People, MinPeople, MaxPeople)
	case o.LogsPerPerson < 0 || o.LogsPerPerson > MaxLogsPerPerson:
		return o, fault.Newf(contract.ErrBadInput, "the example company cannot have %d log rows a person; between 0 and %d can be made", o.LogsPerPerson, MaxLogsPerPerson)
	case o.Heavy < 0:
		return o, fmt.Errorf("example: %d rows for the heavy person", o.Heavy)
	case o.Now.Sub(o.Since) < 365*24*time.Hour:
		return o, fmt.Errorf("example: Since must lie at least a year before Now")
	}
	return o, nil
}

// fingerprint names what was loaded, for Loaded. Now is left out: rows a day old serve as well.
func (o Options) fingerprint() string {
	return fmt.Sprintf("%s people=%d seed=%d logs=%d heavy=%d", marker, o.People, o.Seed, o.LogsPerPerson, o.Heavy)
}
