package jurisdiction

import (
	"testing"
	"time"
)

func TestDue(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ law, received, last string }{
		{"cn-pipl", "2026-11-23T03:00:00Z", "2026-12-23"}, // + 30 days
		{"cn-pipl", "2026-11-23T17:00:00Z", "2026-12-24"}, // already the 24th in Shanghai
		{"eu-gdpr", "2026-11-23T10:00:00Z", "2026-12-23"},
		{"eu-gdpr", "2026-08-31T10:00:00Z", "2026-09-30"}, // September has no 31st
		{"eu-gdpr", "2027-01-31T10:00:00Z", "2027-02-28"},
		{"uk-gdpr", "2028-01-31T10:00:00Z", "2028-02-29"}, // leap year
		{"us-ca", "2026-11-23T20:00:00Z", "2027-01-06"},   // the day of receipt is day one
		{"br-lgpd", "2026-11-23T20:00:00Z", "2026-12-08"},
	} {
		p, err := Find(tc.law)
		if err != nil {
			t.Fatal(err)
		}
		received, _ := time.Parse(time.RFC3339, tc.received)
		due, err := p.Due(received)
		if err != nil {
			t.Fatal(err)
		}
		if got := due.Add(-time.Second).Format(time.DateOnly); got != tc.last || due.Format(time.TimeOnly) != "00:00:00" {
			t.Errorf("%s from %s: last day %s (due %v), want %s", tc.law, tc.received, got, due, tc.last)
		}
	}
}

func TestEarliestIsTheStrictest(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	due, err := Earliest([]string{"cn-pipl", "br-lgpd", "us-ca"}, at)
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 12, 9, 3, 0, 0, 0, time.UTC); !due.Equal(want) {
		t.Errorf("due %v, want %v", due.UTC(), want)
	}
	if _, err := Earliest([]string{"cn-pipl", "xx"}, at); err == nil {
		t.Error("an unknown law was taken")
	}
}
