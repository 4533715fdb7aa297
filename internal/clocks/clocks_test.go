package clocks

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
)

var received = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

func state(t *testing.T, laws []string, stops []casefile.Stop, extensions []casefile.Extension, now time.Time) State {
	t.Helper()
	list, err := jurisdiction.Embedded().Laws(laws, received)
	if err != nil {
		t.Fatal(err)
	}
	c := casefile.Case{Kind: dsr.Access, Laws: laws, ReceivedAt: received}
	s, err := New(c, list, stops, extensions, now)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := s.Earliest()
	s.Case.DueAt = first.Strict
	return s
}

func TestTheEarliestOfSeveralLawsCounts(t *testing.T) {
	t.Parallel()
	s := state(t, []string{"us-ca", "br-lgpd", "cn-pipl"}, nil, nil, received)
	clock, law := s.Earliest()
	if law.Profile.Name != "br-lgpd" || len(s.Answers) != 3 || clock.Strict.Format(time.DateOnly) != "2026-12-09" {
		t.Errorf("%s, %v", law.Profile.Name, clock.Strict)
	}
	if law, _, ok := s.Law("us-ca"); !ok || law.Profile.Name != "us-ca" {
		t.Error("a law of the case is not found by its name")
	}
	if _, _, ok := s.Law("eu-gdpr"); ok {
		t.Error("a law that the case does not go by was found")
	}
	// More time in California moves nothing: Brazil's is the earliest.
	after, err := s.ExtendedUnder("us-ca")
	if err != nil {
		t.Fatal(err)
	}
	if first, _ := after.Earliest(); !first.Strict.Equal(clock.Strict) || !after.Answers[0].Strict.After(s.Answers[0].Strict) {
		t.Errorf("extended to %v", first.Strict)
	}
}

func levels(list []Alarm) string {
	var words []string
	for _, a := range list {
		words = append(words, a.Level)
	}
	return strings.Join(words, " ")
}

func TestOfWarningsThatPassedOnlyTheLastComes(t *testing.T) {
	t.Parallel()
	s := state(t, []string{"cn-pipl"}, nil, nil, received)
	list, err := s.Alarms(true)
	if err != nil {
		t.Fatal(err)
	}
	due := s.Case.DueAt
	for _, v := range []struct {
		before time.Duration
		come   string
		next   time.Duration // before due
	}{
		{30 * 24 * time.Hour, "", 10 * 24 * time.Hour},
		{10 * 24 * time.Hour, "10d", 7 * 24 * time.Hour},
		{5 * 24 * time.Hour, "7d", 3 * 24 * time.Hour}, // opened late: not 10d as well
		{time.Hour, "1d", 0},
		{0, "overdue", -7 * 24 * time.Hour},
		{-8 * 24 * time.Hour, "overdue still-overdue", -14 * 24 * time.Hour},
	} {
		come, next := Next(list, due.Add(-v.before))
		if got := levels(come); got != v.come || !next.Equal(due.Add(-v.next)) {
			t.Errorf("%v before: %q, next %v; want %q, next %v", v.before, got, next, v.come, due.Add(-v.next))
		}
	}
	if list, _ = s.Alarms(false); !slices.ContainsFunc(list, func(a Alarm) bool { return a.Level == AckOverdue }) {
		t.Error("a receipt that nobody confirmed is no alarm")
	}
}

func TestAStoppedClockWarnsOfNothingButTheSilence(t *testing.T) {
	t.Parallel()
	asked := []casefile.Stop{{N: 1, Kind: jurisdiction.AskedClarification, AskedAt: received.Add(48 * time.Hour)}}
	s := state(t, []string{"uk-gdpr"}, asked, nil, received.Add(72*time.Hour))
	list, err := s.Alarms(true)
	if err != nil || !s.Halted() || levels(list) != NotAnswered {
		t.Errorf("halted %v: %q, %v", s.Halted(), levels(list), err)
	}
	// The GDPR's clock runs on, and so does that of a case under both.
	s = state(t, []string{"uk-gdpr", "br-lgpd"}, asked, nil, received.Add(72*time.Hour))
	if list, err = s.Alarms(true); err != nil || s.Halted() || !strings.Contains(levels(list), "10d") {
		t.Errorf("halted %v: %q, %v", s.Halted(), levels(list), err)
	}
}
