package datamap

import (
	"testing"
	"time"
)

// A sweep waits for the hours of its zone, across midnight, and across days on which the clock changes.
func TestSweepOpens(t *testing.T) {
	t.Parallel()
	const berlin = "Europe/Berlin"
	for name, v := range map[string]struct {
		window, zone, now, want string
	}{
		"no window":               {"", "UTC", "2026-11-25T12:00:00Z", "2026-11-25T12:00:00Z"},
		"within":                  {"01:00-05:00", "Asia/Shanghai", "2026-11-24T17:00:00Z", "2026-11-24T17:00:00Z"},
		"its last minute":         {"01:00-05:00", "Asia/Shanghai", "2026-11-24T20:59:59Z", "2026-11-24T20:59:59Z"},
		"over":                    {"01:00-05:00", "Asia/Shanghai", "2026-11-24T21:00:00Z", "2026-11-25T17:00:00Z"},
		"before":                  {"01:00-05:00", "UTC", "2026-11-25T00:59:30Z", "2026-11-25T01:00:00Z"},
		"over midnight, late":     {"22:00-04:00", "UTC", "2026-11-25T23:00:00Z", "2026-11-25T23:00:00Z"},
		"over midnight, early":    {"22:00-04:00", "UTC", "2026-11-25T03:59:00Z", "2026-11-25T03:59:00Z"},
		"over midnight, closed":   {"22:00-04:00", "UTC", "2026-11-25T04:00:00Z", "2026-11-25T22:00:00Z"},
		"hours that are skipped":  {"02:00-03:00", berlin, "2026-03-29T00:30:00Z", "2026-03-30T00:00:00Z"},
		"half of them is skipped": {"01:30-03:30", berlin, "2026-03-29T01:10:00Z", "2026-03-29T01:10:00Z"}, // 03:10 in summer time
		"hours that come twice":   {"02:00-02:30", berlin, "2026-10-25T00:40:00Z", "2026-10-25T01:00:00Z"},
		"the second time is over": {"02:00-02:30", berlin, "2026-10-25T01:40:00Z", "2026-10-26T01:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Sweep{Zone: v.zone}
			if parts := windowForm.FindStringSubmatch(v.window); parts != nil {
				from, _ := time.Parse("15:04", v.window[:5])
				to, _ := time.Parse("15:04", v.window[6:])
				s.Window = Window{60*from.Hour() + from.Minute(), 60*to.Hour() + to.Minute()}
				if s.Window.String() != v.window {
					t.Errorf("%s is written %s", v.window, s.Window)
				}
			}
			now, err := time.Parse(time.RFC3339, v.now)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Opens(now).UTC().Format(time.RFC3339); got != v.want {
				t.Errorf("opens at %s, want %s", got, v.want)
			}
		})
	}
}
