package jurisdiction

import (
	"testing"
	"time"
)

// The cut-off is held against the rule itself, day by day over leap years and daylight saving: a
// time is over when the last day of its span, counted from its own civil day, lies before today.
func TestOverBefore(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"UTC", "Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, span := range []struct{ months, days int }{{6, 0}, {1, 0}, {36, 0}, {0, 30}, {0, 1}, {120, 0}} {
			for day := range 900 {
				now := time.Date(2023, 1, 1, 2, 30, 0, 0, zone).AddDate(0, 0, day)
				got := Begins(OverBefore(span.months, span.days, now, zone), zone)
				over := func(at time.Time) bool {
					return addMonths(civil(at, zone), span.months).AddDate(0, 0, span.days).Before(civil(now, zone))
				}
				if !over(got.Add(-time.Second)) || over(got) {
					t.Fatalf("%s, %+v, at %s: %s is not the first moment that is not over", name, span, now, got)
				}
			}
		}
	}
}

func TestOverBeforeIsTheSameAllNight(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	// Both Sundays on which the clock is put on or back.
	for _, day := range []time.Time{time.Date(2026, 3, 29, 0, 0, 0, 0, zone), time.Date(2026, 10, 25, 0, 0, 0, 0, zone)} {
		first := OverBefore(6, 0, day, zone)
		for at := day; civil(at, zone).Equal(civil(day, zone)); at = at.Add(10 * time.Minute) {
			if got := OverBefore(6, 0, at, zone); !got.Equal(first) {
				t.Fatalf("at %s it is %s, and was %s", at, got, first)
			}
		}
	}
	// 31 August and six months: the last day of February.
	if got := OverBefore(6, 0, time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC), time.UTC); !got.Equal(time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("got %s", got)
	}
}
