package jurisdiction

import (
	"testing"
	"time"
)

// How many requests are too many, by the days of the law's zone.
func TestRepeated(t *testing.T) {
	t.Parallel()
	received := moment(t, "2026-11-23T18:00Z") // 10 in the morning of the 23rd in California
	for _, v := range []struct {
		law, kind string
		others    []string
		count     int
		asked     bool
	}{
		{"us-ca", "access", []string{"2026-01-10T18:00Z", "2026-05-10T18:00Z"}, 3, true},
		{"us-ca", "access", []string{"2026-05-10T18:00Z"}, 2, false},
		{"us-ca", "access", []string{"2025-11-24T18:00Z", "2026-05-10T18:00Z"}, 3, true},
		{"us-ca", "access", []string{"2025-11-24T07:59Z", "2026-05-10T18:00Z"}, 2, false}, // still the 23rd there: twelve months are over
		{"us-ca", "deletion", []string{"2026-01-10T18:00Z", "2026-05-10T18:00Z"}, 0, false},
		{"cn-pipl", "access", []string{"2026-11-20T18:00Z", "2026-11-21T18:00Z", "2026-11-22T18:00Z"}, 0, false}, // names no number
		{"eu-gdpr", "access", []string{"2026-11-20T18:00Z", "2026-11-21T18:00Z"}, 3, false},
	} {
		var others []time.Time
		for _, at := range v.others {
			others = append(others, moment(t, at))
		}
		count, ground, asked := law(t, v.law, received).Repeated(v.kind, received, others)
		if count != v.count || asked != v.asked || asked && ground.Code != "more_than_2_in_12_months" {
			t.Errorf("%s %s %v: %d %v %s", v.law, v.kind, v.others, count, asked, ground.Code)
		}
	}
	eu := law(t, "eu-gdpr", received)
	var many []time.Time
	for range eu.Profile.Repeats.MoreThan {
		many = append(many, received.AddDate(0, -1, 0))
	}
	if _, ground, asked := eu.Repeated("deletion", received, many); !asked || ground.Code != "excessive" || !eu.Profile.Repeats.House {
		t.Errorf("the GDPR: %v %s", asked, ground.Code)
	}
}
