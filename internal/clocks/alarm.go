package clocks

import (
	"fmt"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
)

// Levels of an alarm beside "10d", "7d", … before a case is due.
const (
	Overdue       = "overdue"       // the strict date is over
	AckOverdue    = "ack-overdue"   // the receipt should have been confirmed
	NotAnswered   = "not-answered"  // the person has not answered a question for 30 days
	StillOverdue  = "still-overdue" // and again every week
	questionWaits = 30 * 24 * time.Hour
)

// Alarm is a moment at which staff are warned.
type Alarm struct {
	At    time.Time
	Level string
	Due   time.Time // the moment it is about
}

// Alarms are all alarms of a case in the order of their times, those that are past too. acked says
// whether the person was told that the request came.
func (s State) Alarms(acked bool) ([]Alarm, error) {
	var list []Alarm
	clock, law := s.Earliest()
	due := s.Case.DueAt
	if clock.Strict.Before(due) {
		due = clock.Strict
	}
	if !s.Halted() {
		warnings, err := law.Warnings(due)
		if err != nil {
			return nil, err
		}
		for i, at := range warnings {
			list = append(list, Alarm{At: at, Level: fmt.Sprintf("%dd", law.Profile.WarnDays[i]), Due: due})
		}
		list = append(list, Alarm{At: due, Level: Overdue, Due: due})
		for week := 1; week <= 26; week++ {
			at := due.AddDate(0, 0, 7*week)
			list = append(list, Alarm{At: at, Level: StillOverdue, Due: at})
		}
	}
	if !acked {
		list = append(list, Alarm{At: s.Acknowledge.Strict, Level: AckOverdue, Due: s.Acknowledge.Strict})
	}
	if stop, open := s.Asked(); open {
		at := stop.AskedAt.Add(questionWaits)
		list = append(list, Alarm{At: at, Level: NotAnswered, Due: at})
	}
	slices.SortStableFunc(list, func(a, b Alarm) int { return a.At.Compare(b.At) })
	return list, nil
}

// Next are the alarms that have come by now and matter (of the warnings before a due date only the
// last), and the first that is still to come; zero when there is none.
func Next(list []Alarm, now time.Time) (come []Alarm, next time.Time) {
	byDue := map[time.Time]int{}
	for _, a := range list {
		if a.At.After(now) {
			return come, a.At
		}
		if i, had := byDue[a.Due]; had {
			come[i] = a
			continue
		}
		byDue[a.Due] = len(come)
		come = append(come, a)
	}
	return come, time.Time{}
}

// Acked says whether a letter that confirms the receipt has gone out.
func Acked(sent []casefile.Letter, templates ...string) bool {
	return slices.ContainsFunc(sent, func(l casefile.Letter) bool {
		return l.State == casefile.LetterSent && slices.Contains(templates, l.Template)
	})
}
