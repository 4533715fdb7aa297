package jurisdiction

import (
	"slices"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// The vectors were worked out by hand on a paper calendar: each says the last day, strictly and
// legally, and where it is not plain, why.
type vector struct {
	law, kind, received string
	stops               []Pause
	now                 string
	strict, legal       string
	missing             []int
	why                 string
}

func law(t *testing.T, name string, at time.Time) Law {
	t.Helper()
	l, err := Embedded().Law(name, at)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse("2006-01-02T15:04Z", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func asked(t *testing.T, kind, from, until string) Pause {
	t.Helper()
	return Pause{Kind: kind, From: moment(t, from), Until: moment(t, until)}
}

func hold(t *testing.T, v vector, compute func(Law, time.Time, time.Time) (Clock, error)) {
	t.Helper()
	received := moment(t, v.received)
	l := law(t, v.law, received)
	now := received
	if v.now != "" {
		now = moment(t, v.now)
	}
	clock, err := compute(l, received, now)
	if err != nil {
		t.Errorf("%s %s from %s: %v", v.law, v.kind, v.received, err)
		return
	}
	zone, err := time.LoadLocation(l.Profile.Zone)
	if err != nil {
		t.Fatal(err)
	}
	last := func(at time.Time) string {
		if at.In(zone).Format(time.TimeOnly) != "00:00:00" {
			t.Errorf("%s %s from %s ends within a day: %v", v.law, v.kind, v.received, at.In(zone))
		}
		return at.In(zone).AddDate(0, 0, -1).Format(time.DateOnly)
	}
	if got := last(clock.Strict); got != v.strict {
		t.Errorf("%s %s from %s: strictly until %s, want %s (%s)", v.law, v.kind, v.received, got, v.strict, v.why)
	}
	if got := last(clock.Legal); got != v.legal {
		t.Errorf("%s %s from %s: legally until %s, want %s (%s)", v.law, v.kind, v.received, got, v.legal, v.why)
	}
	if !slices.Equal(clock.Missing, v.missing) {
		t.Errorf("%s %s from %s: years without a calendar %v, want %v", v.law, v.kind, v.received, clock.Missing, v.missing)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	clarify := func(from, until string) Pause { return asked(t, AskedClarification, from, until) }
	identity := func(from, until string) Pause { return asked(t, AskedIdentity, from, until) }
	for _, v := range []vector{
		{law: "cn-pipl", kind: "access", received: "2026-11-23T03:00Z", strict: "2026-12-23", legal: "2026-12-23", why: "30 days"},
		{law: "cn-pipl", kind: "access", received: "2026-11-23T17:00Z", strict: "2026-12-24", legal: "2026-12-24", why: "already the 24th in Shanghai"},
		{law: "cn-pipl", kind: "access", received: "2026-11-23T15:59Z", strict: "2026-12-23", legal: "2026-12-23", why: "a minute before midnight in Shanghai"},
		{law: "cn-pipl", kind: "access", received: "2026-09-01T02:00Z", strict: "2026-10-01", legal: "2026-10-08", why: "National Day, seven days"},
		{law: "cn-pipl", kind: "access", received: "2026-01-16T02:00Z", strict: "2026-02-15", legal: "2026-02-24", why: "Spring Festival, nine days"},
		{law: "cn-pipl", kind: "access", received: "2026-01-15T02:00Z", strict: "2026-02-14", legal: "2026-02-14", why: "a Saturday on which people work"},
		{law: "cn-pipl", kind: "access", received: "2026-01-29T02:00Z", strict: "2026-02-28", legal: "2026-02-28", why: "another"},
		{law: "cn-pipl", kind: "access", received: "2026-08-21T02:00Z", strict: "2026-09-20", legal: "2026-09-20", why: "a Sunday on which people work"},
		{law: "cn-pipl", kind: "access", received: "2026-09-10T02:00Z", strict: "2026-10-10", legal: "2026-10-10", why: "the Saturday after National Day"},
		{law: "cn-pipl", kind: "access", received: "2026-04-03T02:00Z", strict: "2026-05-03", legal: "2026-05-06", why: "Labour Day, five days"},
		{law: "cn-pipl", kind: "access", received: "2026-12-04T02:00Z", strict: "2027-01-03", legal: "2027-01-04", missing: []int{2027}, why: "a Sunday of a year without a calendar"},
		{law: "cn-pipl", kind: "access", received: "2026-12-02T02:00Z", strict: "2027-01-01", legal: "2027-01-01", missing: []int{2027}, why: "a Friday, for all that is known"},
		{law: "cn-pipl", kind: "access", received: "2026-11-23T03:00Z", stops: []Pause{clarify("2026-11-25T02:00Z", "2026-12-05T02:00Z")}, strict: "2026-12-23", legal: "2026-12-23", why: "China stops no clock"},
		{law: "cn-pipl", kind: "deletion", received: "2026-11-23T03:00Z", strict: "2026-12-14", legal: "2026-12-14", why: "15 working days"},
		{law: "cn-pipl", kind: "deletion", received: "2026-09-21T03:00Z", strict: "2026-10-19", legal: "2026-10-19", why: "across Mid-Autumn, National Day and a Saturday at work"},
		{law: "cn-pipl", kind: "deletion", received: "2026-02-10T03:00Z", strict: "2026-03-09", legal: "2026-03-09", why: "across the Spring Festival and two Saturdays at work"},
		{law: "cn-pipl", kind: "correction", received: "2026-01-27T03:00Z", strict: "2026-02-24", legal: "2026-02-24", why: "the fifteenth is the first day after the festival"},
		{law: "cn-pipl", kind: "deletion", received: "2026-02-13T03:00Z", strict: "2026-03-12", legal: "2026-03-12"},
		{law: "cn-pipl", kind: "deletion", received: "2026-12-18T03:00Z", strict: "2027-01-08", legal: "2027-01-08", missing: []int{2027}, why: "New Year's Day counts while its year is not known"},

		{law: "eu-gdpr", kind: "access", received: "2026-11-23T10:00Z", strict: "2026-12-23", legal: "2026-12-23"},
		{law: "eu-gdpr", kind: "access", received: "2026-08-31T10:00Z", strict: "2026-09-30", legal: "2026-09-30", why: "September has no 31st"},
		{law: "eu-gdpr", kind: "access", received: "2027-01-31T10:00Z", strict: "2027-02-28", legal: "2027-03-01", why: "a Sunday"},
		{law: "eu-gdpr", kind: "access", received: "2027-01-30T10:00Z", strict: "2027-02-28", legal: "2027-03-01", why: "cut short"},
		{law: "eu-gdpr", kind: "access", received: "2027-01-29T10:00Z", strict: "2027-02-28", legal: "2027-03-01", why: "no 29th in 2027"},
		{law: "eu-gdpr", kind: "access", received: "2028-01-29T10:00Z", strict: "2028-02-29", legal: "2028-02-29", why: "a 29th in 2028"},
		{law: "eu-gdpr", kind: "access", received: "2028-01-31T10:00Z", strict: "2028-02-29", legal: "2028-02-29", why: "cut to the leap day"},
		{law: "eu-gdpr", kind: "access", received: "2028-02-29T10:00Z", strict: "2028-03-29", legal: "2028-03-29", why: "from the leap day"},
		{law: "eu-gdpr", kind: "access", received: "2026-11-24T23:30Z", strict: "2026-12-25", legal: "2026-12-28", why: "the 25th in Brussels; Christmas on a Friday"},
		{law: "eu-gdpr", kind: "access", received: "2026-12-01T10:00Z", strict: "2027-01-01", legal: "2027-01-04", why: "New Year on a Friday"},
		{law: "eu-gdpr", kind: "access", received: "2026-04-01T10:00Z", strict: "2026-05-01", legal: "2026-05-04", why: "Labour Day on a Friday"},
		{law: "eu-gdpr", kind: "access", received: "2026-04-14T10:00Z", strict: "2026-05-14", legal: "2026-05-15", why: "Ascension"},
		{law: "eu-gdpr", kind: "deletion", received: "2026-03-06T10:00Z", strict: "2026-04-06", legal: "2026-04-07", why: "Easter Monday"},
		{law: "eu-gdpr", kind: "access", received: "2026-06-30T22:30Z", strict: "2026-08-01", legal: "2026-08-03", why: "summer time: July in Brussels; a Saturday"},
		{law: "eu-gdpr", kind: "access", received: "2028-12-15T10:00Z", strict: "2029-01-15", legal: "2029-01-15", missing: []int{2029}},
		{law: "eu-gdpr", kind: "access", received: "2026-11-23T10:00Z", stops: []Pause{identity("2026-11-24T10:00Z", "2026-12-10T10:00Z")}, strict: "2026-12-23", legal: "2026-12-23", why: "written down, and no more"},

		{law: "uk-gdpr", kind: "access", received: "2026-11-23T10:00Z", strict: "2026-12-22", legal: "2026-12-23", why: "one month beginning with"},
		{law: "uk-gdpr", kind: "access", received: "2028-01-31T10:00Z", strict: "2028-02-28", legal: "2028-02-29"},
		{law: "uk-gdpr", kind: "access", received: "2026-11-25T10:00Z", strict: "2026-12-24", legal: "2026-12-29", why: "Boxing Day is a Saturday and kept on Monday"},
		{law: "uk-gdpr", kind: "access", received: "2026-07-01T23:30Z", strict: "2026-08-01", legal: "2026-08-03", why: "2 July in London"},
		{law: "uk-gdpr", kind: "access", received: "2026-11-23T10:00Z", stops: []Pause{clarify("2026-11-30T10:00Z", "2026-12-04T09:00Z")}, strict: "2026-12-27", legal: "2026-12-29", why: "five days, both ends included"},
		{law: "uk-gdpr", kind: "access", received: "2026-11-23T10:00Z", stops: []Pause{clarify("2026-11-30T10:00Z", "2026-11-30T11:00Z")}, strict: "2026-12-23", legal: "2026-12-24", why: "asked and answered on one day"},
		{law: "uk-gdpr", kind: "access", received: "2026-11-23T10:00Z", stops: []Pause{clarify("2026-11-30T10:00Z", "2026-12-04T09:00Z"), clarify("2026-12-03T10:00Z", "2026-12-07T09:00Z")}, strict: "2026-12-30", legal: "2026-12-31", why: "days of two questions count once"},
		{law: "uk-gdpr", kind: "access", received: "2026-11-23T10:00Z", stops: []Pause{clarify("2026-12-28T10:00Z", "2026-12-30T09:00Z")}, strict: "2026-12-22", legal: "2026-12-23", why: "asked when the time was over"},
		{law: "uk-gdpr", kind: "deletion", received: "2026-11-23T10:00Z", stops: []Pause{clarify("2026-11-30T10:00Z", "2026-12-04T09:00Z")}, strict: "2026-12-22", legal: "2026-12-23", why: "only for access"},
		{law: "uk-gdpr", kind: "access", received: "2026-11-23T10:00Z", stops: []Pause{clarify("2026-11-30T10:00Z", "")}, now: "2026-12-02T12:00Z", strict: "2026-12-25", legal: "2026-12-29", why: "still open: three days so far"},
		{law: "uk-gdpr", kind: "access", received: "2026-11-23T10:00Z", stops: []Pause{identity("2026-11-24T10:00Z", "2026-12-31T10:00Z")}, strict: "2027-01-30", legal: "2027-02-01", why: "begins when the information came"},
		{law: "uk-gdpr", kind: "access", received: "2026-11-23T10:00Z", stops: []Pause{identity("2026-11-24T10:00Z", "")}, now: "2026-12-10T10:00Z", strict: "2027-01-09", legal: "2027-01-11", why: "has not begun; the 10th is a Sunday"},
		{law: "uk-gdpr", kind: "access", received: "2027-01-31T10:00Z", stops: []Pause{clarify("2027-02-10T10:00Z", "2027-02-12T10:00Z")}, strict: "2027-03-02", legal: "2027-03-03", why: "a pause across a month that was cut short"},
		{law: "uk-gdpr", kind: "access", received: "2026-11-23T10:00Z", stops: []Pause{clarify("2026-12-20T10:00Z", "2027-01-04T10:00Z")}, strict: "2027-01-07", legal: "2027-01-08", why: "sixteen days across Christmas and the year's end"},

		{law: "us-ca", kind: "access", received: "2026-11-23T20:00Z", strict: "2027-01-06", legal: "2027-01-06", why: "the day of receipt is day one"},
		{law: "us-ca", kind: "access", received: "2026-11-24T07:30Z", strict: "2027-01-06", legal: "2027-01-06", why: "still the 23rd in Los Angeles"},
		{law: "us-ca", kind: "deletion", received: "2027-12-31T20:00Z", strict: "2028-02-13", legal: "2028-02-13", why: "a Sunday, and nothing moves"},
		{law: "us-ca", kind: "access", received: "2028-01-20T20:00Z", strict: "2028-03-04", legal: "2028-03-04", why: "across the leap day"},
		{law: "us-ca", kind: "access", received: "2026-11-23T20:00Z", stops: []Pause{clarify("2026-11-25T20:00Z", "2026-12-05T20:00Z"), identity("2026-11-25T20:00Z", "2026-12-05T20:00Z")}, strict: "2027-01-06", legal: "2027-01-06", why: "runs regardless"},
		{law: "us-ca", kind: "opt-out", received: "2026-12-21T20:00Z", strict: "2027-01-12", legal: "2027-01-12", why: "15 working days across Christmas and New Year"},

		{law: "br-lgpd", kind: "access", received: "2026-11-23T20:00Z", strict: "2026-12-08", legal: "2026-12-08"},
		{law: "br-lgpd", kind: "access", received: "2026-11-24T02:30Z", strict: "2026-12-08", legal: "2026-12-08", why: "still the 23rd in São Paulo"},
		{law: "br-lgpd", kind: "access", received: "2026-12-10T12:00Z", strict: "2026-12-25", legal: "2026-12-28", why: "Christmas on a Friday"},
		{law: "br-lgpd", kind: "deletion", received: "2026-04-06T12:00Z", strict: "2026-04-21", legal: "2026-04-22", why: "Tiradentes"},
	} {
		hold(t, v, func(l Law, received, now time.Time) (Clock, error) { return l.Answer(v.kind, received, v.stops, now) })
	}
}

func TestAcknowledgements(t *testing.T) {
	t.Parallel()
	for _, v := range []vector{
		{law: "cn-pipl", kind: "access", received: "2026-11-26T03:00Z", strict: "2026-12-01", legal: "2026-12-01", why: "over a weekend"},
		{law: "cn-pipl", kind: "access", received: "2026-09-24T03:00Z", strict: "2026-09-30", legal: "2026-09-30", why: "Mid-Autumn"},
		{law: "cn-pipl", kind: "access", received: "2026-09-30T03:00Z", strict: "2026-10-10", legal: "2026-10-10", why: "National Day, and a Saturday at work is the third"},
		{law: "cn-pipl", kind: "access", received: "2025-01-24T03:00Z", strict: "2025-02-05", legal: "2025-02-05", why: "a Sunday at work before the festival of 2025"},
		{law: "eu-gdpr", kind: "access", received: "2026-12-24T10:00Z", strict: "2026-12-30", legal: "2026-12-30"},
		{law: "uk-gdpr", kind: "access", received: "2026-12-24T10:00Z", strict: "2026-12-31", legal: "2026-12-31", why: "Boxing Day kept on Monday"},
		{law: "us-ca", kind: "access", received: "2026-11-23T20:00Z", strict: "2026-11-25", legal: "2026-11-25", why: "our own three, not the law's ten"},
		{law: "us-ca", kind: "access", received: "2026-11-25T20:00Z", strict: "2026-11-30", legal: "2026-11-30", why: "Thanksgiving"},
		{law: "br-lgpd", kind: "access", received: "2026-10-09T12:00Z", strict: "2026-10-15", legal: "2026-10-15", why: "12 October"},
	} {
		hold(t, v, func(l Law, received, _ time.Time) (Clock, error) { return l.Acknowledge(v.kind, received) })
	}
}

func TestExtensions(t *testing.T) {
	t.Parallel()
	for _, v := range []vector{
		{law: "eu-gdpr", kind: "access", received: "2027-01-31T10:00Z", strict: "2027-04-30", legal: "2027-04-30", why: "from the receipt, not from 28 February"},
		{law: "eu-gdpr", kind: "access", received: "2026-08-31T10:00Z", strict: "2026-11-30", legal: "2026-11-30"},
		{law: "eu-gdpr", kind: "access", received: "2026-11-30T10:00Z", strict: "2027-02-28", legal: "2027-03-01"},
		{law: "uk-gdpr", kind: "access", received: "2026-11-23T10:00Z", strict: "2027-02-22", legal: "2027-02-23"},
		{law: "uk-gdpr", kind: "access", received: "2026-11-23T10:00Z", stops: []Pause{asked(t, AskedClarification, "2026-11-30T10:00Z", "2026-12-04T09:00Z")}, strict: "2027-02-27", legal: "2027-03-01"},
		{law: "us-ca", kind: "access", received: "2026-11-23T20:00Z", strict: "2027-02-20", legal: "2027-02-20", why: "90 days in all"},
		{law: "us-ca", kind: "deletion", received: "2027-12-01T20:00Z", strict: "2028-02-28", legal: "2028-02-28"},
	} {
		hold(t, v, func(l Law, received, now time.Time) (Clock, error) { return l.Extended(v.kind, received, v.stops, now) })
	}
	at := moment(t, "2026-11-23T03:00Z")
	for _, name := range []string{"cn-pipl", "br-lgpd"} {
		if c, err := law(t, name, at).Extended("access", at, nil, at); err == nil {
			t.Errorf("%s gave an extension: %+v", name, c)
		}
	}
}

// The rule for complaints (UK) is covered by our own shorter one, so it is held by itself.
func TestUKComplaintsAreAcknowledgedWithinThirtyDaysTheFirstIncluded(t *testing.T) {
	t.Parallel()
	at := moment(t, "2026-11-23T10:00Z")
	l := law(t, "uk-gdpr", at)
	l.Profile.Acknowledge = slices.DeleteFunc(slices.Clone(l.Profile.Acknowledge), func(r Rule) bool { return r.House })
	clock, err := l.Acknowledge("complaint", at)
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 12, 23, 0, 0, 0, 0, time.UTC); !clock.Strict.Equal(want) {
		t.Errorf("strict %v, want %v", clock.Strict, want)
	}
	// The law holds for what was received from 19 June 2026 on, by London's days.
	for _, early := range []string{"2026-06-18T22:59Z", "2026-01-02T10:00Z"} {
		if _, err := l.Acknowledge("complaint", moment(t, early)); err == nil {
			t.Errorf("a complaint received %s goes by a rule that was not in force", early)
		}
	}
	if _, err := l.Acknowledge("complaint", moment(t, "2026-06-18T23:01Z")); err != nil {
		t.Error(err)
	}
}

// A complaint is answered: no law takes more time for it, and none refuses it.
func TestComplaintsAreNeitherExtendedNorRefused(t *testing.T) {
	t.Parallel()
	for _, v := range []struct{ law, received, strict string }{
		{"cn-pipl", "2026-11-23T03:00Z", "2026-12-14"}, // 15 working days
		{"uk-gdpr", "2026-11-23T10:00Z", "2026-12-22"}, // a month beginning with the day
		{"eu-gdpr", "2026-11-23T10:00Z", "2026-12-23"},
		{"us-ca", "2026-11-23T20:00Z", "2027-01-06"}, // 45 days, the day of receipt counted
		{"br-lgpd", "2026-11-23T15:00Z", "2026-12-08"},
	} {
		at := moment(t, v.received)
		l := law(t, v.law, at)
		if !l.Profile.Allows("complaint") {
			t.Errorf("%s knows no complaint", v.law)
		}
		clock, err := l.Answer("complaint", at, nil, at)
		if err != nil {
			t.Fatal(err)
		}
		zone, err := time.LoadLocation(l.Profile.Zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := clock.Strict.Add(-time.Second).In(zone).Format(time.DateOnly); got != v.strict {
			t.Errorf("%s: strict %s, want %s", v.law, got, v.strict)
		}
		if len(l.Profile.RefusalsFor("complaint")) > 0 {
			t.Errorf("%s refuses complaints", v.law)
		}
		if err := l.MayExtend("complaint", "complexity", clock.Strict, at); !fault.Is(err, contract.ErrBadInput) {
			t.Errorf("%s extends a complaint: %v", v.law, err)
		}
	}
}

func TestLeaks(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		law, code, from, strict, legal string
		in                             Incident
	}{
		{"cn-pipl", "cac-other", "2026-12-31T22:30Z", "2027-01-01T02:30Z", "2027-01-01T02:30Z", Incident{}},
		{"cn-pipl", "cac-cii", "2026-10-01T00:00Z", "2026-10-01T01:00Z", "2026-10-01T01:00Z", Incident{}}, // a holiday
		{"cn-pipl", "cac-central", "2026-11-28T23:59Z", "2026-11-29T01:59Z", "2026-11-29T01:59Z", Incident{}},
		{"cn-pipl", "authority", "2026-11-28T23:59Z", "2026-11-28T23:59Z", "2026-11-28T23:59Z", Incident{}}, // at once
		{"cn-pipl", "cac-summary", "2026-09-01T02:00Z", "2026-10-01T16:00Z", "2026-10-08T16:00Z", Incident{}},
		{"eu-gdpr", "authority", "2026-11-27T16:00Z", "2026-11-30T16:00Z", "2026-11-30T16:00Z", Incident{}}, // a weekend
		{"eu-gdpr", "authority", "2026-03-28T12:00Z", "2026-03-31T12:00Z", "2026-03-31T12:00Z", Incident{}}, // clocks change
		{"uk-gdpr", "authority", "2026-12-24T09:15Z", "2026-12-27T09:15Z", "2026-12-27T09:15Z", Incident{}},
		{"br-lgpd", "anpd", "2026-11-26T12:00Z", "2026-12-02T03:00Z", "2026-12-02T03:00Z", Incident{}},
		{"br-lgpd", "anpd", "2026-11-26T12:00Z", "2026-12-05T03:00Z", "2026-12-05T03:00Z", Incident{Small: true}},
		{"br-lgpd", "anpd-supplement", "2026-12-14T12:00Z", "2027-01-14T03:00Z", "2027-01-14T03:00Z", Incident{}},
		{"us-ca", "persons", "2026-11-23T20:00Z", "2026-12-23T08:00Z", "2026-12-23T08:00Z", Incident{}},
		{"us-ca", "attorney-general", "2026-12-22T20:00Z", "2027-01-06T08:00Z", "2027-01-06T08:00Z", Incident{}},
	} {
		from := moment(t, v.from)
		clock, err := law(t, v.law, from).Breach(v.code, from, v.in)
		if err != nil {
			t.Errorf("%s %s: %v", v.law, v.code, err)
			continue
		}
		if !clock.Strict.Equal(moment(t, v.strict)) || !clock.Legal.Equal(moment(t, v.legal)) {
			t.Errorf("%s %s from %s: %v and %v, want %s and %s", v.law, v.code, v.from, clock.Strict.UTC(), clock.Legal.UTC(), v.strict, v.legal)
		}
	}
}

// The moments, not only the days: the end of a day is midnight in the law's zone, in winter time
// though the request came in summer time.
func TestTheDayEndsInTheZoneOfTheLaw(t *testing.T) {
	t.Parallel()
	for _, v := range []struct{ law, received, strict string }{
		{"us-ca", "2026-10-31T20:00Z", "2026-12-15T08:00Z"},
		{"us-ca", "2026-02-01T20:00Z", "2026-03-18T07:00Z"},
		{"eu-gdpr", "2026-10-20T10:00Z", "2026-11-20T23:00Z"},
		{"eu-gdpr", "2026-03-10T10:00Z", "2026-04-10T22:00Z"},
		{"cn-pipl", "2026-11-23T03:00Z", "2026-12-23T16:00Z"},
		{"br-lgpd", "2026-11-23T20:00Z", "2026-12-09T03:00Z"},
	} {
		at := moment(t, v.received)
		clock, err := law(t, v.law, at).Answer("access", at, nil, at)
		if err != nil || !clock.Strict.Equal(moment(t, v.strict)) {
			t.Errorf("%s from %s: %v (%v), want %s", v.law, v.received, clock.Strict.UTC(), err, v.strict)
		}
	}
}

func TestKeeping(t *testing.T) {
	t.Parallel()
	for _, v := range []struct{ law, closed, until string }{
		{"cn-pipl", "2026-11-23T03:00Z", "2029-11-23T16:00Z"},
		{"cn-pipl", "2028-02-29T03:00Z", "2031-02-28T16:00Z"},
		{"us-ca", "2026-02-28T20:00Z", "2028-02-29T08:00Z"},
		{"eu-gdpr", "2026-06-30T22:30Z", "2029-07-01T22:00Z"},
	} {
		at := moment(t, v.closed)
		until, err := law(t, v.law, at).KeepUntil(at)
		if err != nil || !until.Equal(moment(t, v.until)) {
			t.Errorf("%s closed %s: until %v (%v), want %s", v.law, v.closed, until.UTC(), err, v.until)
		}
	}
}
