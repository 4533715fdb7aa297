package workflows

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/incident"
)

// The clocks of 1 h, 4 h, 72 h and three business days, as the laws' data count them from Thursday
// evening, escalate; each is met, and each is recorded as missed when nobody files.
func TestClocksEscalate(t *testing.T) {
	aware := time.Date(2026, 11, 26, 22, 0, 0, 0, time.UTC) // 19:00 in São Paulo
	for _, tc := range []struct {
		authority, law, operator string
		hours                    float64 // to the end
	}{
		{"cn-cac-cii", "cn-pipl", "critical", 1},
		{"cn-cac-other", "cn-pipl", "other", 4},
		{"eu-authority", "eu-gdpr", "other", 72},
		{"br-anpd", "br-lgpd", "other", 125}, // Friday, Monday, Tuesday: to midnight in São Paulo
	} {
		f := incident.File{Kind: incident.Breach, AwareAt: aware, Laws: []string{tc.law},
			Severity: incident.Severity{Risk: "high", Level: "larger", Operator: tc.operator}}
		list, err := incident.Clocks(nil, f)
		i := slices.IndexFunc(list, func(c incident.Clock) bool { return c.Authority == tc.authority })
		if err != nil || i < 0 {
			t.Fatalf("%s: %+v %v", tc.authority, list, err)
		}
		in := contract.ClockInput{Ref: noticeRef, Authority: tc.authority, Law: tc.law, From: list[i].From, Due: list[i].Due}
		at := func(part float64) string { return fmt.Sprintf("%.2f", part*tc.hours) }
		early := []string{"drafted " + at(.5), "50 " + at(.5), "75 " + at(.75)}
		for filed, want := range map[float64][]string{
			.8:  append(slices.Clone(early), "filed "+at(.8)),
			.95: append(slices.Clone(early), "90 "+at(.9), "filed "+at(.95)),
			1.3: append(slices.Clone(early), "90 "+at(.9), "100 "+at(1), "missed "+at(1), "filed "+at(1.3)),
		} {
			marks, out := runClock(t, aware, in, filed*tc.hours, 0)
			if !slices.Equal(marks, want) || out.InTime != (filed < 1) {
				t.Errorf("%s, filed after %s h: %v, in time %t; want %v", tc.authority, at(filed), marks, out.InTime, want)
			}
		}
	}
	// asked for before half of the time is over
	in := contract.ClockInput{Ref: noticeRef, Authority: "uk-authority", From: aware, Due: aware.Add(72 * time.Hour)}
	if marks, out := runClock(t, aware, in, 10, 9); !slices.Equal(marks, []string{"drafted 9.00", "filed 10.00"}) || !out.InTime {
		t.Errorf("asked for: %v, %+v", marks, out)
	}
	// the people's own clock has no draft; it is met when they have been told
	in = contract.ClockInput{Ref: noticeRef, Authority: "us-persons", From: aware, Due: aware.Add(720 * time.Hour), Persons: true}
	if marks, out := runClock(t, aware, in, 600, 0); !slices.Equal(marks, []string{"50 360.00", "75 540.00", "filed 600.00"}) || !out.InTime {
		t.Errorf("the people: %v, %+v", marks, out)
	}
}

// runClock runs a clock whose report is filed, and asked for, so many hours after it began; 0: it is
// not asked for. It gives its moments with their hours.
func runClock(t *testing.T, began time.Time, in contract.ClockInput, filed, asked float64) ([]string, contract.ClockResult) {
	t.Helper()
	d := newDesk(t)
	d.env.SetStartTime(began)
	d.began = began
	after := func(hours float64) time.Duration { return time.Duration(hours * float64(time.Hour)) }
	d.env.RegisterDelayedCallback(func() {
		d.verdicts["authority-report "+in.Authority] = "complete"
		d.told = true
		d.env.SignalWorkflow(contract.Look.Name, contract.Nothing{})
	}, after(filed))
	if asked > 0 {
		d.env.RegisterDelayedCallback(func() { d.env.SignalWorkflow(contract.DraftNow.Name, contract.Nothing{}) }, after(asked))
	}
	d.env.ExecuteWorkflow(AuthorityClock, in)
	var out contract.ClockResult
	if err := d.env.GetWorkflowResult(&out); err != nil {
		t.Fatalf("%s: %v", in.Authority, err)
	}
	var marks []string
	for _, m := range d.marks {
		marks = append(marks, strings.TrimPrefix(m, in.Authority+" "))
	}
	return marks, out
}

// A report that is filed while the draft is still being written down is heard at once, and not when
// half of the time is over.
func TestAFiledReportIsHeardWhileADraftIsMarked(t *testing.T) {
	d := newDesk(t)
	in := contract.ClockInput{Ref: noticeRef, Authority: "uk-authority", From: d.env.Now(), Due: d.env.Now().Add(72 * time.Hour)}
	d.began = in.From
	d.marked = func(what string) {
		if what == "drafted" {
			d.verdicts["authority-report "+in.Authority] = "complete"
			d.env.SignalWorkflow(contract.Look.Name, contract.Nothing{})
		}
	}
	d.env.RegisterDelayedCallback(func() { d.env.SignalWorkflow(contract.DraftNow.Name, contract.Nothing{}) }, time.Hour)
	d.env.ExecuteWorkflow(AuthorityClock, in)
	if err := d.env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"uk-authority drafted 1.00", "uk-authority filed 1.00"}; !slices.Equal(d.marks, want) {
		t.Errorf("%v, want %v", d.marks, want)
	}
}
