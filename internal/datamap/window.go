package datamap

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Window are the hours of the day in which rows go, in minutes since midnight: From until before To,
// over midnight where To comes first. The zero Window is the whole day.
type Window struct{ From, To int }

// leastWindow is the shortest window, in minutes: a sweep would hardly have begun.
const leastWindow = 15

// String writes the window as the map does.
func (w Window) String() string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", w.From/60, w.From%60, w.To/60, w.To%60)
}

// holds says whether a minute of the day lies in the window.
func (w Window) holds(minute int) bool {
	if w.From < w.To {
		return w.From <= minute && minute < w.To
	}
	return minute >= w.From || minute < w.To
}

// minutes is how long the window is on an ordinary day.
func (w Window) minutes() int { return (w.To - w.From + 24*60) % (24 * 60) }

// Opens is when rows may go next, by the clocks on the wall of the sweep's zone: now, where they may go now. An
// hour that a change of the clock takes away has no window, and one that it gives twice has it twice.
func (s Sweep) Opens(now time.Time) time.Time {
	if s.Window == (Window{}) {
		return now
	}
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		zone = time.UTC // the map was checked when it was read
	}
	open := func(at time.Time) bool {
		hour, minute, _ := at.In(zone).Clock()
		return s.Window.holds(60*hour + minute)
	}
	if open(now) {
		return now
	}
	at := now.Truncate(time.Minute)
	for range 4 * 24 * 60 { // a window opens on each day but one on which its hours do not exist
		if at = at.Add(time.Minute); open(at) {
			return at
		}
	}
	return now.Add(24 * time.Hour)
}

var windowForm = regexp.MustCompile(`^([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])$`)

// window reads the hours in which rows go, and refuses those that leave open which are meant: without a
// zone, too short, or without the time at which the sweep begins.
func (f *file) window(w *record, n ast.Node, s *System) {
	text, ok := f.str(n, "window")
	if !ok {
		return
	}
	parts := windowForm.FindStringSubmatch(text)
	if parts == nil {
		f.node(n, `window must be two times of the day such as "01:00-05:00"`)
		return
	}
	number := func(i int) int { v, _ := strconv.Atoi(parts[i]); return v } // digits alone, by the expression
	window := Window{From: 60*number(1) + number(2), To: 60*number(3) + number(4)}
	at, err := time.Parse("15:04", s.Sweep.At)
	switch {
	case window.minutes() < leastWindow:
		f.node(n, "window must be at least %d minutes long", leastWindow)
	case w.fields["zone"].key == nil:
		f.node(n, `window needs "zone": whose clock shows these hours`)
	case err == nil && !window.holds(60*at.Hour()+at.Minute()):
		f.node(n, "the sweep begins at %s, which is not within its window %s", s.Sweep.At, text)
	default:
		s.Sweep.Window = window
	}
}
